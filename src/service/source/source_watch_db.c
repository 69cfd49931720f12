/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What source_watch keeps over restarts, and which sources there are. */
#include "platform/db/db.h"
#include "service/source/source_watch_internal.h"

#define TEXT_MAX 256

static void put_numbers(const uint64_t *numbers, struct buf *out)
{
	for (int i = 0; i < SOURCE_COUNT__COUNT; i++)
		buf_printf(out, "%s%llu", i > 0 ? " " : "", (unsigned long long)numbers[i]);
}

/* What cannot be read counts as nothing. */
static void get_numbers(struct str text, uint64_t *ret)
{
	struct str part;
	for (int i = 0; i < SOURCE_COUNT__COUNT && str_split(&text, ' ', &part); i++)
		if (!str_parse_u64(part, 0, UINT64_MAX, &ret[i]))
			ret[i] = 0;
}

struct keeping {
	struct source_watched *rows; /* to be written; then: as read */
	size_t count, capacity;
	struct event_address *networks;
	size_t network_count, network_capacity;
};

static int write_rows(struct db_tx *tx, const struct keeping *k, struct err *err)
{
	int r = 0;
	for (size_t i = 0; i < k->count && r >= 0; i++) {
		const struct source_watched *s = &k->rows[i];
		cleanup_buf struct buf totals = BUF_INIT(TEXT_MAX), seen = BUF_INIT(TEXT_MAX);
		put_numbers(s->totals, &totals);
		put_numbers(s->seen, &seen);
		/* Not for one that was deleted meanwhile. */
		r = db_exec(tx, err,
		            "INSERT INTO source_state (source_id, totals, seen, epoch, first_at, last_at)"
		            " SELECT s.id, $2, $3, $4, $5, $6 FROM source s WHERE s.id = $1"
		            " ON CONFLICT (source_id) DO UPDATE SET totals = $2, seen = $3, epoch = $4, first_at = $5, last_at = $6",
		            DB_UUID(&s->id), DB_TEXT(buf_str(&totals)), DB_TEXT(buf_str(&seen)), DB_INT(s->epoch), DB_INT(s->first_at),
		            DB_INT(s->last_at));
	}
	return r < 0 ? r : 0;
}

static int write_all(struct db_tx *tx, void *ctx, struct err *err)
{
	return write_rows(tx, ctx, err);
}

static void read_row(const struct db_rows *rows, struct source_watched *ret)
{
	*ret = (struct source_watched){.id = db_uuid(rows, 0), .unit_id = db_uuid(rows, 1), .enabled = db_int(rows, 3) != 0,
	                               .silence_s = db_int(rows, 4), .enabled_at = db_int(rows, 5), .epoch = db_int(rows, 8),
	                               .first_at = db_int(rows, 9), .last_at = db_int(rows, 10)};
	str_copy_c(db_text(rows, 2), ret->name, sizeof(ret->name));
	get_numbers(db_text(rows, 6), ret->totals);
	get_numbers(db_text(rows, 7), ret->seen);
}

static void add_networks(struct keeping *k, struct str addresses)
{
	struct str one;
	while (addresses.n > 0 && str_split(&addresses, '\n', &one)) {
		if (k->network_count == k->network_capacity) {
			k->network_capacity = k->network_capacity > 0 ? 2 * k->network_capacity : 64;
			k->networks = mem_realloc_array(k->networks, k->network_capacity, sizeof(*k->networks));
		}
		k->network_count += event_address_parse(one, &k->networks[k->network_count], NULL) == 0;
	}
}

static int read_all(struct db_tx *tx, void *ctx, struct err *err)
{
	struct keeping *k = ctx;
	k->count = k->network_count = 0;
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT s.id, s.unit_id, s.name, s.enabled, s.silence_s, s.enabled_at, t.totals, t.seen, t.epoch, t.first_at,"
	                 " t.last_at, s.addresses FROM source s LEFT JOIN source_state t ON t.source_id = s.id ORDER BY s.id");
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		if (k->count == k->capacity) {
			k->capacity = k->capacity > 0 ? 2 * k->capacity : 64;
			k->rows = mem_realloc_array(k->rows, k->capacity, sizeof(*k->rows));
		}
		read_row(rows, &k->rows[k->count++]);
		if (db_int(rows, 3) != 0)
			add_networks(k, db_text(rows, 11));
	}
	return r;
}

/* What changed since the last time; marked as written. */
static void collect_dirty(struct source_watch *w, struct keeping *k)
{
	(void)pthread_mutex_lock(&w->lock);
	k->capacity = w->count;
	k->rows = mem_alloc_array(w->count, sizeof(*k->rows));
	for (size_t i = 0; i < w->count; i++)
		if (w->rows[i].dirty) {
			w->rows[i].dirty = false;
			k->rows[k->count++] = w->rows[i];
		}
	(void)pthread_mutex_unlock(&w->lock);
}

static void mark_dirty(struct source_watch *w, const struct keeping *k)
{
	(void)pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < k->count; i++) {
		struct source_watched *row = source_watch_find(w, &k->rows[i].id);
		if (row != NULL)
			row->dirty = true;
	}
	(void)pthread_mutex_unlock(&w->lock);
}

/* What this process counted of a source stays; what people set comes from the database. */
static void replace(struct source_watch *w, struct keeping *k)
{
	(void)pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < k->count; i++) {
		const struct source_watched *old = source_watch_find(w, &k->rows[i].id);
		struct source_watched now = k->rows[i];
		if (old == NULL)
			continue;
		k->rows[i] = *old;
		k->rows[i].unit_id = now.unit_id;
		k->rows[i].enabled = now.enabled;
		k->rows[i].silence_s = now.silence_s;
		k->rows[i].enabled_at = now.enabled_at;
		memcpy(k->rows[i].name, now.name, sizeof(now.name));
	}
	mem_free(w->rows);
	mem_free(w->networks);
	w->rows = k->rows;
	w->count = k->count;
	w->networks = k->networks;
	w->network_count = k->network_count;
	(void)pthread_mutex_unlock(&w->lock);
}

int source_watch_keep(struct source_watch *w, struct err *err)
{
	struct keeping k = {0};
	collect_dirty(w, &k);
	int r = k.count > 0 ? db_write(w->sc->db, write_all, &k, err) : 0;
	if (r < 0)
		mark_dirty(w, &k);
	else
		r = db_read(w->sc->db, read_all, &k, err);
	if (r < 0) {
		mem_free(k.rows);
		mem_free(k.networks);
		return r;
	}
	replace(w, &k);
	return 0;
}
