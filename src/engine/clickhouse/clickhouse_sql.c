/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/cursor/cursor.h"
#include "engine/clickhouse/clickhouse.h"

/* Table functions (and file(), which is also a plain function) that reach files, network, processes or other servers. */
static const char *const refused_functions[] = {
#define REFUSED(name) #name,
#include "engine/clickhouse/clickhouse_refused.def"
#undef REFUSED
};

static const char *const harmless_table_functions[] = {
#define HARMLESS(name) #name,
#include "engine/clickhouse/clickhouse_harmless.def"
#undef HARMLESS
};

static bool listed(struct str name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(name, str_c(list[i])))
			return true;
	return false;
}

bool clickhouse_function_is_refused(struct str name)
{
	return listed(name, refused_functions, sizeof refused_functions / sizeof refused_functions[0]);
}

bool clickhouse_table_function_is_harmless(struct str name)
{
	return listed(name, harmless_table_functions, sizeof harmless_table_functions / sizeof harmless_table_functions[0]);
}

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED_NAME, TOKEN_TEXT, TOKEN_NUMBER, TOKEN_SIGN };

struct token {
	enum token_kind kind;
	struct str text; /* quoted names: without the quotes, escapes as written */
	size_t at;       /* where it begins, quotes included */
};

static bool is_word_start(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static int syntax(const struct cursor *c, struct err *err, const char *key)
{
	unsigned line, column;
	cursor_place(c, &line, &column);
	return err_set(err, -EINVAL, key, ARG_U64("line", line), ARG_U64("column", column));
}

/* After the opening quote: to the closing one. A backslash escapes, a doubled quote is the quote. */
static int read_quoted(struct cursor *c, char quote, struct str *ret, struct err *err)
{
	size_t from = c->at;
	for (;;) {
		int b = cursor_next(c);
		if (b < 0)
			return syntax(c, err, "clickhouse.syntax");
		if (b == '\\') {
			(void)cursor_next(c);
			continue;
		}
		if (b != quote)
			continue;
		if (!cursor_accept(c, quote)) {
			*ret = str_sub(c->s, from, c->at - 1);
			return 0;
		}
	}
}

/* $tag$ … $tag$; a "$" that opens none is refused. */
static int read_heredoc(struct cursor *c, struct str *ret, struct err *err)
{
	size_t from = c->at;
	(void)cursor_next(c);
	while (is_word_start(cursor_peek(c)) || is_digit(cursor_peek(c)))
		(void)cursor_next(c);
	if (!cursor_accept(c, '$'))
		return syntax(c, err, "clickhouse.syntax");
	struct str tag = str_sub(c->s, from, c->at);
	size_t end = str_find(cursor_rest(c), tag);
	if (end == SIZE_MAX)
		return syntax(c, err, "clickhouse.syntax");
	*ret = cursor_take(c, end);
	(void)cursor_take(c, tag.n);
	return 0;
}

static int skip_blanks(struct cursor *c, struct err *err)
{
	for (;;) {
		cursor_skip_space(c);
		(void)cursor_while(c, "\f\v");
		if (cursor_accept_str(c, STR("/*"))) {
			size_t end = str_find(cursor_rest(c), STR("*/"));
			if (end == SIZE_MAX)
				return syntax(c, err, "clickhouse.syntax");
			/* The engine may nest comments in some version; a comment within a comment is refused. */
			if (str_find(cursor_take(c, end), STR("/*")) != SIZE_MAX)
				return syntax(c, err, "clickhouse.syntax");
			(void)cursor_take(c, 2);
		} else if (cursor_accept_str(c, STR("--"))) {
			(void)cursor_until(c, '\n');
		} else if (cursor_peek(c) == '#') {
			return syntax(c, err, "clickhouse.syntax");
		} else if (cursor_peek(c) != '\f' && cursor_peek(c) != '\v' && cursor_peek(c) != ' ' && cursor_peek(c) != '\t' &&
		           cursor_peek(c) != '\r' && cursor_peek(c) != '\n') {
			return 0;
		}
	}
}

static int next_token(struct cursor *c, struct token *ret, struct err *err)
{
	int r = skip_blanks(c, err);
	if (r < 0)
		return r;
	*ret = (struct token){.kind = TOKEN_END, .at = c->at};
	int b = cursor_peek(c);
	if (b < 0)
		return 0;
	if (b >= 0x80 || b == 0)
		return syntax(c, err, "clickhouse.not_ascii");
	if (b == '\'') {
		(void)cursor_next(c);
		ret->kind = TOKEN_TEXT;
		return read_quoted(c, '\'', &ret->text, err);
	}
	if (b == '"' || b == '`') {
		(void)cursor_next(c);
		ret->kind = TOKEN_QUOTED_NAME;
		return read_quoted(c, (char)b, &ret->text, err);
	}
	if (b == '$') {
		ret->kind = TOKEN_TEXT;
		return read_heredoc(c, &ret->text, err);
	}
	size_t from = c->at;
	(void)cursor_next(c);
	ret->kind = TOKEN_SIGN;
	if (is_word_start(b) || is_digit(b)) {
		ret->kind = is_word_start(b) ? TOKEN_WORD : TOKEN_NUMBER;
		while (is_word_start(cursor_peek(c)) || is_digit(cursor_peek(c)))
			(void)cursor_next(c);
	}
	ret->text = str_sub(c->s, from, c->at);
	return 0;
}

static bool token_is(const struct token *t, const char *word)
{
	return (t->kind == TOKEN_WORD || t->kind == TOKEN_SIGN) && str_eq_nocase(t->text, str_c(word));
}

struct reader {
	struct cursor c;
	struct token now, before, before2;
	bool readonly;
	bool starts_insert; /* first word is INSERT */
	bool selects;       /* INSERT … SELECT: rows come from a query */
	unsigned depth;
	size_t settings_at; /* of SETTINGS outside parentheses, or SIZE_MAX */
	struct clickhouse_statement *s;
};

static int advance(struct reader *r, struct err *err)
{
	r->before2 = r->before;
	r->before = r->now;
	return next_token(&r->c, &r->now, err);
}

static int refuse(struct str word, struct err *err)
{
	return err_set(err, -EINVAL, "clickhouse.refused", ARG_STR("word", str_sub(word, 0, 60)));
}

static bool is_name(const struct token *t)
{
	return t->kind == TOKEN_WORD || t->kind == TOKEN_QUOTED_NAME;
}

/* Looks at the token just read, with the two before it. */
static int check_refusals(struct reader *r, struct err *err)
{
	if (token_is(&r->now, "outfile") && token_is(&r->before, "into"))
		return refuse(STR("INTO OUTFILE"), err);
	if (token_is(&r->now, "infile") && token_is(&r->before, "from"))
		return refuse(STR("FROM INFILE"), err);
	if (token_is(&r->now, "function") && token_is(&r->before, "into"))
		return refuse(STR("INTO FUNCTION"), err);
	if (token_is(&r->now, "(") && is_name(&r->before) && clickhouse_function_is_refused(r->before.text))
		return refuse(r->before.text, err);
	/* An escape inside a quoted name could spell a refused one. */
	if (r->now.kind == TOKEN_QUOTED_NAME && str_find_char(r->now.text, '\\') != SIZE_MAX)
		return refuse(r->now.text, err);
	if (r->readonly && r->depth > 0 && is_name(&r->before) && token_is(&r->before2, "settings") && token_is(&r->now, "="))
		return refuse(STR("SETTINGS"), err);
	return 0;
}

/* {name:Type}: called on "{". */
static int read_placeholder(struct reader *r, struct err *err)
{
	int e = advance(r, err);
	if (e < 0)
		return e;
	if (r->now.kind != TOKEN_WORD)
		return 0; /* a map literal */
	struct str name = r->now.text;
	e = advance(r, err);
	if (e < 0 || !token_is(&r->now, ":"))
		return e;
	struct clickhouse_statement *s = r->s;
	for (unsigned i = 0; i < s->placeholder_count; i++)
		if (str_eq(s->placeholders[i], name))
			return 0;
	if (s->placeholder_count == CLICKHOUSE_PLACEHOLDERS)
		return err_set(err, -E2BIG, "clickhouse.too_many_parameters", ARG_U64("limit", CLICKHOUSE_PLACEHOLDERS));
	s->placeholders[s->placeholder_count++] = name;
	return 0;
}

/* Data begins after FORMAT x or VALUES; the line break that ends the statement's line is not data. */
static void take_insert_data(struct reader *r, size_t head_end)
{
	struct clickhouse_statement *s = r->s;
	if (r->settings_at != SIZE_MAX) {
		s->settings = str_trim(str_sub(r->c.s, r->settings_at, head_end));
		head_end = r->settings_at;
	}
	s->is_insert = true;
	s->head = str_trim(str_sub(r->c.s, 0, head_end));
	(void)cursor_while(&r->c, " \t");
	(void)cursor_accept(&r->c, '\r');
	(void)cursor_accept(&r->c, '\n');
	s->data = cursor_rest(&r->c);
}

static void note_kind(struct reader *r)
{
	static const char *const reading[] = {"select", "with", "show", "describe", "desc", "explain", "exists"};
	r->starts_insert = token_is(&r->now, "insert");
	for (size_t i = 0; i < sizeof reading / sizeof reading[0]; i++)
		if (token_is(&r->now, reading[i]))
			r->s->reads_only = true;
	if (token_is(&r->now, "(")) /* (SELECT …) UNION … */
		r->s->reads_only = true;
}

static int step(struct reader *r, struct err *err);

/* Handles the words that divide a statement. 1: insert data begins, reading is over. */
static int divide(struct reader *r, struct err *err)
{
	struct clickhouse_statement *s = r->s;
	if (r->depth > 0)
		return 0;
	if (token_is(&r->now, "settings"))
		r->settings_at = r->now.at;
	if (r->starts_insert && (token_is(&r->now, "select") || token_is(&r->now, "with")))
		r->selects = true;
	/* WITH … INSERT, EXPLAIN … INSERT: not reading. */
	if (token_is(&r->now, "insert"))
		s->reads_only = false;
	bool rows_follow = r->starts_insert && !r->selects;
	if (rows_follow && token_is(&r->now, "values")) {
		s->format = STR("Values");
		take_insert_data(r, r->now.at);
		return 1;
	}
	if (!token_is(&r->now, "format"))
		return 0;
	size_t format_at = r->now.at;
	int e = advance(r, err);
	if (e < 0)
		return e;
	if (r->now.kind != TOKEN_WORD)
		return step(r, err); /* a column or function called format */
	s->format = r->now.text;
	if (!rows_follow)
		return 0;
	take_insert_data(r, format_at);
	return 1;
}

static int step(struct reader *r, struct err *err)
{
	int e = check_refusals(r, err);
	if (e < 0)
		return e;
	if (token_is(&r->now, "(") || token_is(&r->now, "["))
		r->depth++;
	else if ((token_is(&r->now, ")") || token_is(&r->now, "]")) && r->depth > 0)
		r->depth--;
	if (token_is(&r->now, "{"))
		return read_placeholder(r, err);
	return divide(r, err);
}

int clickhouse_statement_read(struct str sql, bool readonly, struct clickhouse_statement *ret, struct err *err)
{
	*ret = (struct clickhouse_statement){0};
	struct reader r = {.c = cursor_of(sql), .readonly = readonly, .settings_at = SIZE_MAX, .s = ret};
	int e = advance(&r, err);
	if (e < 0)
		return e;
	if (r.now.kind == TOKEN_END)
		return err_set(err, -EINVAL, "clickhouse.empty");
	note_kind(&r);
	size_t end = 0;
	while (r.now.kind != TOKEN_END) {
		if (r.c.at > CLICKHOUSE_SQL_LIMIT)
			return err_set(err, -E2BIG, "clickhouse.too_long", ARG_U64("limit", CLICKHOUSE_SQL_LIMIT));
		if (token_is(&r.now, ";")) {
			end = r.now.at;
			e = advance(&r, err);
			if (e == 0 && r.now.kind != TOKEN_END)
				e = syntax(&r.c, err, "clickhouse.many_statements");
			if (e < 0)
				return e;
			break;
		}
		e = step(&r, err);
		if (e != 0)
			return e < 0 ? e : 0;
		end = r.c.at;
		if ((e = advance(&r, err)) < 0)
			return e;
	}
	ret->head = str_trim(str_sub(sql, 0, end));
	return 0;
}
