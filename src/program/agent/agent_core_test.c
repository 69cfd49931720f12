/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The whole agent against a small server that can lose answers, be away, repeat commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file/file.h"
#include "platform/http/http.h"
#include "program/agent/agent_control.h"
#include "program/agent/agent_core.h"

enum events_mode { EVENTS_TAKE, EVENTS_AWAY, EVENTS_LOSE_ANSWER, EVENTS_REFUSE_MARKED };
#define EVENTS_MAX 1000

struct world {
	char dir[64], state[128], watched[128], url[64], token[256];
	struct crypto_key *ca_key, *bundle_key;
	struct buf ca, cert, key, bundle;
	struct http_server *server;
	struct agent_core *core;
	pthread_mutex_t lock;
	/* lock: */
	enum events_mode mode;
	char *events[EVENTS_MAX]; /* taken, each once */
	size_t event_count, batches, duplicates;
	char epoch[64];
	uint64_t highest;
	char commands[1024];
	char answered[4096];
	unsigned enrolments, checkins, inventories, bundle_fetches;
	bool want_inventory, refuse;
	uint64_t bundle_version;
};

static void check(int r, const struct err *err)
{
	char line[1024];
	if (r < 0)
		fail_msg("%s", err_line(err, line, sizeof line));
}

/* ---- a packet filter that nobody touches ---- */

static int filter_refuses(void *ctx, struct err *err)
{
	(void)ctx;
	return err_set(err, -ENOTSUP, "agent.isolation_no_nft");
}

static const struct agent_firewall no_filter = {.able = filter_refuses, .lift = filter_refuses};

/* ---- the server ---- */

static void text_answer(struct http_response *res, int status, const char *text)
{
	res->status = status;
	res->body = BUF_INIT((size_t)1 << 20);
	buf_append_c(&res->body, text);
	res->content_type = "application/json";
}

static void get_ca(struct http_request *req, struct http_response *res, void *context)
{
	const struct world *w = context;
	(void)req;
	text_answer(res, 200, w->ca.p);
}

static void get_bundle_key(struct http_request *req, struct http_response *res, void *context)
{
	const struct world *w = context;
	struct buf pem = BUF_INIT(4096);
	(void)req;
	check(crypto_key_public_pem(w->bundle_key, &pem, NULL), NULL);
	text_answer(res, 200, pem.p);
	buf_done(&pem);
}

static void enrol(struct http_request *req, struct http_response *res, void *context)
{
	struct world *w = context;
	const struct json *j = NULL;
	struct err err = {0};
	struct buf cert = BUF_INIT(10000);
	check(json_parse(req->arena, req->body, NULL, &j, &err), &err);
	(void)pthread_mutex_lock(&w->lock);
	w->enrolments++;
	bool good = str_eq_c(json_get_str(j, "token", STR_EMPTY), w->token);
	(void)pthread_mutex_unlock(&w->lock);
	if (!good) {
		text_answer(res, 403, "{\"key\":\"endpoint.token_unknown\",\"detail\":\"no such token\"}");
		return;
	}
	struct crypto_cert_request cr = {json_get_str(j, "csr", STR_EMPTY), "0190b4e6-7c1a-7000-8000-000000000001", CRYPTO_CERT_CLIENT,
	                                 NULL, clock_now() - USEC_PER_HOUR, clock_now() + USEC_PER_DAY};
	check(crypto_cert_issue(&cr, buf_str(&w->ca), w->ca_key, &cert, &err), &err);
	text_answer(res, 201, "");
	struct json_writer jw = json_writer_init(&res->body);
	json_object(&jw);
	json_member_cstr(&jw, "endpoint_id", cr.common_name);
	json_member_str(&jw, "certificate", buf_str(&cert));
	json_member_int(&jw, "interval_s", 60);
	json_object_end(&jw);
	buf_done(&cert);
}

static void checkin(struct http_request *req, struct http_response *res, void *context)
{
	struct world *w = context;
	const struct json *j = NULL;
	struct err err = {0};
	check(json_parse(req->arena, req->body, NULL, &j, &err), &err);
	if (req->client_cert_der.n == 0) {
		text_answer(res, 401, "{\"key\":\"api.no_certificate\"}");
		return;
	}
	(void)pthread_mutex_lock(&w->lock);
	w->checkins++;
	const struct json *inventory = json_get(j, "inventory"), *answered = json_get(j, "answered");
	w->inventories += inventory != NULL && inventory->type == JSON_OBJECT;
	if (answered != NULL && answered->count > 0) {
		struct buf out = BUF_INIT(4095);
		struct json_writer aw = json_writer_init(&out);
		json_tree(&aw, answered);
		str_copy_c(buf_str(&out), w->answered, sizeof w->answered);
		buf_done(&out);
	}
	if (w->refuse) {
		text_answer(res, 503, "{\"key\":\"db.busy\"}");
	} else {
		unsigned char digest[SHA256_SIZE];
		char hex[SHA256_HEX_SIZE];
		sha256(buf_str(&w->bundle), digest);
		text_answer(res, 200, "");
		buf_printf(&res->body,
		           "{\"interval_s\":60,\"want_inventory\":%s,\"watch_paths\":[\"%s\"],\"excluded_paths\":[],\"commands\":[%s],"
		           "\"bundle\":{\"version\":%llu,\"sha256\":\"%s\",\"size_bytes\":%zu},\"later\":{\"unknown\":1}}",
		           w->want_inventory ? "true" : "false", w->watched, w->commands, (unsigned long long)w->bundle_version,
		           sha256_hex(digest, hex), w->bundle.n);
	}
	(void)pthread_mutex_unlock(&w->lock);
}

static void get_bundle(struct http_request *req, struct http_response *res, void *context)
{
	struct world *w = context;
	(void)req;
	(void)pthread_mutex_lock(&w->lock);
	w->bundle_fetches++;
	res->body = BUF_INIT((size_t)1 << 20);
	buf_append(&res->body, buf_str(&w->bundle));
	(void)pthread_mutex_unlock(&w->lock);
}

/* Takes what is new of a batch, as the real server does: by epoch and sequence. Lock held. */
static void take_batch(struct world *w, struct str batch, struct str body)
{
	struct str rest = batch, epoch = STR_EMPTY, line;
	uint64_t sequence = 0;
	assert_true(str_split(&rest, ':', &epoch) && str_parse_u64(rest, 1, INT64_MAX, &sequence));
	if (!str_eq_c(epoch, w->epoch)) {
		str_copy_c(epoch, w->epoch, sizeof w->epoch);
		w->highest = 0;
	}
	for (; str_split(&body, '\n', &line); sequence++) {
		if (line.n == 0)
			continue;
		if (sequence <= w->highest) {
			w->duplicates++;
			continue;
		}
		w->highest = sequence;
		assert_true(w->event_count < EVENTS_MAX);
		w->events[w->event_count++] = mem_strdup(line);
	}
}

static void events(struct http_request *req, struct http_response *res, void *context)
{
	struct world *w = context;
	assert_true(req->client_cert_der.n > 0);
	(void)pthread_mutex_lock(&w->lock);
	w->batches++;
	if (w->mode == EVENTS_AWAY) {
		text_answer(res, 503, "{}");
	} else if (w->mode == EVENTS_REFUSE_MARKED && str_find(req->body, STR("marked")) != SIZE_MAX) {
		text_answer(res, 400, "{\"key\":\"event.bad\"}");
	} else {
		take_batch(w, http_header(req, "Luytre-Batch"), req->body);
		text_answer(res, w->mode == EVENTS_LOSE_ANSWER ? 500 : 200, "{}");
	}
	(void)pthread_mutex_unlock(&w->lock);
}

static const struct http_route routes[] = {
	{.method = "GET", .path = "/agent/v1/ca", .handler = get_ca},
	{.method = "GET", .path = "/agent/v1/bundle-key", .handler = get_bundle_key},
	{.method = "POST", .path = "/agent/v1/enrol", .handler = enrol, .body_limit_bytes = 100000},
	{.method = "POST", .path = "/agent/v1/checkin", .handler = checkin, .body_limit_bytes = 8000000},
	{.method = "GET", .path = "/agent/v1/bundles/{version}", .handler = get_bundle},
	{.method = "POST", .path = "/api/v1/events", .handler = events, .body_limit_bytes = 8000000},
	{.method = NULL},
};

static void issue(struct world *w, struct crypto_key *key, const char *name, enum crypto_cert_use use, struct buf *ret)
{
	static const char *const names[] = {"127.0.0.1", NULL};
	struct buf csr = BUF_INIT(10000);
	struct err err = {0};
	check(crypto_csr(key, name, &csr, &err), &err);
	struct crypto_cert_request req = {buf_str(&csr), name, use, use == CRYPTO_CERT_SERVER ? names : NULL,
	                                  clock_now() - USEC_PER_HOUR, clock_now() + USEC_PER_DAY};
	*ret = BUF_INIT(10000);
	check(crypto_cert_issue(&req, use == CRYPTO_CERT_CA ? STR_EMPTY : buf_str(&w->ca), w->ca_key, ret, &err), &err);
	buf_done(&csr);
}

static const char bad_text[] = "not really bad, but listed\n";
static const char other_bad_text[] = "listed in the second bundle\n";

static void make_bundle(struct world *w, uint64_t version, const char *text)
{
	char list[160], hex[SHA256_HEX_SIZE];
	unsigned char digest[SHA256_SIZE];
	struct buf line = BUF_INIT(1000), container = BUF_INIT((size_t)1 << 20);
	struct err err = {0};
	(void)snprintf(list, sizeof list, "%s/list-%llu.csv", w->dir, (unsigned long long)version);
	sha256(str_c(bad_text), digest);
	buf_printf(&line, "%s,Test.Listed\n", sha256_hex(digest, hex));
	sha256(str_c(text), digest);
	buf_printf(&line, "%s,Test.Second\n", sha256_hex(digest, hex));
	check(file_write(list, buf_str(&line), 0600, &err), &err);
	const char *const lists[] = {list, NULL};
	struct malware_bundle_source source = {
		.version = version,
		.created = clock_now(),
		.expires = clock_now() + USEC_PER_DAY,
		.hash_lists = lists,
		.sign = malware_bundle_sign_with_key,
		.sign_ctx = w->bundle_key,
	};
	struct malware_bundle_info info;
	check(malware_bundle_build(&source, &container, &info, &err), &err);
	(void)pthread_mutex_lock(&w->lock);
	buf_done(&w->bundle);
	w->bundle = container;
	w->bundle_version = version;
	(void)pthread_mutex_unlock(&w->lock);
	buf_done(&line);
}

static int set_up(void **state)
{
	struct world *w = MEM_NEW(struct world);
	struct err err = {0};
	struct crypto_key *key = NULL;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)snprintf(w->dir, sizeof w->dir, "/tmp/luytre-agent-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->state, sizeof w->state, "%s/state", w->dir);
	(void)snprintf(w->watched, sizeof w->watched, "%s/watched", w->dir);
	assert_int_equal(mkdir(w->watched, 0755), 0);
	check(crypto_key_generate(&w->ca_key, &err), &err);
	check(crypto_key_generate(&w->bundle_key, &err), &err);
	check(crypto_key_generate(&key, &err), &err);
	issue(w, w->ca_key, "Test CA", CRYPTO_CERT_CA, &w->ca);
	issue(w, key, "server", CRYPTO_CERT_SERVER, &w->cert);
	w->key = BUF_INIT(10000);
	check(crypto_key_private_pem(key, &w->key, &err), &err);
	crypto_key_free(key);
	make_bundle(w, 1, bad_text);
	struct crypto_cert_info info;
	unsigned char digest[SHA256_SIZE], secret[32] = {7};
	check(crypto_cert_info(buf_str(&w->ca), &info, &err), &err);
	assert_true(str_parse_hex(str_c(info.sha256_hex), digest, sizeof digest));
	struct buf token = buf_fixed(w->token, sizeof w->token);
	buf_append_c(&token, "lt1.");
	buf_append_base64url(&token, secret, sizeof secret);
	buf_append_char(&token, '.');
	buf_append_base64url(&token, digest, sizeof digest);
	struct http_config config = {.address = "127.0.0.1", .cert_pem = w->cert.p, .key_pem = w->key.p, .client_ca_pem = w->ca.p,
	                             .routes = routes, .context = w};
	check(http_server_start(&config, &w->server, &err), &err);
	(void)snprintf(w->url, sizeof w->url, "https://127.0.0.1:%u", http_server_port(w->server));
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	agent_core_free(w->core);
	http_server_stop(w->server);
	for (size_t i = 0; i < w->event_count; i++)
		mem_free(w->events[i]);
	crypto_key_free(w->ca_key);
	crypto_key_free(w->bundle_key);
	buf_done(&w->ca);
	buf_done(&w->cert);
	buf_done(&w->key);
	buf_done(&w->bundle);
	(void)pthread_mutex_destroy(&w->lock);
	mem_free(w);
	return 0;
}

/* ---- steps ---- */

static int try_enrol(struct world *w, const char *token, bool force, struct err *err)
{
	struct agent_enrol_options o = {.server = w->url, .events = w->url, .token = token, .state_dir = w->state, .force = force};
	return agent_enrol(&o, err);
}

static void start_core(struct world *w)
{
	struct err err = {0};
	check(agent_core_new(&(struct agent_core_options){.state_dir = w->state, .inotify_only = true, .firewall = &no_filter}, &w->core, &err), &err);
}

static void stop_core(struct world *w)
{
	agent_core_free(w->core);
	w->core = NULL;
}

static void check_in(struct world *w)
{
	struct err err = {0};
	usec_t next = 0;
	check(agent_core_checkin(w->core, &next, &err), &err);
	assert_true(next > 0 && next < 70 * USEC_PER_SEC);
}

static void begin(struct world *w)
{
	struct err err = {0};
	check(try_enrol(w, w->token, false, &err), &err);
	start_core(w);
	check_in(w);
}

static void write_watched(const struct world *w, const char *name, const char *text)
{
	char path[256];
	(void)snprintf(path, sizeof path, "%s/%s", w->watched, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

static bool is_there(const struct world *w, const char *name)
{
	char path[256];
	(void)snprintf(path, sizeof path, "%s/%s", w->watched, name);
	return access(path, F_OK) == 0;
}

static unsigned count_events(struct world *w, const char *first, const char *second)
{
	unsigned n = 0;
	(void)pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->event_count; i++)
		n += strstr(w->events[i], first) != NULL && strstr(w->events[i], second) != NULL;
	(void)pthread_mutex_unlock(&w->lock);
	return n;
}

static void wait_event(struct world *w, const char *first, const char *second)
{
	for (int i = 0; i < 3000 && count_events(w, first, second) == 0; i++)
		(void)usleep(10000);
	if (count_events(w, first, second) != 1)
		fail_msg("%s %s: %u times", first, second, count_events(w, first, second));
}

static void set_mode(struct world *w, enum events_mode mode)
{
	(void)pthread_mutex_lock(&w->lock);
	w->mode = mode;
	(void)pthread_mutex_unlock(&w->lock);
}

static void set_command(struct world *w, const char *id, const char *rest)
{
	(void)pthread_mutex_lock(&w->lock);
	if (id == NULL)
		w->commands[0] = '\0';
	else
		(void)snprintf(w->commands, sizeof w->commands, "{\"id\":\"%s\",%s}", id, rest);
	(void)pthread_mutex_unlock(&w->lock);
}

static struct uuid only_item(struct world *w)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	const struct malware_quarantine_item *items;
	size_t count = 0;
	check(malware_quarantine_list(agent_protect_quarantine(agent_core_protect(w->core)), arena, &items, &count, NULL, NULL), NULL);
	assert_int_equal(count, 1);
	return items[0].id;
}

/* ---- tests ---- */

/* Still base64url. */
static void change_letter(char *c)
{
	*c = *c == 'A' ? 'B' : 'A';
}

static void enrolment_trusts_the_token_only(void **state)
{
	struct world *w = *state;
	struct err err = {0};
	char other[256], path[256];
	struct stat st;
	assert_int_equal(try_enrol(w, "lt1.short", false, &err), -EINVAL);
	str_copy_c(str_c(w->token), other, sizeof other);
	change_letter(&other[strlen(other) - 5]); /* another CA */
	assert_int_equal(try_enrol(w, other, false, &err), -EBADMSG);
	assert_string_equal(err.key, "agent.ca_mismatch");
	assert_int_equal(w->enrolments, 0); /* the secret was not sent */
	str_copy_c(str_c(w->token), other, sizeof other);
	change_letter(&other[10]); /* another secret */
	assert_int_equal(try_enrol(w, other, false, &err), -EACCES);
	assert_string_equal(err_arg(&err, "key"), "endpoint.token_unknown");
	check(try_enrol(w, w->token, false, &err), &err);
	(void)snprintf(path, sizeof path, "%s/identity.json", w->state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(w->state, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(try_enrol(w, w->token, false, &err), -EEXIST);
	assert_int_equal(w->enrolments, 2);
	check(try_enrol(w, w->token, true, &err), &err);
	struct agent_identity *id = NULL;
	check(agent_identity_load(w->state, &id, &err), &err);
	assert_string_equal(id->endpoint_id, "0190b4e6-7c1a-7000-8000-000000000001");
	agent_identity_free(id);
}

static void a_bad_file_is_taken_and_reported_once(void **state)
{
	struct world *w = *state;
	begin(w);
	assert_int_equal(w->bundle_fetches, 1);
	write_watched(w, "good", "harmless\n");
	write_watched(w, "bad", bad_text);
	wait_event(w, "\"event.action\":\"quarantined\"", "/bad\"");
	assert_false(is_there(w, "bad"));
	assert_true(is_there(w, "good"));
	assert_int_equal(count_events(w, "Test.Listed", "\"event.sequence\":1"), 1);
	check_in(w);
	assert_int_equal(w->bundle_fetches, 1);
}

static void reports_survive_a_server_that_is_away_or_loses_answers(void **state)
{
	struct world *w = *state;
	begin(w);
	set_mode(w, EVENTS_AWAY);
	write_watched(w, "first", bad_text);
	for (int i = 0; i < 300 && is_there(w, "first"); i++)
		(void)usleep(10000);
	assert_false(is_there(w, "first")); /* protected without the server */
	stop_core(w);
	start_core(w); /* and watching before any check-in, by what the server wanted last */
	write_watched(w, "second", bad_text);
	for (int i = 0; i < 300 && is_there(w, "second"); i++)
		(void)usleep(10000);
	assert_false(is_there(w, "second"));
	assert_int_equal(count_events(w, "quarantined", ""), 0);
	set_mode(w, EVENTS_LOSE_ANSWER);
	for (int i = 0; i < 800 && count_events(w, "quarantined", "") < 2; i++)
		(void)usleep(10000);
	set_mode(w, EVENTS_TAKE);
	wait_event(w, "quarantined", "/first\"");
	wait_event(w, "quarantined", "/second\"");
	write_watched(w, "third", bad_text);
	for (int i = 0; i < 1000 && count_events(w, "quarantined", "/third\"") == 0; i++)
		(void)usleep(10000);
	wait_event(w, "quarantined", "/third\"");
	assert_true(w->duplicates >= 1); /* sent again, taken once */
}

static void a_report_that_is_refused_does_not_hold_up_the_others(void **state)
{
	struct world *w = *state;
	begin(w);
	set_mode(w, EVENTS_AWAY);
	write_watched(w, "one", bad_text);
	write_watched(w, "marked", bad_text);
	write_watched(w, "two", bad_text);
	for (int i = 0; i < 300 && (is_there(w, "one") || is_there(w, "marked") || is_there(w, "two")); i++)
		(void)usleep(10000);
	set_mode(w, EVENTS_REFUSE_MARKED);
	for (int i = 0; i < 1000 && count_events(w, "quarantined", "") < 2; i++)
		(void)usleep(10000);
	wait_event(w, "quarantined", "/one\"");
	wait_event(w, "quarantined", "/two\"");
	assert_int_equal(count_events(w, "marked", ""), 0);
}

static void commands_are_done_once(void **state)
{
	struct world *w = *state;
	static const char id[] = "0190b4e6-7c1a-7000-8000-0000000000aa";
	char rest[200], text[UUID_TEXT_SIZE];
	begin(w);
	write_watched(w, "bad", bad_text);
	wait_event(w, "quarantined", "/bad\"");
	struct uuid item = only_item(w);
	(void)snprintf(rest, sizeof rest, "\"type\":\"quarantine_restore\",\"quarantine_id\":\"%s\"", uuid_text(&item, text));
	set_command(w, id, rest);
	check_in(w);
	assert_true(is_there(w, "bad"));
	assert_string_equal(w->answered, "");
	check_in(w); /* the command comes again, with the answer on its way */
	assert_non_null(strstr(w->answered, id));
	assert_non_null(strstr(w->answered, "\"ok\":true"));
	stop_core(w);
	start_core(w);
	w->answered[0] = '\0';
	check_in(w);
	check_in(w);
	assert_non_null(strstr(w->answered, "\"ok\":true")); /* still known after a restart */
	set_command(w, NULL, NULL);
	wait_event(w, "\"event.action\":\"restored\"", "/bad\"");
	write_watched(w, "bad", bad_text); /* the same content again: a person allowed it */
	(void)usleep(500000);
	assert_true(is_there(w, "bad"));
	assert_int_equal(count_events(w, "quarantined", ""), 1);
	write_watched(w, "copy", bad_text); /* but not elsewhere */
	wait_event(w, "quarantined", "/copy\"");
	/* What cannot be done is answered, too. */
	set_command(w, "0190b4e6-7c1a-7000-8000-0000000000bb", rest);
	check_in(w);
	check_in(w);
	assert_non_null(strstr(w->answered, "malware.quarantine_no_item"));
	set_command(w, "0190b4e6-7c1a-7000-8000-0000000000cc", "\"type\":\"make_coffee\"");
	check_in(w);
	check_in(w);
	assert_non_null(strstr(w->answered, "agent.bad_command"));
}

static void a_scan_is_run_and_answered(void **state)
{
	struct world *w = *state;
	char rest[300], outside[200], file[256];
	begin(w);
	(void)snprintf(outside, sizeof outside, "%s/outside", w->dir);
	(void)snprintf(file, sizeof file, "%s/bad", outside);
	assert_int_equal(mkdir(outside, 0755), 0);
	assert_int_equal(file_write(file, str_c(bad_text), 0644, NULL), 0);
	(void)snprintf(rest, sizeof rest, "\"type\":\"scan\",\"path\":\"%s\"", outside);
	set_command(w, "0190b4e6-7c1a-7000-8000-0000000000dd", rest);
	check_in(w);
	set_command(w, NULL, NULL);
	wait_event(w, "\"event.action\":\"scan_finished\"", "\"luytre.found\":1");
	wait_event(w, "\"event.action\":\"quarantined\"", "0190b4e6-7c1a-7000-8000-0000000000dd");
	assert_int_equal(access(file, F_OK), -1);
	(void)usleep(100000);
	check_in(w);
	assert_non_null(strstr(w->answered, "\"files\":1"));
}

static void inventory_is_sent_when_wanted(void **state)
{
	struct world *w = *state;
	begin(w);
	assert_int_equal(w->inventories, 0); /* only its hash */
	w->want_inventory = true;
	check_in(w);
	w->want_inventory = false;
	check_in(w);
	assert_int_equal(w->inventories, 1);
	check_in(w);
	assert_int_equal(w->inventories, 1);
}

static void a_failing_server_changes_nothing(void **state)
{
	struct world *w = *state;
	struct err err = {0};
	usec_t next = 0;
	begin(w);
	w->refuse = true;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(agent_core_checkin(w->core, &next, &err), -EAGAIN);
		assert_string_equal(err.key, "agent.refused");
	}
	write_watched(w, "bad", bad_text);
	wait_event(w, "quarantined", "/bad\"");
}

static void new_bundles_replace_old_ones_only_forward(void **state)
{
	struct world *w = *state;
	begin(w);
	write_watched(w, "sleeper", other_bad_text); /* unknown to the first bundle */
	(void)usleep(300000);
	assert_true(is_there(w, "sleeper"));
	make_bundle(w, 2, other_bad_text);
	check_in(w);
	assert_int_equal(w->bundle_fetches, 2);
	wait_event(w, "quarantined", "/sleeper\""); /* found without being touched */
	w->bundle_version = 1;
	check_in(w);
	assert_int_equal(w->bundle_fetches, 2);
	assert_int_equal(agent_protect_state(agent_core_protect(w->core)).bundle.version, 2);
	/* One of another key is not taken. */
	struct crypto_key *mine = w->bundle_key, *theirs = NULL;
	check(crypto_key_generate(&theirs, NULL), NULL);
	w->bundle_key = theirs;
	make_bundle(w, 3, bad_text);
	w->bundle_key = mine;
	crypto_key_free(theirs);
	check_in(w);
	assert_int_equal(agent_protect_state(agent_core_protect(w->core)).bundle.version, 2);
	check_in(w);
	assert_int_equal(w->bundle_fetches, 3); /* and not fetched every minute */
}

static void control_socket_serves_root(void **state)
{
	struct world *w = *state;
	struct agent_control *control = NULL;
	struct http_client *client = NULL;
	struct http_client_response res = {0};
	struct err err = {0};
	char path[256], text[UUID_TEXT_SIZE], body[300];
	begin(w);
	(void)snprintf(path, sizeof path, "%s/control.sock", w->state);
	check(agent_control_start(w->core, path, &control, &err), &err);
	check(http_client_new(&(struct http_client_config){.base_url = "http://localhost", .unix_path = path}, &client, &err), &err);
	check(http_client_do(client, &(struct http_client_request){.path = "/status"}, &res, &err), &err);
	assert_non_null(strstr(res.body.p, "\"scanner\":\"ready\""));
	assert_non_null(strstr(res.body.p, "\"watch_mode\":\"inotify\""));
	write_watched(w, "bad", bad_text);
	wait_event(w, "quarantined", "/bad\"");
	check(http_client_do(client, &(struct http_client_request){.path = "/quarantine"}, &res, &err), &err);
	assert_non_null(strstr(res.body.p, "Test.Listed"));
	struct uuid item = only_item(w);
	(void)snprintf(path, sizeof path, "/quarantine/%s/restore", uuid_text(&item, text));
	check(http_client_do(client, &(struct http_client_request){.path = path, .body = STR("{\"unknown\":1}")}, &res, &err), &err);
	assert_int_equal(res.status, 400);
	check(http_client_do(client, &(struct http_client_request){.path = path, .body = STR("{}")}, &res, &err), &err);
	assert_int_equal(res.status, 204);
	assert_true(is_there(w, "bad"));
	check(http_client_do(client, &(struct http_client_request){.path = path, .body = STR("{}")}, &res, &err), &err);
	assert_int_equal(res.status, 404);
	(void)snprintf(body, sizeof body, "{\"path\":\"%s\"}", w->watched);
	check(http_client_do(client, &(struct http_client_request){.path = "/scans", .body = str_c(body)}, &res, &err), &err);
	assert_int_equal(res.status, 201);
	wait_event(w, "scan_finished", "");
	check(http_client_do(client, &(struct http_client_request){.path = "/scans"}, &res, &err), &err);
	assert_non_null(strstr(res.body.p, "\"state\":\"done\""));
	http_client_response_done(&res);
	http_client_free(client);
	agent_control_stop(control);
}

/* ---- the pure parts ---- */

static void pace_spreads_and_backs_off(void **state)
{
	(void)state;
	struct agent_pace p = {.interval = 60 * USEC_PER_SEC};
	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t random = i * 0x9e3779b97f4a7c15u;
		usec_t t = agent_pace_next(&p, random);
		assert_true(t >= 54 * USEC_PER_SEC && t < 66 * USEC_PER_SEC);
		assert_true(agent_pace_first(&p, random) < 10 * USEC_PER_SEC);
		struct agent_pace away = {60 * USEC_PER_SEC, (unsigned)(i % 100) + 1};
		t = agent_pace_next(&away, random);
		assert_true(t > 0 && t <= 15 * USEC_PER_MINUTE);
		if (away.failures <= 3)
			assert_true(t <= 15 * USEC_PER_SEC);
		if (away.failures > 10)
			assert_true(t >= 7 * USEC_PER_MINUTE);
	}
}

static void desired_state_is_checked(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
		int64_t interval;
	} cases[] = {
		{"{}", true, 60},
		{"{\"interval_s\":1}", true, 5},
		{"{\"interval_s\":99999999}", true, 86400},
		{"{\"watch_paths\":[\"/a\"],\"bundle\":null,\"commands\":[],\"new\":1}", true, 60},
		{"[]", false, 0},
		{"{", false, 0},
		{"{\"watch_paths\":[1]}", false, 0},
		{"{\"watch_paths\":[\"\"]}", false, 0},
		{"{\"watch_paths\":[\"/a\\u0000b\"]}", false, 0},
		{"{\"watch_paths\":{}}", false, 0},
		{"{\"bundle\":{\"version\":1,\"sha256\":\"zz\",\"size_bytes\":1}}", false, 0},
		{"{\"bundle\":{\"version\":-1,\"sha256\":\"\",\"size_bytes\":1}}", false, 0},
		{"{\"commands\":[{\"id\":\"x\",\"type\":\"scan\"}]}", false, 0},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cleanup(arena) struct arena *arena = arena_new(0);
		struct agent_desired d;
		int r = agent_desired_parse(arena, str_c(cases[i].text), &d, NULL);
		if ((r >= 0) != cases[i].good || (r >= 0 && d.interval_s != cases[i].interval))
			fail_msg("%s", cases[i].text);
	}
}

static void a_command_begun_before_a_crash_is_known(void **state)
{
	(void)state;
	char dir[] = "/tmp/luytre-commands-XXXXXX";
	assert_non_null(mkdtemp(dir));
	struct agent_commands *c = NULL;
	struct err err = {0};
	struct uuid id = uuid_new(), other = uuid_new();
	enum agent_command_begin begun;
	check(agent_commands_open(dir, &c, &err), &err);
	check(agent_commands_begin(c, &id, &begun, &err), &err);
	assert_int_equal(begun, AGENT_COMMAND_NEW);
	check(agent_commands_begin(c, &id, &begun, &err), &err);
	assert_int_equal(begun, AGENT_COMMAND_RUNNING);
	agent_commands_free(c);
	check(agent_commands_open(dir, &c, &err), &err);
	check(agent_commands_begin(c, &id, &begun, &err), &err);
	assert_int_equal(begun, AGENT_COMMAND_AGAIN);
	check(agent_commands_answer(c, &id, true, STR("{\"n\":1}"), &err), &err);
	agent_commands_free(c);
	check(agent_commands_open(dir, &c, &err), &err);
	struct buf out = BUF_INIT(1000);
	struct json_writer w = json_writer_init(&out);
	agent_commands_write(c, &w);
	assert_non_null(strstr(out.p, "\"ok\":true,\"result\":{\"n\":1}"));
	agent_commands_delivered(c);
	buf_clear(&out);
	w = json_writer_init(&out);
	agent_commands_write(c, &w);
	assert_true(str_eq_c(buf_str(&out), "[]"));
	check(agent_commands_begin(c, &id, &begun, &err), &err);
	assert_int_equal(begun, AGENT_COMMAND_ANSWERED);
	for (int i = 0; i < AGENT_COMMANDS_KEPT + 10; i++) {
		other = uuid_new();
		check(agent_commands_begin(c, &other, &begun, &err), &err);
	}
	buf_done(&out);
	agent_commands_free(c);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pace_spreads_and_backs_off),
		cmocka_unit_test(desired_state_is_checked),
		cmocka_unit_test(a_command_begun_before_a_crash_is_known),
		WITH_WORLD(enrolment_trusts_the_token_only),
		WITH_WORLD(a_bad_file_is_taken_and_reported_once),
		WITH_WORLD(reports_survive_a_server_that_is_away_or_loses_answers),
		WITH_WORLD(a_report_that_is_refused_does_not_hold_up_the_others),
		WITH_WORLD(commands_are_done_once),
		WITH_WORLD(a_scan_is_run_and_answered),
		WITH_WORLD(inventory_is_sent_when_wanted),
		WITH_WORLD(a_failing_server_changes_nothing),
		WITH_WORLD(new_bundles_replace_old_ones_only_forward),
		WITH_WORLD(control_socket_serves_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
