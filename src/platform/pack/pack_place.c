/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/cursor/cursor.h"
#include "platform/pack/pack_internal.h"

static const char *place_at(const struct pack_doc *doc, size_t at, char buf[PACK_PLACE_SIZE])
{
	struct cursor c = {.s = doc->text, .at = at};
	unsigned line, column;
	cursor_place(&c, &line, &column);
	/* A long file name loses its beginning rather than the line. */
	struct str file = str_c(doc->file);
	const size_t room = PACK_PLACE_SIZE - 32;
	struct buf out = BUF_FIXED(buf, PACK_PLACE_SIZE);
	buf_append(&out, file.n > room ? str_sub(file, file.n - room, file.n) : file);
	buf_printf(&out, ":%u:%u", line, column);
	return buf;
}

const char *pack_place(const struct pack_doc *doc, const struct json *node, char buf[PACK_PLACE_SIZE])
{
	return place_at(doc, node != NULL ? node->at : doc->at, buf);
}

int pack_error_at(const struct pack_doc *doc, size_t at, int code, struct err *err)
{
	if (err != NULL)
		(void)place_at(doc, at, err->place);
	return code;
}

int pack_error(const struct pack_doc *doc, const struct json *node, int code, struct err *err)
{
	return pack_error_at(doc, node != NULL ? node->at : doc->at, code, err);
}

int pack_decode(struct arena *arena, const struct pack_doc *doc, const struct json *object,
                const struct json_field *fields, void *out, struct err *err)
{
	struct err own = {0};
	struct err *used = err != NULL ? err : &own;
	int r = json_decode(arena, object, fields, out, used);
	if (r >= 0)
		return r;
	const struct json *node = object != NULL ? json_pointer_nearest(object, str_c(used->place)) : NULL;
	return pack_error(doc, node, r, used);
}
