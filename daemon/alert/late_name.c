/* SPDX-License-Identifier: BSD-2-Clause */
#include "alert/late_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/subject_json.h"

#include "base/poison.h"

/* The names that subject_json_endpoint() tells at most, with everything that is said of them. */
#define ENDPOINT_BYTES_MAX (16 << 10)

static void name_keep(struct open_name *ret, const struct endpoint_name *n)
{
	(void)snprintf(ret->host, sizeof(ret->host), "%s", n->host);
	ret->source = n->source;
	ret->port = n->port;
	ret->asked = n->asked;
	ret->confirmed = n->confirmed;
}

/* NULL: no memory. */
static struct open_names *names_keep(const struct endpoint_names *names)
{
	struct open_names *ret = calloc(1, sizeof(*ret));
	const struct endpoint_name *n;
	size_t i;

	if (ret == NULL)
		return NULL;
	for (i = 0; i < names->n; i++) {
		n = &names->name[i];
		if (i == 0)
			name_keep(&ret->shown, n);
		if (n->source != OF_NAME_DNS && ret->said.host[0] == '\0')
			name_keep(&ret->said, n);
		if (n->source == OF_NAME_DNS && n->asked && ret->asked.host[0] == '\0')
			name_keep(&ret->asked, n);
	}
	return ret;
}

int late_name_keep(struct open_alert *alert, const struct account *a, const struct origin *o)
{
	struct open_names *names = names_keep(&a->names);
	struct buf text;
	struct json j;

	buf_init(&text, ENDPOINT_BYTES_MAX);
	json_init(&j, &text);
	subject_json_endpoint(&j, a, o);
	if (names == NULL || text.err < 0) {
		free(names);
		buf_done(&text);
		return -ENOMEM;
	}
	free(alert->names);
	free(alert->endpoint);
	alert->names = names;
	alert->endpoint = text.data;
	alert->to = a->to;
	return 0;
}

static bool is_stronger(const struct endpoint_names *now, const struct open_name *before)
{
	const struct endpoint_name *n = now->name;

	if (now->n == 0)
		return false;
	if (before->host[0] == '\0' || n->source < before->source)
		return true;
	return n->source == before->source && n->confirmed && !before->confirmed &&
	       strcmp(n->host, before->host) == 0;
}

int late_name_set(struct open_alert *alert, const struct account *a, const struct origin *o)
{
	int err;

	if (alert->names == NULL || alert->dns != NULL || a->who == NULL ||
	    alert->exec_id != a->who->exec_id || memcmp(&alert->to, &a->to, sizeof(a->to)) != 0 ||
	    !is_stronger(&a->names, &alert->names->shown))
		return 0;
	err = late_name_keep(alert, a, o);
	return err < 0 ? err : 1;
}
