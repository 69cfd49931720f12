/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Making a backup: the cut, then every part from upstream to downstream, then the manifest. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "service/backup/backup_internal.h"

#define PATH_SIZE 4200

struct making {
	const struct backup_options *o;
	struct backup_about about;
	struct backup_secret secret;
	struct backup_cut cut;
	struct container_writer *w;
	uint64_t total;
	char part[PATH_SIZE], state[PATH_SIZE]; /* files beside the one being made */
	int part_fd, busy_fd;
};

/* One at a time: a second one would take away the first one's frozen folder. */
static int take_turn(struct making *m, struct err *err)
{
	char path[PATH_SIZE];
	(void)snprintf(path, sizeof path, "%s/run", m->o->place.data_dir);
	/* Of a server that never ran on this folder there is nothing to copy. */
	m->busy_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->busy_fd < 0)
		return err_errno(err, errno, "open", str_c(path));
	if (flock(m->busy_fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, -EBUSY, "backup.busy");
	return 0;
}

static int open_part(struct making *m, struct err *err)
{
	if (strlen(m->o->out) > PATH_SIZE - 64)
		return err_errno(err, ENAMETOOLONG, "open", str_c(m->o->out));
	if (file_exists(m->o->out))
		return err_set(err, -EEXIST, "backup.exists", ARG_CSTR("path", m->o->out));
	(void)snprintf(m->part, sizeof m->part, "%s.part", m->o->out);
	(void)snprintf(m->state, sizeof m->state, "%s.part-state", m->o->out);
	m->part_fd = open(m->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (m->part_fd < 0)
		return err_errno(err, errno, "open", str_c(m->part));
	if (flock(m->part_fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, -EBUSY, "backup.busy");
	/* What an interrupted one left. */
	if (ftruncate(m->part_fd, 0) < 0)
		return err_errno(err, errno, "ftruncate", str_c(m->part));
	return file_remove(m->state, err);
}

static int write_items(struct making *m, const struct backup_items *items, struct err *err)
{
	return backup_items_write(m->w, items, m->o->progress, m->o->progress_ctx, m->total, err);
}

/* Alerts on their way to core: after the cursor that made them, before the state that takes them. */
static int write_outbox(struct making *m, struct err *err)
{
	char dir[PATH_SIZE];
	struct backup_items items;
	(void)snprintf(dir, sizeof dir, "%s/pipeline/outbox", m->o->place.data_dir);
	backup_items_init(&items);
	int r = backup_items_walk(&items, dir, "pipeline/outbox", NULL, NULL, false, err);
	for (size_t i = 0; i < items.count; i++)
		items.list[i].may_go = true;
	if (r == 0)
		r = write_items(m, &items, err);
	backup_items_done(&items);
	return r;
}

static int write_sqlite(struct making *m, struct err *err)
{
	char url[PATH_SIZE + 16];
	struct stat st;
	int r = db_sqlite_copy(m->o->place.database, m->state, err);
	(void)snprintf(url, sizeof url, "sqlite:%s", m->state);
	if (r == 0)
		r = backup_state_read(url, &m->about, err);
	if (r < 0)
		return r;
	cleanup_fd int fd = open(m->state, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "open", str_c(m->state));
	return container_file(m->w, BACKUP_STATE_PART, fd, (uint64_t)st.st_size, 0600, err);
}

static bool core_file(void *ctx, struct str relative, bool is_dir)
{
	(void)ctx;
	return is_dir || (!str_starts_with(relative, STR("state.db")) && !backup_is_remade(relative) && !backup_is_secret(relative) &&
	                  !str_ends_with(relative, STR(".tmp")));
}

/* What belongs to the settings, for whoever has to set up the new machine. */
static int add_settings(struct making *m, struct backup_items *items, struct err *err)
{
	const struct backup_place *p = &m->o->place;
	int r = p->config_file != NULL ? backup_items_add_now(items, "config/server.conf", p->config_file, err) : 0;
	if (r == 0 && p->packs_dir != NULL)
		r = backup_items_walk(items, p->packs_dir, "config/packs", NULL, NULL, false, err);
	return r;
}

static int write_core(struct making *m, struct err *err)
{
	char dir[PATH_SIZE];
	struct backup_items items;
	(void)snprintf(dir, sizeof dir, "%s/core", m->o->place.data_dir);
	backup_items_init(&items);
	int r = backup_items_walk(&items, dir, "core", core_file, NULL, false, err);
	if (r == 0)
		r = add_settings(m, &items, err);
	if (r == 0)
		r = write_items(m, &items, err);
	backup_items_done(&items);
	return r;
}

static bool secret_file(void *ctx, struct str relative, bool is_dir)
{
	(void)ctx;
	bool elsewhere = str_starts_with(relative, STR("eventdb")) || str_starts_with(relative, STR("run"));
	return !elsewhere && (is_dir || (backup_is_secret(relative) && !backup_is_remade(relative)));
}

/* The prefix is cut off again: names in the sealed part are relative to data_dir. */
static int write_keys(struct making *m, struct err *err)
{
	cleanup_buf struct buf sealed = BUF_INIT(BACKUP_KEYS_LIMIT);
	struct backup_items keys;
	backup_items_init(&keys);
	int r = backup_items_walk(&keys, m->o->place.data_dir, "d", secret_file, NULL, true, err);
	for (size_t i = 0; i < keys.count; i++)
		keys.list[i].name += 2;
	if (r == 0 && keys.count == 0)
		r = err_set(err, -ENOENT, "backup.no_keys", ARG_CSTR("path", m->o->place.data_dir));
	if (r == 0)
		r = backup_keys_seal(&m->secret, &keys, &sealed, err);
	if (r == 0)
		r = container_bytes(m->w, BACKUP_KEYS_PART, buf_str(&sealed), 0600, err);
	backup_items_done(&keys);
	return r;
}

static int write_all(struct making *m, struct err *err)
{
	int r = container_writer_new(m->part_fd, &m->w, err);
	if (r == 0)
		r = write_items(m, &m->cut.items, err);
	if (r == 0)
		r = write_outbox(m, err);
	if (r == 0)
		r = m->about.database == BACKUP_SQLITE ? write_sqlite(m, err)
		                                       : backup_dump_write(m->w, m->o->place.database, &m->about, err);
	if (r == 0)
		r = write_core(m, err);
	return r == 0 ? write_keys(m, err) : r;
}

static int finish(struct making *m, struct err *err)
{
	cleanup_buf struct buf about = BUF_INIT((size_t)1 << 20);
	cleanup_buf struct buf dir = BUF_INIT(PATH_SIZE);
	m->about.events = m->cut.events;
	m->about.spool_bytes = m->cut.spool_bytes;
	m->about.bytes = container_written(m->w);
	backup_about_write(&m->about, &m->secret, &about);
	int r = container_finish(m->w, buf_str(&about), m->secret.mac, err);
	if (r == 0 && fsync(m->part_fd) < 0)
		r = err_errno(err, errno, "fsync", str_c(m->part));
	/* link, not rename: a file that came to be there meanwhile is not replaced. */
	if (r == 0 && link(m->part, m->o->out) < 0)
		r = errno == EEXIST ? err_set(err, -EEXIST, "backup.exists", ARG_CSTR("path", m->o->out))
		                    : err_errno(err, errno, "link", str_c(m->o->out));
	if (r < 0)
		return r;
	(void)unlink(m->part);
	size_t n = strlen(m->o->out);
	while (n > 0 && m->o->out[n - 1] != '/')
		n--;
	buf_append(&dir, n > 0 ? str_n(m->o->out, n) : STR("."));
	return file_sync_dir(dir.p, err);
}

static uint64_t size_of(const char *url)
{
	struct stat st;
	return str_starts_with(str_c(url), STR("sqlite:")) && stat(url + strlen("sqlite:"), &st) == 0 ? (uint64_t)st.st_size : 0;
}

static int make(struct making *m, struct err *err)
{
	int r = backup_secret_make(m->o->passphrase, &m->secret, err);
	if (r == 0)
		r = take_turn(m, err);
	if (r == 0)
		r = open_part(m, err);
	if (r == 0)
		r = backup_cut_take(&m->o->place, &m->cut, err);
	if (r < 0)
		return r;
	m->about.was_running = m->cut.running;
	m->total = m->cut.items.bytes + size_of(m->o->place.database);
	r = write_all(m, err);
	return r == 0 ? finish(m, err) : r;
}

static void remove_state(const struct making *m)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		char path[PATH_SIZE + 16];
		(void)snprintf(path, sizeof path, "%s%s", m->state, suffixes[i]);
		(void)unlink(path);
	}
}

int backup_make(const struct backup_options *o, struct backup_about *ret, struct err *err)
{
	struct making m = {.o = o, .part_fd = -1, .busy_fd = -1, .cut.lock_fd = -1};
	bool sqlite = str_starts_with(str_c(o->place.database), STR("sqlite:"));
	m.about.database = sqlite ? BACKUP_SQLITE : BACKUP_POSTGRESQL;
	m.about.has_events = o->place.eventdb_embedded;
	(void)clock_iso(clock_now(), m.about.made_at);
	str_copy_c(str_c(o->version), m.about.version, sizeof m.about.version);
	int r = make(&m, err);
	if (r == 0)
		*ret = m.about;
	container_writer_free(m.w);
	backup_cut_done(&m.cut);
	if (m.part_fd >= 0) {
		remove_state(&m);
		/* Locked by us, so it is ours. */
		if (r < 0 && r != -EBUSY)
			(void)unlink(m.part);
	}
	file_close(&m.part_fd);
	file_close(&m.busy_fd);
	mem_wipe(&m.secret, sizeof m.secret);
	return r;
}
