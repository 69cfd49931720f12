/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Lists of indicators. The worker reads what people bring; the values lie in a file named by its digest, in byte order
 * ("type TAB value" lines), so that one is found by halving and all of them go to detection as they are.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file/file.h"
#include "engine/detect/detect_set.h"
#include "platform/crypto/crypto.h"
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"
#include "service/rule/rule_http.h"

#define LIST_MAX  ((size_t)128 << 20)
#define ENTRY_MAX ((size_t)32 << 20) /* of one entry of the set; cut at line ends */
#define LISTS_MAX 500

static const char *const tlps[] = {"clear", "green", "amber", "amber+strict", "red", NULL};

static void path_of(const struct service_context *sc, struct str sha256, struct buf *out)
{
	buf_printf(out, "%s/indicators/%.*s.txt", sc->data_dir, STR_FMT(sha256));
}

/* ---- to detection ---- */

struct handing {
	struct detect_set_writer *w;
	const struct rule_list *list;
	struct buf entry;
	char expiry[CLOCK_ISO_SIZE];
};

static int flush(struct handing *h, struct err *err)
{
	int r = h->entry.n > 0 ? detect_set_add(h->w, DETECT_SET_INDICATORS, h->list->name, buf_str(&h->entry), err) : 0;
	buf_clear(&h->entry);
	return r;
}

static int hand_list(struct handing *h, struct str lines, struct err *err)
{
	struct str line;
	int r = 0;
	while (r >= 0 && str_split(&lines, '\n', &line)) {
		if (line.n == 0)
			continue;
		buf_append(&h->entry, line);
		buf_append_char(&h->entry, '\t');
		buf_append_c(&h->entry, h->expiry);
		buf_append_char(&h->entry, '\t');
		buf_append(&h->entry, h->list->source.n > 0 ? h->list->source : h->list->name);
		buf_printf(&h->entry, "\t%lld\n", (long long)h->list->confidence);
		if (h->entry.n > ENTRY_MAX)
			r = flush(h, err);
	}
	return r < 0 ? r : flush(h, err);
}

int rule_indicators_write(const struct service_context *sc, struct db_tx *tx, usec_t now, struct detect_set_writer *w, int64_t *ret_count,
                          struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct rule_list *lists;
	size_t count;
	*ret_count = 0;
	int r = rule_db_lists(tx, arena, &lists, &count, err);
	for (size_t i = 0; r >= 0 && i < count; i++) {
		cleanup_buf struct buf bytes = BUF_INIT(LIST_MAX), path = BUF_INIT(4096);
		struct handing h = {.w = w, .list = &lists[i], .entry = BUF_INIT(ENTRY_MAX * 2)};
		if (!lists[i].enabled || (lists[i].expires_at > 0 && lists[i].expires_at <= now))
			continue;
		path_of(sc, lists[i].sha256, &path);
		r = file_read(path.p, LIST_MAX, &bytes, err);
		if (lists[i].expires_at > 0)
			(void)clock_iso(lists[i].expires_at, h.expiry);
		if (r >= 0)
			r = hand_list(&h, buf_str(&bytes), err);
		buf_done(&h.entry);
		*ret_count += lists[i].count;
	}
	return r;
}

/* ---- bringing in ---- */

struct taking {
	const struct service_context *sc;
	struct arena *arena;
	struct access access;
	struct rule_list list;
	struct str type, old_sha256;
	struct buf bytes;
};

static int put_list(struct db_tx *tx, void *ctx, struct err *err)
{
	struct taking *t = ctx;
	cleanup_buf struct buf details = BUF_INIT(8192);
	struct json_writer w = json_writer_init(&details);
	int r = rule_db_list_put(tx, &t->list, err);
	json_object(&w);
	json_member_str(&w, "name", t->list.name);
	json_member_int(&w, "count", t->list.count);
	json_member_str(&w, "sha256", t->list.sha256);
	json_object_end(&w);
	const struct audit_entry e = {.action = "rule.indicators_imported", .object_type = "indicator_list", .object_id = t->list.id,
	                              .details = buf_str(&details)};
	if (r >= 0)
		r = audit_write(tx, &t->access, t->sc->now(), &e, err);
	if (r >= 0)
		r = rule_db_touch(tx, t->sc->now(), err);
	return r < 0 ? r : rule_emit(tx, "indicators", err);
}

static int keep_values(struct taking *t, struct str answer, struct err *err)
{
	cleanup_buf struct buf path = BUF_INIT(4096), folder = BUF_INIT(4096), types = BUF_INIT(4096);
	unsigned char digest[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	const struct json *head = NULL;
	size_t end = str_find_char(answer, '\n');
	if (end == SIZE_MAX || json_parse(t->arena, arena_str(t->arena, str_sub(answer, 0, end)), NULL, &head, NULL) < 0)
		return err_set(err, -EPROTO, "rule.worker");
	struct str values = str_sub(answer, end + 1, answer.n);
	t->list.count = json_get_int(head, "taken", 0);
	if (t->list.count <= 0 || values.n == 0)
		return err_set(err, -EINVAL, "rule.no_indicators");
	struct json_writer w = json_writer_init(&types);
	json_tree(&w, head); /* counts by type, what was refused: as the worker told */
	t->list.types = arena_str(t->arena, buf_str(&types));
	sha256(values, digest);
	t->list.sha256 = arena_str(t->arena, str_c(sha256_hex(digest, hex)));
	buf_printf(&folder, "%s/indicators", t->sc->data_dir);
	path_of(t->sc, t->list.sha256, &path);
	int r = file_make_dirs(folder.p, 0750, err);
	return r < 0 ? r : file_write(path.p, values, 0640, err);
}

static int run_import(struct job *job, void *ctx, struct err *err)
{
	struct taking *t = ctx;
	cleanup_buf struct buf out = BUF_INIT(LIST_MAX), head = BUF_INIT(256);
	(void)job;
	struct json_writer w = json_writer_init(&head);
	json_object(&w);
	json_member_str(&w, "type", t->type);
	json_object_end(&w);
	int r = rule_worker_run(t->sc, RULEBOOK_INDICATORS, buf_str(&head), buf_str(&t->bytes), &out, err);
	if (r >= 0)
		r = keep_values(t, buf_str(&out), err);
	if (r >= 0)
		r = db_write(t->sc->db, put_list, t, err);
	outbox_wake(t->sc);
	return r < 0 ? r : 0;
}

static void end_import(void *ctx)
{
	struct taking *t = ctx;
	buf_done(&t->bytes);
	arena_free(t->arena);
	mem_free(t);
}

static int may_write(struct db_tx *tx, void *ctx, struct err *err)
{
	return rule_require_write(tx, ctx, err);
}

static int read_query(const struct api_request *req, struct taking *t, struct err *err)
{
	int tlp = 2;
	int64_t confidence = 50;
	struct str name = http_query(req->http, "name"), source = http_query(req->http, "source");
	int r = api_query_enum(req, "tlp", tlps, &tlp, err);
	if (r >= 0)
		r = api_query_int(req, "confidence", 0, 100, &confidence, err);
	if (r >= 0)
		r = api_query_time(req, "expires_at", &t->list.expires_at, err);
	if (r >= 0)
		r = api_typed_text(req, &name, err);
	if (r >= 0)
		r = api_typed_text(req, &source, err);
	if (r < 0)
		return r;
	if (name.n == 0 || name.n > RULE_NAME_MAX || source.n > 200 || str_find_char(source, '\t') != SIZE_MAX || str_find_char(name, '\t') != SIZE_MAX)
		return err_set(err, -EINVAL, "rule.archive_name", ARG_U64("limit", RULE_NAME_MAX));
	t->list.name = arena_str(t->arena, name);
	t->list.source = arena_str(t->arena, source);
	t->list.tlp = str_c(tlps[tlp]);
	t->list.confidence = confidence;
	t->type = arena_str(t->arena, http_query(req->http, "type"));
	return 0;
}

int rule_post_indicators(struct api_request *req, struct http_response *res, struct err *err)
{
	if (req->service->jobs == NULL)
		return err_set(err, -EAGAIN, "api.no_worker");
	if (req->http->body.n == 0)
		return err_set(err, -EINVAL, "rule.empty_file");
	int r = db_read(req->service->db, may_write, req, err);
	if (r < 0)
		return r;
	struct taking *t = MEM_NEW(struct taking);
	t->sc = req->service;
	t->arena = arena_new((size_t)16 << 20);
	t->access = *req->access;
	t->access.name = arena_str(t->arena, req->access->name);
	t->access.peer = arena_str(t->arena, req->access->peer);
	t->list = (struct rule_list){.id = uuid_new(), .enabled = true, .created_at = api_now(req), .by = t->access.name};
	t->bytes = BUF_INIT(RULEBOOK_FILE_MAX);
	r = read_query(req, t, err);
	if (r < 0) {
		end_import(t);
		return r;
	}
	buf_append(&t->bytes, req->http->body);
	struct uuid id = job_start(req->service->jobs, "indicators", run_import, t, end_import);
	struct json_writer w = api_reply(res, 202);
	json_object(&w);
	api_member_uuid(&w, "job_id", &id);
	json_object_end(&w);
	return 0;
}

/* ---- the lists ---- */

struct listing {
	struct api_request *req;
	struct rule_list *lists;
	size_t count;
};

static int read_lists(struct db_tx *tx, void *ctx, struct err *err)
{
	struct listing *l = ctx;
	return rule_db_lists(tx, l->req->arena, &l->lists, &l->count, err);
}

static void write_list(struct json_writer *w, const struct rule_list *l, usec_t now)
{
	bool expired = l->expires_at > 0 && l->expires_at <= now;
	json_object(w);
	api_member_uuid(w, "id", &l->id);
	json_member_str(w, "name", l->name);
	json_member_str(w, "source", l->source);
	json_member_str(w, "tlp", l->tlp);
	json_member_int(w, "confidence", l->confidence);
	api_member_time(w, "expires_at", l->expires_at);
	json_member_bool(w, "enabled", l->enabled);
	json_member_cstr(w, "state", !l->enabled ? "off" : expired ? "expired" : "on");
	json_member_int(w, "count", l->count);
	json_name(w, "read");
	json_raw(w, l->types);
	api_member_time(w, "created_at", l->created_at);
	json_member_str(w, "created_by", l->by);
	api_member_time(w, "changed_at", l->changed_at);
	api_member_etag(w, l->version);
	json_object_end(w);
}

int rule_get_indicators(struct api_request *req, struct http_response *res, struct err *err)
{
	struct listing l = {.req = req};
	int r = db_read(req->service->db, read_lists, &l, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	for (size_t i = 0; i < l.count; i++)
		write_list(&w, &l.lists[i], api_now(req));
	json_array_end(&w);
	json_object_end(&w);
	return 0;
}

const struct json_field rule_indicator_fields[] = {
	{"source", JSON_FIELD_STR, offsetof(struct rule_indicator_body, source), false, 0, 200},
	{"tlp", JSON_FIELD_STR, offsetof(struct rule_indicator_body, tlp), false, 1, 20},
	{.name = "confidence", .type = JSON_FIELD_INT, .offset = offsetof(struct rule_indicator_body, confidence), .min = 0, .max = 100,
	 .present_offset = offsetof(struct rule_indicator_body, has_confidence) + 1},
	{.name = "expires_at", .type = JSON_FIELD_TIME, .offset = offsetof(struct rule_indicator_body, expires_at),
	 .present_offset = offsetof(struct rule_indicator_body, has_expires) + 1},
	{.name = "enabled", .type = JSON_FIELD_BOOL, .offset = offsetof(struct rule_indicator_body, enabled),
	 .present_offset = offsetof(struct rule_indicator_body, has_enabled) + 1},
	{.name = NULL},
};

struct changing {
	struct api_request *req;
	struct rule_list list;
	const char *action;
};

static int get_list(struct db_tx *tx, struct changing *c, struct err *err)
{
	int r = rule_require_write(tx, c->req, err);
	if (r >= 0)
		r = rule_db_list_get(tx, c->req->arena, &c->list.id, &c->list, err);
	return r < 0 ? r : api_if_match(c->req, c->list.version, err);
}

static int told(struct db_tx *tx, const struct changing *c, struct err *err)
{
	const struct audit_entry e = {.action = c->action, .object_type = "indicator_list", .object_id = c->list.id,
	                              .details = c->req->http->body.n > 0 ? c->req->http->body : STR("{}")};
	int r = audit_write(tx, c->req->access, api_now(c->req), &e, err);
	if (r >= 0)
		r = rule_db_touch(tx, api_now(c->req), err);
	return r < 0 ? r : rule_emit(tx, "indicators", err);
}

static int change(struct db_tx *tx, void *ctx, struct err *err)
{
	struct changing *c = ctx;
	const struct rule_indicator_body *body = c->req->fields;
	int r = get_list(tx, c, err);
	if (r < 0)
		return r;
	if (body->source.p != NULL)
		c->list.source = body->source;
	if (body->tlp.p != NULL) {
		size_t i = 0;
		while (tlps[i] != NULL && !str_eq_c(body->tlp, tlps[i]))
			i++;
		if (tlps[i] == NULL)
			return err_set(err, -EINVAL, "rule.tlp");
		c->list.tlp = body->tlp;
	}
	if (body->has_confidence)
		c->list.confidence = body->confidence;
	if (body->has_expires)
		c->list.expires_at = body->expires_at;
	if (body->has_enabled)
		c->list.enabled = body->enabled;
	c->list.changed_at = api_now(c->req);
	r = rule_db_list_update(tx, &c->list, err);
	return r < 0 ? r : told(tx, c, err);
}

int rule_patch_indicators(struct api_request *req, struct http_response *res, struct err *err)
{
	struct changing c = {.req = req, .action = "rule.indicators_changed"};
	int r = api_param_uuid(req, "id", &c.list.id, err);
	if (r >= 0)
		r = db_write(req->service->db, change, &c, err);
	if (r < 0)
		return r;
	outbox_wake(req->service);
	return rule_get_indicators(req, res, err);
}

static int remove_list(struct db_tx *tx, void *ctx, struct err *err)
{
	struct changing *c = ctx;
	int r = get_list(tx, c, err);
	if (r >= 0)
		r = rule_db_list_remove(tx, &c->list.id, err);
	return r < 0 ? r : told(tx, c, err);
}

int rule_delete_indicators(struct api_request *req, struct http_response *res, struct err *err)
{
	struct changing c = {.req = req, .action = "rule.indicators_removed"};
	struct listing l = {.req = req};
	int r = api_param_uuid(req, "id", &c.list.id, err);
	if (r >= 0)
		r = db_write(req->service->db, remove_list, &c, err);
	if (r >= 0)
		r = db_read(req->service->db, read_lists, &l, err);
	if (r < 0)
		return r;
	bool shared = false;
	for (size_t i = 0; i < l.count; i++)
		shared = shared || str_eq(l.lists[i].sha256, c.list.sha256);
	cleanup_buf struct buf path = BUF_INIT(4096);
	path_of(req->service, c.list.sha256, &path);
	if (!shared)
		(void)!file_remove(path.p, NULL);
	outbox_wake(req->service);
	return api_reply_empty(res, 204);
}

/* ---- is it in a list? ---- */

#define WINDOW 8192 /* more than two of the longest lines */

/* The line that holds byte `at`, or begins there. Its offset in *ret_from. */
static struct str line_at(int fd, off_t size, off_t at, char window[WINDOW], off_t *ret_from)
{
	off_t from = at > WINDOW / 2 ? at - WINDOW / 2 : 0;
	ssize_t n = pread(fd, window, WINDOW, from);
	if (n <= 0 || from + n < at)
		return STR_EMPTY;
	struct str all = str_n(window, (size_t)n);
	size_t begin = (size_t)(at - from), end;
	while (begin > 0 && all.p[begin - 1] != '\n')
		begin--;
	end = str_find_char(str_sub(all, begin, all.n), '\n');
	*ret_from = from + (off_t)begin;
	(void)size;
	return str_sub(all, begin, end == SIZE_MAX ? all.n : begin + end);
}

static int type_index(struct str name)
{
	for (int i = 0; rulebook_indicator_types[i] != NULL; i++)
		if (str_eq_c(name, rulebook_indicator_types[i]))
			return i;
	return -1;
}

static int compare(struct str line, int type, struct str value)
{
	size_t tab = str_find_char(line, '\t');
	int theirs = type_index(str_sub(line, 0, tab));
	return theirs != type ? (theirs < type ? -1 : 1) : str_cmp(str_sub(line, tab + 1, line.n), value);
}

static bool in_file(const char *path, int type, struct str value)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char window[WINDOW];
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	off_t low = 0, high = st.st_size;
	while (low < high) {
		off_t from = 0;
		struct str line = line_at(fd, st.st_size, low + (high - low) / 2, window, &from);
		if (line.n == 0)
			return false;
		int order = compare(line, type, value);
		if (order == 0)
			return true;
		if (order < 0)
			low = from + (off_t)line.n + 1;
		else
			high = from;
	}
	return false;
}

/* What an indicator of the lists may look like that means this value too: the domains above, the networks around. */
static size_t wider(struct arena *arena, int type, struct str value, struct str *ret, size_t most)
{
	size_t n = 0;
	ret[n++] = value;
	if (type == type_index(STR("domain"))) {
		struct str rest = value;
		for (size_t dot; n < most && (dot = str_find_char(rest, '.')) != SIZE_MAX;) {
			rest = str_sub(rest, dot + 1, rest.n);
			if (str_find_char(rest, '.') != SIZE_MAX)
				ret[n++] = rest;
		}
	}
	uint64_t bytes[4], address = 0;
	struct str rest = value, part;
	for (int i = 0; i < 4; i++) {
		if (!str_split(&rest, '.', &part) || !str_parse_u64(part, 0, 255, &bytes[i]))
			return n;
		address = address << 8 | bytes[i];
	}
	for (unsigned bits = 8; bits <= 32 && n < most; bits++) {
		uint64_t net = address & (0xffffffffULL << (32 - bits));
		ret[n++] = arena_printf(arena, "%u.%u.%u.%u/%u", (unsigned)(net >> 24 & 255), (unsigned)(net >> 16 & 255), (unsigned)(net >> 8 & 255),
		                        (unsigned)(net & 255), bits);
	}
	return n;
}

int rule_find_indicator(struct api_request *req, struct http_response *res, struct err *err)
{
	cleanup_buf struct buf value = BUF_INIT(8192);
	struct listing l = {.req = req};
	struct str forms[64];
	int type = -1;
	if (!rulebook_indicator(http_query(req->http, "value"), &type, &value))
		return err_set(err, -EINVAL, "rule.no_indicator");
	int r = db_read(req->service->db, read_lists, &l, err);
	if (r < 0)
		return r;
	size_t form_count = wider(req->arena, type, buf_str(&value), forms, ARRAY_LEN(forms));
	struct json_writer w = api_reply(res, 200);
	json_object(&w);
	json_member_cstr(&w, "type", rulebook_indicator_types[type]);
	json_member_str(&w, "value", buf_str(&value));
	json_name(&w, "items");
	json_array(&w);
	for (size_t i = 0; i < l.count; i++) {
		cleanup_buf struct buf path = BUF_INIT(4096);
		path_of(req->service, l.lists[i].sha256, &path);
		for (size_t f = 0; f < form_count; f++) {
			if (!in_file(path.p, type, forms[f]))
				continue;
			json_object(&w);
			json_member_str(&w, "as", forms[f]);
			json_name(&w, "list");
			write_list(&w, &l.lists[i], api_now(req));
			json_object_end(&w);
			break;
		}
	}
	json_array_end(&w);
	json_object_end(&w);
	return 0;
}
