/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_pipeline/event_ingest.h"

#include <pthread.h>
#include <stdio.h>

#include "base/cursor/cursor.h"
#include "base/file/file.h"
#include "engine/event/event.h"
#include "engine/event_pipeline/event_ids.h"
#include "engine/event_pipeline/event_marks.h"
#include "engine/inflate/inflate.h"

#define RETENTION_DEFAULT 90
#define CHECKPOINT_LIMIT ((size_t)256 << 20)
#define BLOCK_BYTES ((size_t)4 << 20)
#define ARENA_LIMIT ((size_t)64 << 20)
#define ARENA_CLEAR ((size_t)1 << 20)

/* What must not be taken again. */
struct taken {
	struct event_marks *marks;
	struct event_ids *ids;
};

struct event_ingest {
	struct event_spool *spool;
	char path[1024], ids_path[1024];
	pthread_mutex_t lock;
	struct taken live;           /* lock; of everything queued */
	uint64_t failures_seen;      /* lock; spool's counter when `live` was right */
	struct taken settled;        /* lock; of everything before settled_at */
	struct event_spool_position settled_at, kept; /* lock; kept: what the checkpoint on disk covers */
};

int event_batch_parse(struct str header, struct event_batch *ret, struct err *err)
{
	struct str rest = header, epoch;
	uint64_t first;
	if (!str_split(&rest, ':', &epoch) || !uuid_parse(str_trim(epoch), &ret->epoch) || uuid_is_null(&ret->epoch) ||
	    !str_parse_u64(str_trim(rest), 0, INT64_MAX, &first))
		return err_set(err, -EINVAL, "event.bad_batch", ARG_STR("value", str_sub(header, 0, 100)));
	ret->first_sequence = first;
	return 0;
}

/* ---- marks ---- */

static struct taken taken_copy(const struct taken *t)
{
	return (struct taken){event_marks_copy(t->marks), event_ids_copy(t->ids)};
}

static void taken_free(struct taken *t)
{
	event_marks_free(t->marks);
	event_ids_free(t->ids);
	*t = (struct taken){0};
}

static void note_block(struct taken *t, const struct event_spool_block *block)
{
	struct str payload;
	struct event_record r;
	for (size_t at = 0; event_spool_next(block, &at, &payload);)
		if (event_record_decode(payload, &r, NULL) < 0)
			continue;
		else if (!uuid_is_null(&r.epoch))
			event_marks_raise(t->marks, &r.sender, &r.epoch, r.sequence + 1);
		else if (event_id_is_made(&r.id))
			event_ids_add(t->ids, &r.id);
}

/* Reads the spool from `from` up to `until` (NULL: the end). */
static int replay(struct event_spool *spool, struct event_spool_position from, const struct event_spool_position *until,
                  struct taken *t, struct err *err)
{
	struct event_spool_block block = {.bytes = BUF_INIT(2 * BLOCK_BYTES)};
	int n;
	while ((n = event_spool_read(spool, from, NULL, BLOCK_BYTES, SIZE_MAX, &block, err)) > 0) {
		if (until != NULL && event_spool_position_cmp(block.from, *until) >= 0)
			break;
		if (until != NULL && event_spool_position_cmp(block.to, *until) > 0 &&
		    (n = event_spool_read(spool, block.from, until, BLOCK_BYTES, SIZE_MAX, &block, err)) < 0)
			break;
		note_block(t, &block);
		from = block.to;
	}
	buf_done(&block.bytes);
	return n < 0 ? n : 0;
}

/* Written whole or not at all, so only a bad disk damages it: the marks are made anew from what the spool holds. */
static int set_aside(const char *path, struct err *err)
{
	char aside[1100];
	(void)snprintf(aside, sizeof aside, "%s.damaged", path);
	return rename(path, aside) < 0 ? err_errno(err, errno, "rename", str_c(path)) : 0;
}

/* Written before the marks, so it knows at least as much as the checkpoint; more does no harm. */
static int read_ids(struct event_ingest *in, struct err *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(CHECKPOINT_LIMIT);
	struct event_ids *ids;
	in->settled.ids = event_ids_new();
	if (!file_exists(in->ids_path))
		return 0;
	int r = file_read(in->ids_path, CHECKPOINT_LIMIT, &bytes, err);
	if (r < 0)
		return r;
	if (event_ids_decode(buf_str(&bytes), &ids, NULL) < 0)
		return set_aside(in->ids_path, err);
	event_ids_free(in->settled.ids);
	in->settled.ids = ids;
	return 0;
}

static int write_ids(struct event_ingest *in, struct err *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(CHECKPOINT_LIMIT);
	(void)pthread_mutex_lock(&in->lock);
	size_t count = event_ids_count(in->settled.ids);
	event_ids_encode(in->settled.ids, &bytes);
	(void)pthread_mutex_unlock(&in->lock);
	return count > 0 ? file_write(in->ids_path, buf_str(&bytes), 0600, err) : 0;
}

/* "<segment> <offset> <spool uuid>\n", then the marks. A checkpoint of another spool is none. */
static int read_checkpoint(struct event_ingest *in, struct err *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(CHECKPOINT_LIMIT);
	char want[UUID_TEXT_SIZE];
	struct uuid id = event_spool_id(in->spool);
	in->settled.marks = event_marks_new();
	if (!file_exists(in->path))
		return 0;
	int r = file_read(in->path, CHECKPOINT_LIMIT, &bytes, err);
	if (r < 0)
		return r;
	struct cursor c = cursor_of(buf_str(&bytes));
	struct event_spool_position at;
	bool ours = cursor_u64(&c, 0, UINT64_MAX, &at.segment) && cursor_accept(&c, ' ') &&
	            cursor_u64(&c, 0, UINT64_MAX, &at.offset) && cursor_accept(&c, ' ') &&
	            cursor_accept_str(&c, str_c(uuid_text(&id, want))) && cursor_accept(&c, '\n');
	if (!ours)
		return 0;
	struct event_marks *marks;
	if (event_marks_decode(cursor_rest(&c), &marks, NULL) < 0)
		return set_aside(in->path, err);
	event_marks_free(in->settled.marks);
	in->settled.marks = marks;
	in->kept = at;
	return 0;
}

int event_ingest_checkpoint(struct event_ingest *in, struct err *err)
{
	cleanup_buf struct buf bytes = BUF_INIT(CHECKPOINT_LIMIT);
	char id_text[UUID_TEXT_SIZE];
	struct uuid id = event_spool_id(in->spool);
	(void)pthread_mutex_lock(&in->lock);
	struct event_spool_position at = in->settled_at;
	buf_printf(&bytes, "%llu %llu %s\n", (unsigned long long)at.segment, (unsigned long long)at.offset, uuid_text(&id, id_text));
	event_marks_encode(in->settled.marks, &bytes);
	(void)pthread_mutex_unlock(&in->lock);
	if (bytes.overflow)
		return err_set(err, -E2BIG, "event.bad_marks", ARG_U64("bytes", bytes.n));
	int r = write_ids(in, err);
	if (r == 0)
		r = file_write(in->path, buf_str(&bytes), 0600, err);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&in->lock);
	in->kept = at;
	(void)pthread_mutex_unlock(&in->lock);
	return 0;
}

struct event_spool_position event_ingest_keep(struct event_ingest *in)
{
	(void)pthread_mutex_lock(&in->lock);
	struct event_spool_position at = in->kept;
	(void)pthread_mutex_unlock(&in->lock);
	return at;
}

void event_ingest_settle(struct event_ingest *in, const struct event_spool_block *block)
{
	(void)pthread_mutex_lock(&in->lock);
	note_block(&in->settled, block);
	in->settled_at = block->to;
	(void)pthread_mutex_unlock(&in->lock);
}

/* Lock held. The marks of what is on disk, no more. */
static int rebuild_live(struct event_ingest *in, struct err *err)
{
	uint64_t failures = event_spool_failures(in->spool);
	struct taken live = taken_copy(&in->settled);
	int r = replay(in->spool, in->settled_at, NULL, &live, err);
	if (r < 0) {
		taken_free(&live);
		return r;
	}
	taken_free(&in->live);
	in->live = live;
	in->failures_seen = failures;
	return 0;
}

int event_ingest_open(struct event_spool *spool, const char *dir, struct event_spool_position stored,
                      struct event_ingest **ret, struct err *err)
{
	struct event_ingest *in = MEM_NEW(struct event_ingest);
	in->spool = spool;
	(void)snprintf(in->path, sizeof in->path, "%s/marks", dir);
	(void)snprintf(in->ids_path, sizeof in->ids_path, "%s/ids", dir);
	(void)pthread_mutex_init(&in->lock, NULL);
	int r = read_checkpoint(in, err);
	if (r == 0)
		r = read_ids(in, err);
	if (r == 0)
		r = replay(spool, in->kept, &stored, &in->settled, err);
	in->settled_at = stored;
	if (r == 0)
		r = rebuild_live(in, err);
	if (r < 0) {
		event_ingest_close(in);
		return r;
	}
	*ret = in;
	return 0;
}

void event_ingest_close(struct event_ingest *in)
{
	if (in == NULL)
		return;
	taken_free(&in->live);
	taken_free(&in->settled);
	(void)pthread_mutex_destroy(&in->lock);
	mem_free(in);
}

/* ---- a batch ---- */

/* Where each line that will be taken begins in the frames. */
struct frame_at {
	uint64_t sequence;
	size_t offset;
	uint64_t bytes; /* of the texts before it */
	struct uuid made; /* its id when that was made of the sender's; else null */
};

struct draft {
	const struct event_sender *sender;
	const struct event_batch *batch;
	enum event_format format;
	usec_t now;
	struct arena *arena;
	struct buf frames, payload;
	struct frame_at *lines;
	size_t count, capacity;
	uint64_t bytes;    /* of all texts so far */
	uint64_t sequence; /* of the line at hand */
	struct uuid made;  /* the id of the line at hand, made of what the sender calls it; null: none */
	bool by_ids;       /* each line for itself; else the first line's stands for the batch */
	struct event_ingested *result;
};

static void reject(struct draft *d, uint64_t line, const char *key)
{
	struct event_ingested *r = d->result;
	r->rejected++;
	if (r->shown_count == EVENT_REJECTED_SHOWN)
		return;
	r->shown[r->shown_count].line = line;
	str_copy_c(str_c(key), r->shown[r->shown_count].key, sizeof r->shown[0].key);
	r->shown_count++;
}

/* `e` is NULL for texts, which have none of their own. */
static struct uuid event_id(const struct draft *d, const struct event *e)
{
	struct uuid id;
	if (!uuid_is_null(&d->made))
		return d->made;
	if (e != NULL && d->sender->keeps_event_id && uuid_parse(event_get(e, "event.id"), &id) && !uuid_is_null(&id))
		return id;
	return uuid_new_near();
}

static void take_record(struct draft *d, const struct event *e, struct str raw)
{
	const struct event_sender *s = d->sender;
	bool says = d->format != EVENT_FORMAT_JSON && s->has_format && s->format != EVENT_FORMAT_JSON;
	struct event_record r = {
		.id = event_id(d, e),
		.sender = s->id,
		.epoch = d->batch->epoch,
		.sequence = d->sequence,
		.unit = s->unit,
		.endpoint = s->endpoint,
		.received = d->now,
		.retention_days = s->retention_days > 0 ? s->retention_days : RETENTION_DEFAULT,
		.system_level = s->system_level,
		.source = str_c(s->source),
		.zone = str_c(s->time_zone),
		.format = says ? s->format : d->format,
		.raw = raw,
	};
	if (d->count == d->capacity) {
		d->capacity = d->capacity > 0 ? d->capacity * 2 : 256;
		d->lines = mem_realloc_array(d->lines, d->capacity, sizeof *d->lines);
	}
	d->lines[d->count++] = (struct frame_at){d->sequence, d->frames.n, d->bytes, d->made};
	d->bytes += raw.n;
	buf_clear(&d->payload);
	event_record_encode(&r, &d->payload);
	event_spool_frame(&d->frames, buf_str(&d->payload));
	/* Of a batch with a key the first record carries it. */
	if (!d->by_ids)
		d->made = (struct uuid){.b = {0}};
}

static int read_lines(struct draft *d, struct str body, struct err *err)
{
	struct str line;
	uint64_t number = 0, lines = 0;
	d->sequence = d->batch->first_sequence;
	if (d->batch->key.n > 0 && uuid_is_null(&d->batch->epoch))
		d->made = event_id_made(&d->sender->id, d->batch->key);
	while (str_split(&body, '\n', &line)) {
		number++;
		line = str_trim(line);
		if (line.n == 0)
			continue;
		if (++lines > EVENT_BATCH_LINES)
			return err_set(err, -E2BIG, "event.too_many_lines", ARG_U64("limit", EVENT_BATCH_LINES));
		struct err why = {0};
		struct event e;
		/* Only whose identity counts is read; of the others it is enough that they can be. */
		bool read = d->sender->keeps_event_id;
		if (line.n > EVENT_LINE_LIMIT)
			reject(d, number, "event.line_too_long");
		else if ((read ? event_flatten(d->arena, line, NULL, &e, &why) : event_check(line, NULL, &why)) < 0)
			reject(d, number, why.key);
		else
			take_record(d, read ? &e : NULL, line);
		d->sequence++;
		if (arena_used(d->arena) > ARENA_CLEAR)
			arena_clear(d->arena);
	}
	if (d->frames.overflow)
		return err_set(err, -E2BIG, "event.batch_too_big", ARG_U64("limit", EVENT_BATCH_LIMIT));
	return 0;
}

static int read_texts(struct draft *d, const struct event_messages *messages, struct err *err)
{
	if (messages->count > EVENT_BATCH_LINES)
		return err_set(err, -E2BIG, "event.too_many_lines", ARG_U64("limit", EVENT_BATCH_LINES));
	d->by_ids = messages->ids != NULL;
	for (size_t i = 0; i < messages->count; i++) {
		d->sender = messages->senders != NULL ? messages->senders[i] : d->sender;
		d->sequence = messages->sequences != NULL ? messages->sequences[i] : 0;
		d->made = (struct uuid){.b = {0}};
		if (messages->ids != NULL && messages->ids[i].n > 0)
			d->made = event_id_made(&d->sender->id, messages->ids[i]);
		if (messages->texts[i].n > EVENT_LINE_LIMIT)
			reject(d, i + 1, "event.line_too_long");
		else
			take_record(d, NULL, messages->texts[i]);
		d->sequence++;
	}
	if (d->frames.overflow)
		return err_set(err, -E2BIG, "event.batch_too_big", ARG_U64("limit", EVENT_BATCH_LIMIT));
	return 0;
}

/* First line at or past the mark. */
static size_t first_new(const struct draft *d, uint64_t next)
{
	size_t low = 0, high = d->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (d->lines[middle].sequence < next)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Lock held. What is left of the lines when those taken before are passed over: their frames are moved together. */
static void drop_known_ids(const struct event_ingest *in, struct draft *d)
{
	cleanup_buf struct buf kept = BUF_INIT(d->frames.max);
	struct event_ids *here = event_ids_new(); /* the same twice in one batch */
	size_t n = 0;
	uint64_t bytes = 0;
	for (size_t i = 0; i < d->count; i++) {
		struct frame_at line = d->lines[i];
		const struct frame_at *next = i + 1 < d->count ? &d->lines[i + 1] : NULL;
		if (!uuid_is_null(&line.made) && (event_ids_has(in->live.ids, &line.made) || event_ids_has(here, &line.made))) {
			d->result->duplicates++;
			continue;
		}
		event_ids_add(here, &line.made);
		struct str frame = str_sub(buf_str(&d->frames), line.offset, next != NULL ? next->offset : d->frames.n);
		uint64_t size = (next != NULL ? next->bytes : d->bytes) - line.bytes;
		line.offset = kept.n;
		line.bytes = bytes;
		buf_append(&kept, frame);
		bytes += size;
		d->lines[n++] = line;
	}
	event_ids_free(here);
	struct buf old = d->frames;
	d->frames = kept;
	kept = old;
	d->count = n;
	d->bytes = bytes;
}

/* Lock held. How many lines at the front were taken before. */
static size_t taken_before(const struct event_ingest *in, const struct draft *d)
{
	if (!uuid_is_null(&d->batch->epoch))
		return first_new(d, event_marks_next(in->live.marks, &d->sender->id, &d->batch->epoch));
	bool again = d->count > 0 && !d->by_ids && !uuid_is_null(&d->lines[0].made) && event_ids_has(in->live.ids, &d->lines[0].made);
	return again ? d->count : 0;
}

/* Lock held. */
static void note_taken(struct event_ingest *in, const struct draft *d)
{
	if (!uuid_is_null(&d->batch->epoch))
		event_marks_raise(in->live.marks, &d->sender->id, &d->batch->epoch, d->sequence);
	for (size_t i = 0; i < d->count && (d->by_ids || i == 0); i++)
		event_ids_add(in->live.ids, &d->lines[i].made);
}

/* Queues what is new and remembers it. The commit is awaited outside of the lock, so that many batches share one sync. */
static int queue(struct event_ingest *in, struct draft *d, struct event_spool_ticket *ticket, struct err *err)
{
	(void)pthread_mutex_lock(&in->lock);
	int r = event_spool_failures(in->spool) != in->failures_seen ? rebuild_live(in, err) : 0;
	if (r == 0) {
		if (d->by_ids)
			drop_known_ids(in, d);
		size_t from = taken_before(in, d);
		size_t offset = from < d->count ? d->lines[from].offset : d->frames.n;
		r = event_spool_append(in->spool, str_sub(buf_str(&d->frames), offset, d->frames.n), ticket, err);
		if (r == 0)
			note_taken(in, d);
		d->result->duplicates += from;
		d->result->taken = d->count - from;
		d->result->bytes = from < d->count ? d->bytes - d->lines[from].bytes : 0;
	}
	(void)pthread_mutex_unlock(&in->lock);
	return r;
}

/* Of `body`, or of `messages` when that is not NULL. */
static int accept(struct event_ingest *in, const struct event_sender *sender, const struct event_batch *batch,
                  enum event_format format, struct str body, const struct event_messages *messages, usec_t now,
                  struct event_ingested *ret, struct err *err)
{
	struct draft d = {
		.sender = sender,
		.batch = batch,
		.format = format,
		.now = now,
		.arena = arena_new(ARENA_LIMIT),
		.frames = BUF_INIT(2 * EVENT_BATCH_LIMIT),
		.payload = BUF_INIT(EVENT_SPOOL_RECORD_LIMIT),
		.result = ret,
	};
	struct event_spool_ticket ticket;
	int r = messages != NULL ? read_texts(&d, messages, err) : read_lines(&d, body, err);
	if (r == 0)
		r = queue(in, &d, &ticket, err);
	if (r == 0)
		r = event_spool_commit(in->spool, &ticket, err);
	arena_free(d.arena);
	buf_done(&d.frames);
	buf_done(&d.payload);
	mem_free(d.lines);
	return r;
}

int event_ingest_accept(struct event_ingest *in, const struct event_sender *sender, const struct event_batch *batch,
                        usec_t now, struct event_ingested *ret, struct err *err)
{
	cleanup_buf struct buf plain = BUF_INIT(EVENT_BATCH_LIMIT);
	struct str body = batch->body;
	*ret = (struct event_ingested){0};
	int r = 0;
	if (batch->encoding.n > 0) {
		r = inflate_body(batch->encoding, body, &plain, err);
		body = buf_str(&plain);
	} else if (body.n > EVENT_BATCH_LIMIT) {
		r = err_set(err, -E2BIG, "event.batch_too_big", ARG_U64("limit", EVENT_BATCH_LIMIT));
	}
	if (r < 0)
		return r;
	return accept(in, sender, batch, EVENT_FORMAT_JSON, body, NULL, now, ret, err);
}

int event_ingest_accept_messages(struct event_ingest *in, const struct event_sender *sender, const struct event_messages *messages,
                                 usec_t now, struct event_ingested *ret, struct err *err)
{
	const struct event_batch batch = {.epoch = messages->sequences != NULL ? messages->epoch : (struct uuid){.b = {0}}};
	*ret = (struct event_ingested){0};
	return accept(in, sender, &batch, messages->format, STR_EMPTY, messages, now, ret, err);
}
