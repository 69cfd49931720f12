/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_module_internal.h"

#define DIRECTORY_SIZE   16 /* of a data entry too */
#define ENTRY_SIZE       8
#define ENTRIES_MAX      32768
#define HIGH_BIT         0x80000000u
#define TYPE_VERSION     16
#define VERSION_HEADER   6 /* lengths and type; the key follows */
#define VERSION_KEY_MAX  63
#define VERSION_TEXT_MAX 255

static bool resource_root(const struct signature_module_state *s, uint64_t *ret_base)
{
	uint32_t rva = 0, size = 0;

	if (!signature_pe_directory(s, PE_DIRECTORY_RESOURCE, &rva, &size) || rva == 0)
		return false;
	const int64_t at = signature_pe_offset(s, rva);
	*ret_base = (uint64_t)at;
	return at >= 0 && signature_fits(s, (uint64_t)at, DIRECTORY_SIZE);
}

/* Goes one level down. A directory that cannot be one has no entries. */
static void enter(const struct signature_module_state *s, struct pe_resource_walk *w, uint64_t at)
{
	const uint32_t named = signature_u16(s, at + 12), numbered = signature_u16(s, at + 14);
	struct pe_resource_level *l = &w->levels[w->depth];

	if (w->depth > 0)
		*l = w->levels[w->depth - 1];
	l->entry = at + DIRECTORY_SIZE;
	l->left = named + numbered;
	if (signature_u32(s, at) != 0 || named > ENTRIES_MAX || numbered > ENTRIES_MAX)
		l->left = 0;
	w->depth++;
}

void signature_pe_resources_begin(const struct signature_module_state *s, struct pe_resource_walk *w)
{
	uint64_t base = 0;

	*w = (struct pe_resource_walk){.type = UINT32_MAX, .id = UINT32_MAX, .language = UINT32_MAX};
	w->finished = !resource_root(s, &base);
	w->base = base;
	if (!w->finished)
		enter(s, w, base);
}

/* A name in place of a number: u16 length and UTF-16. p == NULL: it is a number, or lies outside. */
static struct str entry_name(const struct signature_module_state *s, uint64_t base, uint32_t name)
{
	if ((name & HIGH_BIT) == 0)
		return STR_EMPTY;
	const uint64_t at = base + (name & ~HIGH_BIT);
	if (!signature_fits(s, at, 2))
		return STR_EMPTY;
	const uint64_t n = 2 * (uint64_t)signature_u16(s, at);
	return signature_fits(s, at, 2 + n) ? str_n(s->data + at + 2, n) : STR_EMPTY;
}

static void note_entry(const struct signature_module_state *s, struct pe_resource_walk *w, struct pe_resource_level *l,
		       uint32_t name)
{
	const struct str text = entry_name(s, w->base, name);

	switch (w->depth) {
	case 1:
		w->type = name;
		l->type_string = text;
		break;
	case 2:
		w->id = name;
		l->name_string = text;
		break;
	default:
		w->language = name;
		l->language_string = text;
		break;
	}
}

/* One entry: a directory is entered, a leaf handed out. Whatever does not fit the file ends the whole walk. */
static bool walk_entry(const struct signature_module_state *s, struct pe_resource_walk *w, struct pe_resource *ret)
{
	struct pe_resource_level *l = &w->levels[w->depth - 1];

	if (!signature_fits(s, l->entry, ENTRY_SIZE) || ++w->steps > PE_RESOURCE_STEPS_MAX) {
		w->finished = true;
		return false;
	}
	const uint32_t name = signature_u32(s, l->entry), to = signature_u32(s, l->entry + 4);
	const uint64_t at = w->base + (to & ~HIGH_BIT);
	l->entry += ENTRY_SIZE;
	l->left--;
	note_entry(s, w, l, name);
	const bool is_directory = (to & HIGH_BIT) != 0 && w->depth < 3;
	w->finished = !signature_fits(s, at, DIRECTORY_SIZE);
	if (w->finished)
		return false;
	if (is_directory) {
		enter(s, w, at);
		return false;
	}
	*ret = (struct pe_resource){.rva = signature_u32(s, at),
				    .length = signature_u32(s, at + 4),
				    .type = w->type,
				    .id = w->id,
				    .language = w->language,
				    .type_string = l->type_string,
				    .name_string = l->name_string,
				    .language_string = l->language_string};
	return true;
}

bool signature_pe_resources_next(const struct signature_module_state *s, struct pe_resource_walk *w,
				 struct pe_resource *ret)
{
	while (!w->finished && w->count < PE_RESOURCES_MAX) {
		if (w->levels[w->depth - 1].left == 0) {
			w->depth--;
			w->finished = w->depth == 0;
		} else if (walk_entry(s, w, ret)) {
			w->count++;
			return true;
		}
	}
	return false;
}

/* Version information ("VS_VERSIONINFO structure" and what follows it, Microsoft). */

static bool key_is(const struct signature_module_state *s, uint64_t at, const char *key)
{
	const size_t n = strlen(key);

	if (!signature_fits(s, at + VERSION_HEADER, 2 * (n + 1)))
		return false;
	for (size_t i = 0; i <= n; i++)
		if (signature_u16(s, at + VERSION_HEADER + 2 * i) != (uint8_t)key[i])
			return false;
	return true;
}

/* Characters before the 16-bit zero; false: there is none in the file. */
static bool wide_length(const struct signature_module_state *s, uint64_t at, uint64_t *ret)
{
	for (uint64_t n = 0; signature_fits(s, at + 2 * n, 2); n++)
		if (signature_u16(s, at + 2 * n) == 0) {
			*ret = n;
			return true;
		}
	return false;
}

/* The low bytes, up to the first that is zero. */
static struct str narrow(const struct signature_module_state *s, uint64_t at, char *buf, size_t max)
{
	size_t n = 0;

	while (n < max && signature_fits(s, at + 2 * n, 1) && s->data[at + 2 * n] != 0) {
		buf[n] = (char)s->data[at + 2 * n];
		n++;
	}
	return str_n(buf, n);
}

static uint64_t padded(uint64_t at, uint64_t n)
{
	return at + ((n + 3) & ~(uint64_t)3);
}

typedef bool version_each(void *ctx, struct str key, struct str value);

struct version_walk {
	const struct signature_module_state *s;
	version_each *each;
	void *ctx;
	uint32_t left; /* entries still looked at */
	bool stopped;
};

/* A structure with a key that has one, and a length that is not zero, begins before `end`. */
static bool version_here(struct version_walk *v, uint64_t at, uint64_t end, uint64_t *ret_key)
{
	return !v->stopped && v->left > 0 && at < end && signature_fits(v->s, at, VERSION_HEADER) &&
	       wide_length(v->s, at + VERSION_HEADER, ret_key) && signature_u16(v->s, at) != 0;
}

static void version_strings(struct version_walk *v, uint64_t at, uint64_t end)
{
	char key_buf[VERSION_KEY_MAX], value_buf[VERSION_TEXT_MAX];
	uint64_t key_length = 0, value_length = 0;

	for (; version_here(v, at, end, &key_length); at = padded(at, signature_u16(v->s, at))) {
		const uint64_t value_at = padded(at, VERSION_HEADER + 2 * (key_length + 1));
		if (!wide_length(v->s, value_at, &value_length))
			continue;
		v->left--;
		struct str value = narrow(v->s, value_at, value_buf, sizeof(value_buf));
		if (signature_u16(v->s, at + 2) == 0)
			value.n = 0;
		v->stopped = !v->each(v->ctx, narrow(v->s, at + VERSION_HEADER, key_buf, sizeof(key_buf)), value);
	}
}

void signature_pe_versions(const struct signature_module_state *s, const struct pe_resource *resource, version_each *each,
			   void *ctx)
{
	struct version_walk v = {.s = s, .each = each, .ctx = ctx, .left = PE_VERSION_INFOS_MAX};
	const int64_t start = signature_pe_offset(s, resource->rva);
	uint64_t at = (uint64_t)start, key_length = 0;

	if (start < 0 || !key_is(s, at, "VS_VERSION_INFO"))
		return;
	at = padded(at, VERSION_HEADER + 86);
	while (key_is(s, at, "VarFileInfo") && signature_u16(s, at) != 0)
		at = padded(at, signature_u16(s, at));
	while (!v.stopped && key_is(s, at, "StringFileInfo") && signature_u16(s, at) != 0) {
		uint64_t table = padded(at, VERSION_HEADER + 30);
		at = padded(at, signature_u16(s, at));
		while (version_here(&v, table, at, &key_length)) {
			const uint64_t strings = padded(table, VERSION_HEADER + 2 * (key_length + 1));
			table = padded(table, signature_u16(s, table));
			version_strings(&v, strings, table);
		}
	}
}

static void all_versions(const struct signature_module_state *s, version_each *each, void *ctx)
{
	struct pe_resource_walk w;
	struct pe_resource r;

	signature_pe_resources_begin(s, &w);
	while (signature_pe_resources_next(s, &w, &r))
		if (r.type == TYPE_VERSION)
			signature_pe_versions(s, &r, each, ctx);
}

struct version_query {
	struct signature_module_state *s;
	struct signature_value *ret;
	struct str key;     /* of a dictionary's value */
	uint32_t seen, at;  /* `at`: the entry that is asked for */
	bool want_key;      /* the entry's key rather than its value */
};

static bool count_version(void *ctx, struct str key, struct str value)
{
	struct version_query *q = ctx;

	(void)key;
	(void)value;
	q->seen++;
	return true;
}

static bool version_at(void *ctx, struct str key, struct str value)
{
	struct version_query *q = ctx;

	if (q->seen++ != q->at)
		return true;
	signature_value_copy(q->s, q->ret, q->want_key ? key : value);
	return false;
}

/* The last of several with one key counts. */
static bool version_by_key(void *ctx, struct str key, struct str value)
{
	struct version_query *q = ctx;

	if (str_eq(q->key, key))
		signature_value_copy(q->s, q->ret, value);
	return true;
}

static uint32_t version_count(struct signature_module_state *s)
{
	struct version_query q = {.seen = 0};

	if (!s->pe.has_version_count) {
		all_versions(s, count_version, &q);
		s->pe.version_count = q.seen;
		s->pe.has_version_count = true;
	}
	return s->pe.version_count;
}

#define DISTINCT_MAX 64

/* The keys in the order in which they first came. */
struct distinct {
	uint32_t count;
	size_t n[DISTINCT_MAX];
	char keys[DISTINCT_MAX][VERSION_KEY_MAX];
};

static bool distinct_key(void *ctx, struct str key, struct str value)
{
	struct distinct *d = ctx;

	(void)value;
	for (uint32_t i = 0; i < d->count; i++)
		if (str_eq(str_n(d->keys[i], d->n[i]), key))
			return true;
	if (d->count < DISTINCT_MAX) {
		d->n[d->count] = key.n;
		if (key.n > 0)
			memcpy(d->keys[d->count], key.p, key.n);
		d->count++;
	}
	return true;
}

static void dictionary_value(struct signature_module_state *s, const struct signature_key *keys, unsigned key_count,
			     struct signature_value *ret)
{
	struct version_query q = {.s = s, .ret = ret};
	struct distinct d;

	if (key_count == 1 && keys[0].text.p != NULL) {
		q.key = keys[0].text;
		all_versions(s, version_by_key, &q);
		return;
	}
	d.count = 0;
	all_versions(s, distinct_key, &d);
	if (key_count == 0)
		signature_value_integer(ret, d.count);
	else if (keys[0].index >= 0 && keys[0].index < d.count)
		signature_value_copy(s, ret, str_n(d.keys[keys[0].index], d.n[keys[0].index]));
}

static uint32_t resource_count(struct signature_module_state *s)
{
	struct pe_resource_walk w;
	struct pe_resource r;

	if (!s->pe.has_resource_count) {
		signature_pe_resources_begin(s, &w);
		while (signature_pe_resources_next(s, &w, &r))
			;
		s->pe.resource_count = w.count;
		s->pe.has_resource_count = true;
	}
	return s->pe.resource_count;
}

/* Goes on from the last question where that is possible. */
static const struct pe_resource *to_resource(struct signature_module_state *s, int64_t index)
{
	struct signature_pe *pe = &s->pe;

	if (index < 0 || index >= resource_count(s))
		return NULL;
	if (!pe->has_resource || (int64_t)pe->resource_walk.count > index + 1) {
		signature_pe_resources_begin(s, &pe->resource_walk);
		pe->has_resource = true;
	}
	while ((int64_t)pe->resource_walk.count <= index)
		if (!signature_pe_resources_next(s, &pe->resource_walk, &pe->resource)) {
			pe->has_resource = false;
			return NULL;
		}
	return &pe->resource;
}

/* A resource's type, id or language is a text or a number. */
static void text_or_number(bool want_text, struct str text, uint32_t number, struct signature_value *ret)
{
	if (want_text && text.p != NULL)
		signature_value_text(ret, text);
	else if (!want_text && text.p == NULL)
		signature_value_integer(ret, (int32_t)number);
}

static void one_resource(struct signature_module_state *s, unsigned id, int64_t index, struct signature_value *ret)
{
	const struct pe_resource *r = to_resource(s, index);

	if (r == NULL)
		return;
	switch (id) {
	case PE_RESOURCE_RVA:
		signature_value_integer(ret, r->rva);
		break;
	case PE_RESOURCE_OFFSET: {
		const int64_t at = signature_pe_offset(s, r->rva);
		if (at >= 0)
			signature_value_integer(ret, at);
		break;
	}
	case PE_RESOURCE_LENGTH:
		signature_value_integer(ret, r->length);
		break;
	case PE_RESOURCE_TYPE:
	case PE_RESOURCE_TYPE_STRING:
		text_or_number(id == PE_RESOURCE_TYPE_STRING, r->type_string, r->type, ret);
		break;
	case PE_RESOURCE_ID:
	case PE_RESOURCE_NAME_STRING:
		text_or_number(id == PE_RESOURCE_NAME_STRING, r->name_string, r->id, ret);
		break;
	case PE_RESOURCE_LANGUAGE:
	case PE_RESOURCE_LANGUAGE_STRING:
		text_or_number(id == PE_RESOURCE_LANGUAGE_STRING, r->language_string, r->language, ret);
		break;
	}
}

static void root_value(const struct signature_module_state *s, unsigned id, struct signature_value *ret)
{
	uint64_t base = 0;

	if (!resource_root(s, &base))
		return;
	switch (id) {
	case PE_RESOURCE_TIMESTAMP:
		signature_value_integer(ret, signature_u32(s, base + 4));
		break;
	case PE_RESOURCE_VERSION_MAJOR:
		signature_value_integer(ret, signature_u16(s, base + 8));
		break;
	case PE_RESOURCE_VERSION_MINOR:
		signature_value_integer(ret, signature_u16(s, base + 10));
		break;
	}
}

void signature_pe_resource_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
				 unsigned key_count, struct signature_value *ret)
{
	struct version_query q = {.s = s, .ret = ret};

	switch (id) {
	case PE_NUMBER_OF_RESOURCES:
	case PE_RESOURCES:
		signature_value_integer(ret, resource_count(s));
		break;
	case PE_RESOURCE_TIMESTAMP:
	case PE_RESOURCE_VERSION_MAJOR:
	case PE_RESOURCE_VERSION_MINOR:
		root_value(s, id, ret);
		break;
	case PE_NUMBER_OF_VERSION_INFOS:
	case PE_VERSION_INFO_LIST:
		signature_value_integer(ret, version_count(s));
		break;
	case PE_VERSION_INFO:
		dictionary_value(s, keys, key_count, ret);
		break;
	case PE_VERSION_INFO_KEY:
	case PE_VERSION_INFO_VALUE:
		if (key_count != 1 || keys[0].index < 0 || keys[0].index >= version_count(s))
			return;
		q.at = (uint32_t)keys[0].index;
		q.want_key = id == PE_VERSION_INFO_KEY;
		all_versions(s, version_at, &q);
		break;
	default:
		if (key_count == 1)
			one_resource(s, id, keys[0].index, ret);
	}
}

void signature_pe_resource_call(struct signature_module_state *s, unsigned id, const struct signature_argument *a,
				struct signature_value *ret)
{
	const uint32_t mask = id == PE_LOCALE ? 0xffff : 0xff;
	struct pe_resource_walk w;
	struct pe_resource r;
	bool found = false;

	signature_pe_resources_begin(s, &w);
	while (!found && signature_pe_resources_next(s, &w, &r))
		found = r.language_string.p == NULL && (int64_t)(r.language & mask) == a[0].value.integer;
	signature_value_integer(ret, found);
}
