/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_seen.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/cursor/cursor.h"
#include "base/file/file.h"
#include "base/json/json.h"
#include "base/text/text.h"
#include "engine/malware/malware_file.h"
#include "platform/crypto/crypto.h"

#define MAGIC STR("LTSEEN01")
#define PATH_SHOWN 4000
enum { KEY = 16, ENTRY = KEY + SHA256_SIZE + 8 + 3 * 4, SLOTS = 1 << 16 };

/* Times in seconds since 1970, as in the file. */
struct place {
	unsigned char key[KEY]; /* of the path */
	unsigned char sha256[SHA256_SIZE];
	uint64_t size_bytes;
	uint32_t first, last, told; /* told 0: not yet */
};

struct waiting {
	char *path;
	size_t at; /* in places */
	unsigned char sha256[SHA256_SIZE];
	uint32_t first, last;
};

struct agent_seen {
	char *path;
	pthread_mutex_t lock;
	/* All below: lock. */
	struct place *places;    /* AGENT_SEEN_PLACES */
	size_t count, hand;      /* hand: where a place to give way is looked for */
	uint32_t *slots;         /* place + 1 by its key; 0: none */
	struct waiting *waiting; /* a ring is not needed: what was told is cut off at the front */
	size_t waiting_count, reported;
	usec_t waiting_since, not_before;
	bool changed;
};

static size_t slot_of(const struct agent_seen *s, const unsigned char key[KEY])
{
	size_t at = ((size_t)key[0] | (size_t)key[1] << 8 | (size_t)key[2] << 16) % SLOTS;
	while (s->slots[at] != 0 && memcmp(s->places[s->slots[at] - 1].key, key, KEY) != 0)
		at = (at + 1) % SLOTS;
	return at;
}

static void index_all(struct agent_seen *s)
{
	memset(s->slots, 0, SLOTS * sizeof *s->slots);
	for (size_t i = 0; i < s->count; i++)
		s->slots[slot_of(s, s->places[i].key)] = (uint32_t)i + 1;
}

/* Takes a slot out of its chain. */
static void unlink_place(struct agent_seen *s, size_t place)
{
	size_t at = slot_of(s, s->places[place].key);
	s->slots[at] = 0;
	for (at = (at + 1) % SLOTS; s->slots[at] != 0; at = (at + 1) % SLOTS) {
		uint32_t moved = s->slots[at];
		s->slots[at] = 0;
		s->slots[slot_of(s, s->places[moved - 1].key)] = moved;
	}
}

struct agent_seen *agent_seen_new(const char *path)
{
	struct agent_seen *s = MEM_NEW(struct agent_seen);
	cleanup_buf struct buf bytes = BUF_INIT((size_t)8 << 20);
	s->path = mem_strdup(str_c(path));
	s->places = mem_alloc_array(AGENT_SEEN_PLACES, sizeof *s->places);
	s->slots = mem_alloc_array(SLOTS, sizeof *s->slots);
	s->waiting = mem_alloc_array(AGENT_SEEN_WAITING, sizeof *s->waiting);
	(void)pthread_mutex_init(&s->lock, NULL);
	index_all(s);
	if (file_read(path, (size_t)4 << 20, &bytes, NULL) == 0)
		(void)agent_seen_take(s, buf_str(&bytes));
	return s;
}

void agent_seen_free(struct agent_seen *s)
{
	if (s == NULL)
		return;
	(void)!agent_seen_save(s, NULL); /* not saved it is told anew */
	for (size_t i = 0; i < s->waiting_count; i++)
		mem_free(s->waiting[i].path);
	mem_free(s->waiting);
	mem_free(s->places);
	mem_free(s->slots);
	mem_free(s->path);
	(void)pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

static void append_number(struct buf *out, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_append_char(out, (char)(unsigned char)(v >> (8 * i)));
}

int agent_seen_save(struct agent_seen *s, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)8 << 20);
	unsigned char digest[SHA256_SIZE];
	(void)pthread_mutex_lock(&s->lock);
	bool changed = s->changed;
	s->changed = false;
	buf_append(&out, MAGIC);
	append_number(&out, s->count, 8);
	for (size_t i = 0; i < s->count && changed; i++) {
		const struct place *p = &s->places[i];
		buf_append(&out, str_n(p->key, KEY));
		buf_append(&out, str_n(p->sha256, SHA256_SIZE));
		append_number(&out, p->size_bytes, 8);
		append_number(&out, p->first, 4);
		append_number(&out, p->last, 4);
		append_number(&out, p->told, 4);
	}
	(void)pthread_mutex_unlock(&s->lock);
	if (!changed)
		return 0;
	sha256(buf_str(&out), digest);
	buf_append(&out, str_n(digest, sizeof digest));
	return file_write(s->path, buf_str(&out), 0600, err);
}

bool agent_seen_take(struct agent_seen *s, struct str bytes)
{
	unsigned char digest[SHA256_SIZE];
	if (bytes.n < SHA256_SIZE)
		return false;
	struct cursor in = cursor_of(str_sub(bytes, 0, bytes.n - SHA256_SIZE));
	if (!cursor_accept_str(&in, MAGIC))
		return false;
	uint64_t count = cursor_u64_le(&in);
	struct str rest = cursor_rest(&in);
	if (in.failed || count > AGENT_SEEN_PLACES || rest.n != count * ENTRY)
		return false;
	sha256(in.s, digest);
	if (memcmp(digest, bytes.p + in.s.n, SHA256_SIZE) != 0)
		return false;
	struct cursor entries = cursor_of(rest);
	(void)pthread_mutex_lock(&s->lock);
	for (uint64_t i = 0; i < count && s->count < AGENT_SEEN_PLACES; i++) {
		struct place p;
		struct str key = cursor_take(&entries, KEY), sha = cursor_take(&entries, SHA256_SIZE);
		memcpy(p.key, key.p, KEY);
		memcpy(p.sha256, sha.p, SHA256_SIZE);
		p.size_bytes = cursor_u64_le(&entries);
		p.first = cursor_u32_le(&entries);
		p.last = cursor_u32_le(&entries);
		p.told = cursor_u32_le(&entries);
		size_t at = slot_of(s, p.key);
		if (s->slots[at] != 0)
			continue;
		s->places[s->count++] = p;
		s->slots[at] = (uint32_t)s->count;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return true;
}

bool agent_seen_is_program(int fd)
{
	unsigned char start[4] = {0};
	int64_t n = malware_file_read(fd, 0, start, sizeof start, NULL);
	return n >= 2 && ((start[0] == 'M' && start[1] == 'Z') || (start[0] == '#' && start[1] == '!') ||
	                  (n == 4 && memcmp(start, "\x7f" "ELF", 4) == 0));
}

static bool is_waiting(const struct agent_seen *s, size_t place)
{
	for (size_t i = 0; i < s->waiting_count; i++)
		if (s->waiting[i].at == place)
			return true;
	return false;
}

/* The place told longest ago of a few that are looked at, so that it costs the same however many there are. */
static size_t place_to_give_way(struct agent_seen *s)
{
	size_t best = s->hand;
	for (unsigned i = 0; i < 64; i++) {
		s->hand = (s->hand + 1) % s->count;
		if (s->places[s->hand].last < s->places[best].last && !is_waiting(s, s->hand))
			best = s->hand;
	}
	return best;
}

static size_t new_place(struct agent_seen *s, const unsigned char key[KEY], uint32_t now)
{
	size_t at = s->count;
	if (s->count < AGENT_SEEN_PLACES)
		s->count++;
	else
		unlink_place(s, at = place_to_give_way(s));
	s->places[at] = (struct place){.first = now, .last = now};
	memcpy(s->places[at].key, key, KEY);
	s->slots[slot_of(s, key)] = (uint32_t)at + 1;
	return at;
}

static void enqueue(struct agent_seen *s, size_t at, struct str path, usec_t now)
{
	if (s->waiting_count == AGENT_SEEN_WAITING || is_waiting(s, at))
		return;
	const struct place *p = &s->places[at];
	struct waiting *w = &s->waiting[s->waiting_count++];
	*w = (struct waiting){.path = mem_strdup(path), .at = at, .first = p->first, .last = p->last};
	memcpy(w->sha256, p->sha256, SHA256_SIZE);
	if (s->waiting_count == 1)
		s->waiting_since = now;
}

void agent_seen_note(struct agent_seen *s, struct str path, const unsigned char *sha256_, uint64_t size_bytes, usec_t now)
{
	unsigned char digest[SHA256_SIZE];
	const uint32_t second = (uint32_t)(now / USEC_PER_SEC);
	sha256(path, digest);
	(void)pthread_mutex_lock(&s->lock);
	size_t slot = slot_of(s, digest);
	if (s->slots[slot] == 0 && sha256_ == NULL) {
		(void)pthread_mutex_unlock(&s->lock);
		return; /* its hash is not known: it is told when it is next read */
	}
	size_t at = s->slots[slot] != 0 ? s->slots[slot] - 1 : new_place(s, digest, second);
	struct place *p = &s->places[at];
	if (sha256_ != NULL && memcmp(p->sha256, sha256_, SHA256_SIZE) != 0) {
		memcpy(p->sha256, sha256_, SHA256_SIZE);
		p->size_bytes = size_bytes;
		p->first = second;
		p->told = 0;
	}
	p->last = second;
	s->changed = true;
	if (p->told == 0 || second - p->told > AGENT_SEEN_AGAIN / USEC_PER_SEC)
		enqueue(s, at, path, now);
	(void)pthread_mutex_unlock(&s->lock);
}

/* As people may see it. */
static void member_path(struct json_writer *w, struct str path)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)64 << 10);
	for (size_t at = 0; at < path.n && out.n < PATH_SHOWN;) {
		int32_t code = text_utf8_next(path, &at);
		text_append_code(&out, code < 0 || code < 0x20 || code == 0x7f ? 0xfffd : code);
	}
	json_member_str(w, "path", buf_str(&out));
}

static void member_time(struct json_writer *w, const char *name, uint32_t second)
{
	char text[CLOCK_ISO_SIZE];
	json_member_cstr(w, name, clock_iso((usec_t)second * USEC_PER_SEC, text));
}

size_t agent_seen_report(struct agent_seen *s, usec_t now, struct buf *out)
{
	struct json_writer w = json_writer_init(out);
	(void)pthread_mutex_lock(&s->lock);
	bool due = now >= s->not_before || s->not_before > now + 2 * USEC_PER_DAY; /* a clock that was set back */
	due = due && s->waiting_count > 0;
	due = due && (s->waiting_count >= AGENT_SEEN_REPORT || now - s->waiting_since >= AGENT_SEEN_DELAY || now < s->waiting_since);
	size_t n = !due ? 0 : s->waiting_count < AGENT_SEEN_REPORT ? s->waiting_count : AGENT_SEEN_REPORT;
	s->reported = n;
	json_object(&w);
	json_name(&w, "files");
	json_array(&w);
	for (size_t i = 0; i < n; i++) {
		const struct waiting *f = &s->waiting[i];
		const struct place *p = &s->places[f->at];
		char hex[SHA256_HEX_SIZE];
		bool same = memcmp(p->sha256, f->sha256, SHA256_SIZE) == 0;
		json_object(&w);
		json_member_cstr(&w, "sha256", sha256_hex(f->sha256, hex));
		member_path(&w, str_c(f->path));
		json_member_int(&w, "size_bytes", same ? (int64_t)p->size_bytes : 0);
		member_time(&w, "first_seen", f->first);
		member_time(&w, "last_seen", same ? p->last : f->last);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

void agent_seen_told(struct agent_seen *s, usec_t now)
{
	(void)pthread_mutex_lock(&s->lock);
	size_t n = s->reported;
	for (size_t i = 0; i < n; i++) {
		struct place *p = &s->places[s->waiting[i].at];
		/* Changed since then: it is told once more when it is next seen. */
		if (memcmp(p->sha256, s->waiting[i].sha256, SHA256_SIZE) == 0)
			p->told = (uint32_t)(now / USEC_PER_SEC);
		mem_free(s->waiting[i].path);
	}
	s->waiting_count -= n;
	memmove(s->waiting, s->waiting + n, s->waiting_count * sizeof *s->waiting);
	s->reported = 0;
	s->waiting_since = now;
	s->changed = true;
	(void)pthread_mutex_unlock(&s->lock);
}

void agent_seen_wait(struct agent_seen *s, usec_t until)
{
	(void)pthread_mutex_lock(&s->lock);
	s->not_before = until;
	(void)pthread_mutex_unlock(&s->lock);
}

struct agent_seen_counts agent_seen_counts(struct agent_seen *s)
{
	(void)pthread_mutex_lock(&s->lock);
	struct agent_seen_counts c = {s->count, s->waiting_count};
	(void)pthread_mutex_unlock(&s->lock);
	return c;
}
