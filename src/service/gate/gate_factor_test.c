/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Second factors, helping others to sign in, and sessions, through the gate, on both databases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "platform/factor/factor_test_support.h"
#include "service/gate/gate_test_support.h"

/* A telephone with an authenticator app: RFC 4226 over RFC 2104, written down once more so that the server's library is
 * not checked by itself. */
struct phone {
	unsigned char secret[20];
};

static void phone_read(struct phone *p, struct str base32)
{
	uint64_t bits = 0;
	unsigned have = 0;
	size_t n = 0;
	(void)memset(p, 0, sizeof *p);
	for (size_t i = 0; i < base32.n; i++) {
		char c = base32.p[i];
		bits = bits << 5 | (unsigned)(c >= 'A' ? c - 'A' : c - '2' + 26);
		have += 5;
		if (have >= 8 && n < sizeof p->secret) {
			have -= 8;
			p->secret[n++] = (unsigned char)(bits >> have);
		}
	}
	assert_int_equal(n, sizeof p->secret);
}

static void phone_code(const struct phone *p, usec_t at, char out[7])
{
	unsigned char inner[64 + 8], outer[64 + 20], hash[20];
	uint64_t step = (uint64_t)(at / USEC_PER_SEC / 30);
	for (size_t i = 0; i < 64; i++) {
		unsigned char key = i < sizeof p->secret ? p->secret[i] : 0;
		inner[i] = key ^ 0x36;
		outer[i] = key ^ 0x5c;
	}
	for (unsigned i = 0; i < 8; i++)
		inner[64 + i] = (unsigned char)(step >> (56 - 8 * i));
	sha1(str_n(inner, sizeof inner), hash);
	(void)memcpy(outer + 64, hash, sizeof hash);
	sha1(str_n(outer, sizeof outer), hash);
	unsigned at_byte = hash[19] & 15;
	uint32_t value = ((uint32_t)hash[at_byte] & 0x7f) << 24 | (uint32_t)hash[at_byte + 1] << 16 |
	                 (uint32_t)hash[at_byte + 2] << 8 | hash[at_byte + 3];
	(void)snprintf(out, 7, "%06u", (unsigned)(value % 1000000));
}

static const char *const names[] = {"soc.example", "127.0.0.1", NULL};
#define HOST "Host: soc.example"

/* Text of the answer at "a" or "a.b". */
static const char *text_at(struct rig *rig, struct arena *arena, const char *a, const char *b)
{
	const struct json *j = rig_json(rig, arena);
	if (b != NULL)
		j = json_get(j, a);
	return arena_cstr(arena, json_get_str(j, b != NULL ? b : a, STR("")));
}

static void begin(struct rig *rig, struct db *db)
{
	rig_start(rig, db, NULL);
	rig->sc.public_names = names;
	assert_int_equal(rig_set_up(rig), 201);
}

/* A person of the root unit; returns the id. */
static void make_person(struct rig *rig, const char *login, const char *role, char id[UUID_TEXT_SIZE])
{
	char root[UUID_TEXT_SIZE], body[512], path[128];
	rig_root(rig, root);
	(void)snprintf(body, sizeof body,
	               "{\"login\":\"%s\",\"display_name\":\"Lê Thị %s\",\"unit_id\":\"%s\",\"password\":\"" RIG_PASSWORD
	               "\",\"phone\":\"0912 345 678\",\"email\":\"%s@cantho.example\"}", login, login, root, login);
	rig_expect(rig, "POST", "/api/v1/accounts", body, 201, NULL);
	rig_id(rig, id);
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/grants", id);
	(void)snprintf(body, sizeof body, "{\"role\":\"%s\",\"unit_id\":\"%s\"}", role, root);
	rig_expect(rig, "POST", path, body, 201, NULL);
}

#define CHANGED "mot mat khau khac"
static void first_sign_in(struct rig *rig, const char *login)
{
	assert_int_equal(rig_login(rig, login, RIG_PASSWORD), 200);
	rig_expect(rig, "POST", "/api/v1/session/password",
	           "{\"old_password\":\"" RIG_PASSWORD "\",\"new_password\":\"" CHANGED "\"}", 200, NULL);
}

/* Password right: the ticket of the second step. */
static void half_sign_in(struct rig *rig, const char *login, const char *password, char ticket[100])
{
	cleanup(arena) struct arena *arena = arena_new(0);
	assert_int_equal(rig_login(rig, login, password), 200);
	str_copy_c(str_c(text_at(rig, arena, "second_factor", "ticket")), ticket, 100);
	assert_true(ticket[0] != '\0');
	assert_string_equal(rig->cookie, "");
}

static int second(struct rig *rig, const char *ticket, const char *code)
{
	char body[256];
	(void)snprintf(body, sizeof body, "{\"ticket\":\"%s\",\"code\":\"%s\"}", ticket, code);
	return rig_send(rig, "POST", "/api/v1/login/second", body);
}

static void add_totp(struct rig *rig, struct phone *phone, char recovery[2][32])
{
	cleanup(arena) struct arena *arena = arena_new(0);
	char code[7], body[64];
	rig_expect(rig, "POST", "/api/v1/session/totp", "{}", 200, "otpauth://totp/");
	phone_read(phone, str_c(text_at(rig, arena, "secret", NULL)));
	rig_expect(rig, "POST", "/api/v1/session/totp/confirm", "{\"code\":\"000000\"}", 400, "account.totp_code");
	phone_code(phone, rig_time, code);
	(void)snprintf(body, sizeof body, "{\"code\":\"%.3s %.3s\"}", code, code + 3);
	rig_expect(rig, "POST", "/api/v1/session/totp/confirm", body, 200, "\"codes\":[\"");
	const struct json *one = json_get(rig_json(rig, arena), "codes")->child;
	for (int i = 0; i < 2; i++, one = one->next)
		str_copy_c(one->text, recovery[i], 32);
	assert_int_equal(json_get(rig_json(rig, arena), "codes")->count, 10);
}

static void totp(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	struct phone phone;
	char code[7], ticket[100], recovery[2][32], body[128];
	begin(&rig, db);
	add_totp(&rig, &phone, recovery);
	rig_expect(&rig, "GET", "/api/v1/session/factors", NULL, 200, "\"totp\":true,\"recovery_left\":10");
	rig_expect(&rig, "POST", "/api/v1/session/totp", "{}", 409, "account.totp_there");
	/* The password alone opens nothing; the code that enrolled is used up. */
	half_sign_in(&rig, "admin", RIG_PASSWORD, ticket);
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	phone_code(&phone, rig_time, code);
	assert_int_equal(second(&rig, ticket, code), 401);
	assert_true(rig_has(&rig, "account.bad_factor"));
	rig_time += 30 * USEC_PER_SEC;
	phone_code(&phone, rig_time, code);
	assert_int_equal(second(&rig, ticket, code), 200);
	assert_true(rig_has(&rig, "\"permissions\":["));
	rig_expect(&rig, "GET", "/api/v1/units", NULL, 200, NULL);
	/* Neither the code nor the ticket works again. */
	assert_int_equal(second(&rig, ticket, code), 401);
	half_sign_in(&rig, "admin", RIG_PASSWORD, ticket);
	assert_int_equal(second(&rig, ticket, code), 401);
	/* A recovery code: once, however it is typed. */
	(void)snprintf(body, sizeof body, " %s ", recovery[0]);
	for (char *c = body; *c != '\0'; c++)
		*c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c == '-' ? ' ' : *c);
	assert_int_equal(second(&rig, ticket, body), 200);
	rig_expect(&rig, "GET", "/api/v1/session/factors", NULL, 200, "\"recovery_left\":9");
	half_sign_in(&rig, "admin", RIG_PASSWORD, ticket);
	assert_int_equal(second(&rig, ticket, recovery[0]), 401);
	/* A ticket ends after five minutes. */
	rig_time += 6 * USEC_PER_MINUTE;
	assert_int_equal(second(&rig, ticket, recovery[1]), 401);
	assert_true(rig_has(&rig, "account.ticket"));
	half_sign_in(&rig, "admin", RIG_PASSWORD, ticket);
	assert_int_equal(second(&rig, ticket, recovery[1]), 200);
	/* Guessing is slowed down over all tickets, and a right password does not help. */
	half_sign_in(&rig, "admin", RIG_PASSWORD, ticket);
	int status = 401;
	for (int i = 0; i < 6 && status == 401; i++)
		status = second(&rig, ticket, "123456");
	assert_int_equal(status, 429);
	half_sign_in(&rig, "admin", RIG_PASSWORD, ticket);
	assert_int_equal(second(&rig, ticket, "123456"), 429);
	/* Changing factors wants the password when signing in was a while ago. */
	rig_time += 2 * USEC_PER_HOUR;
	half_sign_in(&rig, "admin", RIG_PASSWORD, ticket);
	phone_code(&phone, rig_time, code);
	assert_int_equal(second(&rig, ticket, code), 200);
	rig_time += 11 * USEC_PER_MINUTE;
	rig_expect(&rig, "POST", "/api/v1/session/factors/remove", "{\"kind\":\"totp\"}", 403, "account.confirm_password");
	rig_expect(&rig, "POST", "/api/v1/session/factors/remove", "{\"kind\":\"totp\",\"password\":\"x\"}", 400, "account.old_password");
	rig_expect(&rig, "POST", "/api/v1/session/factors/remove", "{\"kind\":\"totp\",\"password\":\"" RIG_PASSWORD "\"}", 204, NULL);
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 200);
	assert_true(rig_has(&rig, "\"permissions\":["));
	rig_expect(&rig, "GET", "/api/v1/session/factors", NULL, 200, "\"totp\":false,\"recovery_left\":0");
	/* No secret stands in the log. */
	rig_expect(&rig, "GET", "/api/v1/audit?limit=200", NULL, 200, "account.factor_failed");
	assert_false(rig_has(&rig, recovery[1]));
	rig_verify_chain(&rig);
	rig_stop(&rig);
}

/* A role that demands a second factor leads to adding one, and to nothing else. */
static void demanded(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	struct phone phone;
	char id[UUID_TEXT_SIZE], recovery[2][32];
	begin(&rig, db);
	make_person(&rig, "thuha", "responder", id);
	make_person(&rig, "ngoclan", "unit_officer", id);
	rig.sc.second_factor = true;
	first_sign_in(&rig, "ngoclan");
	rig_expect(&rig, "GET", "/api/v1/endpoints", NULL, 200, NULL);
	first_sign_in(&rig, "thuha");
	assert_true(rig_has(&rig, "\"must_add_factor\":true"));
	rig_expect(&rig, "GET", "/api/v1/endpoints", NULL, 403, "account.must_add_factor");
	rig_expect(&rig, "GET", "/api/v1/stream", NULL, 403, "account.must_add_factor");
	rig_expect(&rig, "GET", "/api/v1/session/factors", NULL, 200, "\"demanded\":true");
	add_totp(&rig, &phone, recovery);
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 200, "\"must_add_factor\":false");
	rig_expect(&rig, "GET", "/api/v1/endpoints", NULL, 200, NULL);
	rig_stop(&rig);
}

static void encoded(const void *p, size_t n, char *out, size_t size)
{
	struct buf b = buf_fixed(out, size);
	buf_append_base64url(&b, p, n);
}

static void challenge_of(struct rig *rig, struct arena *arena, const char *in, struct buf *out)
{
	struct str text = str_c(in != NULL ? text_at(rig, arena, in, "challenge") : text_at(rig, arena, "challenge", NULL));
	assert_true(buf_append_base64_decoded(out, text));
	assert_int_equal(out->n, 32);
}

static int send_assertion(struct rig *rig, const char *path, const struct authenticator *a, const char *ticket)
{
	char id[64], client[1600], data[1024], signature[256], body[4096];
	encoded(a->credential_id, sizeof a->credential_id, id, sizeof id);
	encoded(a->client_data, strlen(a->client_data), client, sizeof client);
	encoded(a->data, a->data_size, data, sizeof data);
	encoded(a->signature, a->signature_size, signature, sizeof signature);
	(void)snprintf(body, sizeof body,
	               "{\"ticket\":\"%s\",\"credential_id\":\"%s\",\"client_data\":\"%s\",\"authenticator_data\":\"%s\",\"signature\":\"%s\"}",
	               ticket, id, client, data, signature);
	rig->header = HOST;
	return rig_send(rig, "POST", path, body);
}

static int add_key(struct rig *rig, struct authenticator *a, const char *name)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf challenge = BUF_INIT(100);
	char ticket[100], client[1600], data[1024], body[4096];
	rig->header = HOST;
	rig_expect(rig, "POST", "/api/v1/session/passkeys/options", "{}", 200, "\"rp_id\":\"soc.example\"");
	challenge_of(rig, arena, NULL, &challenge);
	str_copy_c(str_c(text_at(rig, arena, "ticket", NULL)), ticket, sizeof ticket);
	authenticator_create(a, buf_str(&challenge));
	encoded(a->client_data, strlen(a->client_data), client, sizeof client);
	encoded(a->data, a->data_size, data, sizeof data);
	(void)snprintf(body, sizeof body, "{\"ticket\":\"%s\",\"name\":\"%s\",\"client_data\":\"%s\",\"authenticator_data\":\"%s\"}",
	               ticket, name, client, data);
	rig->header = HOST;
	return rig_send(rig, "POST", "/api/v1/session/passkeys", body);
}

static void passkeys(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	struct authenticator key, other;
	char ticket[100], body[200];
	begin(&rig, db);
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf challenge = BUF_INIT(100), again = BUF_INIT(100);
	authenticator_init(&key, "soc.example", "https://soc.example");
	authenticator_init(&other, "soc.example", "https://evil.example");
	/* An address is no name. */
	rig_expect(&rig, "POST", "/api/v1/session/passkeys/options", "{}", 400, "account.passkey_host");
	rig.header = "Host: other.example";
	rig_expect(&rig, "POST", "/api/v1/session/passkeys/options", "{}", 400, "account.passkey_host");
	assert_int_equal(add_key(&rig, &other, "x"), 400);
	assert_true(rig_has(&rig, "factor.origin"));
	assert_int_equal(add_key(&rig, &key, "May o co quan"), 200);
	assert_true(rig_has(&rig, "\"codes\":[\""));
	assert_int_equal(add_key(&rig, &key, "The same"), 409);
	rig.header = HOST;
	rig_expect(&rig, "GET", "/api/v1/session/factors", NULL, 200, "\"name\":\"May o co quan\"");
	/* As the second factor. */
	rig.cookie[0] = '\0';
	rig.header = HOST;
	(void)snprintf(body, sizeof body, "{\"login\":\"admin\",\"password\":\"" RIG_PASSWORD "\"}");
	rig_expect(&rig, "POST", "/api/v1/login", body, 200, "\"passkey\":{\"challenge\"");
	str_copy_c(str_c(text_at(&rig, arena, "second_factor", "ticket")), ticket, sizeof ticket);
	const struct json *passkey = json_get(json_get(rig_json(&rig, arena), "second_factor"), "passkey");
	assert_int_equal(json_get(passkey, "credentials")->count, 1);
	assert_true(buf_append_base64_decoded(&challenge, json_get_str(passkey, "challenge", STR(""))));
	authenticator_get(&other, buf_str(&challenge));
	assert_int_equal(send_assertion(&rig, "/api/v1/login/second", &other, ticket), 401);
	authenticator_get(&key, buf_str(&challenge));
	assert_int_equal(send_assertion(&rig, "/api/v1/login/second", &key, ticket), 200);
	/* The same bytes again: the ticket is gone, and a new one has another challenge. */
	assert_int_equal(send_assertion(&rig, "/api/v1/login/second", &key, ticket), 401);
	/* Alone, without a password: the ticket of one ceremony is not good for the other. */
	rig.cookie[0] = '\0';
	rig.header = HOST;
	rig_expect(&rig, "POST", "/api/v1/login/passkey/options", NULL, 200, "\"credentials\":[]");
	str_copy_c(str_c(text_at(&rig, arena, "ticket", NULL)), ticket, sizeof ticket);
	challenge_of(&rig, arena, "passkey", &again);
	assert_int_equal(send_assertion(&rig, "/api/v1/login/passkey", &key, ticket), 401);
	authenticator_get(&key, buf_str(&again));
	assert_int_equal(send_assertion(&rig, "/api/v1/login/second", &key, ticket), 401);
	assert_int_equal(send_assertion(&rig, "/api/v1/login/passkey", &key, ticket), 200);
	assert_true(rig_has(&rig, "\"login\":\"admin\""));
	rig_expect(&rig, "GET", "/api/v1/units", NULL, 200, NULL);
	/* A copy of the key with an older counter is refused. */
	rig.header = HOST;
	rig_expect(&rig, "POST", "/api/v1/login/passkey/options", NULL, 200, NULL);
	str_copy_c(str_c(text_at(&rig, arena, "ticket", NULL)), ticket, sizeof ticket);
	buf_clear(&again);
	challenge_of(&rig, arena, "passkey", &again);
	key.count = 0;
	authenticator_get(&key, buf_str(&again));
	assert_int_equal(send_assertion(&rig, "/api/v1/login/passkey", &key, ticket), 401);
	/* Removed: the password alone is enough again. */
	rig.header = HOST;
	rig_expect(&rig, "GET", "/api/v1/session/factors", NULL, 200, NULL);
	const char *id = arena_cstr(arena, json_get_str(json_get(rig_json(&rig, arena), "passkeys")->child, "id", STR("")));
	(void)snprintf(body, sizeof body, "{\"kind\":\"passkey\",\"id\":\"%s\"}", id);
	rig_expect(&rig, "POST", "/api/v1/session/factors/remove", body, 204, NULL);
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 200);
	assert_true(rig_has(&rig, "\"permissions\":["));
	rig_verify_chain(&rig);
	authenticator_done(&key);
	authenticator_done(&other);
	rig_stop(&rig);
}

static void helping(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	begin(&rig, db);
	cleanup(arena) struct arena *arena = arena_new(0);
	char id[UUID_TEXT_SIZE], me[UUID_TEXT_SIZE], path[160], admin[256], lan[256], ticket[100], once[64];
	make_person(&rig, "ngoclan", "unit_officer", id);
	(void)memcpy(admin, rig.cookie, sizeof admin);
	/* Personal data is masked where people are listed; a look at it is written down. */
	rig_expect(&rig, "GET", "/api/v1/accounts?q=lan", NULL, 200, "\"email\":\"n…@cantho.example\",\"phone\":\"…678\"");
	assert_false(rig_has(&rig, "0912"));
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/contact", id);
	rig_expect(&rig, "GET", path, NULL, 200, "0912 345 678");
	(void)snprintf(path, sizeof path, "/api/v1/audit?action=api.read&object=%s", id);
	rig_expect(&rig, "GET", path, NULL, 200, "\"total\":1");
	rig_expect(&rig, "GET", "/api/v1/audit?action=api.read&object=01930000-0000-7000-8000-000000000000", NULL, 200, "\"total\":0");
	/* A sheet of paper: from now on a code is asked for. */
	first_sign_in(&rig, "ngoclan");
	(void)memcpy(lan, rig.cookie, sizeof lan);
	(void)memcpy(rig.cookie, admin, sizeof admin);
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/paper-codes", id);
	rig_expect(&rig, "POST", path, "{\"count\":5}", 200, "\"codes\":[\"");
	const struct json *codes = json_get(rig_json(&rig, arena), "codes");
	assert_int_equal(codes->count, 5);
	const char *first = arena_cstr(arena, codes->child->text), *other = arena_cstr(arena, codes->child->next->text);
	half_sign_in(&rig, "ngoclan", CHANGED, ticket);
	assert_int_equal(second(&rig, ticket, first), 200);
	half_sign_in(&rig, "ngoclan", CHANGED, ticket);
	assert_int_equal(second(&rig, ticket, first), 401);
	/* A new sheet makes the old one worthless. */
	(void)memcpy(rig.cookie, admin, sizeof admin);
	rig_expect(&rig, "POST", path, "{}", 200, NULL);
	assert_int_equal(json_get(rig_json(&rig, arena), "codes")->count, 20);
	rig.cookie[0] = '\0';
	assert_int_equal(second(&rig, ticket, other), 401);
	/* Where is she signed in? Ending all of it. */
	(void)memcpy(rig.cookie, admin, sizeof admin);
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/sessions", id);
	rig_expect(&rig, "GET", path, NULL, 200, "\"second_factor\":true");
	assert_int_equal(json_get(rig_json(&rig, arena), "items")->count, 2);
	const char *session = arena_cstr(arena, json_get_str(json_get(rig_json(&rig, arena), "items")->child, "id", STR("")));
	char one[240];
	(void)snprintf(one, sizeof one, "%s/%s", path, session);
	rig_expect(&rig, "DELETE", one, NULL, 204, NULL);
	rig_expect(&rig, "DELETE", one, NULL, 404, NULL);
	rig_expect(&rig, "DELETE", path, NULL, 204, NULL);
	(void)memcpy(rig.cookie, lan, sizeof lan);
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	/* The sheet is lost too: factors off, then a one-time password that ends after three days. */
	(void)memcpy(rig.cookie, admin, sizeof admin);
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/factors", id);
	rig_expect(&rig, "DELETE", path, NULL, 204, NULL);
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/password", id);
	rig_expect(&rig, "POST", path, NULL, 200, "\"expires_at\"");
	str_copy_c(str_c(text_at(&rig, arena, "password", NULL)), once, sizeof once);
	assert_int_equal(rig_login(&rig, "ngoclan", once), 200);
	assert_true(rig_has(&rig, "\"must_change_password\":true"));
	rig_time += 4 * USEC_PER_DAY;
	assert_int_equal(rig_login(&rig, "ngoclan", once), 401);
	assert_true(rig_has(&rig, "account.password_ended"));
	/* Not for oneself: it would be a way around the old password. */
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 200);
	str_copy_c(str_c(text_at(&rig, arena, "account", "id")), me, sizeof me);
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/password", me);
	rig_expect(&rig, "POST", path, NULL, 403, "account.not_oneself");
	rig_verify_chain(&rig);
	rig_stop(&rig);
}

static int give_reset(struct db_tx *tx, void *ctx, struct err *err)
{
	(void)ctx;
	int r = db_exec(tx, err, "INSERT INTO role_permission (role, permission) VALUES ('analyst', 'account.reset')");
	return r < 0 ? r : db_exec(tx, err, "INSERT INTO role_permission (role, permission) VALUES ('analyst', 'endpoint.enrol')");
}

/* Who may only reset helps those who hold nothing more. */
static void not_upwards(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	struct err err = {.code = 0};
	begin(&rig, db);
	char officer[UUID_TEXT_SIZE], responder[UUID_TEXT_SIZE], administrator[UUID_TEXT_SIZE], analyst[UUID_TEXT_SIZE], path[128];
	make_person(&rig, "ngoclan", "unit_officer", officer);
	make_person(&rig, "thuha", "responder", responder);
	make_person(&rig, "minhquan", "administrator", administrator);
	make_person(&rig, "vanhai", "analyst", analyst);
	rig_must(db_write(db, give_reset, NULL, &err), &err);
	first_sign_in(&rig, "vanhai");
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/password", officer);
	rig_expect(&rig, "POST", path, NULL, 200, NULL);
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/password", responder);
	rig_expect(&rig, "POST", path, NULL, 403, "account.holds_more");
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/factors", administrator);
	rig_expect(&rig, "DELETE", path, NULL, 403, "account.holds_more");
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/paper-codes", administrator);
	rig_expect(&rig, "POST", path, "{}", 403, "account.holds_more");
	(void)snprintf(path, sizeof path, "/api/v1/accounts/%s/sessions", administrator);
	rig_expect(&rig, "GET", path, NULL, 403, "account.holds_more");
	rig_stop(&rig);
}

static void own_sessions(struct db *db, const char *url)
{
	(void)url;
	struct rig rig;
	char first[256];
	begin(&rig, db);
	cleanup(arena) struct arena *arena = arena_new(0);
	(void)memcpy(first, rig.cookie, sizeof first);
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 200);
	assert_int_equal(rig_login(&rig, "admin", RIG_PASSWORD), 200);
	rig_expect(&rig, "GET", "/api/v1/session/sessions", NULL, 200, "\"current\":true");
	assert_int_equal(json_get(rig_json(&rig, arena), "items")->count, 3);
	rig_expect(&rig, "DELETE", "/api/v1/session/sessions", NULL, 204, NULL);
	rig_expect(&rig, "GET", "/api/v1/session/sessions", NULL, 200, NULL);
	assert_int_equal(json_get(rig_json(&rig, arena), "items")->count, 1);
	(void)memcpy(rig.cookie, first, sizeof first);
	rig_expect(&rig, "GET", "/api/v1/session", NULL, 401, NULL);
	rig_stop(&rig);
}

#define EACH(name)                                                                                                     \
	static void each_##name(void **state)                                                                          \
	{                                                                                                              \
		(void)state;                                                                                           \
		db_test_each(name);                                                                                    \
	}
EACH(totp)
EACH(demanded)
EACH(passkeys)
EACH(helping)
EACH(not_upwards)
EACH(own_sessions)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_totp),    cmocka_unit_test(each_demanded),
	                                   cmocka_unit_test(each_passkeys), cmocka_unit_test(each_helping),
	                                   cmocka_unit_test(each_not_upwards), cmocka_unit_test(each_own_sessions)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
