/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Groups stand in a ring in the order of their making, found by hash; they leave at its old end only. */
#include "engine/event_pipeline/event_flood.h"

#include "base/cursor/cursor.h"
#include "platform/crypto/crypto.h"

#define ID_SIZE 16
#define GRACE (30 * USEC_PER_SEC) /* threads append to the spool a little out of order */
#define CARD_MAX ((size_t)64 << 10)
#define SERIAL_MAX (UINT64_MAX / 2) /* serials only grow: the next one must exist */
#define NONE UINT32_MAX
#define TEXT_MAX 256

struct group {
	unsigned char id[ID_SIZE];
	int64_t window;
	uint64_t total, handed; /* findings; both 0: only counts what stands below it */
	uint32_t below;         /* entities or machines */
	uint32_t next;          /* in the chain of its slot */
	struct uuid held_event; /* first one that was counted and not handed over */
	usec_t held_time, last_time, last_received;
	char *card;             /* the alert without its event, encoded: from the second finding on */
	uint32_t card_bytes;
	bool changed, card_saved;
};

struct event_flood {
	struct event_flood_limits limits;
	struct group *ring;
	uint32_t *slots, slot_mask;
	uint64_t first, end; /* serial numbers: groups [first, end) live */
	int64_t told;        /* minute of receive time up to which held counts were handed over */
	uint64_t *changed; /* serials */
	size_t changed_count, changed_capacity;
	struct event_flood_stats stats;
};

struct event_flood *event_flood_new(const struct event_flood_limits *limits)
{
	struct event_flood *f = MEM_NEW(struct event_flood);
	if (limits != NULL)
		f->limits = *limits;
	if (f->limits.window == 0)
		f->limits.window = 10 * USEC_PER_MINUTE;
	if (f->limits.groups == 0)
		f->limits.groups = 65536;
	if (f->limits.entities == 0)
		f->limits.entities = 200;
	if (f->limits.machines == 0)
		f->limits.machines = 1000;
	f->slot_mask = 64;
	while (f->slot_mask < f->limits.groups)
		f->slot_mask *= 2;
	f->slots = mem_alloc_array(f->slot_mask, sizeof *f->slots);
	(void)memset(f->slots, 0xff, f->slot_mask * sizeof *f->slots);
	f->slot_mask--;
	f->ring = mem_alloc_array(f->limits.groups, sizeof *f->ring);
	return f;
}

static struct group *at(const struct event_flood *f, uint64_t serial)
{
	return &f->ring[serial % f->limits.groups];
}

void event_flood_free(struct event_flood *f)
{
	if (f == NULL)
		return;
	for (uint64_t s = f->first; s < f->end; s++)
		mem_free(at(f, s)->card);
	mem_free(f->ring);
	mem_free(f->slots);
	mem_free(f->changed);
	mem_free(f);
}

struct event_flood_stats event_flood_stats(const struct event_flood *f)
{
	struct event_flood_stats s = f->stats;
	s.groups = (size_t)(f->end - f->first);
	return s;
}

/* ---- the ring ---- */

static uint32_t *slot_of(const struct event_flood *f, const unsigned char id[ID_SIZE])
{
	uint32_t h;
	(void)memcpy(&h, id, sizeof h);
	return &f->slots[h & f->slot_mask];
}

static void note_change(struct event_flood *f, uint64_t serial)
{
	struct group *g = at(f, serial);
	if (g->changed)
		return;
	g->changed = true;
	if (f->changed_count == f->changed_capacity) {
		f->changed_capacity = f->changed_capacity > 0 ? f->changed_capacity * 2 : 64;
		f->changed = mem_realloc_array(f->changed, f->changed_capacity, sizeof *f->changed);
	}
	f->changed[f->changed_count++] = serial;
}

static struct group *find(const struct event_flood *f, const unsigned char id[ID_SIZE])
{
	for (uint32_t i = *slot_of(f, id); i != NONE; i = f->ring[i].next)
		if (memcmp(f->ring[i].id, id, ID_SIZE) == 0)
			return &f->ring[i];
	return NULL;
}

static void touch(struct event_flood *f, const struct group *g)
{
	uint64_t index = (uint64_t)(g - f->ring), n = f->limits.groups;
	note_change(f, f->first + (index + n - f->first % n) % n);
}

static void remove_oldest(struct event_flood *f)
{
	struct group *g = at(f, f->first);
	uint32_t index = (uint32_t)(f->first % f->limits.groups), *link = slot_of(f, g->id);
	while (*link != index)
		link = &f->ring[*link].next;
	*link = g->next;
	mem_free(g->card);
	*g = (struct group){.next = NONE};
	f->first++;
}

static struct group *append(struct event_flood *f, const unsigned char id[ID_SIZE], int64_t window)
{
	uint32_t index = (uint32_t)(f->end % f->limits.groups), *slot = slot_of(f, id);
	struct group *g = &f->ring[index];
	*g = (struct group){.window = window, .next = *slot};
	(void)memcpy(g->id, id, ID_SIZE);
	*slot = index;
	f->end++;
	return g;
}

/* ---- handing over ---- */

static void set_group(struct event_alert *a, const struct group *g, char text[TEXT_MAX])
{
	struct buf b = BUF_FIXED(text, TEXT_MAX);
	buf_append_hex(&b, g->id, ID_SIZE);
	buf_printf(&b, " %llu", (unsigned long long)g->total);
	a->group = buf_str(&b);
	event_alert_set_key(a);
}

static void hand_over_held(struct event_flood *f, struct group *g, event_flood_emit emit, void *ctx)
{
	char text[TEXT_MAX];
	struct event_alert a;
	if (g->total == g->handed || g->card == NULL)
		return;
	cleanup(arena) struct arena *arena = arena_new(0);
	if (event_alert_decode(arena, str_n(g->card, g->card_bytes), &a, NULL) == 0) {
		a.count = g->total - g->handed;
		a.first_event = g->held_event;
		a.time = g->held_time;
		a.last_time = g->last_time;
		a.received = g->last_received;
		set_group(&a, g, text);
		f->stats.records++;
		emit(ctx, &a, NULL);
	}
	g->handed = g->total;
}

static void make_room(struct event_flood *f, event_flood_emit emit, void *ctx)
{
	if (f->end - f->first < f->limits.groups)
		return;
	f->stats.early++;
	hand_over_held(f, at(f, f->first), emit, ctx);
	remove_oldest(f);
}

/* A new minute: whoever reads counts sees them at most that old. */
static void tell_held(struct event_flood *f, usec_t newest, event_flood_emit emit, void *ctx)
{
	int64_t minute = newest / USEC_PER_MINUTE;
	bool first = f->told == 0;
	if (minute <= f->told)
		return;
	f->told = minute;
	if (first)
		return;
	for (uint64_t s = f->first; s < f->end; s++) {
		struct group *g = at(f, s);
		if (g->total == g->handed || g->card == NULL)
			continue;
		hand_over_held(f, g, emit, ctx);
		note_change(f, s);
	}
}

void event_flood_advance(struct event_flood *f, usec_t newest, event_flood_emit emit, void *ctx)
{
	tell_held(f, newest, emit, ctx);
	while (f->first < f->end && (at(f, f->first)->window + 1) * f->limits.window + GRACE <= newest) {
		hand_over_held(f, at(f, f->first), emit, ctx);
		remove_oldest(f);
	}
}

/* ---- groups ---- */

enum level { BY_ENTITY, BY_MACHINE, BY_UNIT };

static void make_id(const struct event_alert *a, int64_t window, enum level level, unsigned char id[ID_SIZE])
{
	unsigned char sum[SHA256_SIZE];
	char text[2048];
	struct buf b = BUF_FIXED(text, sizeof text);
	buf_printf(&b, "%u %lld %.*s %.*s\n", (unsigned)level, (long long)window, STR_FMT(str_sub(a->rule_id, 0, 200)),
	           STR_FMT(str_sub(a->rule_hash, 0, 64)));
	buf_append(&b, str_n(a->unit.b, sizeof a->unit.b));
	if (level != BY_UNIT) {
		buf_append(&b, str_n(a->endpoint.b, sizeof a->endpoint.b));
		buf_printf(&b, "%.*s\n%.*s\n", STR_FMT(str_sub(a->host, 0, 200)), STR_FMT(str_sub(a->source, 0, 128)));
	}
	if (level == BY_ENTITY)
		buf_append(&b, str_sub(a->entity, 0, 1000));
	sha256(buf_str(&b), sum);
	(void)memcpy(id, sum, ID_SIZE);
}

/* The group at this level; made when the one above has room for another. NULL: it has not. */
static struct group *group_at(struct event_flood *f, const struct event_alert *a, int64_t window, enum level level, event_flood_emit emit,
                              void *ctx)
{
	unsigned char id[ID_SIZE];
	make_id(a, window, level, id);
	struct group *g = find(f, id);
	if (g != NULL)
		return g;
	if (level != BY_UNIT) {
		struct group *above = group_at(f, a, window, (enum level)(level + 1), emit, ctx);
		if (above == NULL || above->below >= (level == BY_ENTITY ? f->limits.entities : f->limits.machines))
			return NULL;
		above->below++;
		touch(f, above);
	}
	make_room(f, emit, ctx);
	g = append(f, id, window);
	touch(f, g);
	return g;
}

static struct group *group_of(struct event_flood *f, struct event_alert *a, int64_t window, event_flood_emit emit, void *ctx)
{
	for (enum level level = BY_ENTITY; level < BY_UNIT; level++) {
		struct group *g = group_at(f, a, window, level, emit, ctx);
		if (g != NULL)
			return g;
		if (level == BY_ENTITY)
			f->stats.merged++;
		a->entity = STR("*");
	}
	/* Many machines: the alert is the unit's. */
	a->endpoint = (struct uuid){0};
	a->host = STR("*");
	return group_at(f, a, window, BY_UNIT, emit, ctx);
}

static void keep_card(struct group *g, const struct event_alert *a)
{
	cleanup_buf struct buf card = BUF_INIT(CARD_MAX);
	struct event_alert bare = *a;
	bare.raw = bare.why = bare.description = STR_EMPTY;
	event_alert_set_key(&bare);
	event_alert_encode(&bare, &card);
	if (card.overflow)
		return;
	g->card = mem_strdup(buf_str(&card));
	g->card_bytes = (uint32_t)card.n;
}

static bool is_power_of_ten(uint64_t n)
{
	while (n >= 10 && n % 10 == 0)
		n /= 10;
	return n == 1;
}

void event_flood_take(struct event_flood *f, const struct event_alert *finding, event_flood_emit emit, void *ctx)
{
	struct event_alert a = *finding;
	char text[TEXT_MAX];
	const uint64_t events = finding->count > 0 ? finding->count : 1;
	struct group *g = group_of(f, &a, finding->received / f->limits.window, emit, ctx);
	f->stats.findings++;
	if (g->total == g->handed) {
		g->held_event = finding->first_event;
		g->held_time = finding->time;
		g->last_time = finding->time;
	}
	g->total += events;
	if (finding->time > g->last_time)
		g->last_time = finding->time;
	g->last_received = finding->received;
	touch(f, g);
	/* A finding that cannot be kept is handed over now, so that it is not lost from the count. */
	if (g->card == NULL && g->total > events)
		keep_card(g, &a);
	if (!is_power_of_ten(g->total) && g->total != events && g->card != NULL)
		return;
	a.count = g->total - g->handed;
	a.first_event = g->held_event;
	a.time = g->held_time;
	a.last_time = g->last_time;
	set_group(&a, g, text);
	g->handed = g->total;
	f->stats.records++;
	emit(ctx, &a, finding);
}

/* ---- what the journal keeps ---- */

static void put_le(struct buf *out, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		buf_append_char(out, (char)(v >> 8 * i));
}

static void save_group(struct event_flood *f, uint64_t serial, bool all, struct buf *out)
{
	struct group *g = at(f, serial);
	bool with_card = g->card != NULL && (all || !g->card_saved);
	put_le(out, serial, 8);
	buf_append(out, str_n(g->id, ID_SIZE));
	put_le(out, (uint64_t)g->window, 8);
	put_le(out, g->total, 8);
	put_le(out, g->handed, 8);
	put_le(out, g->below, 4);
	buf_append(out, str_n(g->held_event.b, sizeof g->held_event.b));
	put_le(out, (uint64_t)g->held_time, 8);
	put_le(out, (uint64_t)g->last_time, 8);
	put_le(out, (uint64_t)g->last_received, 8);
	put_le(out, with_card ? g->card_bytes : 0, 4);
	buf_append(out, with_card ? str_n(g->card, g->card_bytes) : STR_EMPTY);
	g->card_saved = g->card_saved || with_card;
	g->changed = false;
}

void event_flood_save(struct event_flood *f, bool all, struct buf *out)
{
	size_t count_at = out->n + 16, count = 0;
	put_le(out, f->first, 8);
	put_le(out, (uint64_t)f->told, 8);
	put_le(out, 0, 4);
	if (all) {
		for (uint64_t s = f->first; s < f->end; s++, count++)
			save_group(f, s, true, out);
	} else {
		/* In order, so that what is new is appended in order. A change of what is gone needs no word. */
		for (size_t i = 0; i < f->changed_count; i++) {
			uint64_t s = f->changed[i];
			if (s < f->first || s >= f->end || !at(f, s)->changed)
				continue;
			save_group(f, s, false, out);
			count++;
		}
	}
	f->changed_count = 0;
	for (size_t i = 0; i < 4 && !out->overflow; i++)
		out->p[count_at + i] = (char)(count >> 8 * i);
}

static int bad(struct err *err)
{
	return err_set(err, -EBADMSG, "event.bad_journal");
}

static int load_group(struct event_flood *f, struct cursor *c, struct err *err)
{
	uint64_t serial = cursor_u64_le(c);
	struct str id = cursor_take(c, ID_SIZE);
	struct group v = {.window = (int64_t)cursor_u64_le(c), .total = cursor_u64_le(c), .handed = cursor_u64_le(c), .below = cursor_u32_le(c)};
	struct str event = cursor_take(c, sizeof v.held_event.b);
	v.held_time = (usec_t)cursor_u64_le(c);
	v.last_time = (usec_t)cursor_u64_le(c);
	v.last_received = (usec_t)cursor_u64_le(c);
	struct str card = cursor_take(c, cursor_u32_le(c));
	if (c->failed || card.n > CARD_MAX || serial < f->first || serial > f->end || serial > SERIAL_MAX || v.handed > v.total ||
	    v.window < 0 || v.window > INT64_MAX / f->limits.window - 2)
		return bad(err);
	if (f->first == f->end)
		f->first = f->end = serial;
	if (serial == f->end && (f->end - f->first == f->limits.groups || find(f, (const unsigned char *)id.p) != NULL))
		return bad(err);
	struct group *g = serial == f->end ? append(f, (const unsigned char *)id.p, v.window) : at(f, serial);
	if (memcmp(g->id, id.p, ID_SIZE) != 0)
		return bad(err);
	g->window = v.window;
	g->total = v.total;
	g->handed = v.handed;
	g->below = v.below;
	(void)memcpy(g->held_event.b, event.p, event.n);
	g->held_time = v.held_time;
	g->last_time = v.last_time;
	g->last_received = v.last_received;
	if (card.n > 0 && g->card == NULL) {
		g->card = mem_strdup(card);
		g->card_bytes = (uint32_t)card.n;
	}
	g->card_saved = g->card != NULL;
	return 0;
}

int event_flood_load(struct event_flood *f, struct str saved, struct err *err)
{
	struct cursor c = cursor_of(saved);
	uint64_t first = cursor_u64_le(&c);
	int64_t told = (int64_t)cursor_u64_le(&c);
	uint32_t count = cursor_u32_le(&c);
	int r = 0;
	if (first > SERIAL_MAX)
		return bad(err);
	/* All that were left by then and are not told of again are gone. */
	while (f->first < f->end && f->first < first)
		remove_oldest(f);
	if (f->first == f->end)
		f->first = f->end = first;
	for (uint32_t i = 0; r == 0 && i < count; i++)
		r = c.failed ? bad(err) : load_group(f, &c, err);
	f->told = told;
	if (r == 0 && (c.failed || !cursor_at_end(&c)))
		r = bad(err);
	return r;
}
