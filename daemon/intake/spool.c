/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spool.c: see spool.h. Each folder has a queue of its own: so an event tells the folder by the
 * queue it came from, and who fills one does not drown the others.
 */
#include "intake/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/crontab.h"
#include "base/log.h"

#include "base/poison.h"

#define PENDING_MAX 256	  /* records between a read and the telling; more wait in the kernel */
#define READ_MAX    4096  /* bytes of one read */
#define EVENT_MIN   56	  /* of an event with its name and pidfd; a read has at most 73 */
#define FILE_MAX    65536 /* of a crontab; Debian's is a few hundred bytes */

/* FAN_REPORT_PIDFD and what it needs came with Linux 5.15. */
#define INIT_FLAGS \
	(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_DFID_NAME | FAN_REPORT_PIDFD)
#define WRITTEN (FAN_CREATE | FAN_MODIFY | FAN_CLOSE_WRITE | FAN_MOVED_TO)
#define GONE	(FAN_DELETE | FAN_MOVED_FROM)

/* Debian, Fedora, SUSE, Alpine. */
static const struct folder_kind {
	const char *path;
	enum of_spool kind;
	const char *names[2]; /* the only files that matter; none: all */
} kinds[] = {
	{ "/var/spool/cron/crontabs", OF_SPOOL_CRONTAB, { NULL } },
	{ "/var/spool/cron/tabs", OF_SPOOL_CRONTAB, { NULL } },
	{ "/var/spool/cron", OF_SPOOL_CRONTAB, { NULL } },
	{ "/etc/crontabs", OF_SPOOL_CRONTAB, { NULL } },
	{ "/etc/cron.d", OF_SPOOL_SYSTEM, { NULL } },
	{ "/etc", OF_SPOOL_SYSTEM, { "crontab", "anacrontab" } },
	{ "/etc/cron.hourly", OF_SPOOL_PROGRAM, { NULL } },
	{ "/etc/cron.daily", OF_SPOOL_PROGRAM, { NULL } },
	{ "/etc/cron.weekly", OF_SPOOL_PROGRAM, { NULL } },
	{ "/etc/cron.monthly", OF_SPOOL_PROGRAM, { NULL } },
	{ "/etc/cron.yearly", OF_SPOOL_PROGRAM, { NULL } },
	{ "/var/spool/cron/atjobs", OF_SPOOL_AT, { NULL } },
	{ "/var/spool/at", OF_SPOOL_AT, { NULL } },
	{ "/var/spool/atjobs", OF_SPOOL_AT, { NULL } },
};

#define FOLDERS_N (sizeof(kinds) / sizeof(kinds[0]))

struct folder {
	const struct folder_kind *kind;
	int queue, dir; /* -1: not watched */
	dev_t dev;
	ino_t ino;
	int refused; /* why, as it was said last; 0: it was not */
};

struct spool {
	spool_who_fn *who;
	void *arg;
	int epfd;
	struct folder folders[FOLDERS_N];
	struct of_rec_spool pending[PENDING_MAX];
	size_t pending_n;
};

int spool_new(spool_who_fn *who, void *arg, struct spool **ret)
{
	struct spool *s = calloc(1, sizeof(*s));
	size_t i;

	if (s == NULL)
		return -ENOMEM;
	s->who = who;
	s->arg = arg;
	for (i = 0; i < FOLDERS_N; i++)
		s->folders[i] = (struct folder){ .kind = &kinds[i], .queue = -1, .dir = -1 };
	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epfd < 0) {
		free(s);
		return -errno;
	}
	*ret = s;
	return 0;
}

static void folder_close(struct folder *f)
{
	if (f->queue >= 0)
		(void)close(f->queue);
	if (f->dir >= 0)
		(void)close(f->dir);
	f->queue = f->dir = -1;
}

void spool_free(struct spool *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < FOLDERS_N; i++)
		folder_close(&s->folders[i]);
	(void)close(s->epfd);
	free(s);
}

int spool_fd(const struct spool *s)
{
	return s->epfd;
}

int spool_try(void)
{
	int fd = fanotify_init(INIT_FLAGS, O_RDONLY);

	if (fd < 0)
		return -errno;
	(void)close(fd);
	return 0;
}

int spool_refused(const struct spool *s)
{
	size_t i;

	for (i = 0; i < FOLDERS_N; i++)
		if (s->folders[i].refused < 0)
			return s->folders[i].refused;
	return 0;
}

/* ---- Folders ---- */

/* By another of its names, as Alpine links them. */
static bool watched_already(const struct spool *s, const struct stat *st)
{
	size_t i;

	for (i = 0; i < FOLDERS_N; i++)
		if (s->folders[i].queue >= 0 && s->folders[i].dev == st->st_dev &&
		    s->folders[i].ino == st->st_ino)
			return true;
	return false;
}

static int folder_mark(struct spool *s, struct folder *f)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = f };

	f->queue = fanotify_init(INIT_FLAGS, O_RDONLY);
	if (f->queue < 0 ||
	    fanotify_mark(f->queue, FAN_MARK_ADD, WRITTEN | GONE | FAN_EVENT_ON_CHILD, f->dir,
			  NULL) < 0 ||
	    epoll_ctl(s->epfd, EPOLL_CTL_ADD, f->queue, &ev) < 0)
		return -errno;
	return 0;
}

static void folder_open(struct spool *s, struct folder *f)
{
	struct stat st;
	int err = 0;

	f->dir = open(f->kind->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (f->dir < 0) {
		/* What is not there has nothing to miss. */
		err = errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	} else if (fstat(f->dir, &st) == 0 && !watched_already(s, &st)) {
		f->dev = st.st_dev;
		f->ino = st.st_ino;
		err = folder_mark(s, f);
	}
	if (err < 0 && err != f->refused)
		log_warnerr(err,
			    "'%s' cannot be watched: what cron or at starts from there is linked "
			    "to nobody",
			    f->kind->path);
	f->refused = err;
	if (f->queue < 0 || err < 0)
		folder_close(f);
}

static bool folder_is_there(const struct folder *f)
{
	struct stat st;

	return stat(f->kind->path, &st) == 0 && st.st_dev == f->dev && st.st_ino == f->ino;
}

void spool_look(struct spool *s)
{
	struct folder *f;
	size_t i;

	for (i = 0; i < FOLDERS_N; i++) {
		f = &s->folders[i];
		if (f->queue >= 0 && !folder_is_there(f))
			folder_close(f);
		if (f->queue < 0)
			folder_open(s, f);
	}
}

/* ---- A file ---- */

static enum crontab_form form_of(const struct folder *f, const char *name)
{
	if (f->kind->kind == OF_SPOOL_CRONTAB)
		return CRONTAB_USER;
	return strcmp(name, "anacrontab") == 0 ? CRONTAB_ANACRON : CRONTAB_SYSTEM;
}

/* A plain file of this file system only: anything else could keep us waiting. */
static int file_open(const struct folder *f, const char *name)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
				.resolve =
					RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
	struct stat st;
	int fd;

	if (fstatat(f->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > FILE_MAX)
		return -1;
	fd = (int)syscall(SYS_openat2, f->dir, name, &how, sizeof(how));
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static void commands_read(const struct folder *f, const char *name, struct of_rec_spool *rec)
{
	static char text[FILE_MAX + 1];
	uint64_t commands[OF_COMMANDS];
	int fd = file_open(f, name);
	ssize_t n;
	size_t len = 0, found;

	if (fd < 0)
		return;
	while (len < sizeof(text) && (n = read(fd, text + len, sizeof(text) - len)) > 0)
		len += (size_t)n;
	(void)close(fd);
	found = crontab_commands(text, len, form_of(f, name), commands, OF_COMMANDS);
	explicit_bzero(text, len);
	if (len > FILE_MAX || found > OF_COMMANDS)
		return;
	memcpy(rec->commands, commands, found * sizeof(commands[0]));
	rec->commands_n = (uint16_t)found;
	rec->flags |= OF_SPOOL_READ;
}

/* As which user what is in the file will run. A table of a user is not always his own file. */
static uint32_t runs_as(const struct folder *f, const char *name, const struct stat *st)
{
	if (S_ISLNK(st->st_mode))
		return UINT32_MAX;
	if (f->kind->kind == OF_SPOOL_AT)
		return st->st_uid;
	if (f->kind->kind == OF_SPOOL_CRONTAB && (st->st_uid != 0 || strcmp(name, "root") == 0))
		return st->st_uid;
	return UINT32_MAX;
}

/* What is in the file now, which may be more than what this event is about: another follows then.
 */
static void file_read(const struct folder *f, const char *name, struct of_rec_spool *rec)
{
	struct stat st;

	rec->flags &= (uint16_t)~OF_SPOOL_GONE;
	if (fstatat(f->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		rec->uid = runs_as(f, name, &st);
		if (f->kind->kind == OF_SPOOL_CRONTAB || f->kind->kind == OF_SPOOL_SYSTEM)
			commands_read(f, name, rec);
	}
	/* It may go between one look and the next. */
	if (!(rec->flags & OF_SPOOL_READ) && faccessat(f->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		rec->flags |= OF_SPOOL_GONE;
}

/* ---- Events ---- */

static bool name_matters(const struct folder_kind *kind, const char *name)
{
	size_t i;

	/* cron and run-parts pass hidden ones by, and at keeps its own there. */
	if (name[0] == '.' || name[0] == '\0')
		return false;
	/* What crontab writes before it moves it to its place, which it does itself: no user is
	 * called so, and cron passes it by. */
	if (kind->kind == OF_SPOOL_CRONTAB && strncmp(name, "tmp.", 4) == 0)
		return false;
	if (kind->names[0] == NULL)
		return true;
	for (i = 0; i < sizeof(kind->names) / sizeof(kind->names[0]); i++)
		if (strcmp(name, kind->names[i]) == 0)
			return true;
	return false;
}

/* The process is looked up by its number, which is its own for as long as it was not waited for.
 * Where the kernel had no descriptor of it left (FAN_EPIDFD), that cannot be known. */
static void who_find(const struct spool *s, int pidfd, struct of_rec_spool *rec)
{
	if (pidfd < 0) {
		rec->flags |= OF_SPOOL_REAPED;
		return;
	}
	rec->exec_id = s->who(s->arg, rec->tgid);
	if (pidfd_send_signal(pidfd, 0, NULL, 0) < 0 && errno == ESRCH) {
		rec->exec_id = 0;
		rec->flags |= OF_SPOOL_REAPED;
	}
}

struct told {
	const char *name; /* NULL: none */
	int pidfd;
};

static struct told event_told(const struct fanotify_event_metadata *m)
{
	const char *p = (const char *)m + m->metadata_len, *end = (const char *)m + m->event_len;
	const struct fanotify_event_info_header *h;
	const struct file_handle *handle;
	struct told t = { .pidfd = FAN_EPIDFD };

	for (; p + sizeof(*h) <= end; p += h->len) {
		h = (const void *)p;
		if (h->len < sizeof(*h) || p + h->len > end)
			break;
		if (h->info_type == FAN_EVENT_INFO_TYPE_PIDFD) {
			t.pidfd =
				((const struct fanotify_event_info_pidfd *)(const void *)p)->pidfd;
		} else if (h->info_type == FAN_EVENT_INFO_TYPE_DFID_NAME) {
			handle = (const void *)((const struct fanotify_event_info_fid
							 *)(const void *)p)
					 ->handle;
			t.name = (const char *)handle->f_handle + handle->handle_bytes;
		}
	}
	return t;
}

static struct of_rec_spool *pending_new(struct spool *s, uint64_t now_ns, int err)
{
	struct of_rec_spool *rec = &s->pending[s->pending_n++];

	*rec = (struct of_rec_spool){ .hdr = { now_ns, 0, OF_REC_SPOOL, (__s16)err } };
	return rec;
}

static void on_change(struct spool *s, const struct folder *f,
		      const struct fanotify_event_metadata *m, const struct told *t,
		      uint64_t now_ns)
{
	struct of_rec_spool *rec = pending_new(s, now_ns, 0);
	size_t dir_len = strlen(f->kind->path), name_len = strlen(t->name);

	rec->kind = (uint16_t)f->kind->kind;
	rec->tgid = (uint32_t)m->pid;
	rec->uid = UINT32_MAX;
	rec->flags =
		(m->mask & WRITTEN ? OF_SPOOL_WRITTEN : 0) | (m->mask & GONE ? OF_SPOOL_GONE : 0);
	who_find(s, t->pidfd, rec);
	if (dir_len + 1 + name_len <= sizeof(rec->path)) {
		memcpy(rec->path, f->kind->path, dir_len);
		rec->path[dir_len] = '/';
		memcpy(rec->path + dir_len + 1, t->name, name_len);
		rec->path_len = (uint16_t)(dir_len + 1 + name_len);
	}
	if (m->mask & WRITTEN)
		file_read(f, t->name, rec);
}

static void on_event(struct spool *s, const struct folder *f,
		     const struct fanotify_event_metadata *m, uint64_t now_ns)
{
	struct told t = event_told(m);

	if (m->mask & FAN_Q_OVERFLOW) {
		(void)pending_new(s, now_ns, -EOVERFLOW);
		log_warn("'%s': more changes at once than the kernel keeps; what cron or at starts "
			 "from there may be linked to nobody",
			 f->kind->path);
	} else if (t.name != NULL && name_matters(f->kind, t.name)) {
		on_change(s, f, m, &t, now_ns);
	}
	if (t.pidfd >= 0)
		(void)close(t.pidfd);
}

/* False: nothing more, or no room for it. */
static bool folder_read(struct spool *s, const struct folder *f, uint64_t now_ns)
{
	_Alignas(struct fanotify_event_metadata) char buf[READ_MAX];
	const struct fanotify_event_metadata *m = (const void *)buf;
	ssize_t n;

	if (PENDING_MAX - s->pending_n < READ_MAX / EVENT_MIN)
		return false;
	n = read(f->queue, buf, sizeof(buf));
	if (n <= 0)
		return false;
	for (; FAN_EVENT_OK(m, n); m = FAN_EVENT_NEXT(m, n))
		if (m->vers == FANOTIFY_METADATA_VERSION && s->pending_n < PENDING_MAX)
			on_event(s, f, m, now_ns);
	return true;
}

void spool_read(struct spool *s, uint64_t now_ns)
{
	struct epoll_event ready[FOLDERS_N];
	int i, n = epoll_wait(s->epfd, ready, FOLDERS_N, 0);

	for (i = 0; i < n; i++)
		while (folder_read(s, ready[i].data.ptr, now_ns))
			;
}

void spool_tell(struct spool *s, intake_raw_fn *fn, void *arg)
{
	struct of_rec_spool *rec;
	size_t i;

	for (i = 0; i < s->pending_n; i++) {
		rec = &s->pending[i];
		rec->hdr.len = (uint32_t)(offsetof(struct of_rec_spool, commands) +
					  rec->commands_n * sizeof(rec->commands[0]));
		(void)fn(arg, &rec->hdr, rec->hdr.len);
	}
	s->pending_n = 0;
}
