/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/alert/alert.h"
#include "service/api/api.h"
#include "service/endpoint/endpoint.h"
#include "service/metrics/metrics_internal.h"
#include "service/metrics/openmetrics.h"
#include "service/source/source_watch.h"
#include "service/status/status_watch.h"

#define UNITS_MAX 4096

struct sums {
	int64_t endpoints[ENDPOINT_STATE__COUNT];
	int64_t alerts[ALERT_STATE__COUNT][ALERT_SEVERITY__COUNT];
	usec_t since; /* of the means */
	struct alert_mean means[ALERT_SEVERITY__COUNT];
};
#define MEANS_OF (30 * USEC_PER_DAY)

static int read_sums(struct db_tx *tx, void *ctx, struct err *err)
{
	struct sums *s = ctx;
	int r = endpoint_count_states(tx, s->endpoints, err);
	if (r >= 0)
		r = alert_count_states(tx, s->alerts, err);
	return r < 0 ? r : alert_means(tx, s->since, s->means, err);
}

static void gauge(struct buf *out, const char *name, const char *unit, const char *help, double value)
{
	openmetrics_family(out, name, OPENMETRICS_GAUGE, unit, help);
	openmetrics_sample(out, name, "", NULL, value);
}

/* ---- processes ---- */

static void write_processes(struct buf *out, const struct status_report *s)
{
	const char *up = "luytre_process_up", *restarts = "luytre_process_restarts", *since = "luytre_process_since_timestamp_seconds";
	openmetrics_family(out, up, OPENMETRICS_GAUGE, NULL, "1 while the process runs.");
	for (unsigned i = 0; i < s->process_count; i++)
		openmetrics_sample(out, up, "", OPENMETRICS_LABELS({"process", str_c(s->processes[i].name)}),
		                   strcmp(s->processes[i].state, "running") == 0);
	openmetrics_family(out, restarts, OPENMETRICS_COUNTER, NULL, "Times the process was started again.");
	for (unsigned i = 0; i < s->process_count; i++)
		openmetrics_sample(out, restarts, "_total", OPENMETRICS_LABELS({"process", str_c(s->processes[i].name)}),
		                   (double)s->processes[i].restarts);
	openmetrics_family(out, since, OPENMETRICS_GAUGE, "seconds", "When the process came into its present state.");
	for (unsigned i = 0; i < s->process_count; i++)
		openmetrics_sample(out, since, "", OPENMETRICS_LABELS({"process", str_c(s->processes[i].name)}),
		                   (double)s->processes[i].since / USEC_PER_SEC);
}

/* ---- the pipeline ---- */

static void write_pipeline(struct buf *out, const struct status_report *s)
{
	const struct {
		const char *name, *help;
		int64_t value;
	} counters[] = {
		{"luytre_events_received", "Events taken in.", s->received},
		{"luytre_events_duplicate", "Events sent again and dropped.", s->duplicates},
		{"luytre_events_rejected", "Events that could not be read.", s->rejected},
		{"luytre_events_stored", "Events in the event store.", s->stored},
		{"luytre_events_dead", "Events that the event store would not take.", s->dropped},
		{"luytre_events_examined", "Events that detection has looked at.", s->detected},
		{"luytre_batches_refused", "Batches answered with try again later.", s->refused_batches},
		{"luytre_rule_matches", "Events that a rule matched, once a rule.", s->rule_matches},
		{"luytre_indicator_hits", "Values that an indicator named.", s->indicator_hits},
		{"luytre_regex_gave_up", "Regular expressions that took too many steps on a value.", s->regex_gave_up},
		{"luytre_correlation_dropped", "Matches that correlations did not take: late, or over a limit.", s->correlation_dropped},
		{"luytre_findings", "What rules and indicators found, each counted.", s->findings},
		{"luytre_finding_records", "Records that carried those counts to the alerts.", s->finding_records},
		{"luytre_findings_merged", "Findings counted without their entity or machine: there were too many.", s->findings_merged},
		{"luytre_alerts_made", "Alerts made by detection, canaries included.", s->alerts},
	}, gauges[] = {
		{"luytre_spool_size_bytes", "Size of the spool.", s->spool_bytes},
		{"luytre_spool_limit_bytes", "Size that the spool may have.", s->spool_limit_bytes},
		{"luytre_store_lag_bytes", "What waits to be stored.", s->store_lag},
		{"luytre_detect_lag_bytes", "What waits to be examined.", s->detect_lag},
	};
	/* Unknown while the pipeline is away: then there is no sample, and no false nought. */
	for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
		openmetrics_family(out, counters[i].name, OPENMETRICS_COUNTER, NULL, counters[i].help);
		if (counters[i].value >= 0)
			openmetrics_sample(out, counters[i].name, "_total", NULL, (double)counters[i].value);
	}
	for (size_t i = 0; i < ARRAY_LEN(gauges); i++) {
		openmetrics_family(out, gauges[i].name, OPENMETRICS_GAUGE, "bytes", gauges[i].help);
		if (gauges[i].value >= 0)
			openmetrics_sample(out, gauges[i].name, "", NULL, (double)gauges[i].value);
	}
	const struct {
		const char *name, *help;
		int64_t value;
	} in_use[] = {
		{"luytre_rules", "Rules and correlations in use.", s->rules},
		{"luytre_rules_refused", "Rules of the set in use that were refused.", s->rules_refused},
		{"luytre_indicators", "Indicators in use.", s->indicators},
	};
	for (size_t i = 0; i < ARRAY_LEN(in_use); i++) {
		openmetrics_family(out, in_use[i].name, OPENMETRICS_GAUGE, NULL, in_use[i].help);
		if (in_use[i].value >= 0)
			openmetrics_sample(out, in_use[i].name, "", NULL, (double)in_use[i].value);
	}
	openmetrics_family(out, "luytre_alerts_waiting", OPENMETRICS_GAUGE, NULL, "Alerts on their way to the list.");
	if (s->alerts_waiting >= 0)
		openmetrics_sample(out, "luytre_alerts_waiting", "", NULL, (double)s->alerts_waiting);
	gauge(out, "luytre_eventdb_up", NULL, "1 while the event store takes events.", strcmp(s->eventdb_state, "ready") == 0);
}

/* ---- blindness ---- */

static void write_blind(struct buf *out, const struct status_report *s)
{
	openmetrics_family(out, "luytre_blind", OPENMETRICS_GAUGE, NULL, "Places where nothing is seen now.");
	for (unsigned i = 0; i < s->blind_count; i++) {
		const char *what = s->blind[i].what;
		unsigned count = 0;
		bool first = true;
		for (unsigned k = 0; k < s->blind_count; k++) {
			bool same = strcmp(s->blind[k].what, what) == 0;
			first = first && !(same && k < i);
			count += same;
		}
		if (first)
			openmetrics_sample(out, "luytre_blind", "", OPENMETRICS_LABELS({"what", str_c(what)}), count);
	}
}

static void write_canaries(struct buf *out, const struct status_report *s, struct arena *arena)
{
	const char *name = "luytre_canary_timestamp_seconds";
	struct status_unit *units = ARENA_ARRAY(arena, UNITS_MAX, struct status_unit);
	size_t n = s->watch != NULL ? status_watch_units(s->watch, units, UNITS_MAX) : 0;
	openmetrics_family(out, name, OPENMETRICS_GAUGE, "seconds", "When a unit's canary last came to this end of the chain.");
	for (size_t i = 0; i < n; i++) {
		char id[UUID_TEXT_SIZE];
		const char *unit = uuid_is_null(&units[i].unit_id) ? "server" : uuid_text(&units[i].unit_id, id);
		const struct {
			const char *stage;
			usec_t at;
		} stages[] = {{"handed", units[i].handed_at}, {"stored", units[i].stored_at}, {"scanned", units[i].scanned_at}};
		for (size_t k = 0; k < ARRAY_LEN(stages); k++)
			if (stages[k].at > 0)
				openmetrics_sample(out, name, "", OPENMETRICS_LABELS({"unit", str_c(unit)}, {"stage", str_c(stages[k].stage)}),
				                   (double)stages[k].at / USEC_PER_SEC);
	}
}

/* ---- log sources ---- */

#define SOURCES_MAX 20000

static void write_source_samples(struct buf *out, const char *name, const char *suffix, const struct source_state *all, size_t n,
                                 double (*value)(const struct source_state *s))
{
	for (size_t i = 0; i < n; i++) {
		char id[UUID_TEXT_SIZE];
		openmetrics_sample(out, name, suffix,
		                   OPENMETRICS_LABELS({"source", str_c(uuid_text(&all[i].id, id))}, {"name", str_c(all[i].name)}), value(&all[i]));
	}
}

static double source_taken(const struct source_state *s)
{
	return (double)s->counts[SOURCE_TAKEN];
}

static double source_bytes(const struct source_state *s)
{
	return (double)s->counts[SOURCE_BYTES];
}

static double source_lost(const struct source_state *s)
{
	return (double)(s->counts[SOURCE_DROPPED] + s->counts[SOURCE_LIMITED]);
}

static double source_rejected(const struct source_state *s)
{
	return (double)s->counts[SOURCE_REJECTED];
}

static double source_unparsed(const struct source_state *s)
{
	return (double)s->counts[SOURCE_UNPARSED];
}

static double source_last(const struct source_state *s)
{
	return (double)s->last_at / USEC_PER_SEC;
}

static double source_sound(const struct source_state *s)
{
	return s->condition != SOURCE_SILENT && s->condition != SOURCE_LOSING && s->condition != SOURCE_CLOCK;
}

static double source_skew(const struct source_state *s)
{
	return s->has_skew ? (double)s->skew_s : 0;
}

static void write_sources(struct buf *out, struct source_watch *watch, struct arena *arena)
{
	static const struct {
		const char *name, *unit, *help;
		double (*value)(const struct source_state *s);
		enum openmetrics_type type;
	} families[] = {
		{"luytre_source_events", NULL, "Events taken of a log source.", source_taken, OPENMETRICS_COUNTER},
		{"luytre_source_bytes", "bytes", "Bytes of their texts.", source_bytes, OPENMETRICS_COUNTER},
		{"luytre_source_lost", NULL, "Events dropped for want of room or over the source's limit.", source_lost, OPENMETRICS_COUNTER},
		{"luytre_source_rejected", NULL, "Messages that were no events.", source_rejected, OPENMETRICS_COUNTER},
		{"luytre_source_unparsed", NULL, "Events kept as plain text.", source_unparsed, OPENMETRICS_COUNTER},
		{"luytre_source_last_timestamp_seconds", "seconds", "When the last event came; 0: never.", source_last, OPENMETRICS_GAUGE},
		{"luytre_source_clock_skew_seconds", "seconds", "Receipt less the event's own time, median; 0 also when not known.", source_skew,
		 OPENMETRICS_GAUGE},
		{"luytre_source_sound", NULL, "0 while the source is silent for too long, loses events or has a wrong clock.", source_sound,
		 OPENMETRICS_GAUGE},
	};
	size_t max = source_watch_count(watch) < SOURCES_MAX ? source_watch_count(watch) : SOURCES_MAX;
	struct source_state *all = ARENA_ARRAY(arena, max + 1, struct source_state);
	size_t n = source_watch_list(watch, all, max);
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		openmetrics_family(out, families[i].name, families[i].type, families[i].unit, families[i].help);
		write_source_samples(out, families[i].name, families[i].type == OPENMETRICS_COUNTER ? "_total" : "", all, n, families[i].value);
	}
}

/* ---- records, database, jobs ---- */

static void write_sums(struct buf *out, const struct sums *s)
{
	openmetrics_family(out, "luytre_endpoints", OPENMETRICS_GAUGE, NULL, "Enrolled machines, by state.");
	for (int i = 0; i < ENDPOINT_STATE__COUNT; i++)
		openmetrics_sample(out, "luytre_endpoints", "",
		                   OPENMETRICS_LABELS({"state", str_c(endpoint_state_name((enum endpoint_state)i))}),
		                   (double)s->endpoints[i]);
	openmetrics_family(out, "luytre_alerts", OPENMETRICS_GAUGE, NULL, "Alerts, by state and severity.");
	for (int i = 0; i < ALERT_STATE__COUNT; i++)
		for (int k = 0; k < ALERT_SEVERITY__COUNT; k++)
			openmetrics_sample(out, "luytre_alerts", "",
			                   OPENMETRICS_LABELS({"state", str_c(alert_state_name((enum alert_state)i))},
			                                      {"severity", str_c(alert_severity_name((enum alert_severity)k))}),
			                   (double)s->alerts[i][k]);
	static const char *const acknowledge = "luytre_alert_acknowledge_seconds", *const resolve = "luytre_alert_resolve_seconds";
	openmetrics_family(out, acknowledge, OPENMETRICS_GAUGE, "seconds", "Mean time to acknowledge of the alerts of the last 30 days.");
	for (int k = 0; k < ALERT_SEVERITY__COUNT; k++) {
		if (s->means[k].acknowledge_us >= 0)
			openmetrics_sample(out, acknowledge, "", OPENMETRICS_LABELS({"severity", str_c(alert_severity_name((enum alert_severity)k))}),
			                   (double)s->means[k].acknowledge_us / USEC_PER_SEC);
	}
	openmetrics_family(out, resolve, OPENMETRICS_GAUGE, "seconds", "Mean time to resolve of the alerts of the last 30 days.");
	for (int k = 0; k < ALERT_SEVERITY__COUNT; k++) {
		if (s->means[k].resolve_us >= 0)
			openmetrics_sample(out, resolve, "", OPENMETRICS_LABELS({"severity", str_c(alert_severity_name((enum alert_severity)k))}),
			                   (double)s->means[k].resolve_us / USEC_PER_SEC);
	}
}

static void write_database(struct buf *out, struct db *db)
{
	static const char *const modes[] = {"read", "write"};
	struct db_load load;
	db_load(db, &load);
	openmetrics_family(out, "luytre_database_busy_seconds", OPENMETRICS_COUNTER, "seconds",
	                   "Time spent in transactions, waiting for a connection included.");
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		openmetrics_sample(out, "luytre_database_busy_seconds", "_total", OPENMETRICS_LABELS({"mode", str_c(modes[i])}),
		                   (double)load.busy[i] / USEC_PER_SEC);
	openmetrics_family(out, "luytre_database_transactions", OPENMETRICS_COUNTER, NULL, "Transactions, failed ones included.");
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		openmetrics_sample(out, "luytre_database_transactions", "_total", OPENMETRICS_LABELS({"mode", str_c(modes[i])}),
		                   (double)load.transactions[i]);
}

static void write_jobs(struct buf *out, struct job_runner *jobs)
{
	static const char *const names[JOB_STATE__COUNT] = {[JOB_WAITING] = "waiting", [JOB_RUNNING] = "running",
	                                                    [JOB_DONE] = "done", [JOB_FAILED] = "failed",
	                                                    [JOB_CANCELLED] = "cancelled"};
	uint64_t counts[JOB_STATE__COUNT];
	job_counts(jobs, counts);
	openmetrics_family(out, "luytre_jobs", OPENMETRICS_GAUGE, NULL, "Background jobs of the last hour, and periodic ones, by state.");
	for (size_t i = 0; i < JOB_STATE__COUNT; i++)
		openmetrics_sample(out, "luytre_jobs", "", OPENMETRICS_LABELS({"state", str_c(names[i])}), (double)counts[i]);
}

/* Every family once, whatever is missing on this server. */
static int get_metrics(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct service_context *sc = req->service;
	struct status_report *s = ARENA_NEW(req->arena, struct status_report);
	struct sums *sums = ARENA_NEW(req->arena, struct sums);
	sums->since = api_now(req) - MEANS_OF;
	int r = db_read(sc->db, read_sums, sums, err);
	if (r < 0)
		return r;
	if (sc->status == NULL)
		return err_set(err, -EAGAIN, "status.no_source");
	sc->status->fill(sc->status->ctx, s);
	(void)api_reply_empty(res, 200);
	res->content_type = OPENMETRICS_CONTENT_TYPE;
	res->body = BUF_INIT((size_t)64 << 20);
	struct buf *out = &res->body;
	openmetrics_family(out, "luytre_build", OPENMETRICS_INFO, NULL, "The program.");
	openmetrics_sample(out, "luytre_build", "_info", OPENMETRICS_LABELS({"version", str_c(s->version)}), 1);
	write_processes(out, s);
	write_pipeline(out, s);
	write_blind(out, s);
	write_canaries(out, s, req->arena);
	if (sc->sources != NULL)
		write_sources(out, sc->sources, req->arena);
	write_sums(out, sums);
	write_database(out, sc->db);
	if (sc->jobs != NULL)
		write_jobs(out, sc->jobs);
	if (sc->meter != NULL)
		metrics_meter_write(sc->meter, out);
	openmetrics_end(out);
	return 0;
}

static const struct service_route routes[] = {
	{"GET", "/metrics", "metrics.read", get_metrics, "metrics.route_metrics"},
	{.method = NULL},
};

static const char *const permissions[] = {"metrics.read", NULL};

const struct service metrics_service = {.name = "metrics", .routes = routes, .permissions = permissions};
