/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* W3C Web Authentication Level 2: the client data is JSON and read here; authenticator data, keys and signatures are
 * libfido2's work. */
#include <fido.h>
#include <fido/es256.h>

#include "base/json/json.h"
#include "base/mem/mem.h"
#include "platform/crypto/crypto.h"
#include "platform/factor/factor.h"
#include "platform/factor/factor_cbor.h"

#define CLIENT_DATA_MAX 4096
#define AUTHENTICATOR_DATA_MAX 4096
#define SIGNATURE_MAX 256

static void cred_free(fido_cred_t **c)
{
	fido_cred_free(c);
}
static void assertion_free(fido_assert_t **a)
{
	fido_assert_free(a);
}
static void point_free(es256_pk_t **k)
{
	es256_pk_free(k);
}

/* Steps 7 to 11 of both ceremonies: the type, our challenge, our origin. */
static int check_client_data(const struct factor_ceremony *c, const char *type, struct str text, struct err *err)
{
	static const struct json_limits limits = {.depth = 4, .nodes = 64};
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup_buf struct buf challenge = BUF_INIT(FACTOR_CHALLENGE_SIZE * 2);
	const struct json *root = NULL;
	if (text.n > CLIENT_DATA_MAX || json_parse(arena, text, &limits, &root, NULL) < 0 || root->type != JSON_OBJECT ||
	    !str_eq_c(json_get_str(root, "type", STR_EMPTY), type) || json_get_bool(root, "crossOrigin", false))
		return err_set(err, -EINVAL, "factor.client_data");
	struct str given = json_get_str(root, "challenge", STR_EMPTY);
	if (given.n > 64 || !buf_append_base64_decoded(&challenge, given) ||
	    !str_eq_constant_time(buf_str(&challenge), c->challenge) || c->challenge.n != FACTOR_CHALLENGE_SIZE)
		return err_set(err, -EINVAL, "factor.challenge");
	struct str origin = json_get_str(root, "origin", STR_EMPTY);
	if (!str_eq(origin, c->origin))
		return err_set(err, -EINVAL, "factor.origin", ARG_STR("origin", str_sub(origin, 0, 200)));
	return 0;
}

/* Steps 13 to 15: is it data for this site, was a person there, and was it that person? */
#define FLAG_USER_PRESENT 0x01
#define FLAG_USER_VERIFIED 0x04
#define FLAG_CREDENTIAL 0x40
#define FLAGS_AT 32
#define HEAD_SIZE 37            /* hash, flags, counter */
#define CREDENTIAL_HEAD_SIZE 18 /* AAGUID, length of the credential's id */

/* Key and extensions: what is CBOR in it. */
static struct str cbor_of(struct str data)
{
	struct str rest = str_sub(data, HEAD_SIZE, data.n);
	if (((unsigned char)data.p[FLAGS_AT] & FLAG_CREDENTIAL) == 0 || rest.n < CREDENTIAL_HEAD_SIZE)
		return rest;
	size_t id = (size_t)(unsigned char)rest.p[CREDENTIAL_HEAD_SIZE - 2] << 8 | (unsigned char)rest.p[CREDENTIAL_HEAD_SIZE - 1];
	return str_sub(rest, CREDENTIAL_HEAD_SIZE + id, rest.n);
}

static int check_authenticator_data(const struct factor_ceremony *c, struct str data, struct err *err)
{
	unsigned char rp_hash[SHA256_SIZE];
	sha256(str_c(c->rp_id), rp_hash);
	if (data.n <= FLAGS_AT || data.n > AUTHENTICATOR_DATA_MAX ||
	    !str_eq_constant_time(str_sub(data, 0, SHA256_SIZE), str_n(rp_hash, SHA256_SIZE)))
		return err_set(err, -EINVAL, "factor.rp");
	unsigned flags = (unsigned char)data.p[FLAGS_AT];
	if ((flags & FLAG_USER_PRESENT) == 0 || (flags & FLAG_USER_VERIFIED) == 0)
		return err_set(err, -EINVAL, "factor.user_verification");
	return factor_cbor_is_sound(cbor_of(data)) ? 0 : err_set(err, -EINVAL, "factor.key_kind");
}

int factor_key_register(const struct factor_ceremony *c, struct str client_data, struct str authenticator_data,
                        struct factor_key *ret, struct err *err)
{
	int r = check_client_data(c, "webauthn.create", client_data, err);
	if (r >= 0)
		r = check_authenticator_data(c, authenticator_data, err);
	if (r < 0)
		return r;
	__attribute__((__cleanup__(cred_free))) fido_cred_t *cred = fido_cred_new();
	if (cred == NULL || fido_cred_set_type(cred, COSE_ES256) != FIDO_OK ||
	    fido_cred_set_authdata_raw(cred, (const unsigned char *)authenticator_data.p, authenticator_data.n) != FIDO_OK ||
	    fido_cred_pubkey_len(cred) != FACTOR_KEY_SIZE || fido_cred_id_len(cred) == 0 ||
	    fido_cred_id_len(cred) > FACTOR_CREDENTIAL_ID_MAX)
		return err_set(err, -EINVAL, "factor.key_kind");
	*ret = (struct factor_key){.credential_id_size = fido_cred_id_len(cred), .sign_count = fido_cred_sigcount(cred)};
	(void)memcpy(ret->public_key, fido_cred_pubkey_ptr(cred), FACTOR_KEY_SIZE);
	(void)memcpy(ret->credential_id, fido_cred_id_ptr(cred), ret->credential_id_size);
	/* A point off the curve would only be found at the first use. */
	__attribute__((__cleanup__(point_free))) es256_pk_t *point = es256_pk_new();
	if (point == NULL || es256_pk_from_ptr(point, ret->public_key, FACTOR_KEY_SIZE) != FIDO_OK)
		return err_set(err, -EINVAL, "factor.key_kind");
	return 0;
}

static bool signature_is_good(const struct factor_ceremony *c, const struct factor_key *key, struct str client_data,
                              struct str authenticator_data, struct str signature, uint32_t *ret_sign_count)
{
	unsigned char hash[SHA256_SIZE];
	sha256(client_data, hash);
	__attribute__((__cleanup__(assertion_free))) fido_assert_t *a = fido_assert_new();
	__attribute__((__cleanup__(point_free))) es256_pk_t *point = es256_pk_new();
	if (a == NULL || point == NULL || es256_pk_from_ptr(point, key->public_key, FACTOR_KEY_SIZE) != FIDO_OK ||
	    fido_assert_set_rp(a, c->rp_id) != FIDO_OK || fido_assert_set_clientdata_hash(a, hash, sizeof hash) != FIDO_OK ||
	    fido_assert_set_count(a, 1) != FIDO_OK || fido_assert_set_up(a, FIDO_OPT_TRUE) != FIDO_OK ||
	    fido_assert_set_uv(a, FIDO_OPT_TRUE) != FIDO_OK ||
	    fido_assert_set_authdata_raw(a, 0, (const unsigned char *)authenticator_data.p, authenticator_data.n) != FIDO_OK ||
	    fido_assert_set_sig(a, 0, (const unsigned char *)signature.p, signature.n) != FIDO_OK ||
	    fido_assert_verify(a, 0, COSE_ES256, point) != FIDO_OK)
		return false;
	*ret_sign_count = fido_assert_sigcount(a, 0);
	return true;
}

int factor_key_assert(const struct factor_ceremony *c, const struct factor_key *key, struct str client_data,
                      struct str authenticator_data, struct str signature, uint32_t *ret_sign_count, struct err *err)
{
	uint32_t count = 0;
	int r = check_client_data(c, "webauthn.get", client_data, err);
	if (r >= 0)
		r = check_authenticator_data(c, authenticator_data, err);
	if (r < 0)
		return r;
	if (signature.n == 0 || signature.n > SIGNATURE_MAX ||
	    !signature_is_good(c, key, client_data, authenticator_data, signature, &count))
		return err_set(err, -EINVAL, "factor.signature");
	if ((count != 0 || key->sign_count != 0) && count <= key->sign_count)
		return err_set(err, -EINVAL, "factor.counter");
	*ret_sign_count = count;
	return 0;
}
