/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/poison.h"

#define LOOP_BATCH 16

struct loop {
	int epfd;
	bool stop;
	int n; /* of the batch under way */
	struct epoll_event batch[LOOP_BATCH];
};

int loop_new(struct loop **ret)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0) {
		free(l);
		return -errno;
	}
	*ret = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	(void)close(l->epfd);
	free(l);
}

int loop_set(struct loop *l, struct loop_src *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (epoll_ctl(l->epfd, s->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, s->fd, &ev) < 0)
		return -errno;
	s->added = true;
	return 0;
}

void loop_del(struct loop *l, struct loop_src *s)
{
	int i;

	if (!s->added)
		return;
	(void)epoll_ctl(l->epfd, EPOLL_CTL_DEL, s->fd, NULL);
	s->added = false;
	/* It may stand further down in the batch under way, and its owner may free it now. */
	for (i = 0; i < l->n; i++)
		if (l->batch[i].data.ptr == s)
			l->batch[i].data.ptr = NULL;
}

int loop_run(struct loop *l)
{
	struct loop_src *s;
	int i, n;

	l->stop = false;
	while (!l->stop) {
		n = epoll_wait(l->epfd, l->batch, LOOP_BATCH, -1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		l->n = n;
		for (i = 0; i < n && !l->stop; i++) {
			s = l->batch[i].data.ptr;
			if (s != NULL)
				s->on_ready(s, l->batch[i].events);
		}
		l->n = 0;
	}
	return 0;
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}
