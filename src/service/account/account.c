/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/text/text.h"
#include "service/account/account_internal.h"
#include "service/account/account_sql.gen.h"
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"

int account_tell(const struct service_context *sc, struct db_tx *tx, const struct access *access, const char *action,
                 const struct uuid *account_id, const struct uuid *unit_id, struct str details, struct err *err)
{
	return audit_write(tx, access, account_now(sc),
	                   &(struct audit_entry){action, "account", *account_id, *unit_id, details}, err);
}

static int tell_changed(const struct service_context *sc, struct db_tx *tx, const struct uuid *account_id,
                        const struct uuid *unit_id, struct err *err)
{
	cleanup_buf struct buf json = BUF_INIT(256);
	struct json_writer w = json_writer_init(&json);
	json_object(&w);
	api_member_uuid(&w, "id", account_id);
	api_member_uuid(&w, "unit_id", unit_id);
	json_object_end(&w);
	return outbox_write(tx, &(struct service_event){.name = "account.changed", .unit_id = *unit_id,
	                                                .permission = "account.read", .json = buf_str(&json),
	                                                .at = account_now(sc)}, err);
}

/* Lower-case ASCII, so that a login reads the same on every keyboard. */
static bool is_login(struct str s)
{
	bool good = s.n >= 2 && s.n <= ACCOUNT_LOGIN_MAX;
	for (size_t i = 0; i < s.n && good; i++) {
		char c = s.p[i];
		good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (i > 0 && (c == '.' || c == '-' || c == '_' || c == '@'));
	}
	return good;
}

int account_check_password(struct str password, struct str login, struct err *err)
{
	if (!text_is_utf8(password) || text_length(password) < ACCOUNT_PASSWORD_MIN || password.n > ACCOUNT_PASSWORD_MAX)
		return err_set(err, -EINVAL, "account.password_length", ARG_I64("least", ACCOUNT_PASSWORD_MIN),
		               ARG_I64("most", ACCOUNT_PASSWORD_MAX));
	bool same = true;
	for (size_t i = 1; i < password.n; i++)
		same = same && password.p[i] == password.p[0];
	if (same || str_find(password, login) != SIZE_MAX)
		return err_set(err, -EINVAL, "account.password_weak");
	return 0;
}

int account_hash_password(struct str password, char out[PASSWORD_HASH_SIZE], struct err *err)
{
	/* Telex and VNI keyboards compose differently: the same letters must give the same password. */
	cleanup_buf_secret struct buf nfc = BUF_INIT(4096);
	int r = text_nfc(password, &nfc, err);
	return r < 0 ? r : password_hash(buf_str(&nfc), out, err);
}

bool account_verify_password(const struct account_row *a, struct str password)
{
	cleanup_buf_secret struct buf nfc = BUF_INIT(4096);
	struct str given = text_nfc(password, &nfc, NULL) == 0 ? buf_str(&nfc) : STR("");
	if (a == NULL || a->password_hash.n == 0) {
		password_verify_dummy(given);
		return false;
	}
	return password_verify(a->password_hash.p, given);
}

static int check_texts(const struct account_row *a, struct err *err)
{
	if (str_trim(a->display_name).n == 0 || a->display_name.n > ACCOUNT_NAME_MAX)
		return err_set(err, -EINVAL, "account.display_name", ARG_I64("most", ACCOUNT_NAME_MAX));
	return 0;
}

static int insert(const struct service_context *sc, struct db_tx *tx, const struct account_row *a, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct account_row other;
	int r = account_db_get(tx, arena, NULL, a->login, &other, err);
	if (r >= 0)
		return err_set(err, -EEXIST, "account.login_taken", ARG_STR("login", a->login));
	if (r != -ENOENT)
		return r;
	r = check_texts(a, err);
	if (r >= 0)
		r = account_db_unit_open(tx, &a->unit_id, err);
	if (r >= 0)
		r = account_db_insert(tx, a, account_now(sc), err);
	return r;
}

int account_create(const struct service_context *sc, struct db_tx *tx, const struct access *access,
                   const struct account_new *n, struct uuid *ret_id, struct err *err)
{
	cleanup_buf struct buf name = BUF_INIT(4096), details = BUF_INIT(8192);
	struct account_row a = {.id = uuid_new(), .unit_id = n->unit_id, .kind = STR("person"), .login = n->login,
	                        .email = n->email, .phone = n->phone, .position = n->position,
	                        .must_change = n->must_change, .sample = n->sample};
	char hash[PASSWORD_HASH_SIZE];
	if (!is_login(n->login))
		return err_set(err, -EINVAL, "account.login", ARG_I64("most", ACCOUNT_LOGIN_MAX));
	int r = text_nfc(str_trim(n->display_name), &name, err);
	a.display_name = buf_str(&name);
	if (r >= 0 && n->password.n > 0) {
		r = account_check_password(n->password, n->login, err);
		if (r >= 0)
			r = account_hash_password(n->password, hash, err);
		a.password_hash = r >= 0 ? str_c(hash) : STR_EMPTY;
	}
	if (r >= 0)
		r = insert(sc, tx, &a, err);
	struct json_writer w = json_writer_init(&details);
	json_object(&w);
	json_member_str(&w, "login", a.login);
	json_member_str(&w, "display_name", a.display_name);
	json_object_end(&w);
	if (r >= 0)
		r = account_tell(sc, tx, access, "account.created", &a.id, &a.unit_id, buf_str(&details), err);
	if (r >= 0)
		r = tell_changed(sc, tx, &a.id, &a.unit_id, err);
	mem_wipe(hash, sizeof hash);
	if (r >= 0)
		*ret_id = a.id;
	return r < 0 ? r : 0;
}

static void describe_grant(struct buf *out, const struct account_grant *g, struct str restrict_kind)
{
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	json_member_str(&w, "role", g->role);
	api_member_uuid(&w, "unit_id", &g->unit_id);
	api_member_time(&w, "expires_at", g->expires_at);
	api_member_text_or_null(&w, "restrict_kind", restrict_kind);
	api_member_uuid(&w, "restrict_id", &g->restrict_id);
	json_object_end(&w);
}

static int check_grant(const struct service_context *sc, const struct account_role_row *role, const struct account_row *a,
                       const struct account_grant *g, struct err *err)
{
	if (role->for_machines != str_eq(a->kind, STR("machine")))
		return err_set(err, -EINVAL, role->for_machines ? "account.role_for_machines" : "account.role_for_people",
		               ARG_STR("role", g->role));
	if (role->needs_expiry && g->expires_at == 0)
		return err_set(err, -EINVAL, "account.needs_expiry", ARG_STR("role", g->role));
	if (g->expires_at != 0 && g->expires_at <= account_now(sc))
		return err_set(err, -EINVAL, "account.expiry_past");
	if (role->restrict_kind.n == 0 && !uuid_is_null(&g->restrict_id))
		return err_set(err, -EINVAL, "account.not_restricted", ARG_STR("role", g->role));
	return 0;
}

int account_add_grant(const struct service_context *sc, struct db_tx *tx, const struct access *access,
                      const struct account_grant *g, struct uuid *ret_id, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf details = BUF_INIT(2048);
	struct account_role_row role;
	struct account_row a;
	struct uuid id = uuid_new();
	int r = account_db_role(tx, arena, g->role, &role, err);
	if (r >= 0)
		r = account_db_get(tx, arena, &g->account_id, STR_EMPTY, &a, err);
	if (r >= 0)
		r = account_db_unit_open(tx, &g->unit_id, err);
	if (r >= 0)
		r = check_grant(sc, &role, &a, g, err);
	if (r >= 0)
		r = account_db_insert_grant(tx, &id, g, role.restrict_kind, access, account_now(sc), err);
	if (r >= 0)
		r = account_db_bump(tx, &g->account_id, err);
	if (r < 0)
		return r;
	describe_grant(&details, g, role.restrict_kind);
	r = account_tell(sc, tx, access, "account.granted", &g->account_id, &g->unit_id, buf_str(&details), err);
	if (r >= 0)
		r = tell_changed(sc, tx, &g->account_id, &a.unit_id, err);
	if (r >= 0)
		*ret_id = id;
	return r < 0 ? r : 0;
}

int account_require_manage(struct db_tx *tx, const struct api_request *req, const struct account_row *a, struct err *err)
{
	int r = api_require_unit(tx, req, "account.manage", &a->unit_id, err);
	if (r < 0)
		return r;
	/* Who sits in my unit may hold rights above me: changing such an account would be a way up. */
	int64_t outside = 0;
	r = account_db_grants_outside(tx, req->access, &a->id, api_now(req), &outside, err);
	if (r < 0)
		return r;
	return outside == 0 ? 0 : err_set(err, -EACCES, "account.holds_more");
}

int account_require_reset(struct db_tx *tx, const struct api_request *req, const struct account_row *a, struct err *err)
{
	if (uuid_eq(&a->id, &req->access->account_id))
		return err_set(err, -EACCES, "account.not_oneself");
	int64_t outside = 0, beyond = 0;
	int r = api_require_unit(tx, req, "account.reset", &a->unit_id, err);
	if (r >= 0)
		r = account_db_grants_outside(tx, req->access, &a->id, api_now(req), &outside, err);
	if (r >= 0 && outside > 0)
		r = account_db_rights_beyond(tx, req->access, &a->id, api_now(req), &beyond, err);
	if (r < 0)
		return r;
	return outside == 0 || beyond == 0 ? 0 : err_set(err, -EACCES, "account.holds_more");
}

int account_check_managers_left(struct db_tx *tx, usec_t now, struct err *err)
{
	int64_t left = 0;
	int r = account_db_root_managers(tx, now, &left, err);
	if (r < 0)
		return r;
	return left > 0 ? 0 : err_set(err, -EBUSY, "account.last_manager");
}

static int clean(struct db_tx *tx, void *ctx, struct err *err)
{
	const usec_t *now = ctx;
	return account_db_clean(tx, *now, err);
}

static int on_tick(const struct service_context *sc, struct err *err)
{
	usec_t now = account_now(sc);
	return db_write(sc->db, clean, &now, err);
}

static int start(const struct service_context *sc, struct err *err)
{
	int r = account_load_roles(sc, err);
	return r < 0 ? r : account_key_ensure(sc, err);
}

static const char *const permissions[] = {"account.read", "account.manage", "account.reset", "token.manage",
	/* Asked by the events listener of the pipeline, which knows tokens from the snapshot. */
	"event.send", NULL};

const struct service account_service = {
	.name = "account",
	.routes = account_routes,
	.permissions = permissions,
	.migrations = account_migrations,
	.migration_count = ACCOUNT_MIGRATION_COUNT,
	.start = start,
	.on_tick = on_tick,
};
