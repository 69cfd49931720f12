/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * shift FOLDER history|new: plays the shift of plan.py through detection (engine/detect), the grouping of findings (event_flood) and
 * alerts (service/alert), with the clock at the time of receipt; then asks for the queue as the duty officer does.
 * new: without the 30 days before, as on the first day.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file/file.h"
#include "engine/detect/detect.h"
#include "engine/event_pipeline/event_flood.h"
#include "service/alert/alert_internal.h"
#include "service/endpoint/endpoint.h"
#include "service/protection/protection.h"
#include "service/rule/rule.h"
#include "service/service_test_support.h"
#include "service/source/source.h"

#define MACHINES 20000
#define UNITS    130
#define BLOCK    1000

static struct service quiet_protection, quiet_rule;
static struct uuid units[UNITS], machines[MACHINES];

struct play {
	struct world w;
	struct detect *detect;
	struct detect_result result;
	struct event_flood *flood;
	const struct event_record *records;
	const struct detect_finding *finding;
	struct arena *arena;
	const char *folder;
	bool known; /* 30 days are known */
	uint64_t findings, handed_over, made;
};

static int make_city(struct db_tx *tx, void *ctx, struct err *err)
{
	/* With a history the machines are here for as long. */
	static const struct access setup = {.kind = ACCESS_SYSTEM, .name = {"bench", 5}};
	struct play *p = ctx;
	const usec_t enrolled = p->known ? WORLD_START - 30 * USEC_PER_DAY : WORLD_START;
	for (int i = 0; i < UNITS; i++) {
		char code[20], name[40];
		(void)snprintf(code, sizeof code, "u%d", i);
		(void)snprintf(name, sizeof name, "Xã %d", i);
		struct unit_new unit = {.code = str_c(code), .kind = STR("ward"), .name = str_c(name), .parent_id = p->w.city};
		world_must(unit_create(&p->w.sc, tx, &setup, &unit, &units[i], err), err);
	}
	for (int i = 0; i < MACHINES; i++) {
		char name[20];
		(void)snprintf(name, sizeof name, "PC-%05d", i);
		machines[i] = uuid_new();
		world_must(db_exec(tx, err,
		                   "INSERT INTO endpoint (id, unit_id, hostname, search_key, sort_key, os, os_version, addresses, agent_version, boot_id,"
		                   " previous_boot_id, bundle_version, watch_mode, scanner, facts, inventory_hash, inventory_at, state, state_reason, state_since,"
		                   " last_seen_at, enrolled_at, note, sample, version) VALUES ($1, $2, $3, $3, $1, 'Windows', $4, '[\"10.1.2.3\"]', '', '', '', 0, '',"
		                   " '', '{}', '', 0, 0, '', 0, 0, $5, '', 0, 1)",
		                   DB_UUID(&machines[i]), DB_UUID(&units[i % UNITS]), DB_CSTR(name), DB_CSTR(i % 33 == 0 ? "Windows Server 2019" : "Windows 10 Pro"), DB_INT(enrolled)),
		           err);
	}
	return 0;
}

/* As intake counted on those days. */
static int make_history(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct play *p = ctx;
	cleanup_buf struct buf text = BUF_INIT((size_t)16 << 20);
	world_must(file_read(arena_printf(p->arena, "%s/history.tsv", p->folder).p, (size_t)16 << 20, &text, err), err);
	struct str rest = buf_str(&text), line, rule, day;
	while (rest.n > 0 && str_split(&rest, '\n', &line)) {
		uint64_t ago = 0, count = 0;
		if (!str_split(&line, '\t', &rule) || !str_split(&line, '\t', &day) || !str_parse_u64(day, 1, 31, &ago) || !str_parse_u64(line, 1, MACHINES, &count))
			continue;
		world_must(db_exec(tx, err, "INSERT INTO alert_firing_day (rule_key, day, unit_id, machines, findings) VALUES ($1, $2, $3, $4, $4)", DB_TEXT(rule),
		                   DB_INT(WORLD_START / USEC_PER_DAY - (int64_t)ago), DB_UUID(&units[count % UNITS]), DB_INT(count)), err);
	}
	return 0;
}

static void write_set(struct play *p, const char *path)
{
	struct detect_set_writer *w;
	struct err err = {.code = 0};
	cleanup_buf struct buf list = BUF_INIT((size_t)4 << 20);
	world_must(file_read(arena_printf(p->arena, "%s/rules.txt", p->folder).p, (size_t)4 << 20, &list, &err), &err);
	world_must(detect_set_create(path, &w, &err), &err);
	struct str rest = buf_str(&list), name;
	while (rest.n > 0 && str_split(&rest, '\n', &name)) {
		cleanup_buf struct buf text = BUF_INIT(DETECT_SET_RULE_MAX);
		if (name.n == 0)
			continue;
		world_must(file_read(arena_cstr(p->arena, name), DETECT_SET_RULE_MAX, &text, &err), &err);
		world_must(detect_set_add(w, DETECT_SET_RULE, name, buf_str(&text), &err), &err);
	}
	world_must(detect_set_commit(w, NULL, &err), &err);
}

static void hand_over(void *ctx, struct event_alert *a, const struct event_alert *finding)
{
	struct play *p = ctx;
	struct err err = {.code = 0};
	cleanup_buf struct buf why = BUF_INIT((size_t)64 << 10);
	if (finding != NULL)
		detect_why(p->detect, &p->result, p->finding, &p->records[p->finding->record], &why);
	char first_event[UUID_TEXT_SIZE];
	struct alert_record record = {
		.key = str_c(a->key), .rule_id = a->rule_id, .title = a->title, .severity = ALERT_SEVERITY_MEDIUM, .endpoint_id = a->endpoint, .unit_id = a->unit,
		.at = a->time, .kind = a->kind, .entity = a->entity, .tags = a->tags, .why = buf_str(&why), .rule_file = a->rule_file, .rule_hash = a->rule_hash,
		.source = a->source, .host = a->host, .first_event_id = str_c(uuid_text(&a->first_event, first_event)), .count = (int64_t)a->count, .last_at = a->last_time, .size_bytes = -1,
	};
	(void)alert_severity_parse(a->severity, &record.severity);
	int r = alert_intake(&p->w.sc, &record, &err);
	world_must(r, &err);
	p->handed_over++;
	p->made += r == ALERT_TAKEN_NEW;
}

static void play_block(struct play *p, struct event_record *records, size_t count)
{
	p->records = records;
	detect_examine(p->detect, records, count, &p->result);
	for (size_t i = 0; i < p->result.count; i++) {
		const struct detect_finding *x = &p->result.findings[i];
		const struct event_record *r = &records[x->record];
		const struct event_alert a = {.rule_id = x->rule_id, .rule_version = 1, .title = x->title, .severity = x->severity, .endpoint = r->endpoint, .unit = r->unit,
		                              .first_event = r->id, .time = r->received, .received = r->received, .kind = str_c(detect_kind_name(x->kind)),
		                              .entity = str_sub(x->entity, 0, 200), .tags = x->tags, .rule_file = x->file, .rule_hash = x->hash, .source = r->source, .host = x->host};
		world_clock = r->received;
		p->finding = x;
		p->findings++;
		event_flood_take(p->flood, &a, hand_over, p);
	}
	world_clock = records[count - 1].received;
	event_flood_advance(p->flood, world_clock, hand_over, p);
}

static void play(struct play *p)
{
	struct err err = {.code = 0};
	struct buf events = BUF_INIT((size_t)1 << 30), plan = BUF_INIT((size_t)64 << 20);
	world_must(file_read(arena_printf(p->arena, "%s/events.jsonl", p->folder).p, (size_t)1 << 30, &events, &err), &err);
	world_must(file_read(arena_printf(p->arena, "%s/plan.tsv", p->folder).p, (size_t)64 << 20, &plan, &err), &err);
	struct str *lines = mem_alloc_array(400000, sizeof *lines), rest = buf_str(&events), line, second, machine;
	size_t known = 0, n = 0;
	while (known < 400000 && rest.n > 0 && str_split(&rest, '\n', &line))
		lines[known++] = line;
	struct event_record *block = mem_alloc_array(BLOCK, sizeof *block);
	rest = buf_str(&plan);
	while (rest.n > 0 && str_split(&rest, '\n', &line)) {
		uint64_t s = 0, m = 0, e = 0;
		if (!str_split(&line, '\t', &second) || !str_split(&line, '\t', &machine) || !str_parse_u64(second, 0, 86400, &s) ||
		    !str_parse_u64(machine, 0, MACHINES - 1, &m) || !str_parse_u64(line, 0, known - 1, &e))
			continue;
		block[n++] = (struct event_record){.id = uuid_new(), .received = WORLD_START + (usec_t)s * USEC_PER_SEC, .endpoint = machines[m], .unit = units[m % UNITS],
		                                   .retention_days = 30, .source = STR("agent"), .raw = lines[e]};
		if (n == BLOCK) {
			play_block(p, block, n);
			n = 0;
		}
	}
	if (n > 0)
		play_block(p, block, n);
}

static struct world_answer ask(struct play *p, const char *target)
{
	struct world_answer a = world_call(&p->w, &(struct world_call){.as = &p->w.admin, .method = "GET", .target = target});
	if (a.status != 200)
		(void)printf("%s: %d %s\n", target, a.status, a.key);
	return a;
}

static const char *of(const struct world_answer *a, const char *form, int i)
{
	char path[100];
	(void)snprintf(path, sizeof path, "items.%d.%s", i, form);
	return world_text(a, path);
}

/* The first line that an alert of this machine leads. */
static int place_of(const struct world_answer *list, int count, const char *machine)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(of(list, "endpoint.hostname", i), machine) == 0)
			return i + 1;
	}
	return 0;
}

static void report(struct play *p)
{
	const usec_t begun = clock_monotonic();
	cleanup_answer struct world_answer queue = ask(p, "/api/v1/alerts/queue");
	const usec_t took = clock_monotonic() - begun;
	cleanup_answer struct world_answer list = ask(p, "/api/v1/alerts?state=new&state=acknowledged&limit=500");
	int groups = 0;
	while (of(&queue, "id", groups)[0] != '\0')
		groups++;
	(void)printf("%llu findings, %llu records, %llu alerts\n", (unsigned long long)p->findings, (unsigned long long)p->handed_over, (unsigned long long)p->made);
	(void)printf("one line an alert: %s lines, the attacked machines at %d and %d\n", world_text(&list, "total"), place_of(&list, 500, "PC-07123"),
	             place_of(&list, 500, "PC-07311"));
	(void)printf("the queue: %s lines of %s alerts, the attacked machines at %d and %d; outside: %s low, %s beyond (%.0f ms)\n", world_text(&queue, "total"),
	             world_text(&queue, "alerts"), place_of(&queue, groups, "PC-07123"), place_of(&queue, groups, "PC-07311"), world_text(&queue, "outside.low"), world_text(&queue, "outside.beyond"),
	             (double)took / 1000);
	int shown[ALERT_SEVERITY__COUNT] = {0};
	for (int i = 0; i < groups; i++) {
		enum alert_severity severity = ALERT_SEVERITY_LOW;
		(void)alert_severity_parse(str_c(of(&queue, "severity", i)), &severity);
		shown[severity]++;
		if (i < 12 || getenv("LUYTRE_SHIFT_ALL") != NULL)
			(void)printf("  %2d %-8s %4s %-8s %4s alerts %4s machines %3s units %s tactics  %s  %s\n", i + 1, of(&queue, "severity", i), of(&queue, "score", i),
			             of(&queue, "group.kind", i), of(&queue, "group.alerts", i), of(&queue, "group.machines", i), of(&queue, "group.units", i),
			             of(&queue, "group.tactics", i), of(&queue, "endpoint.hostname", i),
			             of(&queue, "group.lines", i)[0] != '\0' ? of(&queue, "group.tactic", i) : of(&queue, "title", i));
	}
	(void)printf("  critical %d, high %d, medium %d\n", shown[ALERT_SEVERITY_CRITICAL], shown[ALERT_SEVERITY_HIGH], shown[ALERT_SEVERITY_MEDIUM]);
}

int main(int argc, char **argv)
{
	struct err err = {.code = 0};
	struct db *db = NULL;
	if (argc != 3)
		return 2;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	struct play p = {.arena = arena_new(0), .folder = argv[1], .known = strcmp(argv[2], "history") == 0, .flood = event_flood_new(&(struct event_flood_limits){0})};
	quiet_protection = protection_service;
	quiet_protection.start = NULL;
	quiet_rule = rule_service;
	quiet_rule.start = NULL;
	const struct service *rooms[] = {&endpoint_service, &quiet_protection, &source_service, &quiet_rule, &alert_service, NULL};
	world_must(db_open(arena_printf(p.arena, "sqlite:%s/%s.db", argv[1], argv[2]).p, 4, &db, &err), &err);
	world_init(&p.w, db, "/nonexistent", rooms);
	world_must(db_write(db, make_city, &p, &err), &err);
	if (p.known)
		world_must(db_write(db, make_history, &p, &err), &err);
	const char *set = arena_printf(p.arena, "%s/current.set", argv[1]).p;
	write_set(&p, set);
	const struct detect_config config = {.set_path = set, .dir = arena_printf(p.arena, "%s/own", argv[1]).p, .threads = 2};
	world_must(detect_new(&config, &p.detect, &err), &err);
	if (!detect_wait_ready(p.detect, 600000))
		return 1;
	play(&p);
	report(&p);
	detect_result_done(&p.result);
	detect_free(p.detect);
	event_flood_free(p.flood);
	world_done(&p.w);
	db_close(db);
	return 0;
}
