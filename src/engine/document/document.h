/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * document: administrative documents from templates. A template is Markdown
 * (CommonMark with GFM tables) behind a head of `key: value` lines; `{{…}}` in
 * both takes values out of JSON data. The result is laid out after Annex I of
 * Nghị định 30/2020/NĐ-CP as PDF (Pango, Cairo), DOCX (ECMA-376) or HTML.
 * The language of templates: docs/documents.md.
 *
 * Does not live here: where data and templates come from (services, packs),
 * signatures (engine/pades).
 * Threads: no shared state; a document is immutable.
 */
#pragma once
#include "base/err/err.h"
#include "base/json/json.h"
#include "base/mem/mem.h"

#define DOCUMENT_TEMPLATE_MAX ((size_t)1 << 20)
#define DOCUMENT_TEXT_MAX ((size_t)4 << 20)   /* of a template with its values put in */
#define DOCUMENT_STEPS_MAX ((uint64_t)2000000) /* expressions worked out for one document */
#define DOCUMENT_FILE_MAX ((size_t)64 << 20)
#define DOCUMENT_SIGNATURE_PLACE "luytre.signature" /* named destination in a PDF: the middle of the gap between position and name */

struct document;

enum document_format { DOCUMENT_PDF, DOCUMENT_DOCX, DOCUMENT_HTML, DOCUMENT_FORMAT__COUNT };

/*
 * Lives in `arena`, borrows nothing. `data`: an object. Errors have "line:column" of the template as place:
 * -EINVAL document.syntax (expected), document.no_value (name), document.not_a_list, document.not_a_value, document.no_format (name,
 * nearest), document.format_value (format), document.compare, document.head_key (name, nearest), document.utf8;
 * -E2BIG document.too_big, document.too_deep, document.too_long.
 */
int document_new(struct arena *arena, struct str template, const struct json *data, const struct document **ret,
		 struct err *err) WARN_UNUSED;
/* Syntax alone, as `luytre pack check` wants it: every branch, no data. */
int document_check(struct str template, struct err *err) WARN_UNUSED;

/* Appends the file. -ENOENT document.no_font: the fonts are not installed; -EIO document.not_written; -E2BIG document.too_big. */
int document_write(const struct document *d, enum document_format format, struct buf *ret, struct err *err) WARN_UNUSED;
/* "pdf", "docx", "html"; false: another ending. */
bool document_format_of(struct str file_name, enum document_format *ret);
