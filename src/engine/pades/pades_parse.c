/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* PDF objects (ISO 32000-1, 7.2 and 7.3). */
#include "engine/pades/pades_internal.h"

#define DEPTH_MAX 40
#define NODES_MAX ((size_t)2000000)
#define BLANKS " \t\r\n\f"
#define NUMBER_MAX ((int64_t)1 << 52)

void pades_skip_blank(struct cursor *c)
{
	for (;;) {
		int next = cursor_peek(c);
		if (next == '%')
			while (next != '\n' && next != '\r' && next >= 0)
				next = cursor_next(c);
		else if (next >= 0 && (next == 0 || strchr(BLANKS, next) != NULL))
			(void)cursor_next(c);
		else
			return;
	}
}

static bool is_regular(int c)
{
	return c > ' ' && strchr("()<>[]{}/%", c) == NULL;
}

bool pades_keep(struct pades_file *f, struct str text, struct str *ret)
{
	char *copy = ARENA_ARRAY(f->arena, text.n + 1, char);
	if (copy == NULL)
		return false;
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	*ret = str_n(copy, text.n);
	return true;
}

static struct pades_object *make(struct pades_file *f, enum pades_type type)
{
	if (++f->nodes > NODES_MAX)
		return NULL;
	struct pades_object *o = ARENA_ARRAY(f->arena, 1, struct pades_object);
	if (o != NULL)
		o->type = type;
	return o;
}

static int digit(int c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Behind the slash; "#41" is "A". */
static struct str read_name(struct pades_file *f, struct cursor *c)
{
	struct str from = cursor_rest(c);
	size_t n = 0, out = 0;
	while (n < from.n && is_regular((unsigned char)from.p[n]))
		n++;
	(void)cursor_take(c, n);
	struct str raw = str_sub(from, 0, n);
	if (str_find_char(raw, '#') == SIZE_MAX)
		return raw;
	char *text = ARENA_ARRAY(f->arena, n + 1, char);
	if (text == NULL)
		return STR_EMPTY;
	for (size_t i = 0; i < n; i++) {
		bool escaped = raw.p[i] == '#' && i + 2 < n && digit(raw.p[i + 1]) >= 0 && digit(raw.p[i + 2]) >= 0;
		text[out++] = escaped ? (char)(digit(raw.p[i + 1]) * 16 + digit(raw.p[i + 2])) : raw.p[i];
		i += escaped ? 2 : 0;
	}
	return str_n(text, out);
}

static struct pades_object *read_hex(struct pades_file *f, struct cursor *c)
{
	struct pades_object *o = make(f, PADES_STRING);
	struct str inner = cursor_until(c, '>');
	char *text = ARENA_ARRAY(f->arena, inner.n / 2 + 1, char);
	size_t out = 0;
	int high = -1;
	if (o == NULL || text == NULL || !cursor_accept(c, '>'))
		return NULL;
	for (size_t i = 0; i < inner.n; i++) {
		int d = digit((unsigned char)inner.p[i]);
		if (d < 0)
			continue;
		if (high < 0) {
			high = d;
			continue;
		}
		text[out++] = (char)(high * 16 + d);
		high = -1;
	}
	if (high >= 0)
		text[out++] = (char)(high * 16);
	o->hexadecimal = true;
	o->text = str_n(text, out);
	return o;
}

/* One escape behind a backslash; -1: nothing stands for it. */
static int read_escape(struct cursor *c)
{
	static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
	int next = cursor_next(c);
	const char *known = next > 0 ? strchr(from, next) : NULL;
	if (known != NULL)
		return to[strcspn(from, (char[]){(char)next, 0})];
	if (next == '\r')
		(void)cursor_accept(c, '\n');
	if (next == '\r' || next == '\n')
		return -1;
	if (next < '0' || next > '7')
		return next;
	int value = next - '0';
	for (int i = 0; i < 2 && cursor_peek(c) >= '0' && cursor_peek(c) <= '7'; i++)
		value = value * 8 + cursor_next(c) - '0';
	return value & 0xff;
}

static struct pades_object *read_text(struct pades_file *f, struct cursor *c)
{
	struct pades_object *o = make(f, PADES_STRING);
	struct buf text = BUF_INIT(PADES_FILE_MAX);
	unsigned open = 1;
	while (open > 0 && !c->failed) {
		int next = cursor_next(c);
		open += next == '(';
		open -= next == ')';
		if (next == '\\')
			next = read_escape(c);
		if (next >= 0 && open > 0)
			buf_append_char(&text, (char)next);
	}
	bool good = o != NULL && !c->failed && pades_keep(f, buf_str(&text), &o->text);
	buf_done(&text);
	return good ? o : NULL;
}

static struct pades_object *read_number(struct pades_file *f, struct cursor *c)
{
	struct str word = cursor_while(c, "+-.0123456789");
	bool real = str_find_char(word, '.') != SIZE_MAX;
	struct pades_object *o = make(f, real ? PADES_REAL : PADES_INTEGER);
	struct str digits = word.n > 0 && word.p[0] == '+' ? str_sub(word, 1, word.n) : word;
	if (o == NULL || word.n == 0 || (!real && !str_parse_i64(digits, -NUMBER_MAX, NUMBER_MAX, &o->integer)))
		return NULL;
	return o;
}

/* "12 0 R", or the number alone. */
static struct pades_object *read_number_or_ref(struct pades_file *f, struct cursor *c)
{
	struct pades_object *o = read_number(f, c);
	struct cursor ahead = *c;
	uint64_t generation;
	if (o == NULL || o->type != PADES_INTEGER || o->integer < 0)
		return o;
	pades_skip_blank(&ahead);
	if (!cursor_u64(&ahead, 0, 65535, &generation))
		return o;
	pades_skip_blank(&ahead);
	if (!cursor_accept(&ahead, 'R') || is_regular(cursor_peek(&ahead)))
		return o;
	o->type = PADES_REF;
	o->generation = (uint32_t)generation;
	*c = ahead;
	return o;
}

static struct pades_object *read_list(struct pades_file *f, struct cursor *c, bool dict, bool in_stream, unsigned depth)
{
	struct pades_object *o = make(f, dict ? PADES_DICT : PADES_ARRAY), **last = o != NULL ? &o->child : NULL;
	while (o != NULL && !c->failed) {
		struct str key = STR_EMPTY;
		pades_skip_blank(c);
		if (dict ? cursor_accept_str(c, STR(">>")) : cursor_accept(c, ']'))
			return o;
		if (dict && !cursor_accept(c, '/'))
			return NULL;
		if (dict)
			key = read_name(f, c);
		struct pades_object *item = pades_parse(f, c, in_stream, depth + 1);
		if (item == NULL)
			return NULL;
		item->key = key;
		*last = item;
		last = &item->next;
	}
	return NULL;
}

static struct pades_object *read_word(struct pades_file *f, struct cursor *c)
{
	static const struct {
		struct str word;
		enum pades_type type;
		int64_t value;
	} words[] = {{STR("true"), PADES_BOOL, 1}, {STR("false"), PADES_BOOL, 0}, {STR("null"), PADES_NULL, 0}};
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		struct pades_object *o;
		if (!cursor_accept_str(c, words[i].word))
			continue;
		o = make(f, words[i].type);
		if (o != NULL)
			o->integer = words[i].value;
		return o;
	}
	return NULL;
}

struct pades_object *pades_parse(struct pades_file *f, struct cursor *c, bool in_stream, unsigned depth)
{
	struct pades_object *o;
	if (depth > DEPTH_MAX)
		return NULL;
	pades_skip_blank(c);
	size_t from = c->at;
	int next = cursor_peek(c);
	if (next == '/') {
		(void)cursor_next(c);
		o = make(f, PADES_NAME);
		if (o != NULL)
			o->text = read_name(f, c);
	} else if (cursor_accept_str(c, STR("<<"))) {
		o = read_list(f, c, true, in_stream, depth);
	} else if (cursor_accept(c, '<')) {
		o = read_hex(f, c);
	} else if (cursor_accept(c, '(')) {
		o = read_text(f, c);
	} else if (cursor_accept(c, '[')) {
		o = read_list(f, c, false, in_stream, depth);
	} else if (next == '+' || next == '-' || next == '.' || (next >= '0' && next <= '9')) {
		o = read_number_or_ref(f, c);
	} else {
		o = read_word(f, c);
	}
	if (o == NULL)
		return NULL;
	o->at = from;
	o->raw = str_sub(c->s, from, c->at);
	o->in_stream = in_stream;
	return o;
}

const struct pades_object *pades_entry(const struct pades_object *dict, const char *key)
{
	if (dict == NULL || dict->type != PADES_DICT)
		return NULL;
	for (const struct pades_object *o = dict->child; o != NULL; o = o->next)
		if (str_eq_c(o->key, key))
			return o;
	return NULL;
}

const struct pades_object *pades_resolve(struct pades_file *f, const struct pades_object *o)
{
	for (int i = 0; o != NULL && o->type == PADES_REF; i++)
		o = i < 8 ? pades_load(f, o->integer) : NULL;
	return o != NULL && o->type != PADES_NULL ? o : NULL;
}

const struct pades_object *pades_get(struct pades_file *f, const struct pades_object *dict, const char *key)
{
	return pades_resolve(f, pades_entry(dict, key));
}

bool pades_is_name(const struct pades_object *o, const char *name)
{
	return o != NULL && o->type == PADES_NAME && str_eq_c(o->text, name);
}

double pades_number(const struct pades_object *o)
{
	if (o == NULL || (o->type != PADES_INTEGER && o->type != PADES_REAL))
		return 0;
	struct cursor c = cursor_of(o->raw);
	bool negative = cursor_accept(&c, '-');
	uint64_t whole = 0, digit;
	double value, scale = 1;
	(void)cursor_accept(&c, '+');
	(void)cursor_u64(&c, 0, 1 << 30, &whole);
	value = (double)whole;
	(void)cursor_accept(&c, '.');
	while (str_parse_u64(cursor_take(&c, 1), 0, 9, &digit))
		value += (double)digit * (scale /= 10);
	return negative ? -value : value;
}
