/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A queue of 20,000 alerts: what the routes of the list and of one alert take, time of one core, JSON included, HTTP not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "service/alert/alert_internal.h"
#include "service/endpoint/endpoint.h"
#include "service/protection/protection.h"
#include "service/service_test_support.h"

#define ALERTS 20000
#define CALLS 40

/* What the list asks for, without the columns that do not matter to the plan. */
#define ALERT_QUEUE_SQL                                                                                                      \
	"SELECT a.queue_key, a.id, a.title FROM alert a WHERE 1 = 1 AND" ACCESS_UNIT_SCOPE("COALESCE(a.unit_id, a.unit_id)", "$1", "$2", "$3") \
	" AND a.queue_key >= 0 AND (($4 >> CAST(a.state AS INTEGER)) & 1) = 1 ORDER BY a.queue_key DESC, a.id DESC LIMIT 101"

static struct service quiet_protection;

static int by_time(const void *a, const void *b)
{
	const usec_t x = *(const usec_t *)a, y = *(const usec_t *)b;
	return (x > y) - (x < y);
}

/* Time of this core for this thread alone: others may be at work. */
static usec_t core_time(void)
{
	struct timespec t = {0};
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * USEC_PER_SEC + t.tv_nsec / 1000;
}

/* In one transaction: how fast intake is, is the disk's matter. */
static int fill(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct world *w = ctx;
	int r = 0;
	for (int i = 0; r >= 0 && i < ALERTS; i++) {
		char key[40], rule[40], host[40];
		struct uuid id = uuid_new();
		int64_t number = 0;
		(void)snprintf(key, sizeof key, "k%d", i);
		(void)snprintf(rule, sizeof rule, "rule-%d", i % 400);
		(void)snprintf(host, sizeof host, "srv-%d", i);
		struct alert_record record = {.key = str_c(key), .rule_id = str_c(rule), .title = STR("Suspicious Encoded PowerShell Command Line"), .severity = (enum alert_severity)(i % 4),
		                              .unit_id = i % 2 ? w->east : w->west, .at = WORLD_START + i * USEC_PER_SEC, .kind = STR("sigma"), .host = str_c(host),
		                              .entity = STR("user.name=lan"), .tags = STR("attack.t1059.001"),
		                              .raw = STR("{\"process\":{\"command_line\":\"powershell.exe -NoP -Enc SQBFAFgA\"}}"), .size_bytes = -1};
		const struct alert_weighed weighed = {.severity = record.severity, .score = 50, .why = STR("[{\"field\":\"process.name\",\"value\":\"powershell.exe\"}]"),
		                                      .technique = STR("T1059.001"), .created_at = record.at};
		r = alert_db_insert(tx, &record, &weighed, &id, str_c(key), &number, err);
	}
	return r;
}

static void measure(struct world *w, const struct access *as, const char *name, const char *target)
{
	static usec_t times[CALLS];
	char total[32] = "";
	for (int i = 0; i < CALLS; i++) {
		const usec_t start = core_time();
		struct world_answer a = world_call(w, &(struct world_call){.as = as, .method = "GET", .target = target});
		times[i] = core_time() - start;
		(void)snprintf(total, sizeof total, "%s", world_text(&a, "total"));
		world_answer_done(&a);
	}
	qsort(times, CALLS, sizeof times[0], by_time);
	(void)fflush(stdout);
	(void)printf("%-34s p50 %6.1f ms  p99 %6.1f ms  total %s\n", name, (double)times[CALLS / 2] / 1000, (double)times[CALLS * 99 / 100] / 1000, total);
}

static int explain(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct world *w = ctx;
	cleanup_rows struct db_rows *rows = NULL;
	const char *sql = db_tx_kind(tx) == DB_SQLITE ? "EXPLAIN QUERY PLAN " ALERT_QUEUE_SQL : "EXPLAIN " ALERT_QUEUE_SQL;
	int r = db_query(tx, &rows, err, sql, DB_UUID(&w->admin.account_id), DB_CSTR("alert.read"), DB_INT(world_clock), DB_INT(3));
	while (r >= 0 && (r = db_next(rows, err)) > 0)
		(void)printf("  %.*s\n", STR_FMT(db_text(rows, db_tx_kind(tx) == DB_SQLITE ? 3 : 0)));
	return r;
}

static int close_some(struct db_tx *tx, void *ctx, struct err *err)
{
	const int *keep = ctx;
	int r = db_exec(tx, err, "UPDATE alert SET state = 2, open_group = NULL, queue_key = queue_key - 72057594037927936 WHERE number > $1 AND state <> 2", DB_INT(*keep));
	return r < 0 ? r : 0;
}

int main(int argc, char **argv)
{
	struct err err = {.code = 0};
	struct db *db = NULL;
	struct world w;
	quiet_protection = protection_service;
	quiet_protection.start = NULL;
	const struct service *rooms[] = {&endpoint_service, &quiet_protection, &alert_service, NULL};
	world_must(db_open(argc > 1 ? argv[1] : "sqlite:bench.db", 4, &db, &err), &err);
	world_init(&w, db, "/nonexistent", rooms);
	world_must(db_write(db, fill, &w, &err), &err);
	for (int keep = ALERTS; keep > 0; keep = keep == ALERTS ? 100 : 0) {
		world_must(db_write(db, close_some, &keep, &err), &err);
		(void)printf("-- %d open of %d\n", keep, ALERTS);
		measure(&w, &w.admin, "open, first page", "/api/v1/alerts?state=new&state=acknowledged&limit=100");
		measure(&w, &w.east_officer, "open, first page, one unit", "/api/v1/alerts?state=new&state=acknowledged&limit=100");
		measure(&w, &w.admin, "critical and open", "/api/v1/alerts?state=new&state=acknowledged&severity=critical&limit=100");
		measure(&w, &w.admin, "search", "/api/v1/alerts?q=srv-1999&limit=100");
		measure(&w, &w.admin, "all, by time", "/api/v1/alerts?sort=-last_at&limit=100");
		measure(&w, &w.admin, "summary", "/api/v1/alerts/summary");
		measure(&w, &w.admin, "figures", "/api/v1/alerts/figures");
	}
	struct world_answer a = world_call(&w, &(struct world_call){.as = &w.admin, .method = "GET", .target = "/api/v1/alerts?limit=1"});
	char one[120];
	(void)snprintf(one, sizeof one, "/api/v1/alerts/%s", world_text(&a, "items.0.id"));
	world_answer_done(&a);
	measure(&w, &w.admin, "one alert", one);
	(void)printf("plan of the queue:\n");
	world_must(db_read(db, explain, &w, &err), &err);
	world_done(&w);
	db_close(db);
	return 0;
}
