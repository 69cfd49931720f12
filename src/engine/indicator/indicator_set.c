/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Questions to a mapped file. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/file/file.h"
#include "engine/indicator/indicator_internal.h"

#define PROBES_MAX ((uint64_t)1 << 16)
#define LABELS_MAX 128

struct indicator_set {
	void *mapped;
	size_t mapped_bytes;
	struct indicator_head head;
	const struct indicator_slot *slots;
	struct str *sources;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 p = (unsigned __int128)a * b;
	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint64_t word_at(struct str s, size_t at)
{
	uint64_t w = 0;
	size_t n = s.n - at < sizeof w ? s.n - at : sizeof w;
	(void)memcpy(&w, s.p + at, n);
	return w;
}

/* Two products a word, after wyhash's pattern; not against an enemy: who makes a value collide gets a false alarm. */
struct indicator_key indicator_key(uint64_t seed, unsigned kind, struct str value)
{
	uint64_t a = seed ^ 0xa0761d6478bd642fULL ^ kind, b = seed ^ 0xe7037ed1a0b428dbULL ^ ((uint64_t)value.n << 16);
	for (size_t at = 0; at < value.n; at += 8) {
		uint64_t w = word_at(value, at);
		a = mix(a ^ w, 0x8ebc6af09c88c6e3ULL);
		b = mix(b + w, 0x589965cc75374cc3ULL) + at;
	}
	a = mix(a ^ value.n, 0x1d8e4e27c47d124fULL);
	b = mix(b ^ kind, 0xeb44accab455d165ULL);
	return (struct indicator_key){.hash = a != 0 ? a : 1, .check = b >> 41};
}

static int broken(struct err *err)
{
	return err_set(err, -EBADMSG, "indicator.image_broken");
}

static int read_sources(struct indicator_set *s, struct str names, struct err *err)
{
	s->sources = mem_alloc_array((size_t)s->head.source_count + 1, sizeof *s->sources);
	for (uint32_t i = 0; i < s->head.source_count; i++) {
		if (names.n == 0 || (unsigned char)names.p[0] >= names.n)
			return broken(err);
		size_t n = (unsigned char)names.p[0];
		s->sources[i] = str_sub(names, 1, 1 + n);
		names = str_sub(names, 1 + n, names.n);
	}
	return names.n == 0 ? 0 : broken(err);
}

static int read_image(struct indicator_set *s, struct str bytes, struct err *err)
{
	if (bytes.n < sizeof s->head)
		return broken(err);
	(void)memcpy(&s->head, bytes.p, sizeof s->head);
	const struct indicator_head *h = &s->head;
	if (memcmp(h->magic, INDICATOR_MAGIC, sizeof h->magic) != 0 || h->slots == 0 || (h->slots & (h->slots - 1)) != 0 ||
	    h->slots > 4 * INDICATOR_ENTRIES_MAX || h->source_count > INDICATOR_SOURCES_MAX ||
	    bytes.n != sizeof *h + h->slots * sizeof(struct indicator_slot) + h->source_bytes)
		return broken(err);
	s->slots = (const struct indicator_slot *)(const void *)(bytes.p + sizeof *h);
	return read_sources(s, str_sub(bytes, bytes.n - h->source_bytes, bytes.n), err);
}

static int finish(struct indicator_set *s, struct str bytes, struct indicator_set **ret, struct err *err)
{
	int r = read_image(s, bytes, err);
	if (r < 0)
		indicator_set_free(s);
	else
		*ret = s;
	return r;
}

int indicator_set_parse(struct str bytes, struct indicator_set **ret, struct err *err)
{
	return finish(MEM_NEW(struct indicator_set), bytes, ret, err);
}

int indicator_set_open(const char *path, struct indicator_set **ret, struct err *err)
{
	struct stat st;
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "open", str_c(path));
	if (st.st_size < (off_t)sizeof(struct indicator_head))
		return broken(err);
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return err_errno(err, errno, "mmap", str_c(path));
	(void)madvise(p, (size_t)st.st_size, MADV_RANDOM);
	struct indicator_set *s = MEM_NEW(struct indicator_set);
	s->mapped = p;
	s->mapped_bytes = (size_t)st.st_size;
	return finish(s, str_n(p, (size_t)st.st_size), ret, err);
}

void indicator_set_free(struct indicator_set *s)
{
	if (s == NULL)
		return;
	if (s->mapped != NULL)
		(void)munmap(s->mapped, s->mapped_bytes);
	mem_free(s->sources);
	mem_free(s);
}

uint64_t indicator_set_count(const struct indicator_set *s)
{
	return s->head.entries;
}

static bool ask(const struct indicator_set *s, unsigned kind, struct str value, usec_t now, struct indicator_hit *ret)
{
	struct indicator_key k = indicator_key(s->head.seed, kind, value);
	uint64_t mask = s->head.slots - 1;
	for (uint64_t i = 0; i < PROBES_MAX && i <= mask; i++) {
		const struct indicator_slot *slot = &s->slots[(k.hash + i) & mask];
		if (slot->hash == 0)
			return false;
		if (slot->hash != k.hash || slot->rest >> 41 != k.check)
			continue;
		uint64_t hours = slot->rest >> 19 & 0x3fffff, source = slot->rest >> 7 & 0xfff;
		if (hours != 0 && (int64_t)hours * USEC_PER_HOUR <= now)
			return false;
		ret->source = source < s->head.source_count ? s->sources[source] : STR_EMPTY;
		ret->confidence = (unsigned)(slot->rest & 0x7f);
		return true;
	}
	return false;
}

static bool ask_networks(const struct indicator_set *s, struct str address, unsigned longest, usec_t now, struct indicator_hit *ret)
{
	for (unsigned bits = longest + 1; bits-- > 0;) {
		if ((s->head.prefixes[bits / 8] >> bits % 8 & 1) == 0)
			continue;
		unsigned char a[16];
		(void)memcpy(a, address.p, sizeof a);
		indicator_mask(a, bits);
		if (ask(s, INDICATOR_KIND(INDICATOR_IP, bits), str_n(a, sizeof a), now, ret))
			return true;
	}
	return false;
}

/* The name itself, then what follows each dot. */
static bool ask_domains(const struct indicator_set *s, struct str name, struct str given, usec_t now, struct indicator_hit *ret)
{
	const size_t whole = name.n;
	given = str_trim(given);
	if (given.n > 0 && given.p[given.n - 1] == '.')
		given.n--;
	for (unsigned i = 0; i < LABELS_MAX && name.n > 0; i++) {
		if (ask(s, INDICATOR_KIND(INDICATOR_DOMAIN, 0), name, now, ret)) {
			/* Lower case may have another length: then the whole name is told. */
			ret->matched = given.n == whole ? str_sub(given, given.n - name.n, given.n) : given;
			return true;
		}
		size_t dot = str_find_char(name, '.');
		name = dot == SIZE_MAX ? STR_EMPTY : str_sub(name, dot + 1, name.n);
	}
	return false;
}

bool indicator_find(const struct indicator_set *s, enum indicator_type type, struct str value, usec_t now, struct indicator_hit *ret)
{
	char text[INDICATOR_VALUE_MAX + 64];
	struct buf out = BUF_FIXED(text, sizeof text);
	unsigned prefix;
	if (s->head.entries == 0 || !indicator_normalise(type, value, &out, &prefix))
		return false;
	ret->matched = value;
	if (type == INDICATOR_IP)
		return ask_networks(s, buf_str(&out), prefix, now, ret);
	if (type == INDICATOR_DOMAIN)
		return ask_domains(s, buf_str(&out), value, now, ret);
	return ask(s, INDICATOR_KIND(type, 0), buf_str(&out), now, ret);
}
