/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/text/text.h"
#include "engine/document/document_internal.h"
#include "engine/document/document_template.h"

static const char *const endings[DOCUMENT_FORMAT__COUNT] = {"pdf", "docx", "html"};

bool document_format_of(struct str file_name, enum document_format *ret)
{
	for (int i = 0; i < DOCUMENT_FORMAT__COUNT; i++) {
		size_t n = strlen(endings[i]) + 1;
		if (file_name.n <= n || file_name.p[file_name.n - n] != '.' ||
		    !str_eq_nocase(str_sub(file_name, file_name.n - n + 1, file_name.n), str_c(endings[i])))
			continue;
		*ret = (enum document_format)i;
		return true;
	}
	return false;
}

/* Checked, and with line ends of one kind. */
static int take_template(struct arena *arena, struct str template, struct str *ret, struct err *err)
{
	struct buf lines = BUF_INIT(DOCUMENT_TEMPLATE_MAX + 1);
	if (template.n > DOCUMENT_TEMPLATE_MAX)
		return err_set(err, -E2BIG, "document.too_big", ARG_U64("limit_mb", DOCUMENT_TEMPLATE_MAX >> 20));
	size_t bad = text_utf8_error(template);
	if (bad != SIZE_MAX)
		return err_set(err, -EINVAL, "document.utf8", ARG_U64("byte", bad));
	for (size_t i = 0; i < template.n; i++)
		if (template.p[i] != '\r' || i + 1 == template.n || template.p[i + 1] != '\n')
			buf_append_char(&lines, template.p[i]);
	*ret = arena_str(arena, buf_str(&lines));
	buf_done(&lines);
	return 0;
}

/* One form of each letter, so that fonts have it and searches find it. */
static int composed(struct arena *arena, struct str *text, struct err *err)
{
	struct buf nfc = BUF_INIT(2 * DOCUMENT_TEXT_MAX);
	int r = text_nfc(*text, &nfc, err);
	if (r == 0)
		*text = arena_str(arena, buf_str(&nfc));
	buf_done(&nfc);
	return r;
}

int document_new(struct arena *arena, struct str template, const struct json *data, const struct document **ret, struct err *err)
{
	struct document_expand x = {.arena = arena, .data = data, .err = err};
	struct str head, body;
	struct document *d = ARENA_NEW(arena, struct document);
	d->arena = arena;
	int r = take_template(arena, template, &x.source, err);
	if (r == 0)
		r = document_expand(&x, &head, &body);
	if (r == 0)
		r = composed(arena, &head, err);
	if (r == 0)
		r = composed(arena, &body, err);
	if (r == 0)
		r = document_read_head(arena, head, &d->head, err);
	if (r == 0)
		r = document_read_body(arena, body, d, err);
	if (r < 0)
		return r;
	document_number_headings(d);
	*ret = d;
	return 0;
}

int document_check(struct str template, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct document_expand x = {.arena = arena, .err = err};
	int r = take_template(arena, template, &x.source, err);
	return r < 0 ? r : document_expand(&x, NULL, NULL);
}

int document_write(const struct document *d, enum document_format format, struct buf *ret, struct err *err)
{
	switch (format) {
	case DOCUMENT_PDF:
		return document_write_pdf(d, ret, err);
	case DOCUMENT_DOCX:
		return document_write_docx(d, ret, err);
	case DOCUMENT_HTML:
		return document_write_html(d, ret, err);
	case DOCUMENT_FORMAT__COUNT:
		break;
	}
	return err_set(err, -EINVAL, "document.not_written");
}
