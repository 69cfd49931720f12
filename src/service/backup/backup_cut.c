/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The moment of a backup: pipeline and event store as they belong together. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/uuid/uuid.h"
#include "engine/event_store/event_freeze.h"
#include "engine/event_pipeline/event_hold.h"
#include "service/backup/backup_internal.h"

#define HOLD_TIMEOUT_MS 120000
#define TRIES 20
/* The store writes other bytes than letters, digits and "_" in another way into its folder's name. */
#define FROZEN_PREFIX "luytre_backup_"
#define SEGMENT_SUFFIX ".seg"

/* ---- is the server running? ---- */

static int look_for_server(const struct backup_place *place, struct backup_cut *cut, struct err *err)
{
	char path[1100];
	cut->lock_fd = -1;
	(void)snprintf(path, sizeof path, "%s/run/server.lock", place->data_dir);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "open", str_c(path));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		cut->lock_fd = fd;
		return 0;
	}
	int number = errno;
	(void)close(fd);
	if (number != EWOULDBLOCK)
		return err_errno(err, number, "flock", str_c(path));
	cut->running = true;
	return 0;
}

/* ---- the pipeline ---- */

static bool small_pipeline_file(void *ctx, struct str relative, bool is_dir)
{
	(void)ctx;
	if (is_dir)
		return !str_eq_c(relative, "outbox");
	return !str_ends_with(relative, STR(SEGMENT_SUFFIX)) && !str_eq_c(relative, "store.lock") && !backup_is_remade(relative) &&
	       !backup_is_secret(relative) && str_find(relative, STR(".tmp")) == SIZE_MAX;
}

static int add_segment(struct backup_cut *cut, const char *dir, const char *file, struct err *err)
{
	cleanup_buf struct buf path = BUF_INIT(8192), name = BUF_INIT(4096);
	struct stat st;
	file_join(&path, str_c(dir), str_c(file));
	file_join(&name, STR("pipeline/spool"), str_c(file));
	int fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	/* Removed between the listing and now: everything in it is in the store and in the state. */
	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "open", buf_str(&path));
	struct backup_item *item = backup_items_add(&cut->items, name.p);
	item->fd = fd;
	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "fstat", buf_str(&path));
	item->size = (uint64_t)st.st_size;
	cut->items.bytes += item->size;
	cut->spool_bytes += st.st_size;
	return 0;
}

static int add_segments(struct backup_cut *cut, const char *dir, struct err *err)
{
	DIR *d = opendir(dir);
	int r = 0;
	if (d == NULL)
		return errno == ENOENT ? 0 : err_errno(err, errno, "opendir", str_c(dir));
	for (struct dirent *e; r == 0 && (e = readdir(d)) != NULL;)
		if (str_ends_with(str_c(e->d_name), STR(SEGMENT_SUFFIX)) && e->d_name[0] != '.')
			r = add_segment(cut, dir, e->d_name, err);
	(void)closedir(d);
	return r;
}

/* The durable state of the senders' numbering. Segments are removed only after it was written anew. */
static int read_marks(const char *dir, struct buf *out)
{
	cleanup_buf struct buf path = BUF_INIT(4096);
	file_join(&path, str_c(dir), STR("marks"));
	buf_clear(out);
	return file_read(path.p, BACKUP_SMALL_LIMIT, out, NULL);
}

/* Cursors and marks first, then the segments that follow them; again when segments went meanwhile. */
static int take_pipeline(const struct backup_place *place, struct backup_cut *cut, struct err *err)
{
	char dir[1100], spool[1200];
	cleanup_buf struct buf before = BUF_INIT(BACKUP_SMALL_LIMIT), after = BUF_INIT(BACKUP_SMALL_LIMIT);
	(void)snprintf(dir, sizeof dir, "%s/pipeline", place->data_dir);
	(void)snprintf(spool, sizeof spool, "%s/spool", dir);
	for (unsigned i = 0; i < TRIES; i++) {
		backup_items_done(&cut->items);
		backup_items_init(&cut->items);
		cut->spool_bytes = 0;
		int had = read_marks(spool, &before);
		int r = backup_items_walk(&cut->items, dir, "pipeline", small_pipeline_file, NULL, true, err);
		if (r == 0)
			r = add_segments(cut, spool, err);
		if (r < 0 && !(err != NULL && str_eq_c(str_c(err_arg(err, "reason")), strerror(ENOENT))))
			return r;
		int has = read_marks(spool, &after);
		if (r == 0 && had == has && str_eq(buf_str(&before), buf_str(&after)))
			return 0;
		err_clear(err);
	}
	return err_set(err, -EAGAIN, "backup.moving");
}

/* ---- the event store ---- */

/* "20261121_1_42_3": partition, first and last block, level. */
static bool read_part(struct str name, struct str *ret_partition, uint64_t ret[3])
{
	struct str rest = name, piece[5];
	size_t n = 0;
	while (n < 5 && str_split(&rest, '_', &piece[n]))
		n++;
	/* A mutation adds a fifth number. */
	if (n < 4 || rest.p != NULL)
		return false;
	*ret_partition = piece[0];
	return str_parse_u64(piece[1], 0, UINT64_MAX, &ret[0]) && str_parse_u64(piece[2], 0, UINT64_MAX, &ret[1]) &&
	       str_parse_u64(piece[3], 0, UINT64_MAX, &ret[2]);
}

bool backup_part_covers(struct str outer, struct str inner)
{
	struct str p, q;
	uint64_t a[3], b[3];
	return read_part(outer, &p, a) && read_part(inner, &q, b) && str_eq(p, q) && a[0] <= b[0] && a[1] >= b[1] &&
	       (a[2] > b[2] || (a[2] == b[2] && str_cmp(outer, inner) > 0 && outer.n > inner.n));
}

/* What a table is besides its parts. Read while the store is held: a token without its rows would lose them. */
static bool small_store_file(void *ctx, struct str relative, bool is_dir)
{
	struct str rest = relative, part;
	size_t depth = 0;
	(void)ctx;
	while (str_split(&rest, '/', &part))
		depth++;
	if (is_dir && depth == 1)
		return str_eq_c(relative, "store") || str_eq_c(relative, "metadata");
	if (str_starts_with(relative, STR("metadata/")))
		return !is_dir && str_ends_with(relative, STR(".sql")) && !str_eq_c(relative, "metadata/default.sql");
	/* store/xxx/<uuid>/<file>, and the tokens of blocks; never into the parts. */
	if (is_dir)
		return depth < 4 || str_ends_with(relative, STR("/deduplication_logs"));
	return depth == 4 || depth == 5;
}

struct part_filter {
	const char *dir; /* folder "store" */
};

/* Is there another part beside this one that covers it? */
static bool is_covered(const char *store, struct str table, struct str part)
{
	cleanup_buf struct buf path = BUF_INIT(4096);
	bool covered = false;
	file_join(&path, str_c(store), table);
	DIR *d = opendir(path.p);
	if (d == NULL)
		return false;
	for (struct dirent *e; !covered && (e = readdir(d)) != NULL;)
		covered = backup_part_covers(str_c(e->d_name), part);
	(void)closedir(d);
	return covered;
}

/* Only parts in use: of a frozen copy all are, of a stopped store those that no merge has replaced. */
static bool part_file(void *ctx, struct str relative, bool is_dir)
{
	const struct part_filter *f = ctx;
	struct str rest = relative, piece[4] = {STR_EMPTY, STR_EMPTY, STR_EMPTY, STR_EMPTY}, part;
	size_t depth = 0;
	while (str_split(&rest, '/', &part)) {
		if (depth < 4)
			piece[depth] = part;
		depth++;
	}
	if (!is_dir)
		return depth >= 4;
	if (depth < 3)
		return true;
	struct str name = piece[2], partition;
	uint64_t numbers[3];
	if (!read_part(name, &partition, numbers))
		return false;
	struct str table = str_sub(relative, 0, piece[0].n + 1 + piece[1].n);
	return depth > 3 || !is_covered(f->dir, table, name);
}

bool backup_table_id(struct str sql, char ret[UUID_TEXT_SIZE])
{
	struct uuid id;
	size_t at = str_find(sql, STR("UUID '"));
	struct str text = at == SIZE_MAX ? STR_EMPTY : str_sub(sql, at + 6, at + 6 + UUID_TEXT_SIZE - 1);
	if (!uuid_parse(text, &id))
		return false;
	str_copy_c(text, ret, UUID_TEXT_SIZE);
	return true;
}

/* The rows of the table of events: of its parts, whose files count.txt are in the list. */
static int count_rows(struct backup_cut *cut, size_t from, struct err *err)
{
	char table[UUID_TEXT_SIZE] = "-";
	for (size_t i = 0; i < from; i++) {
		const struct backup_item *item = &cut->items.list[i];
		if (str_ends_with(str_c(item->name), STR(BACKUP_EVENT_TABLE)))
			(void)backup_table_id(str_n(item->bytes, (size_t)item->size), table);
	}
	for (size_t i = from; i < cut->items.count; i++) {
		const struct backup_item *item = &cut->items.list[i];
		cleanup_buf struct buf text = BUF_INIT(64);
		int64_t rows = 0;
		if (!str_ends_with(str_c(item->name), STR("/count.txt")) || str_find(str_c(item->name), str_c(table)) == SIZE_MAX)
			continue;
		int r = file_read(item->path, 63, &text, err);
		if (r < 0)
			return r;
		if (!str_parse_i64(str_trim(buf_str(&text)), 0, INT64_MAX - cut->events, &rows))
			return err_set(err, -EBADMSG, "backup.differs", ARG_CSTR("what", item->path));
		cut->events += rows;
	}
	return 0;
}

static int add_parts(struct backup_cut *cut, const char *store, struct err *err)
{
	struct part_filter f = {.dir = store};
	size_t from = cut->items.count;
	int r = backup_items_walk(&cut->items, store, "eventdb/store", part_file, &f, false, err);
	return r < 0 ? r : count_rows(cut, from, err);
}

static int freeze(const struct backup_place *place, struct backup_cut *cut, struct err *err)
{
	char socket[1100], name[64];
	struct event_store *store = NULL;
	struct uuid u = uuid_new();
	struct buf text = buf_fixed(name, sizeof name);
	(void)snprintf(socket, sizeof socket, "%s/run/eventdb.sock", place->data_dir);
	buf_append_c(&text, FROZEN_PREFIX);
	buf_append_hex(&text, u.b, sizeof u.b);
	(void)snprintf(cut->frozen, sizeof cut->frozen, "%s/eventdb/shadow/%s", place->data_dir, name);
	const struct event_store_config config = {.url = "http://localhost", .unix_path = socket};
	int r = event_store_new(&config, &store, err);
	if (r == 0 && !event_store_ping(store))
		r = err_set(err, -EAGAIN, "backup.store_away");
	if (r == 0)
		r = event_store_freeze(store, name, err);
	if (store != NULL)
		event_store_free(store);
	return r;
}

/* What a backup that was killed left behind: its links would keep bytes on the disk for ever. */
static int remove_leftovers(const struct backup_place *place, struct err *err)
{
	char dir[1100];
	(void)snprintf(dir, sizeof dir, "%s/eventdb/shadow", place->data_dir);
	DIR *d = opendir(dir);
	int r = 0;
	if (d == NULL)
		return errno == ENOENT ? 0 : err_errno(err, errno, "opendir", str_c(dir));
	for (struct dirent *e; r == 0 && (e = readdir(d)) != NULL;) {
		cleanup_buf struct buf path = BUF_INIT(8192);
		file_join(&path, str_c(dir), str_c(e->d_name));
		if (str_starts_with(str_c(e->d_name), STR(FROZEN_PREFIX)))
			r = backup_remove_tree(path.p, err);
	}
	(void)closedir(d);
	return r;
}

static int take_store(const struct backup_place *place, struct backup_cut *cut, struct err *err)
{
	char dir[1100];
	(void)snprintf(dir, sizeof dir, "%s/eventdb", place->data_dir);
	int r = remove_leftovers(place, err);
	if (r == 0)
		r = backup_items_walk(&cut->items, dir, "eventdb", small_store_file, NULL, true, err);
	return r == 0 && cut->running ? freeze(place, cut, err) : r;
}

static int take_held(const struct backup_place *place, struct backup_cut *cut, struct err *err)
{
	int r = take_pipeline(place, cut, err);
	return r == 0 && place->eventdb_embedded ? take_store(place, cut, err) : r;
}

static int take_running(const struct backup_place *place, struct backup_cut *cut, struct err *err)
{
	char dir[1100];
	cleanup_fd int hold = -1;
	(void)snprintf(dir, sizeof dir, "%s/pipeline", place->data_dir);
	int r = event_hold_open(dir, &hold, err);
	if (r == 0)
		r = event_hold_take(hold, HOLD_TIMEOUT_MS, err);
	if (r < 0)
		return r;
	r = take_held(place, cut, err);
	event_hold_release(hold);
	return r;
}

int backup_cut_take(const struct backup_place *place, struct backup_cut *cut, struct err *err)
{
	char store[1200];
	*cut = (struct backup_cut){.lock_fd = -1};
	int r = look_for_server(place, cut, err);
	if (r == 0)
		r = cut->running ? take_running(place, cut, err) : take_held(place, cut, err);
	if (r < 0 || !place->eventdb_embedded)
		return r;
	if (cut->running)
		(void)snprintf(store, sizeof store, "%s/store", cut->frozen);
	else
		(void)snprintf(store, sizeof store, "%s/eventdb/store", place->data_dir);
	return add_parts(cut, store, err);
}

void backup_cut_done(struct backup_cut *cut)
{
	backup_items_done(&cut->items);
	/* Not told when it fails: the next backup removes it. */
	if (cut->frozen[0] != '\0')
		(void)!backup_remove_tree(cut->frozen, NULL);
	file_close(&cut->lock_fd);
}
