/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_pipeline/event_ids.h"

#include "base/cursor/cursor.h"
#include "base/mem/mem.h"
#include "engine/event/event_crc.h"
#include "platform/crypto/crypto.h"

#define MAGIC "LTIDS001"

/* Open addressing; null: free place. */
struct half {
	struct uuid *table;
	size_t capacity, count; /* capacity: power of two; at most half full */
};

/* New ids go into the first; when it is full the second is forgotten and the first takes its place. */
struct event_ids {
	struct half halves[2];
};

struct uuid event_id_made(const struct uuid *sender, struct str text)
{
	unsigned char digest[SHA256_SIZE];
	struct uuid id;
	struct sha256 *h = sha256_new();
	sha256_update(h, str_n(sender->b, sizeof(sender->b)));
	sha256_update(h, text);
	sha256_final(h, digest);
	memcpy(id.b, digest, sizeof(id.b));
	id.b[6] = (unsigned char)(0x80 | (id.b[6] & 0x0f)); /* RFC 9562 section 5.8 */
	id.b[8] = (unsigned char)(0x80 | (id.b[8] & 0x3f));
	return id;
}

bool event_id_is_made(const struct uuid *id)
{
	return id->b[6] >> 4 == 8;
}

static void half_init(struct half *h, size_t capacity)
{
	*h = (struct half){.capacity = capacity, .table = mem_alloc_array(capacity, sizeof(*h->table))};
}

struct event_ids *event_ids_new(void)
{
	struct event_ids *s = MEM_NEW(struct event_ids);
	half_init(&s->halves[0], 64);
	half_init(&s->halves[1], 64);
	return s;
}

void event_ids_free(struct event_ids *s)
{
	if (s == NULL)
		return;
	mem_free(s->halves[0].table);
	mem_free(s->halves[1].table);
	mem_free(s);
}

/* Made by SHA-256: any eight bytes are well mixed. */
static struct uuid *place(const struct half *h, const struct uuid *id)
{
	uint64_t at;
	memcpy(&at, id->b + 8, sizeof(at));
	for (;; at++) {
		struct uuid *k = &h->table[at & (h->capacity - 1)];
		if (uuid_is_null(k) || uuid_eq(k, id))
			return k;
	}
}

static void put(struct half *h, const struct uuid *id)
{
	if (2 * (h->count + 1) > h->capacity) {
		struct half bigger;
		half_init(&bigger, 2 * h->capacity);
		for (size_t i = 0; i < h->capacity; i++)
			if (!uuid_is_null(&h->table[i]))
				*place(&bigger, &h->table[i]) = h->table[i];
		bigger.count = h->count;
		mem_free(h->table);
		*h = bigger;
	}
	*place(h, id) = *id;
	h->count++;
}

bool event_ids_has(const struct event_ids *s, const struct uuid *id)
{
	return !uuid_is_null(place(&s->halves[0], id)) || !uuid_is_null(place(&s->halves[1], id));
}

void event_ids_add(struct event_ids *s, const struct uuid *id)
{
	if (uuid_is_null(id) || event_ids_has(s, id))
		return;
	if (s->halves[0].count == EVENT_IDS_KEPT) {
		mem_free(s->halves[1].table);
		s->halves[1] = s->halves[0];
		half_init(&s->halves[0], 64);
	}
	put(&s->halves[0], id);
}

struct event_ids *event_ids_copy(const struct event_ids *s)
{
	struct event_ids *copy = MEM_NEW(struct event_ids);
	*copy = *s;
	for (size_t i = 0; i < ARRAY_LEN(copy->halves); i++) {
		copy->halves[i].table = mem_alloc_array(s->halves[i].capacity, sizeof(*s->halves[i].table));
		memcpy(copy->halves[i].table, s->halves[i].table, s->halves[i].capacity * sizeof(*s->halves[i].table));
	}
	return copy;
}

size_t event_ids_count(const struct event_ids *s)
{
	return s->halves[0].count + s->halves[1].count;
}

void event_ids_encode(const struct event_ids *s, struct buf *out)
{
	size_t from = out->n;
	buf_append_c(out, MAGIC);
	for (size_t half = ARRAY_LEN(s->halves); half-- > 0;)
		for (size_t i = 0; i < s->halves[half].capacity; i++)
			if (!uuid_is_null(&s->halves[half].table[i]))
				buf_append(out, str_n(s->halves[half].table[i].b, sizeof(struct uuid)));
	uint32_t crc = event_crc32c(0, str_sub(buf_str(out), from, out->n));
	for (unsigned i = 0; i < 4; i++)
		buf_append_char(out, (char)(crc >> 8 * i));
}

int event_ids_decode(struct str bytes, struct event_ids **ret, struct err *err)
{
	struct str body = str_sub(bytes, 0, bytes.n >= 4 ? bytes.n - 4 : 0);
	struct cursor tail = cursor_of(str_sub(bytes, body.n, bytes.n));
	struct cursor c = cursor_of(body);
	if (cursor_u32_le(&tail) != event_crc32c(0, body) || !cursor_accept_str(&c, STR(MAGIC)) ||
	    cursor_rest(&c).n % sizeof(struct uuid) != 0)
		return err_set(err, -EBADMSG, "event.bad_marks", ARG_U64("bytes", bytes.n));
	struct event_ids *s = event_ids_new();
	while (!cursor_at_end(&c)) {
		struct uuid id;
		memcpy(id.b, cursor_take(&c, sizeof(id.b)).p, sizeof(id.b));
		event_ids_add(s, &id);
	}
	*ret = s;
	return 0;
}
