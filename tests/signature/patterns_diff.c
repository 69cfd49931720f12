/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Strings of signatures against libyara: patterns and data are generated from a seed, every offset and length is compared,
 * and the first difference is printed with the shortest data found.
 *     patterns_diff SEED SETS            a set: 40 patterns over 12 pieces of data
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <yara.h>

#include "engine/signature/signature_pattern.h"

enum { PATTERNS = 40, PIECES = 12, MATCHES = 4096, DATA_MAX = 6000 };

static uint64_t state;

static uint32_t random_below(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state * 0x2545f4914f6cdd1dU) >> 33) % n;
}

static bool chance(uint32_t percent)
{
	return random_below(100) < percent;
}

/* A pattern as YARA writes it, as the engine takes it, and bytes that match it. */
struct made {
	enum signature_pattern_kind kind;
	unsigned flags;
	struct buf source, text, sample;
	uint8_t xor_min, xor_max;
};

static uint8_t random_byte(void)
{
	static const uint8_t bytes[] = "aaabbbcABC01_ -.\n\0\0\x80\xff\x90";
	return bytes[random_below(sizeof(bytes) - 1)];
}

/* ---- text ---- */

static void text_make(struct made *m)
{
	uint32_t n = 1 + random_below(chance(80) ? 6 : 24);
	for (uint32_t i = 0; i < n; i++)
		buf_append_char(&m->text, (char)random_byte());
	static const unsigned choices[] = {0, 0, 0, SIGNATURE_PATTERN_NOCASE, SIGNATURE_PATTERN_XOR, SIGNATURE_PATTERN_BASE64, SIGNATURE_PATTERN_BASE64WIDE,
	                                   SIGNATURE_PATTERN_BASE64 | SIGNATURE_PATTERN_BASE64WIDE};
	m->flags = choices[random_below(ARRAY_LEN(choices))];
	bool base64 = (m->flags & (SIGNATURE_PATTERN_BASE64 | SIGNATURE_PATTERN_BASE64WIDE)) != 0;
	if (chance(40))
		m->flags |= SIGNATURE_PATTERN_WIDE;
	if (chance(40))
		m->flags |= SIGNATURE_PATTERN_ASCII;
	if (!base64 && chance(25))
		m->flags |= SIGNATURE_PATTERN_FULLWORD;
	if (chance(50)) {
		m->xor_min = (uint8_t)random_below(256);
		m->xor_max = (uint8_t)(m->xor_min + random_below(256u - m->xor_min));
	}
	buf_append_c(&m->source, "\"");
	for (uint32_t i = 0; i < n; i++)
		buf_printf(&m->source, "\\x%02x", (uint8_t)m->text.p[i]);
	buf_append_c(&m->source, "\"");
	buf_append(&m->sample, buf_str(&m->text));
}

/* ---- hex ---- */

static void hex_tokens(struct made *m, unsigned depth, uint32_t count);

static void hex_token(struct made *m, unsigned depth)
{
	uint8_t b = random_byte();
	uint32_t kind = random_below(20);
	if (kind == 0 && depth < 3) {
		uint32_t ways = 1 + random_below(3), chosen = random_below(ways);
		buf_append_c(&m->text, "( ");
		for (uint32_t i = 0; i < ways; i++) {
			size_t before = m->sample.n;
			buf_append_c(&m->text, i > 0 ? "| " : "");
			hex_tokens(m, depth + 1, 1 + random_below(3));
			if (i != chosen)
				m->sample.n = before;
			else
				chosen = UINT32_MAX;
		}
		buf_append_c(&m->text, ") ");
		return;
	}
	if (kind < 3)
		buf_append_c(&m->text, "?? ");
	else if (kind == 3)
		buf_printf(&m->text, "%x? ", b >> 4);
	else if (kind == 4)
		buf_printf(&m->text, "?%x ", b & 15);
	else
		buf_printf(&m->text, "%02X ", b);
	buf_append_char(&m->sample, (char)(kind < 3 ? random_byte() : b));
}

static void hex_jump(struct made *m, unsigned depth)
{
	uint32_t min = random_below(5), max = min + random_below(6), kind = random_below(depth == 0 ? 8 : 3), skip;
	if (kind == 0)
		buf_printf(&m->text, "[%u] ", min = max = min + 1);
	else if (kind < 4)
		buf_printf(&m->text, "[%u-%u] ", min, max += max == 0);
	else if (kind == 4)
		buf_printf(&m->text, "[%u-] ", min);
	else if (kind == 5)
		buf_append_c(&m->text, "[-] ");
	else
		buf_printf(&m->text, "[%u-%u] ", min += kind == 6 ? 0 : 190, max = 201 + random_below(100));
	skip = min + (max > min ? random_below(max - min + 1) : 0);
	for (uint32_t i = 0; i < skip; i++)
		buf_append_char(&m->sample, (char)random_byte());
}

static void hex_tokens(struct made *m, unsigned depth, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0 && chance(12))
			hex_jump(m, depth);
		hex_token(m, depth);
	}
}

static void hex_make(struct made *m)
{
	hex_tokens(m, 0, 1 + random_below(9));
	buf_printf(&m->source, "{ %s }", m->text.p);
}

/* ---- regular expressions ---- */

static bool lazy;

static void regex_byte(struct made *m, uint8_t b)
{
	if (b >= 'A' && b != '\\' && b < 0x7f && b != '[' && b != ']' && b != '^')
		buf_append_char(&m->text, (char)b);
	else
		buf_printf(&m->text, "\\x%02x", b);
}

static void regex_alternative(struct made *m, unsigned depth);

static void regex_class(struct made *m)
{
	static const struct {
		const char *text;
		char sample;
	} classes[] = {{"[ab]", 'a'},  {"[^a]", 'b'}, {"[a-c]", 'b'}, {"[0-9A-Z]", 'A'}, {"\\w", 'c'}, {"\\W", ' '},
	               {"\\d", '1'},  {"\\D", '-'},  {"\\s", '\n'},  {"\\S", '.'},      {".", 'c'},   {".", '_'},
	               {"[\\s\\d]", '0'}, {"[^\\x00]", '-'}};
	uint32_t i = random_below(ARRAY_LEN(classes));
	buf_append_c(&m->text, classes[i].text);
	buf_append_char(&m->sample, classes[i].sample);
}

static void regex_single(struct made *m, unsigned depth)
{
	uint32_t kind = random_below(20);
	if (kind == 0 && depth < 3) {
		buf_append_c(&m->text, "(");
		regex_alternative(m, depth + 1);
		buf_append_c(&m->text, ")");
	} else if (kind < 6) {
		regex_class(m);
	} else {
		uint8_t b = random_byte();
		regex_byte(m, b);
		buf_append_char(&m->sample, (char)b);
	}
}

static void regex_repeat(struct made *m, unsigned depth)
{
	static const char *const anchors[] = {"^", "$", "\\b", "\\B"};
	if (chance(4)) {
		buf_append_c(&m->text, anchors[random_below(ARRAY_LEN(anchors))]);
		return;
	}
	size_t before = m->sample.n;
	regex_single(m, depth);
	if (!chance(20))
		return;
	uint32_t min = random_below(4), max = min + 1 + random_below(4), kind = random_below(7), times = 1;
	size_t one = m->sample.n - before;
	if (kind == 0)
		buf_append_c(&m->text, "*");
	else if (kind == 1)
		buf_append_c(&m->text, "+");
	else if (kind == 2)
		buf_append_c(&m->text, "?");
	else if (kind == 3)
		buf_printf(&m->text, "{%u,}", times = min);
	else if (kind == 4)
		buf_printf(&m->text, "{%u}", times = max);
	else
		buf_printf(&m->text, "{%u,%u}", times = min, max);
	if (lazy)
		buf_append_c(&m->text, "?");
	if (times == 0 || (kind < 3 && kind != 1 && chance(50)))
		m->sample.n = before;
	for (uint32_t i = 1; i < times && one > 0; i++) {
		char copy[512];
		size_t n = one < sizeof(copy) ? one : sizeof(copy);
		memcpy(copy, &m->sample.p[before], n);
		buf_append(&m->sample, str_n(copy, n));
	}
}

static void regex_alternative(struct made *m, unsigned depth)
{
	uint32_t ways = chance(depth == 0 ? 8 : 70) ? 1 + random_below(3) : 1, chosen = random_below(ways);
	for (uint32_t i = 0; i < ways; i++) {
		size_t before = m->sample.n;
		buf_append_c(&m->text, i > 0 ? "|" : "");
		uint32_t n = 1 + random_below(depth == 0 ? 8 : 3);
		for (uint32_t j = 0; j < n; j++)
			regex_repeat(m, depth);
		if (i != chosen)
			m->sample.n = before;
		else
			chosen = UINT32_MAX;
	}
}

static void regex_make(struct made *m)
{
	lazy = chance(30);
	regex_alternative(m, 0);
	if (chance(25))
		m->flags |= SIGNATURE_PATTERN_NOCASE;
	if (chance(25))
		m->flags |= SIGNATURE_PATTERN_WIDE;
	if (chance(25))
		m->flags |= SIGNATURE_PATTERN_ASCII;
	if (chance(15))
		m->flags |= SIGNATURE_PATTERN_FULLWORD;
	if (chance(15))
		m->flags |= SIGNATURE_PATTERN_DOT_ALL;
	buf_printf(&m->source, "/%s/%s", m->text.p, (m->flags & SIGNATURE_PATTERN_DOT_ALL) != 0 ? "s" : "");
}

/* ---- a pattern and its data ---- */

static void modifiers_write(struct made *m)
{
	static const struct {
		unsigned flag;
		const char *name;
	} names[] = {{SIGNATURE_PATTERN_NOCASE, "nocase"}, {SIGNATURE_PATTERN_ASCII, "ascii"},   {SIGNATURE_PATTERN_WIDE, "wide"},
	             {SIGNATURE_PATTERN_FULLWORD, "fullword"}, {SIGNATURE_PATTERN_BASE64, "base64"}, {SIGNATURE_PATTERN_BASE64WIDE, "base64wide"}};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if ((m->flags & names[i].flag) != 0)
			buf_printf(&m->source, " %s", names[i].name);
	if ((m->flags & SIGNATURE_PATTERN_XOR) != 0)
		buf_printf(&m->source, " xor(%u-%u)", m->xor_min, m->xor_max);
}

static void made_init(struct made *m)
{
	*m = (struct made){.source = BUF_INIT(1 << 20), .text = BUF_INIT(1 << 20), .sample = BUF_INIT(1 << 20), .xor_max = 255};
	m->kind = (enum signature_pattern_kind)random_below(SIGNATURE_PATTERN__COUNT);
	if (m->kind == SIGNATURE_PATTERN_TEXT)
		text_make(m);
	else if (m->kind == SIGNATURE_PATTERN_HEX)
		hex_make(m);
	else
		regex_make(m);
	modifiers_write(m);
}

static void made_done(struct made *m)
{
	buf_done(&m->source);
	buf_done(&m->text);
	buf_done(&m->sample);
}

static void sample_put(struct buf *data, const struct made *m)
{
	cleanup_buf struct buf plain = BUF_INIT(1 << 20);
	bool wide = (m->flags & SIGNATURE_PATTERN_WIDE) != 0 && chance(60);
	uint8_t key = (m->flags & SIGNATURE_PATTERN_XOR) != 0 ? (uint8_t)(m->xor_min + random_below(m->xor_max - m->xor_min + 1u)) : 0;
	for (size_t i = 0; i < m->sample.n; i++) {
		uint8_t c = (uint8_t)m->sample.p[i];
		bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
		if ((m->flags & SIGNATURE_PATTERN_NOCASE) != 0 && letter && chance(40))
			c ^= 0x20;
		buf_append_char(&plain, (char)(c ^ key));
		if (wide)
			buf_append_char(&plain, (char)key);
	}
	if ((m->flags & (SIGNATURE_PATTERN_BASE64 | SIGNATURE_PATTERN_BASE64WIDE)) != 0) {
		cleanup_buf struct buf before = BUF_INIT(1 << 20), coded = BUF_INIT(1 << 20);
		buf_append(&before, str_n("xyz", random_below(4)));
		buf_append(&before, buf_str(&plain));
		buf_append(&before, str_n("xyz", random_below(4)));
		buf_append_base64(&coded, before.p, before.n);
		bool twice = (m->flags & SIGNATURE_PATTERN_BASE64WIDE) != 0 && chance(60);
		for (size_t i = 0; i < coded.n; i++) {
			buf_append_char(data, coded.p[i]);
			if (twice)
				buf_append_char(data, '\0');
		}
		return;
	}
	buf_append(data, buf_str(&plain));
}

static void data_make(struct buf *data, const struct made *made)
{
	buf_clear(data);
	uint32_t pieces = random_below(30);
	for (uint32_t i = 0; i < pieces && data->n < DATA_MAX; i++) {
		if (chance(50))
			sample_put(data, &made[random_below(PATTERNS)]);
		for (uint32_t n = random_below(6); n > 0 && chance(60); n--)
			buf_append_char(data, (char)random_byte());
		if (chance(5))
			for (uint32_t n = random_below(400); n > 0; n--)
				buf_append_char(data, chance(90) ? 'a' : '\0');
	}
	for (uint32_t i = random_below(8); i > 0 && data->n > 0; i--)
		data->p[random_below((uint32_t)data->n)] = (char)random_byte();
}

/* ---- both engines ---- */

struct found {
	uint32_t count;
	uint64_t offsets[MATCHES];
	uint32_t lengths[MATCHES];
};

static void found_add(struct found *f, uint64_t offset, uint32_t length)
{
	if (f->count < MATCHES) {
		f->offsets[f->count] = offset;
		f->lengths[f->count] = length;
		f->count++;
	}
}

static int yara_found(YR_SCAN_CONTEXT *context, int message, void *message_data, void *user)
{
	struct found *all = user;
	if (message != CALLBACK_MSG_RULE_MATCHING && message != CALLBACK_MSG_RULE_NOT_MATCHING)
		return CALLBACK_CONTINUE;
	const YR_RULE *rule = message_data;
	uint64_t number = 0;
	(void)str_parse_u64(str_c(&rule->identifier[1]), 0, PATTERNS - 1, &number);
	YR_STRING *s;
	YR_MATCH *match;
	yr_rule_strings_foreach(rule, s) yr_string_matches_foreach(context, s, match)
		found_add(&all[number], (uint64_t)(match->base + match->offset), (uint32_t)match->match_length);
	return CALLBACK_CONTINUE;
}

static YR_RULES *yara_compile(const struct made *made, size_t first, size_t count, bool *ok)
{
	YR_COMPILER *compiler = NULL;
	YR_RULES *rules = NULL;
	cleanup_buf struct buf text = BUF_INIT(1 << 24);
	for (size_t i = first; i < first + count; i++)
		if (ok == NULL || ok[i])
			buf_printf(&text, "rule r%zu { strings: $a = %s condition: $a or true }\n", i, made[i].source.p);
	if (yr_compiler_create(&compiler) != ERROR_SUCCESS)
		abort();
	buf_append_c(&text, " ");
	if (yr_compiler_add_string(compiler, text.p, NULL) == 0 && yr_compiler_get_rules(compiler, &rules) != ERROR_SUCCESS)
		abort();
	yr_compiler_destroy(compiler);
	return rules;
}

struct engine {
	struct buf section;
	struct signature_patterns patterns;
	void *scratch;
	uint32_t ids[PATTERNS];
};

static int engine_add(struct signature_pattern_set *set, const struct made *m, uint32_t *ret_id, struct err *err)
{
	const struct signature_pattern p = {.kind = m->kind, .flags = m->flags, .text = (const uint8_t *)m->text.p, .text_len = m->text.n,
	                                    .xor_min = m->xor_min, .xor_max = m->xor_max};
	return signature_pattern_set_add(set, &p, ret_id, err);
}

static void engine_open(struct engine *e, struct signature_pattern_set *set)
{
	e->section = BUF_INIT(1 << 28);
	if (signature_pattern_set_write(set, &e->section, NULL) < 0 ||
	    signature_patterns_open(&e->patterns, e->section.p, e->section.n, NULL) < 0)
		abort();
	size_t size = signature_patterns_scratch_size(&e->patterns);
	if ((e->scratch = calloc(1, size)) == NULL)
		abort();
}

static void engine_scan(struct engine *e, struct str data, const bool *ok, struct found *all)
{
	struct signature_matches m;
	if (signature_patterns_scan(&e->patterns, (const uint8_t *)data.p, data.n, e->scratch, &m) < 0 || m.gave_up || m.too_many)
		abort();
	for (size_t i = 0; i < PATTERNS; i++)
		for (uint32_t j = 0; ok[i] && j < signature_matches_count(&m, e->ids[i]); j++) {
			uint64_t offset;
			uint32_t length;
			if (signature_matches_at(&m, e->ids[i], j, &offset, &length) < 0)
				abort();
			found_add(&all[i], offset, length);
		}
}

/* ---- comparing ---- */

static struct found ours[PATTERNS], theirs[PATTERNS];

static bool found_equal(const struct found *a, const struct found *b)
{
	return a->count == b->count && memcmp(a->offsets, b->offsets, a->count * sizeof(a->offsets[0])) == 0 &&
	       memcmp(a->lengths, b->lengths, a->count * sizeof(a->lengths[0])) == 0;
}

/* The first pattern with other matches, or -1. */
static int scan_compare(struct engine *e, YR_RULES *rules, struct str data, const bool *ok)
{
	for (size_t i = 0; i < PATTERNS; i++)
		ours[i].count = theirs[i].count = 0;
	engine_scan(e, data, ok, ours);
	int r = yr_rules_scan_mem(rules, (const uint8_t *)(data.n > 0 ? data.p : ""), data.n, 0, yara_found, theirs, 0);
	if (r == ERROR_TOO_MANY_RE_FIBERS)
		return -1;
	if (r != ERROR_SUCCESS) {
		fprintf(stderr, "libyara: error %d\n", r);
		return -1;
	}
	for (int i = 0; i < PATTERNS; i++)
		if (ok[i] && !found_equal(&ours[i], &theirs[i]))
			return i;
	return -1;
}

static void found_print(const char *who, const struct found *f)
{
	printf("  %-8s", who);
	for (uint32_t i = 0; i < f->count && i < 40; i++)
		printf(" %" PRIu64 ":%u", f->offsets[i], f->lengths[i]);
	printf("\n");
}

/* Drops what is not needed for the difference. */
static void data_shrink(struct engine *e, YR_RULES *rules, struct buf *data, const bool *ok, int which)
{
	for (size_t step = data->n / 2; step > 0; step /= 2)
		for (size_t at = 0; at + step <= data->n;) {
			cleanup_buf struct buf shorter = BUF_INIT(1 << 20);
			buf_append(&shorter, str_n(data->p, at));
			buf_append(&shorter, str_n(&data->p[at + step], data->n - at - step));
			if (scan_compare(e, rules, buf_str(&shorter), ok) == which) {
				buf_clear(data);
				buf_append(data, buf_str(&shorter));
			} else {
				at += step;
			}
		}
	(void)scan_compare(e, rules, buf_str(data), ok);
}

static int set_compare(uint64_t number)
{
	struct made made[PATTERNS];
	struct engine e = {0};
	bool ok[PATTERNS];
	int differences = 0;
	struct signature_pattern_set *set = NULL;
	if (signature_pattern_set_new(&set, NULL) < 0)
		abort();
	for (size_t i = 0; i < PATTERNS; i++) {
		struct err err = {0};
		char line[512];
		made_init(&made[i]);
		YR_RULES *one = yara_compile(made, i, 1, NULL);
		bool taken = engine_add(set, &made[i], &e.ids[i], &err) == 0;
		ok[i] = one != NULL && taken;
		if ((one != NULL) != taken) {
			printf("set %" PRIu64 ": %s: %s\n", number, made[i].source.p, taken ? "libyara refuses it" : err_line(&err, line, sizeof(line)));
			differences++;
		}
		if (one != NULL)
			yr_rules_destroy(one);
	}
	YR_RULES *rules = yara_compile(made, 0, PATTERNS, ok);
	engine_open(&e, set);
	cleanup_buf struct buf data = BUF_INIT(1 << 20);
	for (int piece = 0; piece < PIECES && rules != NULL; piece++) {
		data_make(&data, made);
		int which = scan_compare(&e, rules, buf_str(&data), ok);
		if (which < 0)
			continue;
		differences++;
		data_shrink(&e, rules, &data, ok, which);
		cleanup_buf struct buf hex = BUF_INIT(1 << 20);
		buf_append_hex(&hex, data.p, data.n);
		printf("set %" PRIu64 " pattern %d: %s\n  data %s\n", number, which, made[which].source.p, hex.p != NULL ? hex.p : "");
		found_print("ours", &ours[which]);
		found_print("libyara", &theirs[which]);
	}
	if (rules != NULL)
		yr_rules_destroy(rules);
	free(e.scratch);
	buf_done(&e.section);
	for (size_t i = 0; i < PATTERNS; i++)
		made_done(&made[i]);
	signature_pattern_set_free(set);
	return differences;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, sets = 200;
	int differences = 0;
	if (argc > 1)
		(void)str_parse_u64(str_c(argv[1]), 0, UINT64_MAX, &seed);
	if (argc > 2)
		(void)str_parse_u64(str_c(argv[2]), 0, UINT64_MAX, &sets);
	if (yr_initialize() != ERROR_SUCCESS)
		return 2;
	for (uint64_t i = 0; i < sets && differences < 20; i++) {
		state = (seed * 1000003 + i) * 0x9e3779b97f4a7c15U + 1;
		for (int warm = 0; warm < 8; warm++)
			(void)random_below(2);
		differences += set_compare(i);
	}
	yr_finalize();
	printf("seed %" PRIu64 ": %" PRIu64 " sets, %d patterns each over %d pieces of data: %d differences\n", seed, sets, PATTERNS, PIECES,
	       differences);
	return differences == 0 ? 0 : 1;
}
