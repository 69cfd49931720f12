/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* History as the event store keeps it: how much of it when, and the events themselves as engine/rulebook's rows. */
#include <stdio.h>

#include "engine/event_store/event_schema.h"
#include "engine/event_store/event_store.h"
#include "service/rule/rule_http.h"

#define IN_RANGE                                                                                                       \
	"time >= fromUnixTimestamp64Micro({from:Int64} * 1000000, 'UTC') AND time < fromUnixTimestamp64Micro({to:Int64} * 1000000, 'UTC')"

/* Narrowed only by what rules of this log source cannot do without (packs/sigma/mapping.yaml): our own log has one source,
 * and a Windows event names its channel. */
enum { ANY, OWN, WINDOWS, KINDS };

struct rule_history rule_history_of(struct str product, bool ordered)
{
	return (struct rule_history){str_eq_c(product, "luytre") ? OWN : str_eq_c(product, "windows") ? WINDOWS : ANY, ordered};
}

static int ask(struct event_store *s, const char *sql, const int64_t numbers[5], struct buf *out, struct err *err)
{
	static const char *const names[] = {"from", "to", "step", "parts", "part"};
	struct event_store_param params[5];
	char texts[5][24];
	size_t count = 0;
	for (size_t i = 0; i < 5; i++) {
		char wanted[16];
		(void)snprintf(wanted, sizeof wanted, "{%s:", names[i]);
		(void)snprintf(texts[i], sizeof texts[i], "%lld", (long long)numbers[i]);
		/* A parameter that the question does not name is refused. */
		if (str_find(str_c(sql), str_c(wanted)) != SIZE_MAX)
			params[count++] = (struct event_store_param){names[i], str_c(texts[i])};
	}
	return event_store_query(s, sql, params, count, true, out, err);
}

int rule_history_measure(struct event_store *s, const struct rule_history *h, int64_t step_s, int64_t from_s, int64_t to_s, struct buf *out,
                         struct err *err)
{
#define MEASURE(narrow)                                                                                                \
	"SELECT intDiv(toUnixTimestamp64Micro(time), 1000000 * {step:Int64}) * {step:Int64} AS slot, count(), sum(length(raw)) FROM " EVENT_DATABASE \
	".event WHERE " IN_RANGE narrow " GROUP BY slot ORDER BY slot FORMAT TabSeparated"
	static const char *const sql[KINDS] = {MEASURE(""), MEASURE(" AND source = 'luytre'"), MEASURE(" AND multiSearchAny(raw, ['hannel', 'log_name'])")};
	const int64_t numbers[5] = {from_s, to_s, step_s, 0, 0};
	return ask(s, sql[h->kind], numbers, out, err);
}

int rule_history_piece(struct event_store *s, const struct rule_history *h, int64_t from_s, int64_t to_s, uint64_t parts, uint64_t part,
                       struct buf *out, struct err *err)
{
#define PIECE(narrow, order)                                                                                                \
	"SELECT toString(event_id), toString(unit_id), toString(host_name), toUnixTimestamp64Micro(time), raw FROM " EVENT_DATABASE \
	".event WHERE " IN_RANGE narrow " AND ({parts:UInt64} = 1 OR cityHash64(event_id) % {parts:UInt64} = {part:UInt64})"  \
	order " FORMAT RowBinary"
#define PIECES(order) {PIECE("", order), PIECE(" AND source = 'luytre'", order), PIECE(" AND multiSearchAny(raw, ['hannel', 'log_name'])", order)}
	static const char *const sql[2][KINDS] = {PIECES(""), PIECES(" ORDER BY time")};
	const int64_t numbers[5] = {from_s, to_s, 0, (int64_t)parts, (int64_t)part};
	return ask(s, sql[h->ordered][h->kind], numbers, out, err);
}
