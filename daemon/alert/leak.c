/* SPDX-License-Identifier: BSD-2-Clause */
/* leak.c: an alert about what left by an interface and no socket sent: its words and its JSON. */
#include <string.h>

#include "alert/open.h"
#include "alert/subject_json.h"
#include "base/num.h"
#include "base/text.h"

#include "base/poison.h"

void leak_facts(struct buf *b)
{
	struct json j;

	json_init(&j, b);
	json_nil(&j, "process");
	json_open(&j, "lineage", '[');
	json_close(&j, ']');
	json_open(&j, "ancestors", '[');
	json_close(&j, ']');
	json_open(&j, "roles", '[');
	json_close(&j, ']');
	json_nil(&j, "creator");
	json_nil(&j, "via");
	json_nil(&j, "ci");
	json_nil(&j, "endpoint");
}

void leak_json(struct json *j, const struct leak *k)
{
	json_open(j, "interface", '{');
	json_str(j, "name", k->name, strnlen(k->name, sizeof(k->name)));
	json_u64(j, "ifindex", k->ifindex);
	json_u64(j, "bypass", k->bypass);
	json_u64(j, "forwarded", k->forwarded);
	json_u64(j, "other_netns", k->passed);
	json_u64(j, "kernel", k->kernel);
	json_open(j, "ruled_out", '{');
	json_u64(j, "sockets", k->sockets);
	json_u64(j, "control", k->control);
	json_u64(j, "containers", k->elsewhere);
	json_u64(j, "tunnels", k->tunnels);
	json_u64(j, "packet_bypass", k->posted);
	json_u64(j, "allowance", k->allowance);
	json_close(j, '}');
	json_close(j, '}');
}

/* "1.2MiB forwarded"; what is 0 is not said. */
static void say_part(struct buf *b, const char **between, uint64_t n, const char *what)
{
	char size[SIZE_TEXT_LEN];

	if (n == 0)
		return;
	size_text(size, n);
	buf_str(b, *between);
	buf_str(b, size);
	buf_str(b, what);
	*between = ", ";
}

void say_leak(struct buf *b, const struct open_alert *a, bool line)
{
	const struct leak *k = &a->leak;
	char size[SIZE_TEXT_LEN], window[DURATION_TEXT_LEN];
	const char *between = ": ";

	size_text(size, a->sent);
	buf_printf(b, "%s left ", size);
	text_name(b, k->name, strnlen(k->name, sizeof(k->name)));
	buf_str(b, " that no socket sent");
	say_part(b, &between, k->forwarded, " forwarded");
	say_part(b, &between, k->passed, " forwarded from other namespaces");
	say_part(b, &between, k->bypass, " past the stack");
	say_part(b, &between, k->kernel, " by the kernel itself");
	between = "; ruled out: ";
	say_part(b, &between, k->sockets, " of sockets with headers and retransmits");
	say_part(b, &between, k->control, " neighbour and control traffic");
	say_part(b, &between, k->elsewhere, " of sockets in other namespaces");
	say_part(b, &between, k->tunnels, " in tunnels");
	say_part(b, &between, k->posted, " of packet sockets");
	say_part(b, &between, k->allowance, " that hardware may add");
	if (!line)
		return;
	size_text(size, a->limit);
	duration_text(window, a->window_ns);
	buf_printf(b, "; over %s within %s", size, window);
}
