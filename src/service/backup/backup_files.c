/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Lists of files, and their way into the container. */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "service/backup/backup_internal.h"

#define DEPTH_MAX 16

void backup_items_init(struct backup_items *items)
{
	*items = (struct backup_items){.arena = arena_new((size_t)4 << 30)};
}

void backup_items_done(struct backup_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		file_close(&items->list[i].fd);
		mem_wipe(items->list[i].bytes, items->list[i].bytes != NULL ? items->list[i].size : 0);
	}
	mem_free(items->list);
	if (items->arena != NULL)
		arena_free(items->arena);
	*items = (struct backup_items){0};
}

struct backup_item *backup_items_add(struct backup_items *items, const char *name)
{
	if (items->count == items->capacity) {
		items->capacity = items->capacity > 0 ? items->capacity * 2 : 256;
		items->list = mem_realloc_array(items->list, items->capacity, sizeof *items->list);
	}
	struct backup_item *item = &items->list[items->count++];
	*item = (struct backup_item){.name = arena_cstr(items->arena, str_c(name)), .fd = -1, .mode = 0600};
	return item;
}

int backup_items_add_now(struct backup_items *items, const char *name, const char *path, struct err *err)
{
	cleanup_buf_secret struct buf bytes = BUF_INIT(BACKUP_SMALL_LIMIT);
	int r = file_read(path, BACKUP_SMALL_LIMIT, &bytes, err);
	if (r < 0)
		return r;
	struct backup_item *item = backup_items_add(items, name);
	item->bytes = arena_alloc(items->arena, bytes.n + 1);
	if (bytes.n > 0)
		(void)memcpy(item->bytes, bytes.p, bytes.n);
	item->size = bytes.n;
	items->bytes += bytes.n;
	return 0;
}

static const char plain_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@+=,~/";

void backup_name_encode(struct buf *out, struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (c != '\0' && strchr(plain_bytes, c) != NULL)
			buf_append_char(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
	}
}

bool backup_name_decode(struct buf *out, struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char byte = (unsigned char)name.p[i];
		if (byte == '%') {
			if (!str_parse_hex(str_sub(name, i + 1, i + 3), &byte, 1) || byte == '\0' || byte == '/')
				return false;
			i += 2;
		}
		buf_append_char(out, (char)byte);
	}
	/* What was hidden in %XX must not make another place of it. */
	struct str rest = buf_str(out), part;
	while (str_split(&rest, '/', &part))
		if (part.n == 0 || str_eq_c(part, ".") || str_eq_c(part, ".."))
			return false;
	return !out->overflow;
}

struct walk {
	struct backup_items *items;
	const char *dir, *prefix;
	backup_filter filter;
	void *ctx;
	bool now;
};

static int add_file(const struct walk *w, struct str relative, const char *path, const struct stat *st, struct err *err)
{
	cleanup_buf struct buf name = BUF_INIT(4096);
	buf_printf(&name, "%s/", w->prefix);
	backup_name_encode(&name, relative);
	if (name.overflow || !container_name_is_good(buf_str(&name)))
		return err_set(err, -EINVAL, "container.bad_name", ARG_STR("name", relative));
	if (w->now) {
		int r = backup_items_add_now(w->items, name.p, path, err);
		if (r == 0)
			w->items->list[w->items->count - 1].mode = st->st_mode & 0777;
		return r;
	}
	struct backup_item *item = backup_items_add(w->items, name.p);
	item->path = arena_cstr(w->items->arena, str_c(path));
	item->size = (uint64_t)st->st_size;
	item->mode = st->st_mode & 0777;
	w->items->bytes += item->size;
	return 0;
}

static int walk_dir(const struct walk *w, struct str below, unsigned depth, struct err *err);

static int walk_one(const struct walk *w, struct str below, const char *name, unsigned depth, struct err *err)
{
	cleanup_buf struct buf relative = BUF_INIT(4096), path = BUF_INIT(8192);
	struct stat st;
	buf_printf(&relative, "%.*s%s%s", STR_FMT(below), below.n > 0 ? "/" : "", name);
	file_join(&path, str_c(w->dir), buf_str(&relative));
	if (relative.overflow || path.overflow)
		return err_errno(err, ENAMETOOLONG, "lstat", str_c(name));
	if (lstat(path.p, &st) < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "lstat", buf_str(&path));
	bool is_dir = S_ISDIR(st.st_mode);
	if ((!is_dir && !S_ISREG(st.st_mode)) || (w->filter != NULL && !w->filter(w->ctx, buf_str(&relative), is_dir)))
		return 0;
	return is_dir ? walk_dir(w, buf_str(&relative), depth + 1, err) : add_file(w, buf_str(&relative), path.p, &st, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int walk_dir(const struct walk *w, struct str below, unsigned depth, struct err *err)
{
	cleanup_buf struct buf path = BUF_INIT(8192);
	file_join(&path, str_c(w->dir), below);
	if (depth > DEPTH_MAX)
		return err_errno(err, ELOOP, "opendir", buf_str(&path));
	DIR *d = opendir(below.n > 0 ? path.p : w->dir);
	if (d == NULL)
		return errno == ENOENT ? 0 : err_errno(err, errno, "opendir", buf_str(&path));
	char **names = NULL;
	size_t count = 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		names = mem_realloc_array(names, count + 1, sizeof *names);
		names[count++] = mem_strdup(str_c(e->d_name));
	}
	(void)closedir(d);
	if (count > 1)
		qsort(names, count, sizeof *names, by_name);
	int r = 0;
	for (size_t i = 0; i < count; i++) {
		if (r == 0)
			r = walk_one(w, below, names[i], depth, err);
		mem_free(names[i]);
	}
	mem_free(names);
	return r;
}

int backup_items_walk(struct backup_items *items, const char *dir, const char *prefix, backup_filter filter, void *ctx,
                      bool now, struct err *err)
{
	const struct walk w = {items, dir, prefix, filter, ctx, now};
	return walk_dir(&w, STR_EMPTY, 0, err);
}

static int write_path(struct container_writer *w, const struct backup_item *item, struct err *err)
{
	struct stat st;
	cleanup_fd int fd = open(item->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT && item->may_go ? 0 : err_errno(err, errno, "open", str_c(item->path));
	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "fstat", str_c(item->path));
	return container_file(w, item->name, fd, (uint64_t)st.st_size, item->mode, err);
}

int backup_items_write(struct container_writer *w, const struct backup_items *items, backup_progress progress, void *ctx,
                       uint64_t total, struct err *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < items->count; i++) {
		const struct backup_item *item = &items->list[i];
		if (item->path != NULL)
			r = write_path(w, item, err);
		else if (item->fd >= 0)
			r = container_file(w, item->name, item->fd, item->size, item->mode, err);
		else
			r = container_bytes(w, item->name, str_n(item->bytes, (size_t)item->size), item->mode, err);
		if (progress != NULL)
			progress(ctx, container_written(w), total);
	}
	return r;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int backup_remove_tree(const char *path, struct err *err)
{
	if (nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
		return err_errno(err, errno, "remove", str_c(path));
	return 0;
}
