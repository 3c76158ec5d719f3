/* SPDX-License-Identifier: BSD-2-Clause */
/* files.c: executed files, each shared by the execution and all that were forked from it: what is
 * found out about the file later holds for all of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "track/private.h"

#include "base/poison.h"

struct image {
	struct list users; /* exec_node.sharing */
	enum of_hash_state state;
	uint8_t sha256[32];
};

static void show(const struct image *i, struct exec_node *n)
{
	n->e.hash_state = i->state;
	n->e.sha256 = i->state == OF_HASH_OK ? i->sha256 : NULL;
}

int image_new(struct exec_node *n)
{
	struct image *i = calloc(1, sizeof(*i));

	if (i == NULL)
		return -ENOMEM;
	list_init(&i->users);
	list_add(&i->users, &n->sharing);
	n->image = i;
	return 0;
}

void image_share(struct exec_node *n, const struct exec_node *from)
{
	if (from->image == NULL)
		return;
	n->image = from->image;
	list_add(&n->image->users, &n->sharing);
	show(n->image, n);
}

void image_put(struct exec_node *n)
{
	list_del(&n->sharing);
	if (n->image != NULL && list_empty(&n->image->users))
		free(n->image);
	n->image = NULL;
}

void image_hashed(struct exec_node *n, enum of_hash_state state, const uint8_t *sha256)
{
	struct image *i = n->image;
	struct list *at;

	/* An execution that is told twice is hashed twice: the file may be gone by then. */
	if (i == NULL || i->state == OF_HASH_OK)
		return;
	i->state = state;
	if (state == OF_HASH_OK)
		memcpy(i->sha256, sha256, sizeof(i->sha256));
	for (at = i->users.next; at != &i->users; at = at->next)
		show(i, list_entry(at, struct exec_node, sharing));
}
