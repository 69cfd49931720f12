/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* One file an alert, "<time received, 16 hex digits>-<key>.alert": order of names is order of making. "….tmp" is being made. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <unistd.h>

#include "base/file/file.h"
#include "engine/event_pipeline/event_canary.h"

#define NAME_SIZE 96
#define SUFFIX ".alert"
#define ALERT_LIMIT ((size_t)8 << 20)
#define PATH_SIZE 1200
#define GROUP_MOST 200 /* open files */

struct waiting {
	char name[NAME_SIZE];
	usec_t handed_out; /* monotonic; 0: not yet in this life */
	usec_t since;      /* monotonic */
};

struct event_outbox {
	char dir[1024];
	size_t limit;
	pthread_mutex_t lock;
	struct waiting *list; /* lock; in order of names */
	size_t count, capacity; /* lock */
};

static void path_of(const struct event_outbox *o, const char *name, char path[PATH_SIZE])
{
	(void)snprintf(path, PATH_SIZE, "%s/%s", o->dir, name);
}

/* Of a canary the time is left out: the next one takes the file's place. */
static void name_of(const struct event_alert *a, char name[NAME_SIZE])
{
	unsigned long long at = event_alert_is_canary(a) ? 0 : (unsigned long long)a->received;
	(void)snprintf(name, NAME_SIZE, "%016llx-%s" SUFFIX, at, a->key);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct waiting *)a)->name, ((const struct waiting *)b)->name);
}

/* Lock held. Keeps the order; false when it is there already. */
static bool insert(struct event_outbox *o, const char *name)
{
	size_t at = o->count;
	while (at > 0 && strcmp(o->list[at - 1].name, name) > 0)
		at--;
	if (at > 0 && strcmp(o->list[at - 1].name, name) == 0) {
		o->list[at - 1].handed_out = 0; /* a canary's next: it has not been handed out */
		return false;
	}
	if (o->count == o->capacity) {
		o->capacity = o->capacity > 0 ? o->capacity * 2 : 64;
		o->list = mem_realloc_array(o->list, o->capacity, sizeof *o->list);
	}
	(void)memmove(o->list + at + 1, o->list + at, (o->count - at) * sizeof *o->list);
	o->list[at] = (struct waiting){.since = clock_monotonic()};
	str_copy_c(str_c(name), o->list[at].name, NAME_SIZE);
	o->count++;
	return true;
}

/* Half written when we died; its event is examined again. */
static void drop_leftover(const struct event_outbox *o, const char *name)
{
	char path[PATH_SIZE];
	path_of(o, name, path);
	(void)unlink(path);
}

int event_outbox_open(const char *dir, size_t limit, struct event_outbox **ret, struct err *err)
{
	struct event_outbox *o = MEM_NEW(struct event_outbox);
	o->limit = limit > 0 ? limit : 100000;
	str_copy_c(str_c(dir), o->dir, sizeof o->dir);
	(void)pthread_mutex_init(&o->lock, NULL);
	int r = file_make_dirs(dir, 0700, err);
	DIR *d = r == 0 ? opendir(dir) : NULL;
	if (d == NULL) {
		r = r < 0 ? r : err_errno(err, errno, "opendir", str_c(dir));
		event_outbox_close(o);
		return r;
	}
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		struct str name = str_c(e->d_name);
		if (str_ends_with(name, STR(SUFFIX ".tmp")))
			drop_leftover(o, e->d_name);
		if (!str_ends_with(name, STR(SUFFIX)) || name.n >= NAME_SIZE)
			continue;
		if (o->count == o->capacity) {
			o->capacity = o->capacity > 0 ? o->capacity * 2 : 64;
			o->list = mem_realloc_array(o->list, o->capacity, sizeof *o->list);
		}
		o->list[o->count] = (struct waiting){.since = clock_monotonic()};
		str_copy_c(name, o->list[o->count++].name, NAME_SIZE);
	}
	(void)closedir(d);
	if (o->count > 1)
		qsort(o->list, o->count, sizeof *o->list, compare);
	*ret = o;
	return 0;
}

void event_outbox_close(struct event_outbox *o)
{
	if (o == NULL)
		return;
	(void)pthread_mutex_destroy(&o->lock);
	mem_free(o->list);
	mem_free(o);
}

/* Everything of one call shares the syncs: the bytes of all are started on their way to the disk, then waited for, then
 * named; one sync of the folder makes the names last. */
struct putting {
	char name[NAME_SIZE], temporary[PATH_SIZE];
	int fd;
	bool fleeting; /* a canary: one that dies in a crash is no loss, so it waits for no disk */
};

static int write_temporary(const struct event_outbox *o, const struct event_alert *a, struct putting *p, struct err *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(ALERT_LIMIT);
	event_alert_encode(a, &bytes);
	name_of(a, p->name);
	p->fleeting = event_alert_is_canary(a);
	(void)snprintf(p->temporary, PATH_SIZE, "%s/%s.tmp", o->dir, p->name);
	p->fd = open(p->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (p->fd < 0)
		return err_errno(err, errno, "open", str_c(p->temporary));
	int r = file_write_all(p->fd, buf_str(&bytes), err);
	/* Only a hint; the sync later is what counts. */
	if (r == 0)
		(void)sync_file_range(p->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return r;
}

static int finish_one(const struct event_outbox *o, struct putting *p, struct err *err)
{
	char path[PATH_SIZE];
	path_of(o, p->name, path);
	if (!p->fleeting && fdatasync(p->fd) < 0)
		return err_errno(err, errno, "fdatasync", str_c(p->temporary));
	/* Two canaries of one sender in one block share their file: the second finds it named. */
	if (rename(p->temporary, path) < 0 && !(p->fleeting && errno == ENOENT))
		return err_errno(err, errno, "rename", str_c(path));
	return 0;
}

static int put_group(struct event_outbox *o, const struct event_alert *alerts, size_t count, struct putting *group,
                     struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < count; i++)
		group[i].fd = -1;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = write_temporary(o, &alerts[i], &group[i], err);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = finish_one(o, &group[i], err);
	bool lasting = false;
	for (size_t i = 0; i < count; i++)
		lasting = lasting || !group[i].fleeting;
	if (r == 0 && lasting)
		r = file_sync_dir(o->dir, err);
	for (size_t i = 0; i < count && group[i].fd >= 0; i++) {
		file_close(&group[i].fd);
		/* Those that have their name by now are handed over only after the next try, which names them again. */
		if (r < 0)
			(void)unlink(group[i].temporary);
	}
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&o->lock);
	for (size_t i = 0; i < count; i++)
		(void)insert(o, group[i].name);
	(void)pthread_mutex_unlock(&o->lock);
	return 0;
}

int event_outbox_put(struct event_outbox *o, const struct event_alert *alerts, size_t count, struct err *err)
{
	int r = 0;
	if (event_outbox_count(o) + count > o->limit)
		return err_set(err, -EAGAIN, "event.outbox_full", ARG_U64("limit", o->limit));
	struct putting *group = mem_alloc_array(count < GROUP_MOST ? count : GROUP_MOST, sizeof *group);
	for (size_t done = 0; r == 0 && done < count;) {
		size_t n = count - done < GROUP_MOST ? count - done : GROUP_MOST;
		r = put_group(o, alerts + done, n, group, err);
		done += n;
	}
	mem_free(group);
	return r;
}

/* Lock held. SIZE_MAX: not there. */
static size_t find_key(const struct event_outbox *o, const char *key)
{
	for (size_t i = 0; i < o->count; i++)
		if (str_eq(str_sub(str_c(o->list[i].name), 17, 17 + EVENT_ALERT_KEY_SIZE - 1), str_c(key)))
			return i;
	return SIZE_MAX;
}

int event_outbox_remove(struct event_outbox *o, const char *key, struct err *err)
{
	char path[PATH_SIZE] = "";
	(void)pthread_mutex_lock(&o->lock);
	size_t i = find_key(o, key);
	if (i != SIZE_MAX) {
		path_of(o, o->list[i].name, path);
		o->count--;
		(void)memmove(o->list + i, o->list + i + 1, (o->count - i) * sizeof *o->list);
	}
	(void)pthread_mutex_unlock(&o->lock);
	/* Not synced: should the removal be lost in a crash, the alert is handed over once more. */
	return path[0] != '\0' ? file_remove(path, err) : 0;
}

static void forget(struct event_outbox *o, const char *name)
{
	(void)pthread_mutex_lock(&o->lock);
	for (size_t i = 0; i < o->count; i++)
		if (strcmp(o->list[i].name, name) == 0) {
			o->count--;
			(void)memmove(o->list + i, o->list + i + 1, (o->count - i) * sizeof *o->list);
			break;
		}
	(void)pthread_mutex_unlock(&o->lock);
}

size_t event_outbox_count(struct event_outbox *o)
{
	(void)pthread_mutex_lock(&o->lock);
	size_t n = o->count;
	(void)pthread_mutex_unlock(&o->lock);
	return n;
}

/* Takes the place of the oldest that is due. false: none is. */
static bool hand_out(struct event_outbox *o, usec_t again_after, char name[NAME_SIZE])
{
	usec_t now = clock_monotonic();
	bool due = false;
	(void)pthread_mutex_lock(&o->lock);
	for (size_t i = 0; i < o->count && !due; i++) {
		due = o->list[i].handed_out == 0 || now - o->list[i].handed_out >= again_after;
		if (due) {
			o->list[i].handed_out = now;
			(void)memcpy(name, o->list[i].name, NAME_SIZE);
		}
	}
	(void)pthread_mutex_unlock(&o->lock);
	return due;
}

int event_outbox_next(struct event_outbox *o, usec_t again_after, struct arena *arena, struct event_alert *ret, struct err *err)
{
	char name[NAME_SIZE], path[PATH_SIZE];
	while (hand_out(o, again_after, name)) {
		path_of(o, name, path);
		struct buf bytes = BUF_INIT(ALERT_LIMIT);
		int r = file_read(path, ALERT_LIMIT, &bytes, err);
		if (r == 0)
			r = event_alert_decode(arena, arena_str(arena, buf_str(&bytes)), ret, err);
		buf_done(&bytes);
		if (r != -ENOENT)
			return r < 0 ? err_at(err, str_c(path)) : 1;
		/* Acknowledged between the two, or removed by somebody: it does not come back. */
		forget(o, name);
	}
	return 0;
}

usec_t event_outbox_oldest(struct event_outbox *o)
{
	usec_t oldest = 0;
	(void)pthread_mutex_lock(&o->lock);
	for (size_t i = 0; i < o->count; i++)
		if (oldest == 0 || o->list[i].since < oldest)
			oldest = o->list[i].since;
	(void)pthread_mutex_unlock(&o->lock);
	return oldest;
}

void event_outbox_put_back(struct event_outbox *o, const char *key)
{
	(void)pthread_mutex_lock(&o->lock);
	size_t i = find_key(o, key);
	if (i != SIZE_MAX)
		o->list[i].handed_out = 0;
	(void)pthread_mutex_unlock(&o->lock);
}
