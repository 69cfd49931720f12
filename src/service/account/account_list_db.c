/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What pages read about accounts. */
#include "base/text/text.h"
#include "service/account/account_factor.h"

#define COLUMNS                                                                                                        \
	"a.login, a.display_name, a.email, a.phone, a.position, a.unit_id, u.name, a.disabled, a.last_login_at, a.version," \
	" a.must_change, a.sample"

struct grant {
	struct uuid id, account_id, unit_id, restrict_id;
	struct str role, label, unit_name, restrict_kind;
	usec_t expires_at;
};
struct grants {
	struct grant *items;
	size_t count;
};

#define GRANTS                                                                                                         \
	" FROM account_grant g LEFT JOIN unit u ON u.id = g.unit_id LEFT JOIN role r ON r.role = g.role"                   \
	" JOIN account a ON a.id = g.account_id WHERE "

/* All grants of one account, or of all whose unit the asking account may read: one query for a whole page. */
static int load_grants(struct db_tx *tx, struct api_request *req, const struct uuid *account, struct grants *ret,
                       struct err *err)
{
#define SCOPED GRANTS ACCESS_UNIT_SCOPE("a.unit_id", "$1", "$2", "$3")
	const struct db_value scope[] = {DB_UUID(&req->access->account_id), DB_CSTR("account.read"), DB_INT(api_now(req))};
	const struct db_value one[] = {account != NULL ? DB_UUID(account) : DB_NULL};
	const struct db_value *values = account != NULL ? one : scope;
	size_t value_count = account != NULL ? ARRAY_LEN(one) : ARRAY_LEN(scope);
	int64_t total = 0;
	int r = db_query_int_values(tx, &total, err,
	                            account != NULL ? "SELECT count(*)" GRANTS "g.account_id = $1" : "SELECT count(*)" SCOPED,
	                            values, value_count);
	if (r < 0)
		return r;
	ret->count = 0;
	ret->items = arena_alloc(req->arena, ((size_t)total + 1) * sizeof *ret->items);
#define GRANT_COLUMNS                                                                                                  \
	"SELECT g.id, g.account_id, g.unit_id, u.name, g.role, r.label_vi, r.label_en, g.expires_at, g.restrict_kind, g.restrict_id"
	cleanup_rows struct db_rows *rows = NULL;
	r = db_query_values(tx, &rows, err,
	                    account != NULL ? GRANT_COLUMNS GRANTS "g.account_id = $1 ORDER BY g.id"
	                                    : GRANT_COLUMNS SCOPED "ORDER BY g.id", values, value_count);
	while (r >= 0 && ret->count < (size_t)total && (r = db_next(rows, err)) > 0) {
		ret->items[ret->count++] = (struct grant){
			.id = db_uuid(rows, 0),
			.account_id = db_uuid(rows, 1),
			.unit_id = db_uuid(rows, 2),
			.unit_name = arena_str(req->arena, db_text(rows, 3)),
			.role = arena_str(req->arena, db_text(rows, 4)),
			.label = arena_str(req->arena, db_text(rows, req->access->lang == MSG_LANG_VI ? 5 : 6)),
			.expires_at = db_int(rows, 7),
			.restrict_kind = arena_str(req->arena, db_text(rows, 8)),
			.restrict_id = db_uuid(rows, 9),
		};
	}
	return r < 0 ? r : 0;
}

static void write_grants(struct json_writer *w, const struct grants *grants, const struct uuid *account)
{
	json_name(w, "grants");
	json_array(w);
	for (size_t i = 0; i < grants->count; i++) {
		const struct grant *g = &grants->items[i];
		if (!uuid_eq(&g->account_id, account))
			continue;
		json_object(w);
		api_member_uuid(w, "id", &g->id);
		json_member_str(w, "role", g->role);
		json_member_str(w, "role_label", g->label);
		api_member_ref(w, "unit", &g->unit_id, g->unit_name);
		api_member_time(w, "expires_at", g->expires_at);
		api_member_text_or_null(w, "restrict_kind", g->restrict_kind);
		api_member_uuid(w, "restrict_id", &g->restrict_id);
		json_object_end(w);
	}
	json_array_end(w);
}

/* Personal data is shown when it is asked for (account_help_contact, which is written down), not wherever a person is
 * listed: "h…@cantho.gov.vn", "…567". */
static void write_masked(struct json_writer *w, const char *name, struct str s, bool email)
{
	cleanup_buf struct buf out = BUF_INIT(1024);
	size_t at = email ? str_find_char(s, '@') : SIZE_MAX;
	if (at != SIZE_MAX)
		buf_append(&out, str_sub(s, 0, at > 0 && (unsigned char)s.p[0] < 0x80));
	if (s.n > 0)
		buf_append_c(&out, "…");
	if (at != SIZE_MAX)
		buf_append(&out, str_sub(s, at, s.n));
	else if (!email && s.n > 6 && text_is_utf8(str_sub(s, s.n - 3, s.n)))
		buf_append(&out, str_sub(s, s.n - 3, s.n));
	json_member_str(w, name, buf_str(&out));
}

static void write_account(struct json_writer *w, const struct db_rows *rows, const struct uuid *id, unsigned at,
                          const struct grants *grants)
{
	struct uuid unit = db_uuid(rows, at + 5);
	api_member_uuid(w, "id", id);
	json_member_str(w, "login", db_text(rows, at));
	json_member_str(w, "display_name", db_text(rows, at + 1));
	write_masked(w, "email", db_text(rows, at + 2), true);
	write_masked(w, "phone", db_text(rows, at + 3), false);
	json_member_str(w, "position", db_text(rows, at + 4));
	api_member_ref(w, "unit", &unit, db_text(rows, at + 6));
	write_grants(w, grants, id);
	json_member_bool(w, "disabled", db_int(rows, at + 7) != 0);
	api_member_time(w, "last_login_at", db_int(rows, at + 8));
	json_member_bool(w, "must_change_password", db_int(rows, at + 10) != 0);
	json_member_bool(w, "sample", db_int(rows, at + 11) != 0);
	api_member_etag(w, db_int(rows, at + 9));
}

struct page {
	struct api_request *req;
	struct http_response *res;
	struct api_list *list;
	const struct uuid *id, *account_id;
	int status;
	const struct access *who;
	bool must_change;
};

static int answer_list(struct db_tx *tx, void *ctx, struct err *err)
{
	struct page *p = ctx;
	struct grants grants = {.count = 0};
	cleanup_rows struct db_rows *rows = NULL;
	int r = load_grants(tx, p->req, NULL, &grants, err);
	if (r >= 0)
		r = api_list_query(p->list, tx, COLUMNS, "a.id", &rows, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(p->res, 200);
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	while ((r = api_list_next(p->list, rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 1);
		json_object(&w);
		write_account(&w, rows, &id, API_LIST_FIRST, &grants);
		json_object_end(&w);
	}
	json_array_end(&w);
	api_list_members(p->list, &w);
	json_object_end(&w);
	return r;
}

int account_db_list(struct api_request *req, struct http_response *res, struct err *err)
{
	static const struct api_sort sorts[] = {{"name", "a.sort_key", DB_TYPE_BLOB, false},
	                                        {"login", "a.login", DB_TYPE_TEXT, false},
	                                        {"last_login_at", "a.last_login_at", DB_TYPE_INT, false},
	                                        {.name = NULL}};
	struct api_list list;
	int r = api_list_begin(req, sorts, &list, err);
	if (r < 0)
		return r;
	api_list_add(&list, " FROM account a JOIN unit u ON u.id = a.unit_id WHERE a.kind = 'person'");
	api_list_scope(&list, "a.unit_id", req, "account.read");
	r = api_list_unit_filter(&list, req, "a.unit_id", err);
	struct str role = http_query(req->http, "role");
	if (role.n > 0 && role.n <= ACCOUNT_LOGIN_MAX)
		api_list_add(&list, " AND EXISTS (SELECT 1 FROM account_grant rg WHERE rg.account_id = a.id AND rg.role = ?)",
		             DB_TEXT(role));
	api_list_search(&list, req, "a.search_key");
	struct page p = {.req = req, .res = res, .list = &list};
	return r < 0 ? r : db_read(req->service->db, answer_list, &p, err);
}

static int answer_one(struct db_tx *tx, void *ctx, struct err *err)
{
	struct page *p = ctx;
	struct grants grants = {.count = 0};
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT " COLUMNS " FROM account a JOIN unit u ON u.id = a.unit_id WHERE a.kind = 'person' AND a.id = $1",
	                 DB_UUID(p->id));
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r < 0 ? r : err_set(err, -ENOENT, "api.not_found");
	struct uuid unit = db_uuid(rows, 5);
	r = api_require_visible(tx, p->req, "account.read", &unit, err);
	if (r >= 0)
		r = load_grants(tx, p->req, p->id, &grants, err);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(p->res, p->status);
	json_object(&w);
	write_account(&w, rows, p->id, 0, &grants);
	json_object_end(&w);
	api_reply_etag(p->req, p->res, db_int(rows, 9));
	return 0;
}

int account_db_show(struct api_request *req, struct http_response *res, int status, const struct uuid *id,
                    struct err *err)
{
	struct page p = {.req = req, .res = res, .id = id, .status = status};
	return db_read(req->service->db, answer_one, &p, err);
}

static void write_role(struct json_writer *w, const struct db_rows *rows, enum msg_lang lang)
{
	json_member_str(w, "role", db_text(rows, 0));
	json_member_str(w, "label", db_text(rows, lang == MSG_LANG_VI ? 1 : 2));
	json_member_str(w, "shell", db_text(rows, 3));
	api_member_text_or_null(w, "restrict_kind", db_text(rows, 4));
	json_member_bool(w, "needs_expiry", db_int(rows, 5) != 0);
	json_member_bool(w, "for_machines", db_int(rows, 6) != 0);
	json_member_bool(w, "second_factor", db_int(rows, 8) != 0);
}

/* One query over roles × permissions, a new object whenever the role changes. */
static int answer_roles(struct db_tx *tx, void *ctx, struct err *err)
{
	struct page *p = ctx;
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT r.role, r.label_vi, r.label_en, r.shell, r.restrict_kind, r.needs_expiry, r.for_machines,"
	                 " rp.permission, r.second_factor FROM role r LEFT JOIN role_permission rp ON rp.role = r.role"
	                 " ORDER BY r.position, rp.permission");
	struct json_writer w = api_reply(p->res, 200);
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	struct str last = STR_EMPTY;
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		if (!str_eq(db_text(rows, 0), last)) {
			if (last.n > 0) {
				json_array_end(&w);
				json_object_end(&w);
			}
			last = arena_str(p->req->arena, db_text(rows, 0));
			json_object(&w);
			write_role(&w, rows, p->req->access->lang);
			json_name(&w, "permissions");
			json_array(&w);
		}
		if (!db_is_null(rows, 7))
			json_str(&w, db_text(rows, 7));
	}
	if (last.n > 0) {
		json_array_end(&w);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	return r;
}

int account_db_list_roles(struct api_request *req, struct http_response *res, struct err *err)
{
	struct page p = {.req = req, .res = res};
	return db_read(req->service->db, answer_roles, &p, err);
}

static void write_token(struct json_writer *w, const struct db_rows *rows, const struct api_request *req)
{
	unsigned at = API_LIST_FIRST;
	struct uuid id = db_uuid(rows, 1), unit = db_uuid(rows, at + 1);
	api_member_uuid(w, "id", &id);
	json_member_str(w, "name", db_text(rows, at));
	api_member_ref(w, "unit", &unit, db_text(rows, at + 2));
	json_member_str(w, "role", db_text(rows, at + 3));
	json_member_str(w, "role_label", db_text(rows, req->access->lang == MSG_LANG_VI ? at + 4 : at + 5));
	api_member_time(w, "created_at", db_int(rows, 0));
	api_member_text_or_null(w, "created_by", db_text(rows, at + 6));
	api_member_time(w, "expires_at", db_int(rows, at + 7));
	api_member_time(w, "used_at", db_int(rows, at + 8));
}

int account_db_list_tokens(struct api_request *req, struct http_response *res, struct err *err)
{
	static const struct api_sort sorts[] = {{"created_at", "t.created_at", DB_TYPE_INT, true}, {.name = NULL}};
	static const struct api_list_reply how = {
		"t.name, a.unit_id, u.name, g.role, r.label_vi, r.label_en, c.display_name, t.expires_at, t.used_at", "t.id",
		write_token};
	struct api_list list;
	int r = api_list_begin(req, sorts, &list, err);
	if (r < 0)
		return r;
	api_list_add(&list, " FROM account_token t JOIN account a ON a.id = t.account_id JOIN unit u ON u.id = a.unit_id"
	                    " LEFT JOIN account_grant g ON g.account_id = a.id LEFT JOIN role r ON r.role = g.role"
	                    " LEFT JOIN account c ON c.id = t.created_by WHERE t.revoked_at IS NULL");
	api_list_scope(&list, "a.unit_id", req, "token.manage");
	api_list_search(&list, req, "a.search_key");
	return api_list_answer(req, res, &list, &how, err);
}

static int answer_sessions(struct db_tx *tx, void *ctx, struct err *err)
{
	struct page *p = ctx;
	cleanup_rows struct db_rows *rows = NULL;
	usec_t now = api_now(p->req);
	int r = db_query(tx, &rows, err,
	                 "SELECT id, created_at, seen_at, peer, user_agent, factor FROM account_session WHERE account_id = $1"
	                 " AND seen_at >= $2 AND created_at >= $3 ORDER BY created_at DESC LIMIT 100",
	                 DB_UUID(p->account_id), DB_INT(now - SESSION_IDLE), DB_INT(now - SESSION_ABSOLUTE));
	struct json_writer w = api_reply(p->res, 200);
	json_object(&w);
	json_name(&w, "items");
	json_array(&w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid id = db_uuid(rows, 0);
		json_object(&w);
		api_member_uuid(&w, "id", &id);
		api_member_time(&w, "created_at", db_int(rows, 1));
		api_member_time(&w, "seen_at", db_int(rows, 2));
		json_member_str(&w, "peer", db_text(rows, 3));
		json_member_str(&w, "user_agent", db_text(rows, 4));
		json_member_bool(&w, "second_factor", db_text(rows, 5).n > 0);
		json_member_bool(&w, "current", p->id != NULL && uuid_eq(&id, p->id));
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	return r;
}

int account_db_list_sessions(struct api_request *req, struct http_response *res, const struct uuid *account_id,
                             const struct uuid *current, struct err *err)
{
	struct page p = {.req = req, .res = res, .account_id = account_id, .id = current};
	return db_read(req->service->db, answer_sessions, &p, err);
}

static int write_permissions(struct db_tx *tx, struct json_writer *w, const struct uuid *account, usec_t now,
                             struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT DISTINCT rp.permission FROM account_grant g JOIN role_permission rp ON rp.role = g.role"
	                 " WHERE g.account_id = $1 AND (g.expires_at IS NULL OR g.expires_at > $2) ORDER BY rp.permission",
	                 DB_UUID(account), DB_INT(now));
	json_name(w, "permissions");
	json_array(w);
	while (r >= 0 && (r = db_next(rows, err)) > 0)
		json_str(w, db_text(rows, 0));
	json_array_end(w);
	return r;
}

static int write_roles(struct db_tx *tx, struct json_writer *w, struct page *p, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err,
	                 "SELECT g.role, r.label_vi, r.label_en, g.unit_id, u.name, g.expires_at, r.shell FROM account_grant g"
	                 " JOIN role r ON r.role = g.role JOIN unit u ON u.id = g.unit_id WHERE g.account_id = $1"
	                 " AND (g.expires_at IS NULL OR g.expires_at > $2) ORDER BY r.position, g.id",
	                 DB_UUID(&p->who->account_id), DB_INT(api_now(p->req)));
	/* The first role in the pack's order decides which shell opens. */
	struct str shell = STR("unit");
	bool first = true;
	json_name(w, "roles");
	json_array(w);
	while (r >= 0 && (r = db_next(rows, err)) > 0) {
		struct uuid unit = db_uuid(rows, 3);
		if (first)
			shell = arena_str(p->req->arena, db_text(rows, 6));
		first = false;
		json_object(w);
		json_member_str(w, "role", db_text(rows, 0));
		json_member_str(w, "label", db_text(rows, p->who->lang == MSG_LANG_VI ? 1 : 2));
		api_member_ref(w, "unit", &unit, db_text(rows, 4));
		api_member_time(w, "expires_at", db_int(rows, 5));
		json_object_end(w);
	}
	json_array_end(w);
	json_member_str(w, "shell", shell);
	return r;
}

static int answer_session(struct db_tx *tx, void *ctx, struct err *err)
{
	struct page *p = ctx;
	struct account_row a;
	int64_t samples = 0;
	bool must_add = false;
	struct str unit_name = STR("");
	int r = account_db_get(tx, p->req->arena, &p->who->account_id, STR_EMPTY, &a, err);
	if (r >= 0)
		r = db_query_int(tx, &samples, err, "SELECT count(*) FROM unit WHERE sample <> 0");
	if (r >= 0)
		r = account_must_add_factor(p->req->service, tx, &a.id, &must_add, err);
	cleanup_rows struct db_rows *rows = NULL;
	if (r >= 0)
		r = db_query(tx, &rows, err, "SELECT name FROM unit WHERE id = $1", DB_UUID(&a.unit_id));
	if (r >= 0 && (r = db_next(rows, err)) > 0)
		unit_name = db_text(rows, 0);
	if (r < 0)
		return r;
	struct json_writer w = api_reply(p->res, p->status);
	json_object(&w);
	json_name(&w, "account");
	json_object(&w);
	api_member_uuid(&w, "id", &a.id);
	json_member_str(&w, "login", a.login);
	json_member_str(&w, "display_name", a.display_name);
	api_member_ref(&w, "unit", &a.unit_id, unit_name);
	json_object_end(&w);
	r = write_permissions(tx, &w, &a.id, api_now(p->req), err);
	if (r >= 0)
		r = write_roles(tx, &w, p, err);
	json_member_cstr(&w, "lang", msg_lang_code(p->who->lang));
	json_member_bool(&w, "sample", samples > 0);
	json_member_bool(&w, "must_change_password", p->must_change);
	json_member_bool(&w, "must_add_factor", must_add);
	json_object_end(&w);
	return r;
}

int account_db_session_object(struct api_request *req, struct http_response *res, const struct access *who,
                              bool must_change, struct err *err)
{
	struct page p = {.req = req, .res = res, .who = who, .must_change = must_change, .status = res->status};
	if (p.status == 0)
		p.status = 200;
	return db_read(req->service->db, answer_session, &p, err);
}
