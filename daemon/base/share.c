/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/share.h"

#include <errno.h>
#include <stdlib.h>

#include "base/poison.h"

struct share {
	struct table_node by_owner;
	uint64_t owner;
	struct list nodes;
	size_t n;
};

static struct share *share_of(const struct table_node *node)
{
	return table_entry(node, struct share, by_owner);
}

static bool same_owner(const struct table_node *node, const void *key)
{
	return share_of(node)->owner == *(const uint64_t *)key;
}

int shares_init(struct shares *s, size_t max, size_t each)
{
	s->each = each;
	return table_init(&s->by_owner, max, same_owner);
}

static void share_drop(struct shares *s, struct share *share)
{
	table_del(&s->by_owner, &share->by_owner);
	free(share);
}

void shares_done(struct shares *s)
{
	while (s->by_owner.oldest != NULL)
		share_drop(s, share_of(s->by_owner.oldest));
	table_done(&s->by_owner);
}

static struct share *share_find(const struct shares *s, uint64_t owner)
{
	uint64_t hash = table_hash(&s->by_owner, &owner, sizeof(owner));
	struct table_node *node = table_find(&s->by_owner, hash, &owner);

	return node == NULL ? NULL : share_of(node);
}

struct share_node *shares_oldest(const struct shares *s, uint64_t owner)
{
	struct share *share = share_find(s, owner);

	if (share == NULL || share->n < s->each)
		return NULL;
	return list_entry(list_first(&share->nodes), struct share_node, in);
}

int shares_add(struct shares *s, uint64_t owner, struct share_node *node)
{
	struct share *share = share_find(s, owner);
	int err;

	if (share == NULL) {
		share = calloc(1, sizeof(*share));
		if (share == NULL)
			return -ENOMEM;
		share->owner = owner;
		list_init(&share->nodes);
		err = table_add(&s->by_owner, &share->by_owner,
				table_hash(&s->by_owner, &owner, sizeof(owner)));
		if (err < 0) {
			free(share);
			return err;
		}
	}
	list_init(&node->in);
	list_add(&share->nodes, &node->in);
	node->share = share;
	share->n++;
	return 0;
}

void shares_del(struct shares *s, struct share_node *node)
{
	struct share *share = node->share;

	list_del(&node->in);
	node->share = NULL;
	if (--share->n == 0)
		share_drop(s, share);
}

void shares_touch(struct share_node *node)
{
	list_add(&node->share->nodes, &node->in);
}
