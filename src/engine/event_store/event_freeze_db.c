/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_store/event_freeze.h"

#include "engine/clickhouse/clickhouse.h"
#include "engine/event_store/event_schema.h"

int event_store_freeze(struct event_store *s, const char *name, struct err *err)
{
	cleanup_buf struct buf tables = BUF_INIT((size_t)1 << 20);
	int r = event_store_query(s, "SELECT name FROM system.tables WHERE database = '" EVENT_DATABASE "'"
	                             " AND engine LIKE '%MergeTree' ORDER BY name FORMAT TabSeparated", NULL, 0, false, &tables, err);
	struct str rest = buf_str(&tables), table;
	while (r == 0 && str_split(&rest, '\n', &table)) {
		cleanup_buf struct buf sql = BUF_INIT(4096);
		if (table.n == 0)
			continue;
		buf_append_c(&sql, "ALTER TABLE " EVENT_DATABASE ".");
		clickhouse_quote_name(&sql, table);
		buf_append_c(&sql, " FREEZE WITH NAME ");
		clickhouse_quote(&sql, str_c(name));
		r = event_store_exec(s, sql.p, err);
	}
	return r;
}
