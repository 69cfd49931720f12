/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_store/event_move.h"

#include <stdio.h>

#include "base/mem/mem.h"
#include "engine/event_store/event_schema.h"

#define OLD EVENT_DATABASE ".event_before"
#define SLICE_BYTES ((uint64_t)24 << 20)
#define SLICE_ROWS 40000
#define MINUTES (24 * 60)
#define ANSWER_LIMIT ((size_t)64 << 20)

/* Seconds of receipt [from, to); of a fuller minute one of `parts` by the hash of the id. */
struct event_move_slice {
	uint64_t from, to;
	uint64_t parts, part;
};

static const char columns[] = "event_id, received, time, unit_id, endpoint_id, source, source_id, retention_days, system_level,"
                              " event_parsed, fields, raw"
#define COLUMN(column, field, kind) ", " #column
#include "engine/event_store/event_columns.def"
#undef COLUMN
	;

void event_move_done(struct event_move *m)
{
	mem_free(m->slices);
	*m = (struct event_move){.count = 0};
}

static int ask(struct event_store *s, const char *sql, struct buf *out, struct err *err)
{
	buf_clear(out);
	return event_store_query(s, sql, NULL, 0, false, out, err);
}

/* Slices must be the same when a day is begun anew: nothing expires from the old table. It does so from the new one. */
static int stop_expiry(struct event_store *s, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT(4096);
	int r = ask(s, "SELECT count() FROM system.tables WHERE database = '" EVENT_DATABASE "' AND name = 'event_before'"
	               " AND create_table_query LIKE '% TTL %' FORMAT TabSeparated", &out, err);
	if (r == 0 && str_eq_c(str_trim(buf_str(&out)), "1"))
		r = event_store_exec(s, "ALTER TABLE " OLD " REMOVE TTL", err);
	return r;
}

static void add_slice(struct event_move *m, struct event_move_slice slice)
{
	/* Doubled at each power of two. */
	if ((m->count & (m->count - 1)) == 0)
		m->slices = mem_realloc_array(m->slices, m->count == 0 ? 1 : 2 * m->count, sizeof *m->slices);
	m->slices[m->count++] = slice;
}

static bool take_number(struct str *rest, char end, uint64_t *ret)
{
	struct str word;
	return str_split(rest, end, &word) && str_parse_u64(word, 0, UINT64_MAX, ret);
}

/* Minutes together, as long as they are no more rows than `most`; a fuller one is parted. */
static int slice_day(struct event_store *s, struct event_move *m, uint64_t most, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)1 << 20);
	char sql[300];
	(void)snprintf(sql, sizeof sql, "SELECT toUnixTimestamp(toStartOfMinute(received)) AS m, count() FROM " OLD " WHERE _partition_id = '%s'"
	               " GROUP BY m ORDER BY m FORMAT TabSeparated", m->day);
	int r = ask(s, sql, &out, err);
	if (r < 0)
		return r;
	struct str rest = buf_str(&out);
	uint64_t minute, rows, held = 0;
	while (take_number(&rest, '\t', &minute) && take_number(&rest, '\n', &rows)) {
		if (held > 0 && held + rows <= most) {
			m->slices[m->count - 1].to = minute + 60;
			held += rows;
			continue;
		}
		uint64_t parts = (rows + most - 1) / most;
		for (uint64_t i = 0; i < parts; i++)
			add_slice(m, (struct event_move_slice){minute, minute + 60, parts, i});
		held = parts == 1 ? rows : 0;
	}
	return 0;
}

/* The newest day that is left. 0: there is none. */
static int next_day(struct event_store *s, struct event_move *m, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT(1 << 16);
	int r = ask(s, "SELECT sum(rows), sum(data_uncompressed_bytes), partition_id FROM system.parts WHERE active AND rows > 0"
	               " AND database = '" EVENT_DATABASE "' AND table = 'event_before'"
	               " GROUP BY partition_id ORDER BY partition_id DESC LIMIT 1 FORMAT TabSeparated", &out, err);
	struct str rest = buf_str(&out), day;
	uint64_t rows, bytes;
	if (r < 0 || !take_number(&rest, '\t', &rows) || !take_number(&rest, '\t', &bytes) || !str_split(&rest, '\n', &day))
		return r;
	uint64_t most = SLICE_BYTES / (bytes / rows + 1) + 1;
	str_copy_c(day, m->day, sizeof m->day);
	r = stop_expiry(s, err);
	if (r == 0)
		r = slice_day(s, m, most < SLICE_ROWS ? most : SLICE_ROWS, err);
	return r < 0 ? r : 1;
}

static int move_slice(struct event_store *s, const struct event_move *m, const struct event_move_slice *slice, struct err *err)
{
	cleanup_buf struct buf sql = BUF_INIT(1 << 14), into = BUF_INIT(1 << 14), rows = BUF_INIT(ANSWER_LIMIT);
	char token[120];
	buf_printf(&sql, "SELECT %s FROM " OLD " WHERE _partition_id = '%s' AND received >= toDateTime64(%llu, 6, 'UTC')"
	                 " AND received < toDateTime64(%llu, 6, 'UTC') AND cityHash64(event_id) %% %llu = %llu FORMAT Native",
	           columns, m->day, (unsigned long long)slice->from, (unsigned long long)slice->to, (unsigned long long)slice->parts,
	           (unsigned long long)slice->part);
	int r = ask(s, sql.p, &rows, err);
	if (r < 0 || rows.n == 0)
		return r;
	(void)snprintf(token, sizeof token, "before-%s-%llu-%llu-%llu-%llu", m->day, (unsigned long long)slice->from,
	               (unsigned long long)slice->to, (unsigned long long)slice->parts, (unsigned long long)slice->part);
	buf_printf(&into, "event (%s) FORMAT Native", columns);
	return event_store_insert(s, into.p, token, buf_str(&rows), err) == EVENT_STORE_TAKEN ? 0 : -EAGAIN;
}

int event_move_step(struct event_store *s, struct event_move *m, struct err *err)
{
	if (m->day[0] == '\0') {
		int r = next_day(s, m, err);
		if (r == 0)
			r = event_store_exec(s, "DROP TABLE IF EXISTS " OLD, err);
		if (r <= 0) {
			event_move_done(m);
			return r;
		}
	}
	if (m->next < m->count) {
		int r = move_slice(s, m, &m->slices[m->next], err);
		m->next += r == 0;
		return r < 0 ? r : 1;
	}
	char sql[120];
	(void)snprintf(sql, sizeof sql, "ALTER TABLE " OLD " DROP PARTITION ID '%s'", m->day);
	int r = event_store_exec(s, sql, err);
	if (r == 0)
		event_move_done(m);
	return r < 0 ? r : 1;
}
