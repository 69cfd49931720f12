/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What a source may be. No SQL, no HTTP. */
#include "base/text/text.h"
#include "engine/event/event_zone.h"
#include "service/source/source_internal.h"

const char *const source_formats[] = {"auto", "json", "syslog", "text", NULL};
const char *const source_kinds[] = {"other", "linux", "windows", "firewall", "suricata", "zeek", "application", "server", NULL};

#define FINGERPRINT 64

static int check_name(struct arena *arena, struct str *s, bool required, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT(4096);
	int r = text_nfc(str_trim(*s), &out, err);
	if (r < 0)
		return r;
	*s = arena_str(arena, buf_str(&out));
	if (s->n > SOURCE_NAME_MAX || (required && s->n == 0))
		return err_set(err, -EINVAL, "source.name", ARG_I64("limit", SOURCE_NAME_MAX));
	return 0;
}

/* "AB:CD:…" as certificate viewers show it, or plain hexadecimal. */
static int check_fingerprint(struct arena *arena, struct str *s, struct err *err)
{
	char plain[FINGERPRINT + 1];
	unsigned char bytes[FINGERPRINT / 2];
	struct buf out = BUF_FIXED(plain, sizeof(plain));
	for (size_t i = 0; i < s->n; i++) {
		char c = s->p[i];
		if (c != ':' && c != ' ' && c != '-')
			buf_append_char(&out, c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c);
	}
	if (s->n > 0 && (out.overflow || out.n != FINGERPRINT || !str_parse_hex(buf_str(&out), bytes, sizeof(bytes))))
		return err_set(err, -EINVAL, "source.fingerprint");
	*s = arena_str(arena, buf_str(&out));
	return 0;
}

static bool is_separator(char c)
{
	return c == ',' || c == ';' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct str next_word(struct str *rest)
{
	size_t from = 0, to;
	while (from < rest->n && is_separator(rest->p[from]))
		from++;
	for (to = from; to < rest->n && !is_separator(rest->p[to]);)
		to++;
	struct str word = str_sub(*rest, from, to);
	*rest = str_sub(*rest, to, rest->n);
	return word;
}

/* ::/0, and 0.0.0.0/0: 96 bits of IPv4-mapped prefix and none of its own. */
static bool is_everybody(const struct event_address *a)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	return a->prefix == 0 || (a->prefix == 96 && memcmp(a->ip, mapped, sizeof(mapped)) == 0);
}

static int check_addresses(struct arena *arena, struct str *s, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT(SOURCE_TEXT_MAX);
	struct str rest = *s, word;
	struct event_address known[SOURCE_ADDRESSES_MAX];
	size_t count = 0;
	while ((word = next_word(&rest)).n > 0) {
		char text[EVENT_ADDRESS_TEXT];
		struct event_address a;
		bool twice = false;
		int r = event_address_parse(word, &a, err);
		if (r < 0)
			return r;
		if (is_everybody(&a))
			return err_set(err, -EINVAL, "source.everybody", ARG_STR("value", word));
		for (size_t i = 0; i < count; i++)
			twice = twice || memcmp(&known[i], &a, sizeof(a)) == 0;
		if (twice)
			continue;
		if (count == SOURCE_ADDRESSES_MAX)
			return err_set(err, -EINVAL, "source.too_many_addresses", ARG_I64("limit", SOURCE_ADDRESSES_MAX));
		known[count++] = a;
		buf_printf(&out, "%s%s", out.n > 0 ? "\n" : "", event_address_text(&a, text));
	}
	*s = arena_str(arena, buf_str(&out));
	return 0;
}

static int check_zone(struct str *s, struct err *err)
{
	const struct event_zone *zone;
	*s = str_trim(*s);
	if (event_zone_find(*s, &zone, NULL) < 0)
		return err_set(err, -EINVAL, "source.time_zone", ARG_STR("value", *s));
	return 0;
}

/* The form shows it beside its field. */
static int beside(int r, const char *field, struct err *err)
{
	if (r < 0 && err != NULL)
		(void)!err_at(err, str_c(field));
	return r;
}

int source_check(struct arena *arena, struct source_row *row, struct err *err)
{
	int r = beside(check_name(arena, &row->name, true, err), "/name", err);
	if (r >= 0)
		r = beside(check_name(arena, &row->system_name, false, err), "/system_name", err);
	if (r >= 0)
		r = beside(check_fingerprint(arena, &row->fingerprint, err), "/fingerprint", err);
	if (r >= 0)
		r = beside(check_addresses(arena, &row->addresses, err), "/addresses", err);
	if (r >= 0)
		r = beside(check_zone(&row->time_zone, err), "/time_zone", err);
	if (r >= 0 && row->addresses.n == 0 && row->fingerprint.n == 0 && uuid_is_null(&row->token_id))
		r = beside(err_set(err, -EINVAL, "source.no_match"), "/addresses", err);
	return r;
}

bool source_same(const struct source_row *a, const struct source_row *b)
{
	return uuid_eq(&a->unit_id, &b->unit_id) && uuid_eq(&a->token_id, &b->token_id) && str_eq(a->name, b->name) &&
	       str_eq(a->system_name, b->system_name) && str_eq(a->kind, b->kind) && str_eq(a->addresses, b->addresses) &&
	       str_eq(a->fingerprint, b->fingerprint) && str_eq(a->retention, b->retention) && str_eq(a->note, b->note) &&
	       str_eq(a->time_zone, b->time_zone) && a->system_level == b->system_level && a->rate_per_s == b->rate_per_s &&
	       a->silence_s == b->silence_s && a->format == b->format && a->enabled == b->enabled;
}
