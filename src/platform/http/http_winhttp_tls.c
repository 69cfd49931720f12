/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/http/http_winhttp_tls.h"

#include <bcrypt.h>
#include <ncrypt.h>
#include <stdio.h>

#include "base/mem/mem.h"
#include "platform/crypto/crypto.h"

#define KEY_NAME_CHARS 64
#define SSL_IGNORE_NAME 0x00001000 /* SECURITY_FLAG_IGNORE_CERT_CN_INVALID of wininet.h, which cannot be included with winhttp.h */

static int failed(struct err *err, const char *what, DWORD code)
{
	char reason[64];
	(void)snprintf(reason, sizeof reason, "%s 0x%08lx", what, (unsigned long)code);
	return err_set(err, -EINVAL, "http.client_config", ARG_CSTR("reason", reason));
}

/* The first certificate of a PEM text. Free with CertFreeCertificateContext. */
static PCCERT_CONTEXT parse_cert(const char *pem)
{
	BYTE der[8192];
	DWORD size = sizeof der;
	if (!CryptStringToBinaryA(pem, 0, CRYPT_STRING_BASE64HEADER, der, &size, NULL, NULL))
		return NULL;
	return CertCreateCertificateContext(X509_ASN_ENCODING | PKCS_7_ASN_ENCODING, der, size);
}

static int load_roots(struct http_winhttp_tls *t, const char *ca_pem, struct err *err)
{
	PCCERT_CONTEXT ca = parse_cert(ca_pem);
	if (ca == NULL)
		return failed(err, "CA certificate", GetLastError());
	t->roots = CertOpenStore(CERT_STORE_PROV_MEMORY, 0, 0, 0, NULL);
	bool ok = t->roots != NULL && CertAddCertificateContextToStore(t->roots, ca, CERT_STORE_ADD_ALWAYS, NULL);
	(void)CertFreeCertificateContext(ca);
	CERT_CHAIN_ENGINE_CONFIG config = {.cbSize = sizeof config, .hExclusiveRoot = t->roots};
	ok = ok && CertCreateCertificateChainEngine(&config, &t->engine);
	return ok ? 0 : failed(err, "chain engine", GetLastError());
}

/* BCRYPT_ECCPRIVATE_BLOB: header, x, y, d. */
struct ecc_blob {
	BCRYPT_ECCKEY_BLOB header;
	unsigned char numbers[96];
};

/*
 * Schannel signs inside LSASS and cannot use a key that lives in this process
 * only: the key is kept in the machine's key store under a name of its own.
 */
static int store_key(const struct http_client_config *config, wchar_t name[KEY_NAME_CHARS], struct err *err)
{
	struct crypto_key *key = NULL;
	struct ecc_blob blob = {.header = {BCRYPT_ECDSA_PRIVATE_P256_MAGIC, 32}};
	int r = crypto_key_from_pem(str_c(config->client_key_pem), &key, err);
	if (r < 0)
		return r;
	r = crypto_key_raw(key, blob.numbers, err);
	crypto_key_free(key);
	if (r < 0)
		return r;
	struct crypto_cert_info info;
	r = crypto_cert_info(str_c(config->client_cert_pem), &info, err);
	if (r < 0)
		return r;
	(void)swprintf(name, KEY_NAME_CHARS, L"luytre-%.40hs", info.sha256_hex);
	NCRYPT_PROV_HANDLE provider = 0;
	NCRYPT_KEY_HANDLE handle = 0;
	BCryptBuffer parameter = {(ULONG)((wcslen(name) + 1) * sizeof *name), NCRYPTBUFFER_PKCS_KEY_NAME, name};
	NCryptBufferDesc parameters = {BCRYPTBUFFER_VERSION, 1, &parameter};
	SECURITY_STATUS status = NCryptOpenStorageProvider(&provider, MS_KEY_STORAGE_PROVIDER, 0);
	if (status == ERROR_SUCCESS)
		status = NCryptImportKey(provider, 0, BCRYPT_ECCPRIVATE_BLOB, &parameters, &handle, (PBYTE)&blob, sizeof blob,
		                         NCRYPT_MACHINE_KEY_FLAG | NCRYPT_OVERWRITE_KEY_FLAG | NCRYPT_SILENT_FLAG);
	mem_wipe(&blob, sizeof blob);
	if (handle != 0)
		(void)NCryptFreeObject(handle);
	if (provider != 0)
		(void)NCryptFreeObject(provider);
	return status == ERROR_SUCCESS ? 0 : failed(err, "client key", (DWORD)status);
}

static int load_client(struct http_winhttp_tls *t, const struct http_client_config *config, struct err *err)
{
	wchar_t name[KEY_NAME_CHARS], provider[] = MS_KEY_STORAGE_PROVIDER;
	int r = store_key(config, name, err);
	if (r < 0)
		return r;
	t->client = parse_cert(config->client_cert_pem);
	if (t->client == NULL)
		return failed(err, "client certificate", GetLastError());
	CRYPT_KEY_PROV_INFO info = {
		.pwszContainerName = name,
		.pwszProvName = provider,
		.dwFlags = CRYPT_MACHINE_KEYSET,
	};
	if (!CertSetCertificateContextProperty(t->client, CERT_KEY_PROV_INFO_PROP_ID, 0, &info))
		return failed(err, "client certificate", GetLastError());
	return 0;
}

int http_winhttp_tls_init(struct http_winhttp_tls *t, const struct http_client_config *config, struct err *err)
{
	*t = (struct http_winhttp_tls){.any_name = config->verify_name_off};
	int r = config->ca_pem != NULL ? load_roots(t, config->ca_pem, err) : 0;
	if (r >= 0 && config->client_cert_pem != NULL && config->client_key_pem != NULL)
		r = load_client(t, config, err);
	if (r < 0)
		http_winhttp_tls_done(t);
	return r;
}

void http_winhttp_tls_done(struct http_winhttp_tls *t)
{
	if (t->engine != NULL)
		CertFreeCertificateChainEngine(t->engine);
	if (t->roots != NULL)
		(void)CertCloseStore(t->roots, 0);
	if (t->client != NULL)
		(void)CertFreeCertificateContext(t->client);
	*t = (struct http_winhttp_tls){0};
}

bool http_winhttp_tls_trusts(const struct http_winhttp_tls *t, PCCERT_CONTEXT server, const wchar_t *host,
                             DWORD *ret_status)
{
	char usage[] = szOID_PKIX_KP_SERVER_AUTH;
	LPSTR usages[] = {usage};
	CERT_CHAIN_PARA para = {.cbSize = sizeof para};
	para.RequestedUsage.dwType = USAGE_MATCH_TYPE_AND;
	para.RequestedUsage.Usage.cUsageIdentifier = 1;
	para.RequestedUsage.Usage.rgpszUsageIdentifier = usages;
	PCCERT_CHAIN_CONTEXT chain = NULL;
	/* Cached only: a chain check must not go out to the network. */
	if (!CertGetCertificateChain(t->engine, server, NULL, server->hCertStore, &para,
	                             CERT_CHAIN_CACHE_ONLY_URL_RETRIEVAL, NULL, &chain)) {
		*ret_status = GetLastError();
		return false;
	}
	wchar_t name[256];
	(void)swprintf(name, ARRAY_LEN(name), L"%ls", host);
	SSL_EXTRA_CERT_CHAIN_POLICY_PARA ssl = {
		.cbSize = sizeof ssl,
		.dwAuthType = AUTHTYPE_SERVER,
		.fdwChecks = t->any_name ? SSL_IGNORE_NAME : 0,
		.pwszServerName = name,
	};
	CERT_CHAIN_POLICY_PARA policy = {.cbSize = sizeof policy, .pvExtraPolicyPara = &ssl};
	CERT_CHAIN_POLICY_STATUS status = {.cbSize = sizeof status};
	bool checked = CertVerifyCertificateChainPolicy(CERT_CHAIN_POLICY_SSL, chain, &policy, &status);
	CertFreeCertificateChain(chain);
	*ret_status = checked ? status.dwError : GetLastError();
	return checked && status.dwError == 0;
}
