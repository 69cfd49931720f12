/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Opening: everything that is ever followed is checked here, once. */
#include "engine/signature/signature_image.h"

static int broken(struct err *err, const char *what)
{
	return err_set(err, -EINVAL, "signature.image", ARG_CSTR("what", what));
}

static bool find_sections(struct signature_image *m, const struct image_head *head)
{
	const struct image_section *table = (const struct image_section *)(const void *)(m->bytes.p + sizeof *head);
	if (head->section_count > 4096 || sizeof *head + head->section_count * sizeof *table > m->bytes.n)
		return false;
	/* A section that is not there is an empty one, and somewhere. */
	for (unsigned i = 0; i < SIGNATURE_SECTION__COUNT; i++)
		m->sections[i] = str_n(m->bytes.p, 0);
	for (uint32_t i = 0; i < head->section_count; i++) {
		const struct image_section *s = &table[i];
		if (s->offset % 8 != 0 || s->offset > m->bytes.n || s->length > m->bytes.n - s->offset)
			return false;
		/* A kind of a later version is nothing that this one needs. */
		if (s->kind < SIGNATURE_SECTION__COUNT)
			m->sections[s->kind] = str_n(m->bytes.p + s->offset, s->length);
	}
	return true;
}

/* Fixed-size records: how many; false: the section is no whole number of them. */
static bool records(const struct signature_image *m, enum signature_section_kind kind, size_t size, uint32_t *ret_count)
{
	const struct str s = m->sections[kind];
	if (s.n % size != 0 || s.n / size > UINT32_MAX)
		return false;
	*ret_count = (uint32_t)(s.n / size);
	return true;
}

static const void *first(const struct signature_image *m, enum signature_section_kind kind)
{
	return m->sections[kind].p;
}

static bool text_is_there(const struct signature_image *m, struct image_text t)
{
	return (uint64_t)t.at + t.n <= m->sections[SIGNATURE_SECTION_TEXTS].n;
}

struct str signature_image_text(const struct signature_image *m, struct image_text t)
{
	return str_sub(m->sections[SIGNATURE_SECTION_TEXTS], t.at, (size_t)t.at + t.n);
}

struct str signature_image_section(const struct signature_image *m, enum signature_section_kind kind)
{
	return m->sections[kind];
}

static uint64_t body_size(const struct image_body *b)
{
	return sizeof *b + (uint64_t)b->constants * 8 + (uint64_t)b->code * 8 + (uint64_t)b->metas * sizeof(struct image_meta) +
	       (uint64_t)b->strings * sizeof(struct image_string) + (uint64_t)b->tags * sizeof(struct image_text) + (uint64_t)b->members * 4 + b->texts;
}

void signature_image_body(const struct signature_image *m, uint32_t rule, struct image_body_view *ret)
{
	const char *p = m->sections[SIGNATURE_SECTION_BODIES].p + m->rules[rule].at;
	const struct image_body *b = (const void *)p;
	*ret = (struct image_body_view){.body = b};
	p += sizeof *b;
	ret->code.constants = (const void *)p;
	p += (size_t)b->constants * 8;
	ret->code.code = (const void *)p;
	p += (size_t)b->code * 8;
	ret->metas = (const void *)p;
	p += (size_t)b->metas * sizeof(struct image_meta);
	ret->strings = (const void *)p;
	p += (size_t)b->strings * sizeof(struct image_string);
	ret->tags = (const void *)p;
	p += (size_t)b->tags * sizeof(struct image_text);
	ret->code.members = (const void *)p;
	p += (size_t)b->members * 4;
	ret->code.texts = p;
	ret->code.code_count = b->code;
	ret->code.constant_count = b->constants;
	ret->code.member_count = b->members;
	ret->code.text_size = b->texts;
	ret->code.string_count = b->strings;
	ret->code.pattern_count = b->patterns;
	ret->code.patterns = (const uint32_t *)(const void *)m->sections[SIGNATURE_SECTION_NUMBERS].p + m->rules[rule].first;
}

static bool own_text(const struct image_body *b, uint64_t at, uint32_t n)
{
	return at <= b->texts && n <= b->texts - at;
}

static bool own_texts_are_there(const struct image_body_view *v)
{
	const struct image_body *b = v->body;
	for (uint32_t i = 0; i < b->metas; i++)
		if (!own_text(b, v->metas[i].name_at, v->metas[i].name_n) || v->metas[i].kind > SIGNATURE_META_KIND_BOOLEAN ||
		    (v->metas[i].kind == SIGNATURE_META_KIND_STRING && !own_text(b, (uint64_t)v->metas[i].integer, v->metas[i].text_n)))
			return false;
	for (uint32_t i = 0; i < b->strings; i++)
		if (!own_text(b, v->strings[i].name_at, v->strings[i].name_n))
			return false;
	for (uint32_t i = 0; i < b->tags; i++)
		if (!own_text(b, v->tags[i].at, v->tags[i].n))
			return false;
	return true;
}

static bool body_is_sound(const struct signature_image *m, uint32_t rule)
{
	const struct image_rule *r = &m->rules[rule];
	const struct str bodies = m->sections[SIGNATURE_SECTION_BODIES];
	struct image_body_view v;
	if (r->at % 8 != 0 || r->at > bodies.n || r->size > bodies.n - r->at || r->size < sizeof(struct image_body) || r->space >= m->space_count)
		return false;
	signature_image_body(m, rule, &v);
	const struct image_body *b = v.body;
	if (body_size(b) > r->size || b->patterns < b->strings || (uint64_t)r->first + b->patterns > m->sections[SIGNATURE_SECTION_NUMBERS].n / 4 ||
	    !own_text(b, b->name_at, b->name_n))
		return false;
	for (uint32_t i = 0; i < b->patterns; i++)
		if (v.code.patterns[i] >= signature_patterns_count(&m->patterns))
			return false;
	return own_texts_are_there(&v) && signature_condition_check(&v.code, rule, m->external_count);
}

static bool numbers_below(const uint32_t *numbers, uint32_t count, uint32_t limit)
{
	for (uint32_t i = 0; i < count; i++)
		if (numbers[i] >= limit)
			return false;
	return true;
}

static bool wanted_is_sound(struct signature_image *m)
{
	uint32_t first_count, wanting_count, patterns = signature_patterns_count(&m->patterns);
	m->wanted = first(m, SIGNATURE_SECTION_WANTED);
	m->wanting = first(m, SIGNATURE_SECTION_WANTING);
	if (!records(m, SIGNATURE_SECTION_WANTED, 4, &first_count) || !records(m, SIGNATURE_SECTION_WANTING, 4, &wanting_count) ||
	    first_count != patterns + 1 || m->wanted[0] != 0 || m->wanted[patterns] != wanting_count)
		return false;
	for (uint32_t i = 0; i < patterns; i++)
		if (m->wanted[i] > m->wanted[i + 1])
			return false;
	return numbers_below(m->wanting, wanting_count, m->rule_count) && numbers_below(m->always, m->always_count, m->rule_count);
}

static bool rests_are_sound(struct signature_image *m)
{
	const struct image_rest *rests = first(m, SIGNATURE_SECTION_RESTS);
	const struct image_fallback *fallbacks = first(m, SIGNATURE_SECTION_FALLBACKS);
	if (!records(m, SIGNATURE_SECTION_RESTS, sizeof *rests, &m->rest_count) ||
	    !records(m, SIGNATURE_SECTION_FALLBACKS, sizeof *fallbacks, &m->fallback_count))
		return false;
	for (uint32_t i = 0; i < m->rest_count; i++)
		if (rests[i].space >= m->space_count || !text_is_there(m, rests[i].rule) || !text_is_there(m, rests[i].place) ||
		    !text_is_there(m, rests[i].key) || !text_is_there(m, rests[i].reason))
			return false;
	for (uint32_t i = 0; i < m->fallback_count; i++)
		if (fallbacks[i].space >= m->space_count || !text_is_there(m, fallbacks[i].text))
			return false;
	return true;
}

static bool names_are_sound(struct signature_image *m)
{
	for (uint32_t i = 0; i < m->space_count; i++)
		if (!text_is_there(m, m->spaces[i]))
			return false;
	m->external_types = mem_alloc((size_t)m->external_count + 1);
	for (uint32_t i = 0; i < m->external_count; i++) {
		if (!text_is_there(m, m->externals[i].name) || m->externals[i].type > SIGNATURE_EXTERNAL_FLOAT)
			return false;
		m->external_types[i] = (uint8_t)m->externals[i].type;
	}
	return true;
}

static void find_globals(struct signature_image *m)
{
	for (uint32_t pass = 0; pass < 2; pass++) {
		uint32_t n = 0;
		for (uint32_t i = 0; i < m->rule_count; i++)
			if ((m->rules[i].flags & IMAGE_GLOBAL) != 0) {
				if (pass == 1)
					m->globals[n] = i;
				n++;
			}
		if (pass == 0)
			m->globals = mem_alloc_array((size_t)n + 1, sizeof(uint32_t));
		m->global_count = n;
	}
}

static int check_tables(struct signature_image *m, struct err *err)
{
	m->rules = first(m, SIGNATURE_SECTION_RULES);
	m->spaces = first(m, SIGNATURE_SECTION_SPACES);
	m->externals = first(m, SIGNATURE_SECTION_EXTERNALS);
	m->always = first(m, SIGNATURE_SECTION_ALWAYS);
	if (!records(m, SIGNATURE_SECTION_RULES, sizeof(struct image_rule), &m->rule_count) ||
	    !records(m, SIGNATURE_SECTION_SPACES, sizeof(struct image_text), &m->space_count) ||
	    !records(m, SIGNATURE_SECTION_EXTERNALS, sizeof(struct image_external), &m->external_count) ||
	    !records(m, SIGNATURE_SECTION_ALWAYS, 4, &m->always_count) || m->rule_count > SIGNATURE_RULES_MAX)
		return broken(err, "sections");
	if (!names_are_sound(m))
		return broken(err, "names");
	const struct str patterns = m->sections[SIGNATURE_SECTION_PATTERNS];
	int r = signature_patterns_open(&m->patterns, patterns.p, patterns.n, err);
	if (r < 0)
		return broken(err, "patterns");
	for (uint32_t i = 0; i < m->rule_count; i++)
		if (!body_is_sound(m, i))
			return broken(err, "rules");
	if (!wanted_is_sound(m))
		return broken(err, "candidates");
	if (!rests_are_sound(m))
		return broken(err, "rests");
	find_globals(m);
	return 0;
}

static int check(struct signature_image *m, struct err *err)
{
	const struct image_head *head = (const void *)m->bytes.p;
	if (m->bytes.n < sizeof *head || ((uintptr_t)m->bytes.p & 7) != 0 || memcmp(head->magic, SIGNATURE_IMAGE_MAGIC, sizeof head->magic) != 0)
		return broken(err, "magic");
	if (head->version != SIGNATURE_IMAGE_VERSION)
		return err_set(err, -ENOTSUP, "signature.image_version", ARG_U64("version", head->version));
	if (head->size != m->bytes.n || m->bytes.n > SIGNATURE_IMAGE_MAX)
		return broken(err, "size");
	if (head->checksum != signature_image_checksum(str_sub(m->bytes, sizeof *head, m->bytes.n)))
		return broken(err, "checksum");
	if (!find_sections(m, head))
		return broken(err, "sections");
	return check_tables(m, err);
}

static int open_bytes(struct signature_image *m, struct signature_image **ret, struct err *err)
{
	int r = check(m, err);
	if (r == 0)
		*ret = m;
	else
		signature_image_free(m);
	return r;
}

int signature_image_open(const void *bytes, size_t len, struct signature_image **ret, struct err *err)
{
	struct signature_image *m = MEM_NEW(struct signature_image);
	m->bytes = str_n(bytes, len);
	return open_bytes(m, ret, err);
}

int signature_image_map(const char *path, struct signature_image **ret, struct err *err)
{
	struct signature_image *m = MEM_NEW(struct signature_image);
	int r = file_map(path, SIGNATURE_IMAGE_MAX, &m->map, err);
	if (r < 0) {
		mem_free(m);
		return r;
	}
	m->bytes = m->map.bytes;
	return open_bytes(m, ret, err);
}

void signature_image_free(struct signature_image *m)
{
	if (m == NULL)
		return;
	mem_free(m->globals);
	mem_free(m->external_types);
	file_unmap(&m->map);
	mem_free(m);
}
