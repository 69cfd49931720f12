/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_pipeline/event_stage.h"

#include <stdio.h>

#include "engine/event/event_parse.h"
#include "engine/event_store/event_schema.h"

/* An insert costs the store tens of milliseconds of its own, for sixty columns: few large ones. */
#define BLOCK_BYTES ((size_t)24 << 20)
#define BLOCK_RECORDS 60000
#define BLOCK_BUFFER ((size_t)32 << 20)
#define ROWS_LIMIT ((size_t)56 << 20) /* below the store's body limit; a larger block is halved */
#define ARENA_CLEAR ((size_t)1 << 20)
#define TOKEN_SIZE 160
#define FEW_BYTES ((size_t)2 << 20) /* after a block of no more, nobody is in a hurry: the memory goes back */

/* ---- store ---- */

struct event_stage_storer {
	struct event_spool_block block;
	struct buf rows;
	struct event_row_maker *maker; /* NULL: to be made */
};

struct event_stage_storer *event_stage_storer_new(void)
{
	struct event_stage_storer *s = MEM_NEW(struct event_stage_storer);
	s->block.bytes = BUF_INIT(BLOCK_BUFFER);
	s->rows = BUF_INIT(ROWS_LIMIT);
	return s;
}

static void give_back(struct event_stage_storer *s)
{
	buf_done(&s->block.bytes);
	buf_done(&s->rows);
	event_row_maker_free(TAKE(s->maker));
}

void event_stage_storer_free(struct event_stage_storer *s)
{
	if (s == NULL)
		return;
	give_back(s);
	mem_free(s);
}

struct storing {
	struct event_stage_storer *own;
	struct event_spool *spool;
	struct event_store *store;
	struct event_spool_block *block;
	struct str *payloads; /* of the block, in order */
	size_t *offsets;      /* of each payload's frame, and one past the last */
	struct event_stage_counts *counts;
	struct err *err;
	struct str reason; /* why the store refused, in `reason_text` */
	char reason_text[300];
};

static void make_token(const struct storing *st, size_t from, size_t to, char token[TOKEN_SIZE])
{
	char id[UUID_TEXT_SIZE];
	struct uuid spool = event_spool_id(st->spool);
	uint64_t begin = st->block->from.offset + st->offsets[from], end = st->block->from.offset + st->offsets[to];
	(void)snprintf(token, TOKEN_SIZE, "%s-%llx-%llu-%llu", uuid_text(&spool, id), (unsigned long long)st->block->from.segment,
	               (unsigned long long)begin, (unsigned long long)end);
}

/* Rows [from, to). What our own records cannot be read as (another version's, damaged in memory) has no row. */
static size_t make_rows(const struct storing *st, size_t from, size_t to)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct event_row_maker *maker = st->own->maker;
	for (size_t i = from; i < to; i++) {
		struct event_record r;
		struct event e;
		if (event_record_decode(st->payloads[i], &r, NULL) < 0 || event_parse_record(arena, &r, &e, NULL) < 0)
			continue;
		event_row_add(maker, &r, &e);
		if (arena_used(arena) > ARENA_CLEAR)
			arena_clear(arena);
	}
	size_t made = event_row_count(maker);
	buf_clear(&st->own->rows);
	event_row_take(maker, &st->own->rows);
	return made;
}

/* The store will not have this one row. */
static enum event_store_verdict bury(struct storing *st, size_t i, const char *token)
{
	struct event_record r;
	if (event_record_decode(st->payloads[i], &r, NULL) < 0) {
		st->counts->dead++;
		return EVENT_STORE_TAKEN;
	}
	cleanup_buf struct buf row = BUF_INIT(ROWS_LIMIT);
	event_dead_row_append(&r, str_c(token), st->reason, &row);
	enum event_store_verdict v = event_store_insert(st->store, event_dead_row_into, token, buf_str(&row), st->err);
	if (v == EVENT_STORE_TAKEN)
		st->counts->dead++;
	/* A row of plain strings that is refused is the store's fault, not the row's. */
	return v == EVENT_STORE_BAD_ROWS ? EVENT_STORE_LATER : v;
}

static enum event_store_verdict insert_range(struct storing *st, size_t from, size_t to)
{
	char token[TOKEN_SIZE];
	make_token(st, from, to, token);
	size_t made = make_rows(st, from, to);
	enum event_store_verdict v = EVENT_STORE_TAKEN;
	if (st->own->rows.overflow)
		v = EVENT_STORE_BAD_ROWS;
	else if (made > 0)
		v = event_store_insert(st->store, event_row_into, token, buf_str(&st->own->rows), st->err);
	if (v == EVENT_STORE_TAKEN) {
		st->counts->stored += made;
		st->counts->dead += to - from - made;
	}
	if (v != EVENT_STORE_BAD_ROWS)
		return v;
	str_copy_c(str_c(err_arg(st->err, "reason")), st->reason_text, sizeof st->reason_text);
	st->reason = str_c(st->reason_text);
	if (to - from == 1)
		return bury(st, from, token);
	size_t middle = from + (to - from) / 2;
	v = insert_range(st, from, middle);
	return v == EVENT_STORE_TAKEN ? insert_range(st, middle, to) : v;
}

static enum event_store_verdict store_block(struct storing *st)
{
	size_t count = st->block->records, at = 0;
	st->payloads = mem_alloc_array(count, sizeof *st->payloads);
	st->offsets = mem_alloc_array(count + 1, sizeof *st->offsets);
	for (size_t i = 0; i < count && event_spool_next(st->block, &at, &st->payloads[i]); i++)
		st->offsets[i + 1] = at;
	enum event_store_verdict v = st->store != NULL ? insert_range(st, 0, count) : EVENT_STORE_TAKEN;
	if (v == EVENT_STORE_NO_TABLE) {
		/* The store was emptied or is new; on the next attempt the tables are there. */
		v = EVENT_STORE_LATER;
		if (event_store_migrate(st->store, st->err) == 0)
			v = insert_range(st, 0, count) == EVENT_STORE_TAKEN ? EVENT_STORE_TAKEN : EVENT_STORE_LATER;
	}
	mem_free(st->payloads);
	mem_free(st->offsets);
	return v;
}

/* Reads the block at the cursor; its end is written down before anything is done with it. */
static int begin_block(struct event_spool *spool, struct event_spool_cursor *cursor, struct event_spool_block *block,
                       struct err *err)
{
	const struct event_spool_position *until = cursor->block_end.segment > 0 ? &cursor->block_end : NULL;
	int n = event_spool_read(spool, cursor->at, until, BLOCK_BYTES, BLOCK_RECORDS, block, err);
	if (n <= 0 || until != NULL)
		return n;
	cursor->at = block->from;
	cursor->block_end = block->to;
	int r = event_spool_cursor_store(spool, "stored", cursor, err);
	return r < 0 ? r : n;
}

int event_stage_store(struct event_stage_storer *s, struct event_spool *spool, struct event_store *store, struct event_ingest *ingest,
                      struct event_spool_cursor *cursor, struct event_stage_counts *counts, struct err *err)
{
	struct event_spool_block *block = &s->block;
	struct err own = {0};
	int r = begin_block(spool, cursor, block, &own);
	counts->damaged_bytes += block->damaged_bytes;
	if (r > 0) {
		struct storing st = {.own = s, .spool = spool, .store = store, .block = block, .counts = counts, .err = &own};
		if (s->maker == NULL)
			s->maker = event_row_maker_new(ROWS_LIMIT);
		r = store_block(&st) == EVENT_STORE_TAKEN ? 1 : -EAGAIN;
	} else if (r == 0 && event_spool_position_cmp(block->to, cursor->at) > 0) {
		/* Only damage up to there. */
		*cursor = (struct event_spool_cursor){.at = block->to};
		r = event_spool_cursor_store(spool, "stored", cursor, &own);
	}
	if (r > 0) {
		*cursor = (struct event_spool_cursor){.at = block->to};
		int e = event_spool_cursor_store(spool, "stored", cursor, &own);
		event_ingest_settle(ingest, block);
		if (e < 0)
			r = e;
	}
	if (block->bytes.n <= FEW_BYTES)
		give_back(s);
	if (r < 0 && err != NULL)
		*err = own;
	return r;
}
