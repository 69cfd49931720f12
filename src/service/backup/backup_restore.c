/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Back from a backup: everything is checked before anything is written, and nothing has its name before all is there. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "service/backup/backup_internal.h"

#define PATH_SIZE 4200

/* ---- first pass: check, and keep the sealed keys ---- */

struct checking {
	struct buf sealed;
	bool in_keys;
};

static int check_begin(void *ctx, const struct container_part *part, struct err *err)
{
	struct checking *c = ctx;
	c->in_keys = str_eq(part->name, STR(BACKUP_KEYS_PART));
	if (c->in_keys && (part->size > BACKUP_KEYS_LIMIT || c->sealed.n > 0))
		return err_set(err, -EBADMSG, "container.broken", ARG_CSTR("reason", BACKUP_KEYS_PART));
	return 0;
}

static int check_data(void *ctx, struct str bytes, struct err *err)
{
	struct checking *c = ctx;
	(void)err;
	if (c->in_keys)
		buf_append(&c->sealed, bytes);
	return 0;
}

static int ignore_key(void *ctx, struct str relative, struct str bytes, unsigned mode, struct err *err)
{
	(void)ctx;
	(void)relative;
	(void)bytes;
	(void)mode;
	(void)err;
	return 0;
}

struct checked {
	struct arena *arena;
	struct container_manifest manifest;
	struct checking checking;
	struct backup_secret secret;
	struct backup_about about;
};

static int check(const char *path, const struct str *passphrase, backup_progress progress, void *ctx, struct checked *c,
                 struct err *err)
{
	c->arena = arena_new((size_t)4 << 30);
	c->checking.sealed = BUF_INIT(BACKUP_KEYS_LIMIT);
	const struct container_sink sink = {.ctx = &c->checking, .begin = check_begin, .data = check_data};
	int r = backup_open(path, &sink, progress, ctx, c->arena, &c->manifest, err);
	if (r == 0)
		r = backup_about_read(&c->manifest, &c->about, err);
	if (r < 0 || passphrase == NULL)
		return r;
	r = backup_secret_of(*passphrase, c->manifest.about, &c->secret, err);
	if (r == 0 && !container_mac_is_good(&c->manifest, c->secret.mac))
		r = err_set(err, -EBADMSG, "backup.passphrase");
	return r < 0 ? r : backup_keys_open(&c->secret, buf_str(&c->checking.sealed), ignore_key, NULL, err);
}

static void checked_done(struct checked *c)
{
	buf_done(&c->checking.sealed);
	mem_wipe(&c->secret, sizeof c->secret);
	if (c->arena != NULL)
		arena_free(c->arena);
}

int backup_verify(const char *path, const struct str *passphrase, backup_progress progress, void *ctx,
                  struct backup_about *ret, struct err *err)
{
	struct checked c = {0};
	int r = check(path, passphrase, progress, ctx, &c, err);
	if (r == 0)
		*ret = c.about;
	checked_done(&c);
	return r;
}

/* ---- second pass: write ---- */

struct writing {
	const struct backup_restore_options *o;
	const struct checked *checked;
	char dir[PATH_SIZE]; /* the new folder, until it gets its name */
	int fd;              /* of the part being written */
	int64_t events;      /* rows by the files count.txt */
	char event_table[UUID_TEXT_SIZE];
	struct buf kept;     /* bytes of such a file, or of the description of the table of events */
	bool in_count, in_table;
	struct backup_dump *dump;
};

/* Where a part goes, below the new folder. */
static bool place_of(struct str name, struct buf *out)
{
	static const struct {
		struct str from, to;
	} rows[] = {
		{STR(BACKUP_STATE_PART), STR("core/state.db")}, {STR("core/"), STR("core/")},           {STR("pipeline/"), STR("pipeline/")},
		{STR("eventdb/"), STR("eventdb/")},             {STR("config/"), STR("restored/")},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!str_starts_with(name, rows[i].from))
			continue;
		cleanup_buf struct buf rest = BUF_INIT(4096);
		struct str tail = str_sub(name, rows[i].from.n, name.n);
		if (tail.n > 0 && !backup_name_decode(&rest, tail))
			return false;
		buf_append(out, rows[i].to);
		buf_append(out, buf_str(&rest));
		return true;
	}
	return false;
}

static int open_file(struct writing *w, struct str relative, unsigned mode, struct err *err)
{
	cleanup_buf struct buf path = BUF_INIT(PATH_SIZE * 2);
	file_join(&path, str_c(w->dir), relative);
	size_t slash = path.n;
	while (slash > 0 && path.p[slash] != '/')
		slash--;
	path.p[slash] = '\0';
	int r = file_make_dirs(path.p, 0700, err);
	path.p[slash] = '/';
	if (r < 0)
		return r;
	/* Nobody but the owner reads what comes from a backup, whatever it says. */
	w->fd = open(path.p, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0700);
	return w->fd < 0 ? err_errno(err, errno, "open", buf_str(&path)) : 0;
}

static int write_begin(void *ctx, const struct container_part *part, struct err *err)
{
	struct writing *w = ctx;
	cleanup_buf struct buf relative = BUF_INIT(PATH_SIZE);
	if (str_eq(part->name, STR(BACKUP_KEYS_PART)))
		return 0;
	if (str_starts_with(part->name, STR(BACKUP_DUMP_PART)))
		return backup_dump_restore_begin(&w->dump, w->o->database, err);
	if (!place_of(part->name, &relative))
		return err_set(err, -EBADMSG, "container.bad_name", ARG_STR("name", part->name));
	bool store = str_starts_with(part->name, STR("eventdb/store/"));
	w->in_count = store && str_ends_with(part->name, STR("/count.txt")) && w->event_table[0] != '\0' &&
	              str_find(part->name, str_c(w->event_table)) != SIZE_MAX;
	w->in_table = store && str_ends_with(part->name, STR(BACKUP_EVENT_TABLE));
	return open_file(w, buf_str(&relative), part->mode | 0600, err);
}

static int write_data(void *ctx, struct str bytes, struct err *err)
{
	struct writing *w = ctx;
	if (w->in_count || w->in_table)
		buf_append(&w->kept, bytes);
	if (w->fd >= 0)
		return file_write_all(w->fd, bytes, err);
	return w->dump != NULL ? backup_dump_restore_data(w->dump, bytes, err) : 0;
}

static int write_end(void *ctx, struct err *err)
{
	struct writing *w = ctx;
	int64_t rows = 0;
	if (w->in_count && str_parse_i64(str_trim(buf_str(&w->kept)), 0, INT64_MAX - w->events, &rows))
		w->events += rows;
	if (w->in_table)
		(void)backup_table_id(buf_str(&w->kept), w->event_table);
	w->in_count = w->in_table = false;
	buf_clear(&w->kept);
	(void)err;
	file_close(&w->fd);
	return 0;
}

static int write_key(void *ctx, struct str relative, struct str bytes, unsigned mode, struct err *err)
{
	struct writing *w = ctx;
	bool right = str_starts_with(relative, STR("key/")) || str_starts_with(relative, STR("core/")) ||
	             str_starts_with(relative, STR("pipeline/"));
	if (!right)
		return err_set(err, -EBADMSG, "container.bad_name", ARG_STR("name", relative));
	int r = open_file(w, relative, mode | 0600, err);
	if (r == 0)
		r = file_write_all(w->fd, bytes, err);
	if (r == 0 && fchmod(w->fd, mode & 0755) < 0)
		r = err_errno(err, errno, "fchmod", relative);
	file_close(&w->fd);
	return r;
}

/* ---- is it what the manifest says? ---- */

static int differs(const char *what, struct err *err)
{
	return err_set(err, -EBADMSG, "backup.differs", ARG_CSTR("what", what));
}

static int compare(const struct writing *w, const char *url, struct err *err)
{
	const struct backup_about *was = &w->checked->about;
	struct backup_about is = {0};
	int r = backup_state_check_schema(url, err);
	if (r == 0)
		r = backup_state_read(url, &is, err);
	if (r < 0)
		return r;
	if (is.audit_records != was->audit_records || strcmp(is.audit_head, was->audit_head) != 0 || is.audit_ok != was->audit_ok)
		return differs("audit", err);
	for (enum backup_count c = 0; c < BACKUP_COUNT__COUNT; c++)
		if (was->counts[c] >= 0 && is.counts[c] != was->counts[c])
			return differs(backup_count_name(c), err);
	return w->events == was->events ? 0 : differs("events", err);
}

/* ---- owners, names ---- */

static const struct backup_restore_options *owners_of; /* nftw has no context; one restore at a time */
static size_t owners_root;

static int own_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	const struct backup_owner *o = &owners_of->owner;
	struct str relative = str_sub(str_c(path), owners_root, SIZE_MAX);
	bool key = str_eq_c(relative, "/key") || str_starts_with(relative, STR("/key/"));
	return lchown(path, key ? o->key_uid : o->uid, key ? o->key_gid : o->gid);
}

static int own(const struct writing *w, struct err *err)
{
	if (!w->o->owner.change)
		return 0;
	owners_of = w->o;
	owners_root = strlen(w->dir);
	if (nftw(w->dir, own_one, 32, FTW_PHYS) < 0)
		return err_errno(err, errno, "lchown", str_c(w->dir));
	/* The top is the system's, as the server makes it. */
	return lchown(w->dir, getuid(), getgid()) < 0 ? err_errno(err, errno, "lchown", str_c(w->dir)) : 0;
}

static int sync_all(const char *dir, struct err *err)
{
	cleanup_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) < 0)
		return err_errno(err, errno, "syncfs", str_c(dir));
	return 0;
}

static int give_name(const struct writing *w, struct err *err)
{
	cleanup_buf struct buf parent = BUF_INIT(PATH_SIZE);
	if (chmod(w->dir, 0755) < 0)
		return err_errno(err, errno, "chmod", str_c(w->dir));
	/* An empty folder of that name gives way; one that is not empty any more does not. */
	if (rename(w->dir, w->o->data_dir) < 0)
		return errno == ENOTEMPTY || errno == EEXIST
		               ? err_set(err, -EEXIST, "backup.target", ARG_CSTR("path", w->o->data_dir))
		               : err_errno(err, errno, "rename", str_c(w->o->data_dir));
	buf_printf(&parent, "%s/..", w->o->data_dir);
	return file_sync_dir(parent.p, err);
}

static int check_target(const char *dir, struct err *err)
{
	if (rmdir(dir) == 0) {
		/* It was empty: put back, so that a refusal later leaves things as they were. */
		return file_make_dirs(dir, 0755, err);
	}
	return errno == ENOENT ? 0 : err_set(err, -EEXIST, "backup.target", ARG_CSTR("path", dir));
}

static int make_dir(struct writing *w, struct err *err)
{
	struct str target = str_c(w->o->data_dir);
	while (target.n > 1 && target.p[target.n - 1] == '/')
		target.n--;
	cleanup_buf struct buf parent = BUF_INIT(PATH_SIZE);
	size_t slash = target.n;
	while (slash > 0 && target.p[slash - 1] != '/')
		slash--;
	buf_append(&parent, slash > 0 ? str_sub(target, 0, slash) : STR("."));
	int r = file_make_dirs(parent.p, 0755, err);
	if (r < 0)
		return r;
	if (snprintf(w->dir, sizeof w->dir, "%.*s.restore-XXXXXX", STR_FMT(target)) >= (int)sizeof w->dir || mkdtemp(w->dir) == NULL) {
		w->dir[0] = '\0';
		return err_errno(err, errno, "mkdtemp", target);
	}
	return 0;
}

static int fill(struct writing *w, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)4 << 30);
	struct container_manifest again;
	const struct container_sink sink = {.ctx = w, .begin = write_begin, .data = write_data, .end = write_end};
	int r = backup_open(w->o->path, &sink, w->o->progress, w->o->progress_ctx, arena, &again, err);
	/* The file may have been exchanged between the passes. */
	if (r == 0 && !str_eq(again.text, w->checked->manifest.text))
		r = differs("manifest.json", err);
	if (r == 0 && w->dump != NULL)
		r = backup_dump_restore_end(w->dump, err);
	if (r == 0)
		r = backup_keys_open(&w->checked->secret, buf_str(&w->checked->checking.sealed), write_key, w, err);
	return r;
}

/* What reading the database left beside it. */
static int remove_traces(const struct writing *w, struct err *err)
{
	static const char *const names[] = {"core/state.db-wal", "core/state.db-shm"};
	int r = 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(names); i++) {
		cleanup_buf struct buf path = BUF_INIT(PATH_SIZE * 2);
		file_join(&path, str_c(w->dir), str_c(names[i]));
		r = file_remove(path.p, err);
	}
	return r;
}

static int restore(struct writing *w, struct err *err)
{
	char url[PATH_SIZE + 64];
	int r = make_dir(w, err);
	if (r == 0)
		r = fill(w, err);
	if (r < 0)
		return r;
	if (w->checked->about.database == BACKUP_SQLITE)
		(void)snprintf(url, sizeof url, "sqlite:%s/core/state.db", w->dir);
	else
		str_copy_c(str_c(w->o->database), url, sizeof url);
	r = compare(w, url, err);
	if (r == 0)
		r = remove_traces(w, err);
	if (r == 0)
		r = own(w, err);
	if (r == 0)
		r = sync_all(w->dir, err);
	return r == 0 ? give_name(w, err) : r;
}

static int check_fits(const struct backup_restore_options *o, const struct backup_about *about, struct err *err)
{
	bool sqlite = str_starts_with(str_c(o->database), STR("sqlite:"));
	if (sqlite != (about->database == BACKUP_SQLITE))
		return err_set(err, -ENOTSUP, "backup.other_database", ARG_CSTR("backup", sqlite ? "PostgreSQL" : "SQLite"),
		               ARG_CSTR("settings", sqlite ? "SQLite" : "PostgreSQL"));
	return backup_about_check(about, o->version, err);
}

int backup_restore(const struct backup_restore_options *o, struct backup_about *ret, struct err *err)
{
	struct checked c = {0};
	struct writing w = {.o = o, .checked = &c, .fd = -1, .kept = BUF_INIT((size_t)64 << 10)};
	int r = check_target(o->data_dir, err);
	if (r == 0)
		r = check(o->path, &o->passphrase, o->progress, o->progress_ctx, &c, err);
	if (r == 0)
		r = check_fits(o, &c.about, err);
	if (r == 0)
		r = restore(&w, err);
	file_close(&w.fd);
	buf_done(&w.kept);
	backup_dump_restore_free(w.dump);
	if (r < 0 && w.dir[0] != '\0')
		(void)!backup_remove_tree(w.dir, NULL);
	if (r == 0)
		*ret = c.about;
	checked_done(&c);
	return r;
}
