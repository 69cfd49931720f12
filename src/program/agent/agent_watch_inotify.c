/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * inotify(7), one watch a folder. A folder that appears is watched and then told
 * as lost, because files may have come into it before the watch did.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file/file.h"
#include "program/agent/agent_watch_internal.h"

#define MASK (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK)
#define FOLDERS_MAX 500000
#define DEPTH_MAX 64
#define READ_SIZE ((size_t)64 << 10)

struct agent_inotify {
	struct agent_watch_config config;
	int fd;
	char **paths; /* by watch descriptor */
	size_t size, count;
	bool limited;
	char *buffer;
};

static void remember(struct agent_inotify *s, int wd, const char *path)
{
	size_t i = (size_t)wd;
	if (i >= s->size) {
		size_t size = i * 2 + 64;
		s->paths = mem_realloc_array(s->paths, size, sizeof *s->paths);
		memset(s->paths + s->size, 0, (size - s->size) * sizeof *s->paths);
		s->size = size;
	}
	if (s->paths[i] == NULL)
		s->count++;
	mem_free(s->paths[i]);
	s->paths[i] = mem_strdup(str_c(path));
}

static void forget(struct agent_inotify *s, int wd)
{
	if (wd < 0 || (size_t)wd >= s->size || s->paths[wd] == NULL)
		return;
	mem_free(s->paths[wd]);
	s->paths[wd] = NULL;
	s->count--;
}

static void add_tree(struct agent_inotify *s, const char *path, unsigned depth)
{
	if (agent_paths_above(s->config.excluded, str_c(path)) != NULL || depth > DEPTH_MAX)
		return;
	int wd = s->count < FOLDERS_MAX ? inotify_add_watch(s->fd, path, MASK) : -1;
	if (wd < 0) {
		s->limited = s->limited || s->count >= FOLDERS_MAX || errno == ENOSPC || errno == ENOMEM;
		return;
	}
	remember(s, wd, path);
	DIR *d = opendir(path);
	if (d == NULL)
		return;
	for (const struct dirent *e; (e = readdir(d)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
			continue;
		struct buf child = BUF_INIT(PATH_MAX);
		file_join(&child, str_c(path), str_c(e->d_name));
		if (!child.overflow)
			add_tree(s, child.p, depth + 1); /* IN_ONLYDIR refuses what is no folder */
		buf_done(&child);
	}
	(void)closedir(d);
}

struct agent_inotify *agent_inotify_new(const struct agent_watch_config *config, const char **ret_reason)
{
	struct agent_inotify *s = MEM_NEW(struct agent_inotify);
	s->config = *config;
	*ret_reason = "";
	s->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->fd < 0) {
		*ret_reason = "system";
		mem_free(s);
		return NULL;
	}
	s->buffer = mem_alloc(READ_SIZE);
	for (size_t i = 0; i < config->watched->count; i++)
		add_tree(s, config->watched->items[i], 0);
	if (s->limited)
		*ret_reason = "watch_limit";
	if (s->count == 0) {
		*ret_reason = s->limited ? "watch_limit" : "no_paths";
		agent_inotify_free(s);
		return NULL;
	}
	return s;
}

void agent_inotify_free(struct agent_inotify *s)
{
	if (s == NULL)
		return;
	file_close(&s->fd);
	for (size_t i = 0; i < s->size; i++)
		mem_free(s->paths[i]);
	mem_free(s->paths);
	mem_free(s->buffer);
	mem_free(s);
}

int agent_inotify_fd(const struct agent_inotify *s)
{
	return s->fd;
}

static void on_event(struct agent_inotify *s, const struct inotify_event *e)
{
	if ((e->mask & IN_Q_OVERFLOW) != 0) {
		s->config.on_lost(s->config.ctx, NULL);
		return;
	}
	if ((e->mask & IN_IGNORED) != 0) {
		forget(s, e->wd);
		return;
	}
	if (e->wd < 0 || (size_t)e->wd >= s->size || s->paths[e->wd] == NULL || e->len == 0)
		return;
	struct buf path = BUF_INIT(PATH_MAX);
	file_join(&path, str_c(s->paths[e->wd]), str_c(e->name));
	if (path.overflow || agent_paths_above(s->config.excluded, buf_str(&path)) != NULL) {
		buf_done(&path);
		return;
	}
	if ((e->mask & IN_ISDIR) != 0) {
		add_tree(s, path.p, 1);
		s->config.on_lost(s->config.ctx, path.p);
	} else if ((e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0) {
		s->config.on_file(s->config.ctx, path.p);
	}
	buf_done(&path);
}

void agent_inotify_read(struct agent_inotify *s)
{
	for (;;) {
		ssize_t n = read(s->fd, s->buffer, READ_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= n;) {
			const struct inotify_event *e = (const struct inotify_event *)(const void *)(s->buffer + at);
			on_event(s, e);
			at += (ssize_t)(sizeof *e + e->len);
		}
	}
}
