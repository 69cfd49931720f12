/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Keys: PKCS#12 files (RFC 7292) through OpenSSL, PKCS#11 tokens through libp11, whose keys OpenSSL uses as its own. */
#include <libp11.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <p11-kit/pkcs11.h>

#include "engine/pades/pades_cms_internal.h"

#define SECRET_MAX 256

void pades_key_free(struct pades_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->key);
	X509_free(key->certificate);
	sk_X509_pop_free(key->others, X509_free);
	if (key->slots != NULL)
		PKCS11_release_all_slots(key->token, key->slots, key->slot_count);
	if (key->token != NULL) {
		PKCS11_CTX_unload(key->token);
		PKCS11_CTX_free(key->token);
	}
	mem_free(key);
}

int pades_key_pkcs12(struct str file, struct str password, struct pades_key **ret, struct err *err)
{
	cleanup(pades_key) struct pades_key *key = MEM_NEW(struct pades_key);
	char secret[SECRET_MAX];
	BIO *in = BIO_new_mem_buf(file.p, (int)file.n);
	PKCS12 *p12 = in != NULL && file.n < (size_t)1 << 20 ? d2i_PKCS12_bio(in, NULL) : NULL;
	str_copy_c(password, secret, sizeof(secret));
	BIO_free(in);
	bool right = p12 != NULL && PKCS12_verify_mac(p12, secret, -1) == 1;
	bool read = right && PKCS12_parse(p12, secret, &key->key, &key->certificate, &key->others) == 1;
	mem_wipe(secret, sizeof(secret));
	int r = p12 == NULL ? err_set(err, -EINVAL, "pades.pkcs12")
		: !right    ? err_set(err, -EACCES, "pades.password")
		: !read	    ? err_set(err, -EINVAL, "pades.pkcs12")
		: key->key == NULL || key->certificate == NULL ? err_set(err, -EINVAL, "pades.no_certificate")
							       : 0;
	PKCS12_free(p12);
	ERR_clear_error();
	if (r == 0)
		*ret = TAKE(key);
	return r;
}

static int find_token(struct pades_key *key, const struct pades_token *t, PKCS11_SLOT **ret, struct err *err)
{
	PKCS11_SLOT *slots = NULL;
	if (PKCS11_CTX_load(key->token, t->module) != 0) {
		/* libp11 0.4.12 must not unload what it did not load. */
		PKCS11_CTX_free(key->token);
		key->token = NULL;
		return err_set(err, -ENOENT, "pades.no_module", ARG_CSTR("module", t->module));
	}
	if (PKCS11_enumerate_slots(key->token, &slots, &key->slot_count) != 0)
		return err_set(err, -ENOENT, "pades.no_token", ARG_CSTR("token", t->label != NULL ? t->label : "*"));
	key->slots = slots;
	for (unsigned i = 0; i < key->slot_count; i++) {
		const PKCS11_TOKEN *token = slots[i].token;
		if (token == NULL || !token->initialized || (t->label != NULL && (token->label == NULL || strcmp(token->label, t->label) != 0)))
			continue;
		*ret = &slots[i];
		return 0;
	}
	return err_set(err, -ENOENT, "pades.no_token", ARG_CSTR("token", t->label != NULL ? t->label : "*"));
}

static int log_in(PKCS11_SLOT *slot, struct str pin, struct err *err)
{
	char secret[SECRET_MAX];
	str_copy_c(pin, secret, sizeof(secret));
	ERR_clear_error();
	int r = PKCS11_login(slot, 0, secret);
	mem_wipe(secret, sizeof(secret));
	if (r == 0)
		return 0;
	switch (ERR_GET_REASON(ERR_peek_last_error())) {
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
		return err_set(err, -EACCES, "pades.pin");
	case CKR_PIN_LOCKED:
		return err_set(err, -EACCES, "pades.pin_locked");
	default:
		return err_set(err, -EIO, "pades.token", ARG_CSTR("reason", ERR_reason_error_string(ERR_peek_last_error())));
	}
}

static int take_key(struct pades_key *key, PKCS11_TOKEN *token, const char *label, struct err *err)
{
	PKCS11_KEY *keys = NULL;
	unsigned count = 0;
	if (PKCS11_enumerate_keys(token, &keys, &count) != 0)
		count = 0;
	bool found = false;
	for (unsigned i = 0; i < count && key->certificate == NULL; i++) {
		if (label != NULL && (keys[i].label == NULL || strcmp(keys[i].label, label) != 0))
			continue;
		found = true;
		PKCS11_CERT *certificate = PKCS11_find_certificate(&keys[i]);
		if (certificate == NULL || certificate->x509 == NULL)
			continue;
		key->key = PKCS11_get_private_key(&keys[i]);
		key->certificate = X509_dup(certificate->x509);
	}
	if (key->key != NULL && key->certificate != NULL)
		return 0;
	return found ? err_set(err, -ENOENT, "pades.no_certificate") : err_set(err, -ENOENT, "pades.no_key", ARG_CSTR("key", label != NULL ? label : "*"));
}

int pades_key_pkcs11(const struct pades_token *token, struct pades_key **ret, struct err *err)
{
	cleanup(pades_key) struct pades_key *key = MEM_NEW(struct pades_key);
	PKCS11_SLOT *slot = NULL;
	key->token = PKCS11_CTX_new();
	if (key->token == NULL)
		return err_set(err, -EIO, "pades.token", ARG_CSTR("reason", "PKCS11_CTX_new"));
	int r = find_token(key, token, &slot, err);
	if (r == 0)
		r = log_in(slot, token->pin, err);
	if (r == 0)
		r = take_key(key, slot->token, token->key, err);
	ERR_clear_error();
	if (r == 0)
		*ret = TAKE(key);
	return r;
}
