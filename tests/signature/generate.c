/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "generate.h"

#include <stdio.h>
#include <string.h>

#define STRINGS_MAX 4
#define FILE_MAX    4096

static unsigned below(struct generator *g, unsigned n)
{
	return (unsigned)random_below(&g->random, n);
}

/* 1 in n. */
static bool chance(struct generator *g, unsigned n)
{
	return below(g, n) == 0;
}

static const char *pick(struct generator *g, const char *const *words, unsigned n)
{
	return words[below(g, n)];
}
#define PICK(g, ...) pick((g), (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static struct piece *new_piece(struct generator *g)
{
	struct piece *p = &g->pieces[g->piece_count < GENERATED_PIECES ? g->piece_count++ : below(g, GENERATED_PIECES)];

	p->n = 0;
	return p;
}

static void piece_add(struct piece *p, uint8_t byte)
{
	if (p->n < PIECE_MAX)
		p->bytes[p->n++] = byte;
}

static uint8_t any_byte(struct generator *g)
{
	static const uint8_t common[] = {0, 0xff, 0x20, 'a', 'b', 'A', 'e', '.', '0', '_', '\n', 0x90};

	return chance(g, 2) ? common[below(g, sizeof(common))] : (uint8_t)below(g, 256);
}

static char letter(struct generator *g)
{
	static const char letters[] = "aabbcABCxyz019_ .-";

	return letters[below(g, sizeof(letters) - 1)];
}

struct text_kind {
	bool nocase, wide, ascii, fullword, xored, base64, base64wide;
};

static void base64_piece(struct generator *g, const uint8_t *text, size_t n, bool wide)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct piece *p = new_piece(g);
	uint8_t padded[64] = {0};
	const size_t shift = below(g, 3);

	for (size_t i = 0; i < shift; i++)
		padded[i] = (uint8_t)below(g, 256);
	memcpy(padded + shift, text, n);
	for (size_t i = 0; i < (shift + n + 2) / 3; i++) {
		const uint32_t v = (uint32_t)padded[3 * i] << 16 | (uint32_t)padded[3 * i + 1] << 8 | padded[3 * i + 2];
		for (unsigned k = 0; k < 4; k++) {
			piece_add(p, (uint8_t)alphabet[v >> (18 - 6 * k) & 63]);
			if (wide)
				piece_add(p, 0);
		}
	}
}

static void text_pieces(struct generator *g, const uint8_t *text, size_t n, const struct text_kind *k)
{
	const bool wide = k->wide && (!k->ascii || chance(g, 2));
	const uint8_t key = k->xored ? (uint8_t)below(g, 256) : 0;

	if (k->base64 || k->base64wide) {
		base64_piece(g, text, n, k->base64wide && (!k->base64 || chance(g, 2)));
		return;
	}
	struct piece *p = new_piece(g);
	for (size_t i = 0; i < n; i++) {
		uint8_t c = text[i];
		if (k->nocase && chance(g, 2) && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
			c ^= 32;
		piece_add(p, c ^ key);
		if (wide)
			piece_add(p, key);
	}
}

static void text_modifiers(struct generator *g, const struct text_kind *k, struct buf *out)
{
	if (k->nocase)
		buf_append_c(out, " nocase");
	if (k->wide)
		buf_append_c(out, " wide");
	if (k->ascii)
		buf_append_c(out, " ascii");
	if (k->fullword)
		buf_append_c(out, " fullword");
	if (k->xored) {
		buf_append_c(out, " xor");
		if (chance(g, 2)) {
			const unsigned low = below(g, 200);
			buf_printf(out, "(%u-%u)", low, low + below(g, 56));
		}
	}
	if (k->base64)
		buf_append_c(out, " base64");
	if (k->base64wide)
		buf_append_c(out, " base64wide");
}

static void text_string(struct generator *g, struct buf *out)
{
	struct text_kind k = {.nocase = chance(g, 4), .wide = chance(g, 4), .ascii = chance(g, 4), .fullword = chance(g, 5)};
	uint8_t text[24];
	size_t n = 1 + below(g, chance(g, 3) ? 3 : 16);

	if (chance(g, 8)) {
		k.nocase = k.fullword = false;
		k.xored = chance(g, 2);
		k.base64 = !k.xored && chance(g, 2);
		k.base64wide = !k.xored && !k.base64;
		if (!k.xored && n < 3)
			n = 3;
	}
	buf_append_c(out, "\"");
	for (size_t i = 0; i < n; i++) {
		text[i] = chance(g, 8) ? any_byte(g) : (uint8_t)letter(g);
		if (text[i] == '"' || text[i] == '\\' || text[i] < 32 || text[i] > 126)
			buf_printf(out, "\\x%02x", text[i]);
		else
			buf_append_char(out, (char)text[i]);
	}
	buf_append_c(out, "\"");
	text_modifiers(g, &k, out);
	text_pieces(g, text, n, &k);
	text_pieces(g, text, n, &k);
}

static void hex_tokens(struct generator *g, struct buf *out, struct piece *p, unsigned n, bool nested)
{
	for (unsigned i = 0; i < n; i++) {
		const uint8_t byte = any_byte(g);
		const bool inner = i > 0 && i + 1 < n;
		switch (below(g, 14)) {
		case 0:
			buf_printf(out, "%x? ", (unsigned)byte >> 4);
			piece_add(p, byte);
			break;
		case 1:
			buf_printf(out, "?%x ", (unsigned)byte & 15);
			piece_add(p, byte);
			break;
		case 2:
			buf_append_c(out, inner || nested ? "?? " : "41 ");
			piece_add(p, inner || nested ? byte : 0x41);
			break;
		case 3:
			if (inner && !nested) {
				const unsigned from = below(g, 5), to = from + below(g, chance(g, 6) ? 300 : 6);
				const unsigned how_many = from + below(g, to - from + 1);
				if (chance(g, 3) && from > 0)
					buf_printf(out, "[%u] ", from);
				else if (chance(g, 6))
					buf_printf(out, "[%u-] ", from);
				else
					buf_printf(out, "[%u-%u] ", from, to > 0 ? to : 1);
				for (unsigned k = 0; k < how_many; k++)
					piece_add(p, any_byte(g));
				break;
			}
			buf_printf(out, "%02X ", byte);
			piece_add(p, byte);
			break;
		case 4:
			if (inner && !nested) {
				struct piece other = {.n = 0};
				buf_append_c(out, "( ");
				hex_tokens(g, out, p, 1 + below(g, 3), true);
				for (unsigned k = 1 + below(g, 2); k > 0; k--) {
					buf_append_c(out, "| ");
					hex_tokens(g, out, &other, 1 + below(g, 3), true);
				}
				buf_append_c(out, ") ");
				break;
			}
			/* fallthrough */
		default:
			buf_printf(out, "%02X ", byte);
			piece_add(p, byte);
		}
	}
}

static void hex_string(struct generator *g, struct buf *out)
{
	struct piece *p = new_piece(g);

	buf_append_c(out, "{ ");
	hex_tokens(g, out, p, 2 + below(g, 10), false);
	buf_append_c(out, "}");
}

static void regex_part(struct generator *g, struct buf *out, struct piece *p, unsigned depth);

static void regex_sequence(struct generator *g, struct buf *out, struct piece *p, unsigned depth)
{
	for (unsigned n = 1 + below(g, 4); n > 0; n--)
		regex_part(g, out, p, depth);
}

static void regex_atom(struct generator *g, struct buf *out, struct piece *p, unsigned depth)
{
	const char c = letter(g);

	switch (below(g, depth > 0 ? 12 : 9)) {
	case 0:
		buf_append_char(out, '.');
		piece_add(p, any_byte(g));
		break;
	case 1:
		buf_printf(out, "[%c-%c]", 'a', 'c');
		piece_add(p, (uint8_t)('a' + below(g, 3)));
		break;
	case 2:
		buf_append_c(out, "[^ab]");
		piece_add(p, 'x');
		break;
	case 3:
		buf_append_c(out, PICK(g, "\\w", "\\d", "\\s", "\\W", "\\D", "\\S"));
		piece_add(p, any_byte(g));
		break;
	case 4: {
		const uint8_t byte = any_byte(g);
		buf_printf(out, "\\x%02x", byte);
		piece_add(p, byte);
		break;
	}
	case 9:
	case 10:
	case 11: {
		struct piece other = {.n = 0};
		buf_append_char(out, '(');
		regex_sequence(g, out, p, depth - 1);
		if (chance(g, 2)) {
			buf_append_char(out, '|');
			regex_sequence(g, out, &other, depth - 1);
		}
		buf_append_char(out, ')');
		break;
	}
	default:
		if (c == '.')
			buf_append_char(out, '\\');
		buf_append_char(out, c);
		piece_add(p, (uint8_t)c);
	}
}

static void regex_part(struct generator *g, struct buf *out, struct piece *p, unsigned depth)
{
	const size_t before = p->n;

	regex_atom(g, out, p, depth);
	if (!chance(g, 4))
		return;
	const size_t n = p->n - before;
	const unsigned low = below(g, 3), high = low + below(g, 4);
	switch (below(g, 6)) {
	case 0:
		buf_append_c(out, chance(g, 3) ? "*?" : "*");
		break;
	case 1:
		buf_append_c(out, chance(g, 3) ? "+?" : "+");
		break;
	case 2:
		buf_append_c(out, chance(g, 3) ? "??" : "?");
		break;
	case 3:
		buf_printf(out, "{%u,%u}", low, high > 0 ? high : 1);
		break;
	case 4:
		buf_printf(out, "{%u}", low + 1);
		break;
	default:
		buf_printf(out, "{%u,}", low);
		break;
	}
	for (unsigned k = below(g, 3); k > 0; k--)
		for (size_t i = 0; i < n; i++)
			piece_add(p, p->bytes[before + i]);
}

static void regex_body(struct generator *g, struct buf *out, struct piece *p)
{
	buf_append_char(out, '/');
	if (chance(g, 12))
		buf_append_char(out, '^');
	if (chance(g, 12))
		buf_append_c(out, "\\b");
	/* libyara wants something to start from. */
	for (unsigned n = 1 + below(g, 4); n > 0; n--) {
		const char c = letter(g);
		buf_append_c(out, c == '.' ? "\\." : "");
		if (c != '.')
			buf_append_char(out, c);
		piece_add(p, (uint8_t)c);
	}
	regex_sequence(g, out, p, 2);
	if (chance(g, 12))
		buf_append_c(out, chance(g, 2) ? "\\b" : "\\B");
	if (chance(g, 12))
		buf_append_char(out, '$');
	buf_append_char(out, '/');
	if (chance(g, 5))
		buf_append_char(out, 'i');
	if (chance(g, 5))
		buf_append_char(out, 's');
}

static void regex_string(struct generator *g, struct buf *out)
{
	struct piece *p = new_piece(g);

	regex_body(g, out, p);
	if (chance(g, 5)) {
		buf_append_c(out, " wide");
		struct piece narrow = *p;
		p->n = 0;
		for (size_t i = 0; i < narrow.n; i++) {
			piece_add(p, narrow.bytes[i]);
			piece_add(p, 0);
		}
		if (chance(g, 3))
			buf_append_c(out, " ascii");
	}
	if (chance(g, 8))
		buf_append_c(out, " nocase");
	if (chance(g, 8))
		buf_append_c(out, " fullword");
}

/* --- conditions --- */

struct scope {
	unsigned strings; /* $s0 … */
	bool in_for_of;   /* $ is bound */
	unsigned loops;   /* i0 … are bound */
	bool in_pe;
};

static void boolean(struct generator *g, const struct scope *s, unsigned depth, struct buf *out);

static void integer(struct generator *g, const struct scope *s, unsigned depth, struct buf *out)
{
	const unsigned i = s->strings > 0 ? below(g, s->strings) : 0;

	if (depth == 0 || chance(g, 3)) {
		if (s->loops > 0 && chance(g, 2))
			buf_printf(out, "i%u", below(g, s->loops));
		else
			buf_printf(out, "%u", chance(g, 4) ? below(g, 3000) : below(g, 12));
		return;
	}
	switch (below(g, s->strings > 0 ? 16 : 10)) {
	case 0:
		buf_append_c(out, "filesize");
		break;
	case 1:
		buf_printf(out, "%s(", PICK(g, "uint8", "uint16", "uint32", "int8", "int16", "int32", "uint8be", "uint16be", "uint32be", "int16be",
		                            "int32be", "int8be"));
		integer(g, s, depth - 1, out);
		buf_append_char(out, ')');
		break;
	case 2:
	case 3:
		buf_append_char(out, '(');
		integer(g, s, depth - 1, out);
		buf_printf(out, " %s ", PICK(g, "+", "-", "*", "\\", "%", "&", "|", "^", "<<", ">>"));
		integer(g, s, depth - 1, out);
		buf_append_char(out, ')');
		break;
	case 4:
		buf_printf(out, "%s", chance(g, 2) ? "-" : "~");
		buf_append_char(out, '(');
		integer(g, s, depth - 1, out);
		buf_append_char(out, ')');
		break;
	case 5:
		buf_append_c(out, PICK(g, "pe.number_of_sections", "pe.timestamp", "pe.entry_point", "pe.machine", "pe.number_of_imports",
		                       "pe.sections[1].raw_data_size", "pe.exports_index(\"beta\")", "pe.number_of_resources", "elf.type",
		                       "elf.number_of_sections", "pe.imports(\"kernel32.dll\")", "pe.section_index(\".rsrc\")", "pe.is_pe",
		                       "pe.characteristics", "pe.overlay.size", "pe.resources[0].offset", "pe.number_of_signatures"));
		break;
	case 6:
		buf_append_c(out, PICK(g, "math.count(0x41)", "math.mode()", "math.min(3,4)", "math.abs(-3)", "hash.crc32(0,20)",
		                       "math.to_number(filesize > 100)", "hash.checksum32(0, filesize)", "math.count(0, 10, 100)"));
		break;
	case 7:
		buf_append_c(out, "en");
		break;
	case 8:
	case 9:
		buf_printf(out, "%u", below(g, 64));
		break;
	case 10:
	case 11:
	case 12:
		buf_printf(out, "#s%u", i);
		if (chance(g, 4)) {
			buf_append_c(out, " in (0..");
			integer(g, s, 0, out);
			buf_append_char(out, ')');
		}
		break;
	default:
		buf_printf(out, chance(g, 2) ? "@s%u" : "!s%u", i);
		if (chance(g, 2)) {
			buf_append_char(out, '[');
			integer(g, s, depth - 1, out);
			buf_append_char(out, ']');
		}
	}
}

static void text_value(struct generator *g, struct buf *out)
{
	buf_append_c(out, PICK(g, "\"abc\"", "\"\"", "filename", "pe.sections[0].name", "pe.version_info[\"CompanyName\"]", "hash.md5(0, 10)",
	                       "pe.imphash()", "\"kernel32.dll\"", "pe.dll_name", "pe.resources[1].type_string", "\"ab\\x00c\"", "extension"));
}

static void string_set(struct generator *g, const struct scope *s, struct buf *out)
{
	if (chance(g, 2)) {
		buf_append_c(out, "them");
		return;
	}
	buf_append_c(out, "(");
	for (unsigned n = 1 + below(g, 2), k = 0; k < n; k++)
		buf_printf(out, k > 0 ? ", $s%u%s" : "$s%u%s", below(g, s->strings), "");
	buf_append_c(out, chance(g, 4) ? ", $s*)" : ")");
}

static void quantity(struct generator *g, const struct scope *s, struct buf *out)
{
	switch (below(g, 6)) {
	case 0:
		buf_append_c(out, "all");
		break;
	case 1:
	case 2:
		buf_append_c(out, "any");
		break;
	case 3:
		buf_append_c(out, "none");
		break;
	default:
		integer(g, s, 0, out);
	}
}

static void of_strings(struct generator *g, const struct scope *s, unsigned depth, struct buf *out)
{
	const unsigned i = below(g, s->strings);

	switch (below(g, 8)) {
	case 0:
		buf_printf(out, "$s%u at ", i);
		integer(g, s, depth > 1 ? 1 : 0, out);
		break;
	case 1:
		buf_printf(out, "$s%u in (", i);
		integer(g, s, 0, out);
		buf_append_c(out, "..");
		integer(g, s, depth > 1 ? 1 : 0, out);
		buf_append_char(out, ')');
		break;
	case 2:
		quantity(g, s, out);
		buf_append_c(out, " of ");
		string_set(g, s, out);
		if (chance(g, 4)) {
			buf_append_c(out, " in (0..");
			integer(g, s, 0, out);
			buf_append_char(out, ')');
		}
		break;
	case 3:
		if (depth > 0) {
			struct scope inner = *s;
			inner.in_for_of = true;
			buf_append_c(out, "for ");
			quantity(g, s, out);
			buf_append_c(out, " of ");
			string_set(g, s, out);
			buf_append_c(out, " : (");
			boolean(g, &inner, depth - 1, out);
			buf_append_c(out, ")");
			break;
		}
		/* fallthrough */
	default:
		buf_printf(out, "$s%u", i);
	}
}

static void for_in(struct generator *g, const struct scope *s, unsigned depth, struct buf *out)
{
	struct scope inner = *s;

	inner.loops++;
	buf_append_c(out, "for ");
	quantity(g, s, out);
	buf_printf(out, " i%u in ", s->loops);
	if (chance(g, 2)) {
		buf_printf(out, "(%u..", below(g, 4));
		integer(g, s, 0, out);
		buf_append_char(out, ')');
	} else {
		buf_printf(out, "(%u, %u, ", below(g, 4), below(g, 400));
		integer(g, s, 1, out);
		buf_append_char(out, ')');
	}
	buf_append_c(out, " : (");
	boolean(g, &inner, depth - 1, out);
	buf_append_char(out, ')');
}

static void bound_string(struct generator *g, const struct scope *s, struct buf *out)
{
	switch (below(g, 4)) {
	case 0:
		buf_append_c(out, "$ at ");
		integer(g, s, 0, out);
		break;
	case 1:
		buf_append_c(out, "# > ");
		integer(g, s, 0, out);
		break;
	case 2:
		buf_append_c(out, "@ < ");
		integer(g, s, 0, out);
		break;
	default:
		buf_append_char(out, '$');
	}
}

static void small_boolean(struct generator *g, struct buf *out)
{
	switch (below(g, 6)) {
	case 0:
		buf_append_c(out, PICK(g, "true", "false", "base0", "base1", "any of (base*)", "be", "1 of (base0, base1)"));
		break;
	case 1:
		text_value(g, out);
		buf_printf(out, " %s ", PICK(g, "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "iequals", "==", "!=",
		                             "<", ">="));
		text_value(g, out);
		break;
	case 2:
		text_value(g, out);
		buf_append_c(out, " matches ");
		struct piece unused = {.n = 0};
		regex_body(g, out, &unused);
		break;
	case 3:
		buf_append_c(out, PICK(g, "pe.exports(\"Alpha\")", "pe.exports(/bet/)", "pe.imports(\"kernel32.dll\", \"Sleep\")", "pe.is_dll()",
		                       "pe.is_32bit()", "pe.imports(/kernel/i, /virt/i)", "pe.signatures[0].valid_on(1900000000)",
		                       "for any x in pe.sections : (x.name == \".text\")", "pe.locale(1033)",
		                       "for any k, v in pe.version_info : (v contains \"made\")", "pe.rich_signature.toolid(0x105) > 2",
		                       "for all r in pe.resources : (r.length > 2)", "pe.exports(1)"));
		break;
	case 4:
		buf_append_c(out, PICK(g, "math.entropy(0, filesize)", "math.mean(0, 100)", "math.entropy(\"abc\")", "math.deviation(0, 50, 64.0)",
		                       "math.serial_correlation(0, 90)", "math.monte_carlo_pi(0, filesize)", "math.percentage(0)"));
		buf_printf(out, " %s %u.%u", PICK(g, "<", ">", "<=", ">=", "!="), below(g, 8), below(g, 10));
		break;
	default:
		buf_append_c(out, "defined ");
		text_value(g, out);
	}
}

static void boolean(struct generator *g, const struct scope *s, unsigned depth, struct buf *out)
{
	if (s->in_for_of && chance(g, 2)) {
		bound_string(g, s, out);
		return;
	}
	if (s->strings > 0 && (depth == 0 || chance(g, 2))) {
		of_strings(g, s, depth, out);
		return;
	}
	switch (depth == 0 ? 5 + below(g, 2) : below(g, 8)) {
	case 0:
	case 1:
	case 2:
		buf_append_char(out, '(');
		boolean(g, s, depth - 1, out);
		buf_append_c(out, chance(g, 2) ? " and " : " or ");
		boolean(g, s, depth - 1, out);
		buf_append_char(out, ')');
		break;
	case 3:
		buf_append_c(out, "not (");
		boolean(g, s, depth - 1, out);
		buf_append_char(out, ')');
		break;
	case 4:
		if (s->loops < 2) {
			for_in(g, s, depth, out);
			break;
		}
		/* fallthrough */
	case 5:
		integer(g, s, depth, out);
		buf_printf(out, " %s ", PICK(g, "==", "!=", "<", ">", "<=", ">="));
		integer(g, s, depth, out);
		break;
	default:
		small_boolean(g, out);
	}
}

void generate_rule(struct generator *g, const char *name, struct buf *out)
{
	struct scope s = {.strings = chance(g, 8) ? 0 : 1 + below(g, STRINGS_MAX)};

	buf_printf(out, "rule %s {\n", name);
	for (unsigned i = 0; i < s.strings; i++) {
		buf_printf(out, i == 0 ? "strings:\n  $s%u = " : "  $s%u = ", i);
		switch (below(g, 5)) {
		case 0:
		case 1:
			text_string(g, out);
			break;
		case 2:
		case 3:
			hex_string(g, out);
			break;
		default:
			regex_string(g, out);
		}
		buf_append_char(out, '\n');
	}
	buf_append_c(out, "condition:\n  ");
	boolean(g, &s, 3, out);
	/* libyara refuses strings that nothing asks of. */
	for (unsigned i = 0; i < s.strings; i++)
		buf_printf(out, " or #s%u > 900", i);
	buf_append_c(out, "\n}\n");
}

void generate_file(struct generator *g, const struct sample *base, struct sample *s)
{
	const size_t wanted = below(g, chance(g, 4) ? FILE_MAX : 500);

	s->len = 0;
	if (base != NULL) {
		memcpy(s->data, base->data, base->len);
		s->len = base->len;
		if (chance(g, 3))
			sample_mutate(s, &g->random);
	}
	const size_t end = s->len + wanted;
	while (s->len < end && s->len + PIECE_MAX + 64 < s->capacity) {
		if (g->piece_count > 0 && !chance(g, 4)) {
			const struct piece *p = &g->pieces[below(g, g->piece_count)];
			/* Sometimes only a part of it. */
			const size_t n = chance(g, 8) && p->n > 1 ? 1 + below(g, (unsigned)p->n - 1) : p->n;
			memcpy(s->data + s->len, p->bytes, n);
			s->len += n;
		} else {
			for (unsigned n = below(g, 12); n > 0; n--)
				s->data[s->len++] = chance(g, 3) ? any_byte(g) : (uint8_t)letter(g);
		}
	}
}
