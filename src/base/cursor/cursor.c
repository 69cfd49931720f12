/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/cursor/cursor.h"

int cursor_peek(const struct cursor *c)
{
	return cursor_at_end(c) ? -1 : (unsigned char)c->s.p[c->at];
}

int cursor_next(struct cursor *c)
{
	int byte = cursor_peek(c);
	if (byte < 0)
		c->failed = true;
	else
		c->at++;
	return byte;
}

bool cursor_accept(struct cursor *c, char byte)
{
	if (cursor_peek(c) != (unsigned char)byte)
		return false;
	c->at++;
	return true;
}

bool cursor_accept_str(struct cursor *c, struct str s)
{
	if (!str_starts_with(cursor_rest(c), s))
		return false;
	c->at += s.n;
	return true;
}

bool cursor_expect(struct cursor *c, char byte)
{
	if (cursor_accept(c, byte))
		return true;
	c->failed = true;
	return false;
}

struct str cursor_take(struct cursor *c, size_t n)
{
	if (n > c->s.n - c->at) {
		c->failed = true;
		return STR_EMPTY;
	}
	struct str taken = str_sub(c->s, c->at, c->at + n);
	c->at += n;
	return taken;
}

struct str cursor_until(struct cursor *c, char stop)
{
	struct str rest = cursor_rest(c);
	size_t n = str_find_char(rest, stop);
	return cursor_take(c, n == SIZE_MAX ? rest.n : n);
}

struct str cursor_while(struct cursor *c, const char *set)
{
	size_t from = c->at;
	while (!cursor_at_end(c) && c->s.p[c->at] != '\0' && strchr(set, c->s.p[c->at]) != NULL)
		c->at++;
	return str_sub(c->s, from, c->at);
}

void cursor_skip_space(struct cursor *c)
{
	(void)cursor_while(c, " \t\r\n");
}

bool cursor_u64(struct cursor *c, uint64_t min, uint64_t max, uint64_t *ret)
{
	size_t from = c->at;
	struct str digits = cursor_while(c, "0123456789");
	if (str_parse_u64(digits, min, max, ret))
		return true;
	c->at = from;
	c->failed = true;
	return false;
}

static uint64_t little_endian(struct cursor *c, size_t n)
{
	struct str bytes = cursor_take(c, n);
	uint64_t value = 0;
	for (size_t i = 0; i < bytes.n; i++)
		value |= (uint64_t)(unsigned char)bytes.p[i] << (8 * i);
	return value;
}

uint8_t cursor_u8(struct cursor *c)
{
	return (uint8_t)little_endian(c, 1);
}

uint16_t cursor_u16_le(struct cursor *c)
{
	return (uint16_t)little_endian(c, 2);
}

uint32_t cursor_u32_le(struct cursor *c)
{
	return (uint32_t)little_endian(c, 4);
}

uint64_t cursor_u64_le(struct cursor *c)
{
	return little_endian(c, 8);
}

void cursor_place(const struct cursor *c, unsigned *ret_line, unsigned *ret_column)
{
	unsigned line = 1, column = 1;
	for (size_t i = 0; i < c->at && i < c->s.n; i++) {
		if (c->s.p[i] == '\n') {
			line++;
			column = 1;
		} else {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}
