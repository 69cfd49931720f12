/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * fanotify(7). Best: the whole file system is marked and reports folder handle
 * and name (Linux 5.9, FAN_REPORT_DFID_NAME), so that files moved in are seen
 * too. Where the file system has no handles (some overlays): the mount is marked and
 * reports open files; moves are not seen then ("moves_unseen").
 * Both need CAP_SYS_ADMIN.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/file/file.h"
#include "program/agent/agent_watch_internal.h"

#define MOUNTS_MAX 64
#define READ_SIZE ((size_t)64 << 10)

struct mount {
	__kernel_fsid_t fsid;
	int fd;
};

struct agent_watch_source {
	struct agent_watch_config config;
	int fd;
	bool by_handle;
	struct mount mounts[MOUNTS_MAX]; /* for open_by_handle_at */
	size_t mount_count;
	char *buffer;
};

static bool mark_file_system(struct agent_watch_source *s, const char *path)
{
	struct statfs st;
	if (statfs(path, &st) < 0)
		return true; /* not there: nothing to watch yet */
	__kernel_fsid_t fsid;
	memcpy(&fsid, &st.f_fsid, sizeof fsid);
	for (size_t i = 0; i < s->mount_count; i++)
		if (memcmp(&s->mounts[i].fsid, &fsid, sizeof fsid) == 0)
			return true;
	if (s->mount_count == MOUNTS_MAX ||
	    fanotify_mark(s->fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_CLOSE_WRITE | FAN_MOVED_TO | FAN_ONDIR, AT_FDCWD, path) < 0)
		return false;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	s->mounts[s->mount_count++] = (struct mount){fsid, fd};
	return true;
}

static bool mark_mount(const struct agent_watch_source *s, const char *path)
{
	return fanotify_mark(s->fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_CLOSE_WRITE, AT_FDCWD, path) == 0 || errno == ENOENT;
}

static void forget_mounts(struct agent_watch_source *s)
{
	for (size_t i = 0; i < s->mount_count; i++)
		file_close(&s->mounts[i].fd);
	s->mount_count = 0;
}

/* true: everything watched is marked. */
static bool set_up(struct agent_watch_source *s, bool by_handle)
{
	unsigned flags = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | (by_handle ? FAN_REPORT_DFID_NAME : 0);
	s->by_handle = by_handle;
	s->fd = fanotify_init(flags, O_RDONLY | O_LARGEFILE | O_CLOEXEC | O_NOATIME);
	if (s->fd < 0)
		return false;
	for (size_t i = 0; i < s->config.watched->count; i++) {
		const char *path = s->config.watched->items[i];
		if (!(by_handle ? mark_file_system(s, path) : mark_mount(s, path))) {
			int number = errno;
			file_close(&s->fd);
			forget_mounts(s);
			errno = number;
			return false;
		}
	}
	return true;
}

/* Handles may be reported and yet not be opened (no CAP_DAC_READ_SEARCH, no support): found out before it matters. */
static bool handles_open(const struct agent_watch_source *s)
{
	for (size_t i = 0; i < s->mount_count; i++) {
		struct {
			struct file_handle handle;
			unsigned char space[MAX_HANDLE_SZ];
		} h = {.handle.handle_bytes = MAX_HANDLE_SZ};
		int mount_id;
		if (name_to_handle_at(s->mounts[i].fd, "", &h.handle, &mount_id, AT_EMPTY_PATH) < 0)
			return false;
		int fd = open_by_handle_at(s->mounts[i].fd, &h.handle, O_PATH | O_CLOEXEC);
		if (fd < 0)
			return false;
		file_close(&fd);
	}
	return true;
}

struct agent_watch_source *agent_fanotify_new(const struct agent_watch_config *config, const char **ret_reason)
{
	struct agent_watch_source *s = MEM_NEW(struct agent_watch_source);
	s->config = *config;
	s->fd = -1;
	s->buffer = mem_alloc(READ_SIZE);
	*ret_reason = "";
	bool ok = set_up(s, true);
	if (ok && !handles_open(s)) {
		file_close(&s->fd);
		forget_mounts(s);
		ok = false;
	}
	if (!ok && set_up(s, false)) {
		*ret_reason = "moves_unseen";
		ok = true;
	}
	if (!ok) {
		*ret_reason = errno == EPERM ? "not_root" : "kernel";
		agent_fanotify_free(s);
		return NULL;
	}
	return s;
}

void agent_fanotify_free(struct agent_watch_source *s)
{
	if (s == NULL)
		return;
	file_close(&s->fd);
	forget_mounts(s);
	mem_free(s->buffer);
	mem_free(s);
}

int agent_fanotify_fd(const struct agent_watch_source *s)
{
	return s->fd;
}

static void tell(const struct agent_watch_source *s, const char *path)
{
	if (agent_paths_wants(s->config.watched, s->config.excluded, str_c(path)))
		s->config.on_file(s->config.ctx, path);
}

/* The path of an open descriptor; false when it has none any more. */
static bool path_of_fd(int fd, char path[PATH_MAX])
{
	char link[64];
	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, PATH_MAX - 1);
	if (n <= 0 || path[0] != '/')
		return false;
	path[n] = '\0';
	return !str_ends_with(str_c(path), STR(" (deleted)"));
}

/* Events have lengths of a multiple of 4 and hold 8-byte members: they are copied out of the buffer, never pointed into. */
struct handle {
	struct file_handle handle;
	unsigned char space[MAX_HANDLE_SZ];
};

/* `info`: fsid, file_handle, name, after the info header. */
static void on_name(struct agent_watch_source *s, struct str info, bool folder)
{
	__kernel_fsid_t fsid;
	struct handle h;
	if (info.n < sizeof fsid + sizeof h.handle + 1)
		return;
	memcpy(&fsid, info.p, sizeof fsid);
	info = str_sub(info, sizeof fsid, info.n);
	memcpy(&h.handle, info.p, sizeof h.handle);
	size_t size = sizeof h.handle + h.handle.handle_bytes;
	if (h.handle.handle_bytes > MAX_HANDLE_SZ || info.n <= size)
		return;
	memcpy(&h, info.p, size);
	struct str name = str_sub(info, size, info.n);
	name = str_sub(name, 0, strnlen(name.p, name.n));
	cleanup_fd int fd = -1;
	for (size_t i = 0; i < s->mount_count && fd < 0; i++)
		if (memcmp(&s->mounts[i].fsid, &fsid, sizeof fsid) == 0)
			fd = open_by_handle_at(s->mounts[i].fd, &h.handle, O_PATH | O_CLOEXEC);
	char folder_path[PATH_MAX];
	if (fd < 0 || !path_of_fd(fd, folder_path))
		return; /* the folder is gone, and its files with it */
	struct buf path = BUF_INIT(PATH_MAX);
	file_join(&path, str_c(folder_path), name);
	if (path.overflow)
		s->config.on_lost(s->config.ctx, folder_path);
	else if (!folder)
		tell(s, path.p);
	else if (agent_paths_wants(s->config.watched, s->config.excluded, buf_str(&path)))
		s->config.on_lost(s->config.ctx, path.p); /* a folder was moved in: its files have no events of their own */
	buf_done(&path);
}

static void on_event(struct agent_watch_source *s, const struct fanotify_event_metadata *e, struct str infos)
{
	if ((e->mask & FAN_Q_OVERFLOW) != 0) {
		s->config.on_lost(s->config.ctx, NULL);
		return;
	}
	if (!s->by_handle) {
		char path[PATH_MAX];
		if (e->fd >= 0 && path_of_fd(e->fd, path))
			tell(s, path);
		return;
	}
	struct fanotify_event_info_header header;
	while (infos.n >= sizeof header) {
		memcpy(&header, infos.p, sizeof header);
		if (header.len < sizeof header || header.len > infos.n)
			break;
		if (header.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME)
			on_name(s, str_sub(infos, sizeof header, header.len), (e->mask & FAN_ONDIR) != 0);
		infos = str_sub(infos, header.len, infos.n);
	}
}

void agent_fanotify_read(struct agent_watch_source *s)
{
	for (;;) {
		ssize_t n = read(s->fd, s->buffer, READ_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		struct fanotify_event_metadata e;
		for (struct str rest = str_n(s->buffer, (size_t)n); rest.n >= sizeof e; rest = str_sub(rest, e.event_len, rest.n)) {
			memcpy(&e, rest.p, sizeof e);
			if (e.event_len < sizeof e || e.event_len > rest.n)
				break;
			on_event(s, &e, str_sub(rest, e.metadata_len, e.event_len));
			if (e.fd >= 0)
				(void)close(e.fd);
		}
	}
}
