/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The signatures of a file: fields of the form with a value. What a signature covers is what its ByteRange names,
 * and that has to be everything from the file's first byte to the end of its revision but the signature itself.
 */
#include "engine/pades/pades_cms_internal.h"

#define FIELDS_DEPTH 8
#define FIELDS_MAX 10000
#define WORK_MAX ((size_t)512 << 20)

struct found {
	const struct pades_object *value; /* the signature's dictionary */
	const struct pades_object *field;
	uint64_t end; /* of what it covers */
};

struct search {
	struct pades_file *file;
	struct found found[PADES_SIGNATURES_MAX];
	size_t count, fields;
};

/* [0 a b c]; false when it is nothing of the kind. */
static bool range_of(const struct pades_object *value, uint64_t range[4])
{
	const struct pades_object *list = pades_entry(value, "ByteRange");
	const struct pades_object *o = list != NULL && list->type == PADES_ARRAY ? list->child : NULL;
	for (size_t i = 0; i < 4; i++, o = o->next) {
		if (o == NULL || o->type != PADES_INTEGER || o->integer < 0)
			return false;
		range[i] = (uint64_t)o->integer;
	}
	return o == NULL;
}

static void take_field(struct search *s, const struct pades_object *field, bool is_signature)
{
	const struct pades_object *value = pades_get(s->file, field, "V");
	uint64_t range[4];
	if (!is_signature || value == NULL || value->type != PADES_DICT || s->count == PADES_SIGNATURES_MAX)
		return;
	for (size_t i = 0; i < s->count; i++)
		if (s->found[i].value == value)
			return;
	s->found[s->count++] = (struct found){.value = value, .field = field, .end = range_of(value, range) ? range[2] + range[3] : 0};
}

static void walk(struct search *s, const struct pades_object *list, bool inherited, unsigned depth)
{
	if (list == NULL || list->type != PADES_ARRAY || depth > FIELDS_DEPTH)
		return;
	for (const struct pades_object *o = list->child; o != NULL && s->fields < FIELDS_MAX; o = o->next, s->fields++) {
		const struct pades_object *field = pades_resolve(s->file, o), *type = pades_get(s->file, field, "FT");
		bool is_signature = type != NULL ? pades_is_name(type, "Sig") : inherited;
		take_field(s, field, is_signature);
		walk(s, pades_get(s->file, field, "Kids"), is_signature, depth + 1);
	}
}

/* "D:20261121135635+07'00'" (7.9.4). */
static usec_t read_time(struct str text)
{
	struct cursor c = cursor_of(text);
	uint64_t part[6] = {0, 1, 1, 0, 0, 0}, hours = 0, minutes = 0;
	static const size_t widths[6] = {4, 2, 2, 2, 2, 2};
	usec_t t = 0;
	(void)cursor_accept_str(&c, STR("D:"));
	for (size_t i = 0; i < 6 && c.s.n - c.at >= widths[i]; i++)
		if (!str_parse_u64(cursor_take(&c, widths[i]), 0, 9999, &part[i]))
			return 0;
	int sign = cursor_accept(&c, '+') ? 1 : cursor_accept(&c, '-') ? -1 : 0;
	if (sign != 0 && cursor_u64(&c, 0, 14, &hours) && cursor_accept(&c, '\''))
		(void)cursor_u64(&c, 0, 59, &minutes);
	const struct clock_date d = {.year = (int)part[0], .month = (unsigned)part[1], .day = (unsigned)part[2], .hour = (unsigned)part[3],
				     .minute = (unsigned)part[4], .second = (unsigned)part[5]};
	return clock_from_civil(&d, sign * ((usec_t)hours * USEC_PER_HOUR + (usec_t)minutes * USEC_PER_MINUTE), &t) ? t : 0;
}

/* Zeros behind the CMS fill its place up: cut by the length that its first bytes tell. */
static struct str cut_der(struct str der)
{
	struct cursor c = cursor_of(der);
	uint64_t length;
	if (cursor_u8(&c) != 0x30)
		return STR_EMPTY;
	unsigned first = cursor_u8(&c), bytes = first & 0x7f;
	if (first < 0x80)
		return str_sub(der, 0, 2 + first);
	if (first == 0x80) /* indefinite: OpenSSL finds the end */
		return der;
	for (length = 0; bytes > 0 && bytes <= 4; bytes--)
		length = length << 8 | cursor_u8(&c);
	return c.failed || length > der.n ? STR_EMPTY : str_sub(der, 0, c.at + (size_t)length);
}

/* The gap in the range is the text of /Contents, brackets included, and nothing else. */
static const char *pieces_of(const struct pades_file *f, const struct pades_object *value, struct str pieces[2], struct str *ret_cms)
{
	const struct pades_object *contents = pades_entry(value, "Contents");
	uint64_t range[4];
	if (contents == NULL || contents->type != PADES_STRING || !contents->hexadecimal || value->in_stream || !range_of(value, range))
		return "pades.fault_range";
	size_t from = contents->at, to = contents->at + contents->raw.n;
	if (range[0] != 0 || range[1] != from || range[2] != to || range[3] > f->bytes.n || to + range[3] > f->bytes.n)
		return "pades.fault_range";
	pieces[0] = str_sub(f->bytes, 0, from);
	pieces[1] = str_sub(f->bytes, to, to + (size_t)range[3]);
	*ret_cms = cut_der(contents->text);
	return NULL;
}

/* The revision that was signed, against the file as it is. */
static enum pades_change change_after(struct pades_file *now, uint64_t end)
{
	cleanup(arena) struct arena *arena = arena_new(WORK_MAX);
	struct pades_file before;
	struct str rest = str_sub(now->bytes, (size_t)end, now->bytes.n);
	if (str_trim(rest).n == 0)
		return rest.n <= 2 ? PADES_CHANGE_NONE : PADES_CHANGE_OTHER;
	if (pades_file_open(arena, str_sub(now->bytes, 0, (size_t)end), &before, NULL) < 0)
		return PADES_CHANGE_OTHER;
	/* Bytes that no revision knows of were not put there by a program that signs. */
	return before.newest_xref == now->newest_xref ? PADES_CHANGE_OTHER : pades_compare(&before, now);
}

static struct str text_entry(struct arena *arena, struct pades_file *f, const struct pades_object *dict, const char *key)
{
	const struct pades_object *o = pades_get(f, dict, key);
	return o != NULL && o->type == PADES_STRING ? pades_text(arena, o->text) : STR_EMPTY;
}

static void verify_one(struct arena *arena, struct pades_file *f, const struct found *found, const struct pades_store *store, struct pades_signature *ret)
{
	struct str pieces[2], cms = STR_EMPTY;
	const struct pades_object *filter = pades_get(f, found->value, "SubFilter"), *made = pades_get(f, found->value, "M");
	*ret = (struct pades_signature){.field = text_entry(arena, f, found->field, "T"), .reason = text_entry(arena, f, found->value, "Reason"), .change = PADES_CHANGE_OTHER};
	ret->claimed = made != NULL && made->type == PADES_STRING ? read_time(made->text) : 0;
	ret->fault = pieces_of(f, found->value, pieces, &cms);
	if (ret->fault != NULL)
		return;
	if (!pades_is_name(filter, "ETSI.CAdES.detached") && !pades_is_name(filter, "adbe.pkcs7.detached")) {
		ret->fault = "pades.fault_kind";
		return;
	}
	pades_cms_check(arena, cms, pieces, store, ret);
	ret->change = change_after(f, found->end);
}

int pades_verify(struct arena *arena, struct str pdf, const struct pades_trust *trust, struct pades_report *ret, struct err *err)
{
	/* Hostile files may fill the one, results lie in the other. */
	cleanup(arena) struct arena *work = arena_new(WORK_MAX);
	struct pades_file file;
	struct pades_store *store = NULL;
	struct search s = {.file = &file};
	int r = pades_file_open(work, pdf, &file, err);
	if (r < 0)
		return r;
	walk(&s, pades_get(&file, pades_get(&file, pades_get(&file, file.trailer, "Root"), "AcroForm"), "Fields"), false, 0);
	/* By what they cover: each one signs those before it. */
	for (size_t i = 1; i < s.count; i++)
		for (size_t k = i; k > 0 && s.found[k - 1].end > s.found[k].end; k--) {
			struct found other = s.found[k];
			s.found[k] = s.found[k - 1];
			s.found[k - 1] = other;
		}
	r = pades_store_new(trust, &store, err);
	if (r < 0)
		return r;
	*ret = (struct pades_report){.signatures = arena_alloc(arena, (s.count + 1) * sizeof(struct pades_signature)), .count = s.count};
	for (size_t i = 0; i < s.count; i++)
		verify_one(arena, &file, &s.found[i], store, &ret->signatures[i]);
	pades_store_free(store);
	return 0;
}

bool pades_is_good(const struct pades_signature *s)
{
	return s->intact && s->chain == PADES_CHAIN_GOOD && s->change != PADES_CHANGE_OTHER;
}
