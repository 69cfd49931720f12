/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Exclusions: what a rule shall pass over, laid over its text. For the whole city they are engine/sigma's exclusions; for
 * one unit a Sigma filter that also asks for the unit's machines, because events do not say whose they are.
 */
#include <stdio.h>

#include "platform/pack/pack.h"
#include "service/outbox/outbox.h"
#include "service/rule/rule_http.h"

#define EXPIRES_MOST (366 * USEC_PER_DAY)

const struct json_field rule_exclusion_fields[] = {
	{"reason", JSON_FIELD_STR, offsetof(struct rule_exclusion_body, reason), true, 3, RULE_REASON_MAX},
	{"expires_at", JSON_FIELD_TIME, offsetof(struct rule_exclusion_body, expires_at), true},
	{"condition", JSON_FIELD_STR, offsetof(struct rule_exclusion_body, condition), false, 0, RULE_CONDITION_MAX},
	{"unit_id", JSON_FIELD_UUID, offsetof(struct rule_exclusion_body, unit_id)},
	{.name = NULL},
};

/* Each line four blanks deeper, so that nothing of it can leave its place. */
static void indent(struct str text, struct buf *out)
{
	struct str line;
	while (str_split(&text, '\n', &line)) {
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (str_trim(line).n == 0)
			continue;
		buf_append_c(out, "    ");
		buf_append(out, line);
		buf_append_char(out, '\n');
	}
}

static void quoted(struct str text, struct buf *out)
{
	struct json_writer w = json_writer_init(out);
	json_str(&w, text);
}

static void write_ids(struct str ids, struct buf *out)
{
	struct str id;
	bool first = true;
	buf_append_char(out, '[');
	while (str_split(&ids, ' ', &id)) {
		if (id.n == 0)
			continue;
		buf_append_c(out, first ? "" : ", ");
		quoted(id, out);
		first = false;
	}
	buf_append_c(out, "]\n");
}

static void write_exclusion(const struct rule_exclusion *x, struct buf *out)
{
	char iso[CLOCK_ISO_SIZE];
	buf_append_c(out, "- rules: ");
	write_ids(x->ids, out);
	buf_append_c(out, "  author: ");
	quoted(x->author, out);
	buf_append_c(out, "\n  reason: ");
	quoted(x->reason, out);
	buf_printf(out, "\n  expires: \"%s\"\n", clock_iso(x->expires_at, iso));
	if (str_trim(x->condition).n > 0) {
		buf_append_c(out, "  when:\n");
		indent(x->condition, out);
	}
}

/* Windows names machines with their domain, other senders without. */
static void add_host(struct str hostname, void *ctx)
{
	struct buf *out = ctx;
	cleanup_buf struct buf domain = BUF_INIT(1024);
	for (size_t i = 0; i < hostname.n; i++)
		if (strchr("*?\\\"", hostname.p[i]) != NULL)
			return;
	buf_append_c(out, out->n > 0 ? ", " : "");
	quoted(hostname, out);
	buf_append(&domain, hostname);
	buf_append_c(&domain, ".*");
	buf_append_c(out, ", ");
	quoted(buf_str(&domain), out);
}

static void write_filter(const struct rule_exclusion *x, struct str hosts, struct buf *out)
{
	char id[UUID_TEXT_SIZE];
	bool conditional = str_trim(x->condition).n > 0;
	buf_printf(out, "title: exclusion %s\nlogsource: {}\nfilter:\n  rules: ", uuid_text(&x->id, id));
	write_ids(x->ids, out);
	if (conditional) {
		buf_append_c(out, "  exclusion:\n");
		indent(x->condition, out);
	}
	buf_append_c(out, "  machines:\n    - host.name: [");
	buf_append(out, hosts);
	buf_append_c(out, "]\n    - Computer: [");
	buf_append(out, hosts);
	buf_append_c(out, "]\n  condition: ");
	buf_append_c(out, conditional ? "not (exclusion and machines)\n" : "not machines\n");
}

struct collecting {
	struct db_tx *tx;
	struct arena *arena;
	struct rule_exclusion list[2000];
	size_t count;
};

static int keep(const struct rule_exclusion *x, void *ctx, struct err *err)
{
	struct collecting *c = ctx;
	if (c->count == ARRAY_LEN(c->list))
		return err_set(err, -E2BIG, "rule.too_many_exclusions", ARG_U64("limit", ARRAY_LEN(c->list)));
	struct rule_exclusion *to = &c->list[c->count++];
	*to = *x;
	to->author = arena_str(c->arena, x->author);
	to->reason = arena_str(c->arena, x->reason);
	to->condition = arena_str(c->arena, x->condition);
	to->ids = arena_str(c->arena, x->ids);
	return 0;
}

int rule_exclusions_write(struct db_tx *tx, usec_t now, struct buf *yaml, rule_filter_fn add, void *ctx, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct collecting *c = ARENA_NEW(arena, struct collecting);
	c->tx = tx;
	c->arena = arena;
	int r = rule_db_exclusions_active(tx, now, keep, c, err);
	for (size_t i = 0; i < c->count && r >= 0; i++) {
		cleanup_buf struct buf hosts = BUF_INIT((size_t)4 << 20), text = BUF_INIT((size_t)8 << 20);
		char id[UUID_TEXT_SIZE], name[64];
		if (uuid_is_null(&c->list[i].unit_id)) {
			write_exclusion(&c->list[i], yaml);
			continue;
		}
		r = rule_db_unit_hosts(tx, &c->list[i].unit_id, add_host, &hosts, err);
		if (r < 0 || hosts.n == 0)
			continue; /* a unit without machines: nothing to pass over */
		write_filter(&c->list[i], buf_str(&hosts), &text);
		(void)snprintf(name, sizeof name, "exclusion/%s", uuid_text(&c->list[i].id, id));
		if (!text.overflow && text.n <= RULEBOOK_RULE_MAX)
			r = add(str_c(name), buf_str(&text), ctx, err);
		else
			r = err_set(err, -E2BIG, "rule.unit_too_large");
	}
	return r;
}

/* ---- routes ---- */

/* Sigma must take it as a detection, and the file of exclusions must stay a file: one bad entry would spoil all. */
static int check_condition(const struct api_request *req, const struct rule_exclusion *x, struct err *err)
{
	cleanup_buf struct buf rule = BUF_INIT((size_t)64 << 10), yaml = BUF_INIT((size_t)64 << 10);
	const struct pack_doc *doc = NULL;
	struct rule_file file;
	write_exclusion(x, &yaml);
	int r = pack_parse(req->arena, "exclusion", buf_str(&yaml), &doc, err);
	if (r >= 0 && (doc->next != NULL || doc->root->type != JSON_ARRAY || doc->root->count != 1 || doc->root->child->count > 5))
		r = err_set(err, -EINVAL, "rule.condition_form");
	if (r < 0 || str_trim(x->condition).n == 0)
		return r;
	buf_append_c(&rule, "title: exclusion\nlogsource: {product: any}\ndetection:\n  condition: exclusion\n  exclusion:\n");
	indent(x->condition, &rule);
	return rule_worker_read_one(req->service, req->arena, buf_str(&rule), &file, err);
}

struct excluding {
	struct api_request *req;
	struct rule_exclusion x;
};

static int read_ids(struct db_tx *tx, void *ctx, struct err *err)
{
	struct excluding *e = ctx;
	return rule_db_exclusion_test(tx, &e->x.rule_id, e->req->arena, &e->x.ids, err);
}

/* Both lines of the audit log name the exclusion; the one that made it has all of it. */
static int told(struct db_tx *tx, const struct api_request *req, const char *action, const struct rule_exclusion *x, struct err *err)
{
	cleanup_buf struct buf details = BUF_INIT(RULE_CONDITION_MAX * 8);
	struct json_writer w = json_writer_init(&details);
	json_object(&w);
	api_member_uuid(&w, "exclusion", &x->id);
	if (x->expires_at != 0) {
		json_member_str(&w, "reason", x->reason);
		json_member_str(&w, "condition", x->condition);
		api_member_time(&w, "expires_at", x->expires_at);
		if (!uuid_is_null(&x->unit_id))
			api_member_uuid(&w, "unit_id", &x->unit_id);
	}
	json_object_end(&w);
	int r = rule_audit(tx, req, action, &x->rule_id, buf_str(&details), err);
	if (r >= 0)
		r = rule_db_touch(tx, api_now(req), err);
	return r < 0 ? r : rule_emit(tx, "exclusion", err);
}

static int insert(struct db_tx *tx, void *ctx, struct err *err)
{
	struct excluding *e = ctx;
	int r = rule_require_write(tx, e->req, err);
	if (r >= 0)
		r = rule_db_exclusion_insert(tx, &e->x, err);
	return r < 0 ? r : told(tx, e->req, "rule.excluded", &e->x, err);
}

int rule_post_exclusion(struct api_request *req, struct http_response *res, struct err *err)
{
	const struct rule_exclusion_body *body = req->fields;
	usec_t now = api_now(req);
	struct excluding e = {.req = req, .x = {.id = uuid_new(), .author_id = req->access->account_id, .author = req->access->name,
	                                        .reason = body->reason, .condition = body->condition, .unit_id = body->unit_id,
	                                        .created_at = now, .expires_at = body->expires_at}};
	int r = rule_check_write(req, err);
	if (r >= 0)
		r = api_param_uuid(req, "id", &e.x.rule_id, err);
	if (r >= 0 && (body->expires_at <= now || body->expires_at > now + EXPIRES_MOST))
		r = err_set(err, -EINVAL, "rule.exclusion_end");
	if (r >= 0)
		r = api_typed_text(req, &e.x.reason, err);
	if (r >= 0)
		r = db_read(req->service->db, read_ids, &e, err);
	if (r >= 0 && e.x.ids.n == 0)
		r = err_set(err, -EBUSY, "rule.no_id");
	if (r >= 0)
		r = check_condition(req, &e.x, err);
	if (r >= 0)
		r = db_write(req->service->db, insert, &e, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return rule_show(req, res, 201, &e.x.rule_id, err);
}

static int end(struct db_tx *tx, void *ctx, struct err *err)
{
	struct excluding *e = ctx;
	int r = rule_require_write(tx, e->req, err);
	if (r >= 0)
		r = rule_db_exclusion_end(tx, &e->x.rule_id, &e->x.id, e->req->access->name, api_now(e->req), err);
	return r < 0 ? r : told(tx, e->req, "rule.exclusion_ended", &e->x, err);
}

int rule_delete_exclusion(struct api_request *req, struct http_response *res, struct err *err)
{
	struct excluding e = {.req = req};
	int r = api_param_uuid(req, "id", &e.x.rule_id, err);
	if (r >= 0)
		r = api_param_uuid(req, "exclusion", &e.x.id, err);
	if (r >= 0)
		r = db_write(req->service->db, end, &e, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return rule_show(req, res, 200, &e.x.rule_id, err);
}
