/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A query as a condition over `event`. What people typed goes into parameters only; texts here are literals. */
#include <stdio.h>
#include <utf8proc.h>

#include "base/text/text.h"
#include "engine/event_query/event_query_internal.h"

#define SIZE_OF_FOLDED (4 * EVENT_QUERY_LIMIT)

int event_query_param(struct event_query_sql *sql, const char *type, struct str value, struct err *err)
{
	if (sql->count == EVENT_QUERY_PARAMS)
		return err_set(err, -E2BIG, "event.query_too_many", ARG_U64("limit", EVENT_QUERY_TERMS));
	(void)snprintf(sql->params[sql->count].name, EVENT_QUERY_PARAM_NAME, "p%zu", sql->count);
	sql->params[sql->count].value = value;
	buf_printf(&sql->text, "{p%zu:%s}", sql->count, type);
	sql->count++;
	return 0;
}

static void put(struct event_query_sql *sql, const char *literal)
{
	buf_append_c(&sql->text, literal);
}

/* `before` {p:type} `after` */
static int put_with(struct event_query_sql *sql, const char *before, const char *type, struct str value, const char *after,
                    struct err *err)
{
	put(sql, before);
	int r = event_query_param(sql, type, value, err);
	put(sql, after);
	return r;
}

/* ---- texts ---- */

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static struct str arena_buf_str(struct arena *arena, const struct buf *b)
{
	return arena_str(arena, buf_str(b));
}

/* Letters of ASCII in lower case, as the store's lower() has them; of the others each, none, or the first in capitals. */
enum capitals { CAPITALS_NONE, CAPITALS_ALL, CAPITALS_FIRST };
static struct str cased(struct arena *arena, struct str s, enum capitals how)
{
	cleanup_buf struct buf out = BUF_INIT(SIZE_OF_FOLDED);
	for (size_t at = 0; at < s.n;) {
		bool first = at == 0;
		int32_t code = text_utf8_next(s, &at);
		if (code < 0)
			continue;
		bool upper = code >= 0x80 && (how == CAPITALS_ALL || (how == CAPITALS_FIRST && first));
		text_append_code(&out, upper ? utf8proc_toupper(code) : utf8proc_tolower(code));
	}
	return arena_buf_str(arena, &out);
}

static struct str composed(struct arena *arena, struct str s)
{
	cleanup_buf struct buf out = BUF_INIT(SIZE_OF_FOLDED);
	return text_nfc(s, &out, NULL) < 0 ? s : arena_buf_str(arena, &out);
}

static struct str lower(struct arena *arena, struct str s)
{
	return cased(arena, s, CAPITALS_NONE);
}

static const char *lower_of(struct str value)
{
	return is_ascii(value) ? "lower(" : "lowerUTF8(";
}

/* LIKE's own letters lose their meaning, ours get it. */
static struct str pattern(struct arena *arena, struct str s, bool anywhere)
{
	cleanup_buf struct buf out = BUF_INIT(SIZE_OF_FOLDED);
	if (anywhere)
		buf_append_char(&out, '%');
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '%' || c == '_' || c == '\\')
			buf_append_char(&out, '\\');
		buf_append_char(&out, c == EVENT_QUERY_ANY ? '%' : c == EVENT_QUERY_ONE ? '_' : c);
	}
	if (anywhere)
		buf_append_char(&out, '%');
	return arena_buf_str(arena, &out);
}

/* As it stands within a JSON text, where that differs: most originals are JSON. */
static struct str in_json(struct arena *arena, struct str s)
{
	cleanup_buf struct buf out = BUF_INIT(SIZE_OF_FOLDED);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_append_char(&out, '\\');
		buf_append_char(&out, s.p[i]);
	}
	return arena_buf_str(arena, &out);
}

static bool in_token(unsigned char c)
{
	return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* One word: by the index of lower(raw), which knows capitals of ASCII only. */
static int put_token(struct event_query_sql *sql, const char *column, struct str token, struct err *err)
{
	put(sql, "(");
	struct str done[3];
	size_t count = 0;
	for (enum capitals how = CAPITALS_NONE; how <= CAPITALS_FIRST; how++) {
		struct str word = cased(sql->arena, token, how);
		bool known = false;
		for (size_t i = 0; i < count; i++)
			known |= str_eq(done[i], word);
		if (known)
			continue;
		buf_printf(&sql->text, "%shasToken(lower(%s), ", count > 0 ? " OR " : "", column);
		done[count++] = word;
		int r = event_query_param(sql, "String", word, err);
		if (r < 0)
			return r;
		put(sql, ")");
	}
	put(sql, ")");
	return 0;
}

/* The words one after the other with just what stands between them. */
static int put_phrase(struct event_query_sql *sql, const char *column, struct str text, struct err *err)
{
	struct str coded = in_json(sql->arena, text);
	bool ascii = is_ascii(text);
	buf_printf(&sql->text, ascii ? "(position(lower(%s), " : "(positionCaseInsensitiveUTF8(%s, ", column);
	int r = event_query_param(sql, "String", ascii ? lower(sql->arena, text) : text, err);
	put(sql, ") > 0");
	if (r == 0 && !str_eq(coded, text)) {
		buf_printf(&sql->text, ascii ? " OR position(lower(%s), " : " OR positionCaseInsensitiveUTF8(%s, ", column);
		r = event_query_param(sql, "String", ascii ? lower(sql->arena, coded) : coded, err);
		put(sql, ") > 0");
	}
	put(sql, ")");
	return r;
}

#define TOKENS_MAX 8
static int put_text(struct event_query_sql *sql, const char *column, struct str value, struct err *err)
{
	struct str text = composed(sql->arena, str_trim(value));
	size_t tokens = 0;
	bool others = false;
	put(sql, "(");
	for (size_t i = 0; i < text.n;) {
		size_t from = i;
		while (i < text.n && in_token((unsigned char)text.p[i]))
			i++;
		if (i == from) {
			others = true;
			i++;
			continue;
		}
		/* More of them make the search no quicker; the phrase has them all. */
		if (tokens == TOKENS_MAX)
			continue;
		put(sql, tokens++ > 0 ? " AND " : "");
		int r = put_token(sql, column, str_sub(text, from, i), err);
		if (r < 0)
			return r;
	}
	int r = 0;
	if (others || tokens == 0) {
		put(sql, tokens > 0 ? " AND " : "");
		r = put_phrase(sql, column, text, err);
	}
	put(sql, ")");
	return r;
}

static int put_folded(struct event_query_sql *sql, struct str value, struct err *err)
{
	cleanup_buf struct buf folded = BUF_INIT(SIZE_OF_FOLDED);
	text_search_key(value, &folded);
	return put_with(sql,
	                "(position(lower(replaceRegexpAll(normalizeUTF8NFD(replaceAll(replaceAll(raw, 'đ', 'd'), 'Đ', 'D')),"
	                " '\\\\p{Mn}', '')), ",
	                "String", arena_buf_str(sql->arena, &folded), ") > 0)", err);
}

/* ---- fields ---- */

/* Is there a value x of the map's entry for which …: the values of one name stand one a line. */
static int open_map(struct event_query_sql *sql, struct str name, struct err *err)
{
	int r = put_with(sql, "(mapContains(fields, ", "String", name, ") AND arrayExists(x -> ", err);
	return r;
}

static int close_map(struct event_query_sql *sql, struct str name, struct err *err)
{
	return put_with(sql, ", splitByChar('\\n', fields[", "String", name, "])))", err);
}

static const char *sign_of(enum event_query_kind kind)
{
	return kind == EVENT_QUERY_LESS            ? " < "
	       : kind == EVENT_QUERY_LESS_EQUAL    ? " <= "
	       : kind == EVENT_QUERY_GREATER       ? " > "
	                                           : " >= ";
}

/* A comparison of the text `x`: a column or one value of the map. */
static int put_comparison(struct event_query_sql *sql, const struct event_query *q, const char *x, struct err *err)
{
	struct str value = composed(sql->arena, q->value);
	struct event_query_network net;
	int r;
	switch (q->kind) {
	case EVENT_QUERY_EQUAL:
		buf_printf(&sql->text, "%s%s) = ", lower_of(value), x);
		return event_query_param(sql, "String", lower(sql->arena, value), err);
	case EVENT_QUERY_LIKE:
		buf_printf(&sql->text, "%s%s) LIKE ", lower_of(value), x);
		return event_query_param(sql, "String", pattern(sql->arena, lower(sql->arena, value), false), err);
	case EVENT_QUERY_LESS:
	case EVENT_QUERY_LESS_EQUAL:
	case EVENT_QUERY_GREATER:
	case EVENT_QUERY_GREATER_EQUAL:
		buf_printf(&sql->text, "ifNull(toFloat64OrNull(%s)%s", x, sign_of(q->kind));
		return put_with(sql, "", "Float64", value, ", 0)", err);
	case EVENT_QUERY_CIDR:
		(void)event_query_network(value, &net);
		buf_printf(&sql->text, "ifNull(toIPv6OrNull(%s) BETWEEN toIPv6(", x);
		r = put_with(sql, "", "String", arena_str(sql->arena, str_c(net.first)), ") AND toIPv6(", err);
		return r < 0 ? r : put_with(sql, "", "String", arena_str(sql->arena, str_c(net.last)), "), 0)", err);
	case EVENT_QUERY_ALL: case EVENT_QUERY_AND: case EVENT_QUERY_OR: case EVENT_QUERY_NOT: case EVENT_QUERY_TEXT:
	case EVENT_QUERY_FOLDED: case EVENT_QUERY_EXISTS: case EVENT_QUERY__COUNT:
		break;
	}
	put(sql, "1");
	return 0;
}

/* ", {p0:String}, {p1:String}" of the parts between dots. */
static int put_path(struct event_query_sql *sql, struct str name, struct err *err)
{
	int r = 0;
	struct str part;
	while (r == 0 && str_split(&name, '.', &part))
		r = put_with(sql, ", ", "String", part, "", err);
	return r;
}

/* The value of a field without a column: of the map, or of a JSON text, whose fields the map has not; there its name may
 * be one with dots or a path. */
static int put_value(struct event_query_sql *sql, struct str name, struct err *err)
{
	char whole[EVENT_QUERY_PARAM_NAME + 16];
	put(sql, "if(mapContains(fields, ");
	int r = event_query_param(sql, "String", name, err);
	if (r < 0)
		return r;
	(void)snprintf(whole, sizeof whole, "{%s:String}", sql->params[sql->count - 1].name);
	bool dotted = str_find_char(name, '.') != SIZE_MAX;
	buf_printf(&sql->text, "), fields[%s], %sJSONExtract(raw, %s, 'String')", whole, dotted ? "firstNonDefault(" : "", whole);
	if (dotted) {
		put(sql, ", JSONExtract(raw");
		r = put_path(sql, name, err);
		put(sql, ", 'String'))");
	}
	put(sql, ")");
	return r;
}

/* The index of words before JSON is read: a value of a JSON text has its words there, unless letters are escaped, which
 * nobody does with these. A value of the map need not stand in raw. */
static int put_words_of(struct event_query_sql *sql, const struct event_query *q, struct err *err)
{
	struct str longest = STR_EMPTY;
	for (size_t i = 0, from = 0; i <= q->value.n; i++) {
		unsigned char c = i < q->value.n ? (unsigned char)q->value.p[i] : ' ';
		if (c < ' ')
			return 0;
		if (c < 0x80 && in_token(c))
			continue;
		if (i - from > longest.n && c < 0x80 && (from == 0 || (unsigned char)q->value.p[from - 1] < 0x80))
			longest = str_sub(q->value, from, i);
		from = i + 1;
	}
	if (longest.n < 3)
		return 0;
	int r = put_with(sql, "(hasToken(lower(raw), ", "String", lower(sql->arena, longest), ") OR ", err);
	return r < 0 ? r : put_with(sql, "mapContains(fields, ", "String", q->field, ")) AND ", err);
}

/* A field without a column. */
static int put_free(struct event_query_sql *sql, const struct event_query *q, struct err *err)
{
	bool exists = q->kind == EVENT_QUERY_EXISTS;
	int r = q->kind == EVENT_QUERY_EQUAL ? put_words_of(sql, q, err) : 0;
	if (r < 0)
		return r;
	put(sql, exists ? "(" : "arrayExists(x -> ");
	r = exists ? 0 : put_comparison(sql, q, "x", err);
	put(sql, exists ? "" : ", splitByChar('\\n', ");
	if (r == 0)
		r = put_value(sql, q->field, err);
	put(sql, exists ? " != '')" : "))");
	return r;
}

/* Further values of a field with a column. */
static int put_map(struct event_query_sql *sql, const struct event_query *q, struct err *err)
{
	if (q->kind == EVENT_QUERY_EXISTS)
		return put_with(sql, "mapContains(fields, ", "String", q->field, ")", err);
	int r = open_map(sql, q->field, err);
	if (r == 0)
		r = put_comparison(sql, q, "x", err);
	return r < 0 ? r : close_map(sql, q->field, err);
}

static int put_number(struct event_query_sql *sql, const struct event_query *q, const char *column, struct err *err)
{
	uint64_t number;
	bool range = q->kind >= EVENT_QUERY_LESS && q->kind <= EVENT_QUERY_GREATER_EQUAL;
	if (q->kind == EVENT_QUERY_EXISTS) {
		buf_printf(&sql->text, "(isNotNull(%s) OR ", column);
	} else if (range || (q->kind == EVENT_QUERY_EQUAL && str_parse_u64(q->value, 0, UINT32_MAX, &number))) {
		buf_printf(&sql->text, "ifNull(%s%s", column, range ? sign_of(q->kind) : " = ");
		return put_with(sql, "", range ? "Float64" : "UInt32", q->value, ", 0)", err);
	} else {
		buf_printf(&sql->text, "((isNotNull(%s) AND ", column);
		char text[64];
		(void)snprintf(text, sizeof text, "toString(%s)", column);
		int r = put_comparison(sql, q, text, err);
		if (r < 0)
			return r;
		put(sql, ") OR ");
	}
	/* What fits no number stays in the map. */
	int r = put_map(sql, q, err);
	put(sql, ")");
	return r;
}

static int put_column(struct event_query_sql *sql, const struct event_query *q, const struct event_query_field *f,
                      struct err *err)
{
	bool message = str_eq_c(str_c(f->name), "message"), words = message || str_eq_c(str_c(f->name), "raw");
	if (words && q->kind == EVENT_QUERY_EQUAL) {
		/* The index is that of raw. */
		put(sql, message ? "(" : "");
		int r = put_text(sql, "raw", q->value, err);
		put(sql, message ? " AND " : "");
		if (message && r == 0)
			r = put_text(sql, f->column, q->value, err);
		put(sql, message ? ")" : "");
		return r;
	}
	bool several = event_query_has_several(f);
	put(sql, several ? "(" : "");
	int r = 0;
	if (q->kind == EVENT_QUERY_EXISTS)
		buf_printf(&sql->text, "%s != ''", f->column);
	else
		r = put_comparison(sql, q, f->column, err);
	if (r == 0 && several) {
		put(sql, " OR ");
		r = put_map(sql, q, err);
		put(sql, ")");
	}
	return r;
}

static int put_field(struct event_query_sql *sql, const struct event_query *q, struct err *err)
{
	const struct event_query_field *f = event_query_field(q->field);
	if (f == NULL)
		return put_free(sql, q, err);
	switch (f->kind) {
	case EVENT_QUERY_NUMBER:
		return put_number(sql, q, f->column, err);
	case EVENT_QUERY_UUID:
		buf_printf(&sql->text, "%s %s ", f->column, q->kind == EVENT_QUERY_EXISTS ? "!=" : "=");
		return event_query_param(sql, "UUID",
		                         q->kind == EVENT_QUERY_EXISTS ? STR("00000000-0000-0000-0000-000000000000") : q->value, err);
	case EVENT_QUERY_STRING:
		return put_column(sql, q, f, err);
	case EVENT_QUERY_MAP:
		break;
	}
	return put_free(sql, q, err);
}

static int put_both(struct event_query_sql *sql, const struct event_query *q, const char *word, struct err *err)
{
	int r = event_query_compile(q->left, sql, err);
	put(sql, word);
	return r < 0 ? r : event_query_compile(q->right, sql, err);
}

static int put_node(struct event_query_sql *sql, const struct event_query *q, struct err *err)
{
	switch (q->kind) {
	case EVENT_QUERY_ALL:
		put(sql, "1");
		return 0;
	case EVENT_QUERY_AND:
		return put_both(sql, q, " AND ", err);
	case EVENT_QUERY_OR:
		return put_both(sql, q, " OR ", err);
	case EVENT_QUERY_NOT:
		put(sql, "NOT ");
		return event_query_compile(q->left, sql, err);
	case EVENT_QUERY_TEXT:
		return put_text(sql, "raw", q->value, err);
	case EVENT_QUERY_FOLDED:
		return put_folded(sql, q->value, err);
	case EVENT_QUERY_LIKE:
		if (q->field.n > 0)
			break;
		return put_with(sql, is_ascii(q->value) ? "lower(raw) LIKE " : "lowerUTF8(raw) LIKE ", "String",
		                pattern(sql->arena, lower(sql->arena, composed(sql->arena, q->value)), true), "", err);
	case EVENT_QUERY_EQUAL: case EVENT_QUERY_EXISTS: case EVENT_QUERY_LESS: case EVENT_QUERY_LESS_EQUAL:
	case EVENT_QUERY_GREATER: case EVENT_QUERY_GREATER_EQUAL: case EVENT_QUERY_CIDR: case EVENT_QUERY__COUNT:
		break;
	}
	return put_field(sql, q, err);
}

int event_query_compile(const struct event_query *q, struct event_query_sql *sql, struct err *err)
{
	put(sql, "(");
	int r = put_node(sql, q, err);
	put(sql, ")");
	if (r == 0 && sql->text.overflow)
		r = err_set(err, -E2BIG, "event.query_too_many", ARG_U64("limit", EVENT_QUERY_TERMS));
	return r;
}

int event_query_value_of(struct str field, struct event_query_sql *sql, struct err *err)
{
	const struct event_query_field *f = event_query_field(field);
	if (f == NULL)
		return put_value(sql, field, err);
	if (f->kind == EVENT_QUERY_STRING)
		buf_printf(&sql->text, "toString(%s)", f->column);
	else
		buf_printf(&sql->text, "ifNull(toString(%s), '')", f->column);
	return 0;
}
