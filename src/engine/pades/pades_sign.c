/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* An incremental update (7.5.6) with one signature: its dictionary, its field, the page and the form that know of it. */
#include "engine/pades/pades_cms_internal.h"
#include "engine/pades/pades_sign_internal.h"

#define CMS_BYTES_MAX ((size_t)24 << 10) /* of room for the CMS: chain and time stamp */
#define RANGE_WIDTH 64
#define TREE_DEPTH 40

static int malformed(struct err *err, const char *what)
{
	return err_set(err, -EINVAL, "pades.malformed", ARG_CSTR("what", what));
}

void pades_begin_object(struct pades_update *u, int64_t number, uint32_t generation)
{
	u->written[u->count].number = number;
	u->written[u->count].generation = generation;
	u->written[u->count++].at = u->out->n - u->base;
	buf_printf(u->out, "%lld %u obj\n", (long long)number, generation);
}

static void put_key(struct buf *out, struct str key)
{
	buf_append_char(out, '/');
	for (size_t i = 0; i < key.n; i++) {
		unsigned char c = (unsigned char)key.p[i];
		if (c <= ' ' || c >= 0x7f || strchr("()<>[]{}/%#", c) != NULL)
			buf_printf(out, "#%02X", c);
		else
			buf_append_char(out, (char)c);
	}
	buf_append_char(out, ' ');
}

/* The entries of a dictionary but two, as they stand. */
static void put_entries(struct buf *out, const struct pades_object *dict, const char *but, const char *and_but)
{
	for (const struct pades_object *o = dict->child; o != NULL; o = o->next) {
		if (str_eq_c(o->key, but) || str_eq_c(o->key, and_but))
			continue;
		put_key(out, o->key);
		buf_append(out, o->raw);
		buf_append_char(out, '\n');
	}
}

/* A list with the new field at its end. */
static void put_list(struct pades_update *u, const char *key, const struct pades_object *list)
{
	buf_printf(u->out, "/%s [", key);
	for (const struct pades_object *o = list != NULL && list->type == PADES_ARRAY ? list->child : NULL; o != NULL; o = o->next) {
		buf_append(u->out, o->raw);
		buf_append_char(u->out, ' ');
	}
	buf_printf(u->out, "%lld 0 R]\n", (long long)u->field);
}

static void put_form(struct pades_update *u, const struct pades_object *form)
{
	buf_append_c(u->out, "<<\n");
	if (form != NULL)
		put_entries(u->out, form, "Fields", "SigFlags");
	put_list(u, "Fields", pades_get(&u->file, form, "Fields"));
	buf_append_c(u->out, "/SigFlags 3\n>>");
}

/* The form stands in the catalog or is an object of its own. */
static int update_form(struct pades_update *u)
{
	const struct pades_object *root_ref = pades_entry(u->file.trailer, "Root"), *root = pades_resolve(&u->file, root_ref);
	const struct pades_object *entry = pades_entry(root, "AcroForm"), *form = pades_resolve(&u->file, entry);
	if (root_ref == NULL || root_ref->type != PADES_REF || root == NULL || root->type != PADES_DICT)
		return malformed(u->err, "/Root");
	if (pades_get(&u->file, pades_get(&u->file, root, "Perms"), "DocMDP") != NULL)
		return err_set(u->err, -EINVAL, "pades.locked");
	if (form != NULL && (form->type != PADES_DICT || form->is_stream))
		return malformed(u->err, "/AcroForm");
	bool alone = form != NULL && entry->type == PADES_REF;
	const struct pades_object *ref = alone ? entry : root_ref;
	pades_begin_object(u, ref->integer, ref->generation);
	if (!alone) {
		buf_append_c(u->out, "<<\n");
		put_entries(u->out, root, "AcroForm", "");
		buf_append_c(u->out, "/AcroForm ");
	}
	put_form(u, form);
	buf_append_c(u->out, alone ? "\nendobj\n" : "\n>>\nendobj\n");
	return 0;
}

static int find_first_page(struct pades_update *u)
{
	const struct pades_object *ref = pades_entry(pades_get(&u->file, u->file.trailer, "Root"), "Pages"), *page = pades_resolve(&u->file, ref);
	for (int i = 0; i < TREE_DEPTH && page != NULL && pades_entry(page, "Kids") != NULL; i++) {
		const struct pades_object *kids = pades_get(&u->file, page, "Kids");
		ref = kids != NULL ? kids->child : NULL;
		page = pades_resolve(&u->file, ref);
	}
	u->page = ref;
	return 0;
}

static int update_page(struct pades_update *u)
{
	const struct pades_object *page = pades_resolve(&u->file, u->page);
	if (page == NULL || page->type != PADES_DICT || page->is_stream || u->page->type != PADES_REF || pades_entry(page, "Kids") != NULL)
		return malformed(u->err, "/Pages");
	pades_begin_object(u, u->page->integer, u->page->generation);
	buf_append_c(u->out, "<<\n");
	put_entries(u->out, page, "Annots", "");
	put_list(u, "Annots", pades_get(&u->file, page, "Annots"));
	buf_append_c(u->out, ">>\nendobj\n");
	return 0;
}

/* UTF-16 with its mark, in hexadecimal (7.9.2.2). */
static void put_text(struct buf *out, const char *key, struct str text)
{
	if (text.n == 0)
		return;
	buf_printf(out, "/%s <FEFF", key);
	struct cursor c = cursor_of(text);
	while (!cursor_at_end(&c)) {
		uint32_t code = cursor_u8(&c);
		int more = code >= 0xF0 ? 3 : code >= 0xE0 ? 2 : code >= 0xC0 ? 1 : 0;
		code = more == 3 ? code & 7 : more == 2 ? code & 15 : more == 1 ? code & 31 : code;
		while (more-- > 0)
			code = code << 6 | (cursor_u8(&c) & 63);
		if (code >= 0x10000)
			buf_printf(out, "%04X%04X", 0xD7C0 + (code >> 10), 0xDC00 + (code & 0x3FF));
		else
			buf_printf(out, "%04X", code);
	}
	buf_append_c(out, ">\n");
}

static void put_signature(struct pades_update *u, const struct pades_sign *how)
{
	struct clock_date d = clock_civil(how->now, CLOCK_VN_OFFSET_USEC);
	char name[256] = "";
	(void)X509_NAME_get_text_by_NID(X509_get_subject_name(how->key->certificate), NID_commonName, name, sizeof(name));
	pades_begin_object(u, u->signature, 0);
	buf_append_c(u->out, "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached\n");
	buf_printf(u->out, "/M (D:%04d%02u%02u%02u%02u%02u+07'00')\n", d.year, d.month, d.day, d.hour, d.minute, d.second);
	put_text(u->out, "Reason", how->reason);
	put_text(u->out, "Location", how->place);
	buf_append_c(u->out, "/ByteRange ");
	u->range_at = u->out->n;
	for (int i = 0; i < RANGE_WIDTH; i++)
		buf_append_char(u->out, ' ');
	buf_append_c(u->out, "\n/Contents ");
	u->contents_at = u->out->n;
	buf_append_char(u->out, '<');
	for (size_t i = 0; i < 2 * CMS_BYTES_MAX; i++)
		buf_append_char(u->out, '0');
	buf_append_c(u->out, ">\n>>\nendobj\n");
}

static void put_field(struct pades_update *u)
{
	pades_begin_object(u, u->field, 0);
	buf_printf(u->out, "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Signature%lld) /V %lld 0 R /P %.*s /F 132 /Rect [%d %d %d %d]", (long long)u->field,
		   (long long)u->signature, STR_FMT(u->page->raw), u->frame[0], u->frame[1], u->frame[2], u->frame[3]);
	if (u->image > 0)
		buf_printf(u->out, " /AP << /N %lld 0 R >>", (long long)u->image + 2);
	buf_append_c(u->out, " >>\nendobj\n");
}

static void put_trailer_entries(struct pades_update *u, int64_t size)
{
	static const char *const kept[] = {"Root", "Info", "ID"};
	buf_printf(u->out, "/Size %lld /Prev %llu", (long long)size, (unsigned long long)u->file.newest_xref);
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		const struct pades_object *o = pades_entry(u->file.trailer, kept[i]);
		if (o != NULL)
			buf_printf(u->out, " /%s %.*s", kept[i], STR_FMT(o->raw));
	}
}

static void put_table(struct pades_update *u)
{
	buf_append_c(u->out, "xref\n");
	for (size_t i = 0; i < u->count; i++)
		buf_printf(u->out, "%lld 1\n%010zu %05u n \n", (long long)u->written[i].number, u->written[i].at, u->written[i].generation);
	buf_append_c(u->out, "trailer\n<< ");
	put_trailer_entries(u, u->size);
	buf_append_c(u->out, " >>\n");
}

static void put_big_endian(struct buf *out, uint64_t value, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--)
		buf_append_char(out, (char)(value >> (8 * i)));
}

/* A file whose cross-references are streams goes on with streams. */
static void put_xref_stream(struct pades_update *u)
{
	int64_t number = u->size;
	pades_begin_object(u, number, 0);
	buf_append_c(u->out, "<< /Type /XRef /W [1 8 2] /Index [");
	for (size_t i = 0; i < u->count; i++)
		buf_printf(u->out, "%lld 1 ", (long long)u->written[i].number);
	buf_printf(u->out, "] /Length %zu ", 11 * u->count);
	put_trailer_entries(u, u->size + 1);
	buf_append_c(u->out, " >>\nstream\n");
	for (size_t i = 0; i < u->count; i++) {
		put_big_endian(u->out, 1, 1);
		put_big_endian(u->out, u->written[i].at, 8);
		put_big_endian(u->out, u->written[i].generation, 2);
	}
	buf_append_c(u->out, "\nendstream\nendobj\n");
}

/* Numbers in ascending order, as readers expect them of a table. */
static void sort_written(struct pades_update *u)
{
	for (size_t i = 1; i < u->count; i++)
		for (size_t k = i; k > 0 && u->written[k - 1].number > u->written[k].number; k--) {
			__typeof__(u->written[0]) other = u->written[k];
			u->written[k] = u->written[k - 1];
			u->written[k - 1] = other;
		}
}

static int put_update(struct pades_update *u, const struct pades_sign *how)
{
	const struct pades_object *size = pades_entry(u->file.trailer, "Size");
	bool shows = how->image_png.n > 0;
	if (size == NULL || size->type != PADES_INTEGER || size->integer < (int64_t)u->file.count)
		return malformed(u->err, "/Size");
	u->signature = size->integer;
	u->field = size->integer + 1;
	u->image = shows ? size->integer + 2 : 0;
	u->size = size->integer + (shows ? 5 : 2);
	int r = shows ? pades_find_place(u) : find_first_page(u);
	if (r == 0)
		r = update_form(u);
	if (r == 0)
		r = update_page(u);
	if (r == 0 && shows)
		r = pades_put_appearance(u, how);
	if (r < 0)
		return r;
	put_field(u);
	put_signature(u, how);
	size_t xref_at = u->out->n - u->base;
	sort_written(u);
	if (u->file.xref_is_stream)
		put_xref_stream(u);
	else
		put_table(u);
	buf_printf(u->out, "startxref\n%zu\n%%%%EOF\n", xref_at);
	return u->out->overflow ? err_set(u->err, -E2BIG, "pades.too_big", ARG_U64("limit_mb", PADES_FILE_MAX >> 20)) : 0;
}

/* Everything but the signature itself is signed. */
static int put_cms(struct pades_update *u, const struct pades_sign *how)
{
	cleanup_buf struct buf cms = BUF_INIT(CMS_BYTES_MAX + 1), hex = BUF_INIT(2 * CMS_BYTES_MAX + 1);
	char range[RANGE_WIDTH + 1];
	struct buf b = BUF_FIXED(range, sizeof(range));
	struct str file = str_sub(buf_str(u->out), u->base, u->out->n);
	size_t from = u->contents_at - u->base, to = from + 2 * CMS_BYTES_MAX + 2;
	buf_printf(&b, "[0 %zu %zu %zu]", from, to, file.n - to);
	memcpy(&u->out->p[u->range_at], range, b.n);
	const struct str pieces[2] = {str_sub(file, 0, from), str_sub(file, to, file.n)};
	int r = pades_cms_make(how, pieces, &cms, u->err);
	if (r == 0 && cms.overflow)
		r = err_set(u->err, -EIO, "pades.not_signed", ARG_CSTR("reason", "CMS"));
	if (r < 0)
		return r;
	buf_append_hex(&hex, cms.p, cms.n);
	memcpy(&u->out->p[u->contents_at + 1], hex.p, hex.n);
	return 0;
}

int pades_sign(struct str pdf, const struct pades_sign *how, struct buf *ret, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)512 << 20);
	struct buf out = BUF_INIT(PADES_FILE_MAX + ((size_t)1 << 20));
	struct pades_update u = {.out = &out, .err = err};
	buf_append(&out, pdf);
	if (!str_ends_with(pdf, STR("\n")))
		buf_append_char(&out, '\n');
	int r = pades_file_open(arena, pdf, &u.file, err);
	if (r == 0)
		r = put_update(&u, how);
	if (r == 0)
		r = put_cms(&u, how);
	if (r == 0)
		buf_append(ret, buf_str(&out));
	buf_done(&out);
	return r;
}
