/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_pipeline/event_marks.h"

#include "base/cursor/cursor.h"
#include "base/mem/mem.h"
#include "engine/event/event_crc.h"

#define MAGIC "LTMARKS1"
#define ENTRY_SIZE 40

struct mark {
	struct uuid sender, epoch;
	uint64_t next; /* 0: free place */
};

/* Open addressing, at most half full. */
struct event_marks {
	struct mark *table;
	size_t capacity, count; /* capacity: power of two */
};

struct event_marks *event_marks_new(void)
{
	struct event_marks *m = MEM_NEW(struct event_marks);
	m->capacity = 64;
	m->table = mem_alloc_array(m->capacity, sizeof *m->table);
	return m;
}

void event_marks_free(struct event_marks *m)
{
	if (m == NULL)
		return;
	mem_free(m->table);
	mem_free(m);
}

/* Senders and epochs are identities we gave or authenticated, so a plain mix is enough. */
static size_t hash(const struct uuid *sender, const struct uuid *epoch)
{
	uint64_t a, b;
	(void)memcpy(&a, sender->b + 8, 8);
	(void)memcpy(&b, epoch->b + 8, 8);
	a = (a ^ (b << 31 | b >> 33)) * 0x9E3779B97F4A7C15u;
	return (size_t)(a ^ a >> 29);
}

static struct mark *place(const struct event_marks *m, const struct uuid *sender, const struct uuid *epoch)
{
	for (size_t i = hash(sender, epoch);; i++) {
		struct mark *k = &m->table[i & (m->capacity - 1)];
		if (k->next == 0 || (uuid_eq(&k->sender, sender) && uuid_eq(&k->epoch, epoch)))
			return k;
	}
}

uint64_t event_marks_next(const struct event_marks *m, const struct uuid *sender, const struct uuid *epoch)
{
	return place(m, sender, epoch)->next;
}

static void grow(struct event_marks *m)
{
	struct event_marks bigger = {.capacity = m->capacity * 2, .count = m->count};
	bigger.table = mem_alloc_array(bigger.capacity, sizeof *bigger.table);
	for (size_t i = 0; i < m->capacity; i++)
		if (m->table[i].next > 0)
			*place(&bigger, &m->table[i].sender, &m->table[i].epoch) = m->table[i];
	mem_free(m->table);
	*m = bigger;
}

void event_marks_raise(struct event_marks *m, const struct uuid *sender, const struct uuid *epoch, uint64_t next)
{
	struct mark *k = place(m, sender, epoch);
	if (next <= k->next)
		return;
	bool fresh = k->next == 0;
	*k = (struct mark){*sender, *epoch, next};
	if (fresh && ++m->count > m->capacity / 2)
		grow(m);
}

struct event_marks *event_marks_copy(const struct event_marks *m)
{
	struct event_marks *copy = MEM_NEW(struct event_marks);
	*copy = *m;
	copy->table = mem_alloc_array(m->capacity, sizeof *m->table);
	(void)memcpy(copy->table, m->table, m->capacity * sizeof *m->table);
	return copy;
}

size_t event_marks_count(const struct event_marks *m)
{
	return m->count;
}

static void put_le(struct buf *out, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		buf_append_char(out, (char)(v >> 8 * i));
}

void event_marks_encode(const struct event_marks *m, struct buf *out)
{
	size_t from = out->n;
	buf_append_c(out, MAGIC);
	for (size_t i = 0; i < m->capacity; i++) {
		const struct mark *k = &m->table[i];
		if (k->next == 0)
			continue;
		buf_append(out, str_n(k->sender.b, 16));
		buf_append(out, str_n(k->epoch.b, 16));
		put_le(out, k->next, 8);
	}
	put_le(out, event_crc32c(0, str_sub(buf_str(out), from, out->n)), 4);
}

int event_marks_decode(struct str bytes, struct event_marks **ret, struct err *err)
{
	struct str body = str_sub(bytes, 0, bytes.n >= 4 ? bytes.n - 4 : 0);
	struct cursor tail = cursor_of(str_sub(bytes, body.n, bytes.n));
	struct cursor c = cursor_of(body);
	if (cursor_u32_le(&tail) != event_crc32c(0, body) || !cursor_accept_str(&c, STR(MAGIC)) ||
	    cursor_rest(&c).n % ENTRY_SIZE != 0)
		return err_set(err, -EBADMSG, "event.bad_marks", ARG_U64("bytes", bytes.n));
	struct event_marks *m = event_marks_new();
	while (!cursor_at_end(&c)) {
		struct uuid sender, epoch;
		(void)memcpy(sender.b, cursor_take(&c, 16).p, 16);
		(void)memcpy(epoch.b, cursor_take(&c, 16).p, 16);
		event_marks_raise(m, &sender, &epoch, cursor_u64_le(&c));
	}
	*ret = m;
	return 0;
}
