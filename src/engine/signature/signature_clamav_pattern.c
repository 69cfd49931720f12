/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/cursor/cursor.h"
#include "engine/signature/signature_clamav_internal.h"

#define BODY_MAX   ((size_t)32 << 10)
#define NUMBER_MAX 1000000

int clamav_refuse(struct err *err, const char *key, struct str text)
{
	return err_set(err, -ENOTSUP, key, ARG_STR("text", text));
}

static bool is_nibble(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '?';
}

/* Two digits or question marks. */
static bool pair(struct cursor *c, struct buf *out)
{
	const int high = cursor_next(c), low = cursor_next(c);

	if (!is_nibble(high) || !is_nibble(low))
		return false;
	buf_append_char(out, (char)high);
	buf_append_char(out, (char)low);
	buf_append_char(out, ' ');
	return true;
}

/* "{n}", "{-n}", "{n-}", "{n-m}" behind the brace, and "[n-m]". */
static bool jump(struct cursor *c, char end, struct buf *out)
{
	const size_t start = c->at;
	uint64_t from = 0, to = 0;
	const bool has_from = cursor_peek(c) != '-';

	if (has_from && !cursor_u64(c, 0, NUMBER_MAX, &from))
		return false;
	const bool is_range = cursor_accept(c, '-');
	const bool has_to = is_range && cursor_peek(c) != end;
	if ((has_to && !cursor_u64(c, 0, NUMBER_MAX, &to)) || !cursor_expect(c, end) || c->at - start < 2)
		return false;
	if (!is_range)
		buf_printf(out, "[%u] ", (unsigned)from);
	else if (has_to)
		buf_printf(out, "[%u-%u] ", (unsigned)from, (unsigned)to);
	else
		buf_printf(out, "[%u-] ", (unsigned)from);
	return !is_range || !has_to || from <= to;
}

/* "(aa|bbcc)" behind the parenthesis. Negated ones only of one byte each: then it is a run of no's. */
static int alternatives(struct cursor *c, bool negated, struct str body, struct buf *out, struct err *err)
{
	const int first = cursor_peek(c);

	if (first == 'B' || first == 'L' || first == 'W')
		return clamav_refuse(err, "signature.clamav_boundary", body);
	const size_t start = c->at;
	struct str inside = cursor_until(c, ')');
	if (!cursor_expect(c, ')'))
		return err_set(err, -EINVAL, "signature.clamav_body", ARG_STR("text", body));
	if (negated) {
		if (inside.n != 2 || !is_nibble(inside.p[0]) || !is_nibble(inside.p[1]) || str_find_char(inside, '?') != SIZE_MAX)
			return clamav_refuse(err, "signature.clamav_negation", body);
		buf_printf(out, "~%.2s ", inside.p);
		return 0;
	}
	struct cursor in = cursor_of(str_sub(c->s, start, start + inside.n));
	buf_append_c(out, "( ");
	while (!cursor_at_end(&in)) {
		if (cursor_accept(&in, '|'))
			buf_append_c(out, "| ");
		else if (!pair(&in, out))
			return err_set(err, -EINVAL, "signature.clamav_body", ARG_STR("text", body));
	}
	buf_append_c(out, ") ");
	return 0;
}

static int hex_text(struct str body, struct buf *out, struct err *err)
{
	struct cursor c = cursor_of(body);
	bool good = true;
	int r = 0;

	while (good && r == 0 && !cursor_at_end(&c)) {
		if (cursor_accept(&c, '*'))
			buf_append_c(out, "[-] ");
		else if (cursor_accept(&c, '{'))
			good = jump(&c, '}', out);
		else if (cursor_accept(&c, '['))
			good = jump(&c, ']', out);
		else if (cursor_accept_str(&c, STR("!(")))
			r = alternatives(&c, true, body, out, err);
		else if (cursor_accept(&c, '('))
			r = alternatives(&c, false, body, out, err);
		else
			good = pair(&c, out);
	}
	if (r < 0)
		return r;
	return good && out->n > 0 ? 0 : err_set(err, -EINVAL, "signature.clamav_body", ARG_STR("text", body));
}

static bool is_literal(struct str body)
{
	for (size_t i = 0; i < body.n; i++)
		if (!is_nibble(body.p[i]) || body.p[i] == '?')
			return false;
	return body.n > 0 && body.n % 2 == 0;
}

static int modifier_flags(struct str modifiers, unsigned *ret, struct err *err)
{
	*ret = 0;
	for (size_t i = 0; i < modifiers.n; i++)
		switch (modifiers.p[i]) {
		case 'i':
			*ret |= SIGNATURE_PATTERN_NOCASE;
			break;
		case 'w':
			*ret |= SIGNATURE_PATTERN_WIDE;
			break;
		case 'a':
			*ret |= SIGNATURE_PATTERN_ASCII;
			break;
		default:
			return clamav_refuse(err, "signature.clamav_modifier", modifiers);
		}
	return 0;
}

int clamav_pattern(struct arena *arena, struct str body, struct str modifiers, struct signature_pattern *ret, struct err *err)
{
	struct buf out = BUF_INIT(8 * BODY_MAX);
	unsigned flags = 0;

	if (body.n == 0 || body.n > BODY_MAX)
		return err_set(err, -EINVAL, "signature.clamav_body", ARG_STR("text", body));
	int r = modifier_flags(modifiers, &flags, err);
	if (r < 0)
		return r;
	if (flags != 0 && !is_literal(body))
		return clamav_refuse(err, "signature.clamav_modifier", modifiers);
	if (flags != 0) {
		const size_t n = body.n / 2;
		uint8_t *bytes = arena_alloc(arena, n);
		(void)str_parse_hex(body, bytes, n);
		*ret = (struct signature_pattern){.kind = SIGNATURE_PATTERN_TEXT, .flags = flags, .text = bytes, .text_len = n};
		return 0;
	}
	r = hex_text(body, &out, err);
	if (r == 0) {
		const struct str text = arena_str(arena, buf_str(&out));
		*ret = (struct signature_pattern){.kind = SIGNATURE_PATTERN_HEX, .text = (const uint8_t *)text.p, .text_len = text.n};
	}
	buf_done(&out);
	return r;
}

/* The part of an offset that is a number, with a sign before it where `sign` is one. */
static bool offset_number(struct cursor *c, uint64_t *ret)
{
	return cursor_u64(c, 0, UINT32_MAX, ret);
}

struct base {
	char text[64];
	int sign; /* of the number behind it: +1, -1 */
};

/* "EP+", "EP-", "EOF-", "SL+", "S3+"; nothing for a plain number. 0: fine. */
static int offset_base(struct cursor *c, enum clamav_target target, struct str whole, struct base *ret, struct err *err)
{
	uint64_t section = 0;
	struct buf out = buf_fixed(ret->text, sizeof(ret->text));

	ret->text[0] = '\0';
	ret->sign = 1;
	if (cursor_accept_str(c, STR("EOF-"))) {
		buf_append_c(&out, "filesize");
		ret->sign = -1;
		return 0;
	}
	if (cursor_peek(c) >= '0' && cursor_peek(c) <= '9')
		return 0;
	if (target == CLAMAV_TARGET_ELF && cursor_accept_str(c, STR("EP"))) {
		buf_append_c(&out, "elf.entry_point");
	} else if (target == CLAMAV_TARGET_PE && cursor_accept_str(c, STR("EP"))) {
		buf_append_c(&out, "pe.entry_point");
	} else if (target == CLAMAV_TARGET_PE && cursor_accept_str(c, STR("SL"))) {
		buf_append_c(&out, "pe.sections[pe.number_of_sections-1].raw_data_offset");
	} else if (target == CLAMAV_TARGET_PE && cursor_accept(c, 'S') && cursor_u64(c, 0, 95, &section)) {
		buf_printf(&out, "pe.sections[%u].raw_data_offset", (unsigned)section);
	} else {
		return clamav_refuse(err, "signature.clamav_offset", whole);
	}
	if (cursor_accept(c, '-'))
		ret->sign = -1;
	else if (!cursor_accept(c, '+'))
		return clamav_refuse(err, "signature.clamav_offset", whole);
	return 0;
}

/* "SE2": anywhere in a section. */
static bool whole_section(struct str offset, enum clamav_target target, struct clamav_place *ret)
{
	struct cursor c = cursor_of(offset);
	uint64_t section = 0;

	if (target != CLAMAV_TARGET_PE || !cursor_accept_str(&c, STR("SE")) || !cursor_u64(&c, 0, 95, &section) || !cursor_at_end(&c))
		return false;
	struct buf from = buf_fixed(ret->from, sizeof(ret->from)), to = buf_fixed(ret->to, sizeof(ret->to));
	buf_printf(&from, "pe.sections[%u].raw_data_offset", (unsigned)section);
	buf_printf(&to, "(pe.sections[%u].raw_data_offset+pe.sections[%u].raw_data_size)", (unsigned)section, (unsigned)section);
	return !to.overflow;
}

int clamav_place(struct str offset, enum clamav_target target, struct clamav_place *ret, struct err *err)
{
	struct cursor c = cursor_of(offset);
	uint64_t number = 0, shift = 0;
	struct base base;

	*ret = (struct clamav_place){.anywhere = str_eq_c(offset, "*") || offset.n == 0};
	if (ret->anywhere || whole_section(offset, target, ret))
		return 0;
	int r = offset_base(&c, target, offset, &base, err);
	if (r < 0)
		return r;
	if (!offset_number(&c, &number) || (cursor_accept(&c, ',') && !offset_number(&c, &shift)) || !cursor_at_end(&c))
		return clamav_refuse(err, "signature.clamav_offset", offset);
	const int64_t from = base.sign * (int64_t)number, to = from + (int64_t)shift;
	struct buf low = buf_fixed(ret->from, sizeof(ret->from)), high = buf_fixed(ret->to, sizeof(ret->to));
	if (base.text[0] == '\0') {
		buf_printf(&low, "%lld", (long long)from);
		buf_printf(&high, "%lld", (long long)to);
	} else {
		buf_printf(&low, "(%s%s%lld)", base.text, from < 0 ? "-" : "+", (long long)(from < 0 ? -from : from));
		buf_printf(&high, "(%s%s%lld)", base.text, to < 0 ? "-" : "+", (long long)(to < 0 ? -to : to));
	}
	return low.overflow || high.overflow ? clamav_refuse(err, "signature.clamav_offset", offset) : 0;
}

int clamav_target(struct str number, enum clamav_target *ret, struct err *err)
{
	static const enum clamav_target known[] = {CLAMAV_TARGET_ANY, CLAMAV_TARGET_PE,  CLAMAV_TARGET_OLE2,
						   CLAMAV_TARGET_ELF, CLAMAV_TARGET_PDF, CLAMAV_TARGET_FLASH};
	uint64_t n = 0;

	if (!str_parse_u64(number, 0, 99, &n))
		return err_set(err, -EINVAL, "signature.clamav_target", ARG_STR("text", number));
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if ((uint64_t)known[i] == n) {
			*ret = known[i];
			return 0;
		}
	return clamav_refuse(err, "signature.clamav_target", number);
}

void clamav_target_condition(enum clamav_target target, struct buf *out)
{
	/* Smaller files libclamav does not look at. */
	buf_append_c(out, "filesize>5");
	switch (target) {
	case CLAMAV_TARGET_ANY:
		break;
	case CLAMAV_TARGET_PE:
		buf_append_c(out, " and uint16(0)==0x5a4d");
		break;
	case CLAMAV_TARGET_OLE2:
		buf_append_c(out, " and uint32be(0)==0xd0cf11e0 and uint32be(4)==0xa1b11ae1");
		break;
	case CLAMAV_TARGET_ELF:
		buf_append_c(out, " and uint32be(0)==0x7f454c46");
		break;
	case CLAMAV_TARGET_PDF:
		/* The mark stands within the first 1024 bytes. */
		buf_append_c(out, " and $target in (0..1017)");
		break;
	case CLAMAV_TARGET_FLASH:
		buf_append_c(out, " and uint16be(1)==0x5753 and (uint8(0)==0x43 or uint8(0)==0x46 or uint8(0)==0x5a)");
		break;
	}
}
