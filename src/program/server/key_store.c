/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/key_store.h"

#include <sys/stat.h>

#include "base/file/file.h"
#include "platform/crypto/crypto.h"
#include "program/server/key_protocol.h"

#define PEM_LIMIT ((size_t)64 << 10)
/* Machines with a clock that is slow must not refuse a fresh certificate. */
/* Clocks are wrong by hours, time zones are set wrongly: such a machine must still find its certificates valid. */
#define BACKDATED           (2 * USEC_PER_DAY)
#define DOCUMENT_RENEW_DAYS 60

struct key_store {
	const char *const *public_names;
	bool look_only; /* make nothing */
	struct crypto_key *ca, *bundle, *document;
	struct buf ca_pem, bundle_pem, document_pem;
};

void key_store_free(struct key_store *k)
{
	if (k == NULL)
		return;
	crypto_key_free(k->ca);
	crypto_key_free(k->bundle);
	crypto_key_free(k->document);
	buf_done(&k->ca_pem);
	buf_done(&k->bundle_pem);
	buf_done(&k->document_pem);
	mem_free(k);
}

static struct buf path_of(const char *dir, const char *name)
{
	struct buf b = BUF_INIT(4096);
	file_join(&b, str_c(dir), str_c(name));
	return b;
}

static int check_mode(const char *path, struct err *err)
{
	struct stat s;
	if (stat(path, &s) < 0)
		return err_errno(err, errno, "stat", str_c(path));
	return (s.st_mode & 077) == 0 ? 0 : err_set(err, -EACCES, "server.key_mode", ARG_CSTR("path", path));
}

static int make_key(const char *path, struct crypto_key **ret, struct err *err)
{
	cleanup(crypto_key) struct crypto_key *key = NULL;
	cleanup_buf_secret struct buf pem = BUF_INIT(PEM_LIMIT);
	(void)buf_reserve(&pem, 4096);
	int r = crypto_key_generate(&key, err);
	if (r == 0)
		r = crypto_key_private_pem(key, &pem, err);
	if (r == 0)
		r = file_write(path, buf_str(&pem), 0600, err);
	if (r < 0)
		return r;
	*ret = TAKE(key);
	return 0;
}

/* The key of that file; made when there is none, unless what belongs to it is there already. */
static int load_key(const struct key_store *k, const char *dir, const char *name, const char *belongs,
		    struct crypto_key **ret, struct err *err)
{
	cleanup_buf struct buf path = path_of(dir, name), other = path_of(dir, belongs);
	cleanup_buf_secret struct buf pem = BUF_INIT(PEM_LIMIT);
	if (!file_exists(path.p) && !file_exists(other.p) && k->look_only)
		return 0;
	if (!file_exists(path.p))
		return file_exists(other.p)
			   ? err_set(err, -ENOENT, "server.key_missing", ARG_STR("path", buf_str(&path)))
			   : make_key(path.p, ret, err);
	int r = check_mode(path.p, err);
	if (r == 0)
		r = file_read(path.p, PEM_LIMIT, &pem, err);
	if (r == 0)
		r = crypto_key_from_pem(buf_str(&pem), ret, err);
	return r < 0 ? (err_at(err, buf_str(&path)), r) : 0;
}

static int issue(struct key_store *k, const struct crypto_key *subject, struct crypto_cert_request *req,
		 struct str ca_pem, struct buf *out, struct err *err)
{
	cleanup_buf struct buf csr = BUF_INIT(PEM_LIMIT);
	int r = crypto_csr(subject, req->common_name, &csr, err);
	if (r < 0)
		return r;
	req->csr_pem = buf_str(&csr);
	return crypto_cert_issue(req, ca_pem, k->ca, out, err);
}

/* Each installation's CA has a name of its own, so that a machine moved from another one notices. */
static int make_ca_cert(struct key_store *k, const char *path, usec_t now, struct err *err)
{
	char name[64];
	unsigned char tail[4];
	struct buf b = BUF_FIXED(name, sizeof(name));
	random_bytes(tail, sizeof(tail));
	buf_append_c(&b, "Luy Tre CA ");
	buf_append_hex(&b, tail, sizeof(tail));
	struct crypto_cert_request req = {.common_name = name,
					  .use = CRYPTO_CERT_CA,
					  .not_before = now - BACKDATED,
					  .not_after = now + KEY_CA_DAYS * USEC_PER_DAY};
	int r = issue(k, k->ca, &req, STR_EMPTY, &k->ca_pem, err);
	return r < 0 ? r : file_write(path, buf_str(&k->ca_pem), 0644, err);
}

static int load_ca(struct key_store *k, const char *dir, usec_t now, struct err *err)
{
	cleanup_buf struct buf path = path_of(dir, "ca.pem");
	struct crypto_cert_info info;
	int r = load_key(k, dir, "ca.key.pem", "ca.pem", &k->ca, err);
	if (r < 0)
		return r;
	if (k->look_only && !file_exists(path.p))
		return 0;
	if (!file_exists(path.p))
		return make_ca_cert(k, path.p, now, err);
	r = file_read(path.p, PEM_LIMIT, &k->ca_pem, err);
	if (r == 0)
		r = crypto_cert_info(buf_str(&k->ca_pem), &info, err);
	if (r == 0)
		r = crypto_cert_verify(buf_str(&k->ca_pem), buf_str(&k->ca_pem), now, err);
	return r < 0 ? (err_at(err, buf_str(&path)), r) : 0;
}

static int load_bundle(struct key_store *k, const char *dir, struct err *err)
{
	cleanup_buf struct buf path = path_of(dir, "bundle.pem");
	int r = load_key(k, dir, "bundle.key.pem", "bundle.pem", &k->bundle, err);
	if (r < 0 || k->bundle == NULL)
		return r;
	r = crypto_key_public_pem(k->bundle, &k->bundle_pem, err);
	if (r == 0 && !k->look_only && !file_exists(path.p))
		r = file_write(path.p, buf_str(&k->bundle_pem), 0644, err);
	return r;
}

static bool still_good(struct str pem, struct str ca_pem, usec_t now)
{
	struct crypto_cert_info info;
	return crypto_cert_info(pem, &info, NULL) == 0 && crypto_cert_verify(pem, ca_pem, now, NULL) == 0 &&
	       info.not_after > now + DOCUMENT_RENEW_DAYS * USEC_PER_DAY;
}

static int load_document(struct key_store *k, const char *dir, usec_t now, struct err *err)
{
	cleanup_buf struct buf path = path_of(dir, "document.pem");
	int r = load_key(k, dir, "document.key.pem", "document.pem", &k->document, err);
	if (r < 0)
		return r;
	if (file_exists(path.p)) {
		r = file_read(path.p, PEM_LIMIT, &k->document_pem, err);
		if (r < 0 || still_good(buf_str(&k->document_pem), buf_str(&k->ca_pem), now))
			return r;
		buf_clear(&k->document_pem);
	}
	if (k->look_only)
		return 0;
	struct crypto_cert_request req = {.common_name = "Luy Tre documents",
					  .use = CRYPTO_CERT_SIGN,
					  .not_before = now - BACKDATED,
					  .not_after = now + KEY_DOCUMENT_DAYS * USEC_PER_DAY};
	r = issue(k, k->document, &req, buf_str(&k->ca_pem), &k->document_pem, err);
	return r < 0 ? r : file_write(path.p, buf_str(&k->document_pem), 0644, err);
}

static int load(struct key_store *k, const char *dir, usec_t now, struct err *err)
{
	k->ca_pem = k->bundle_pem = k->document_pem = BUF_INIT(PEM_LIMIT);
	int r = load_ca(k, dir, now, err);
	if (r == 0)
		r = load_bundle(k, dir, err);
	return r < 0 ? r : load_document(k, dir, now, err);
}

int key_store_check(const char *dir, usec_t now, struct err *err)
{
	cleanup(key_store) struct key_store *k = MEM_NEW(struct key_store);
	k->look_only = true;
	return load(k, dir, now, err);
}

int key_store_open(const char *dir, const char *const *public_names, usec_t now, struct key_store **ret,
		   struct err *err)
{
	cleanup(key_store) struct key_store *k = MEM_NEW(struct key_store);
	k->public_names = public_names;
	int r = file_make_dirs(dir, 0700, err);
	if (r == 0)
		r = load(k, dir, now, err);
	if (r < 0)
		return r;
	*ret = TAKE(k);
	return 0;
}

void key_store_set_names(struct key_store *k, const char *const *public_names)
{
	k->public_names = public_names;
}

static int malformed(struct err *err)
{
	return err_set(err, -EPROTO, "server.key_malformed");
}

static bool is_public_name(const struct key_store *k, struct str name)
{
	for (size_t i = 0; k->public_names[i] != NULL; i++)
		if (str_eq_c(name, k->public_names[i]))
			return true;
	return false;
}

/* The fields of SIGN_CSR. Texts are NUL-terminated in the arena. */
struct csr_fields {
	struct str csr;
	uint64_t use, not_after, count;
	const char *common_name;
	const char *names[KEY_NAMES_MAX + 1];
};

static bool read_csr_fields(struct arena *arena, struct proc_message *m, struct csr_fields *f)
{
	f->csr = proc_get_str(m, KEY_CSR_LIMIT);
	f->use = proc_get_u64(m);
	struct str common_name = proc_get_str(m, 64);
	f->not_after = proc_get_u64(m);
	f->count = proc_get_u64(m);
	if (m->failed || f->use >= KEY_USE__COUNT || f->count > KEY_NAMES_MAX ||
	    str_find_char(common_name, '\0') != SIZE_MAX)
		return false;
	f->common_name = arena_cstr(arena, common_name);
	for (uint64_t i = 0; i < f->count; i++) {
		struct str name = proc_get_str(m, KEY_NAME_LIMIT);
		if (m->failed || str_find_char(name, '\0') != SIZE_MAX)
			return false;
		f->names[i] = arena_cstr(arena, name);
	}
	return proc_message_complete(m);
}

static int check_csr_rules(const struct key_store *k, const struct csr_fields *f, usec_t now, struct err *err)
{
	struct uuid id;
	int64_t days = f->use == KEY_USE_SERVER ? KEY_SERVER_DAYS : KEY_CLIENT_DAYS;
	if (f->not_after > INT64_MAX || (usec_t)f->not_after <= now || (usec_t)f->not_after > now + days * USEC_PER_DAY)
		return err_set(err, -EACCES, "server.key_validity", ARG_I64("days", days));
	if (f->use == KEY_USE_CLIENT && (f->count > 0 || !uuid_parse(str_c(f->common_name), &id)))
		return err_set(err, -EACCES, "server.key_name", ARG_CSTR("name", f->common_name));
	for (uint64_t i = 0; i < f->count; i++)
		if (!is_public_name(k, str_c(f->names[i])))
			return err_set(err, -EACCES, "server.key_name", ARG_CSTR("name", f->names[i]));
	return 0;
}

static int sign_csr(struct key_store *k, struct proc_message *m, usec_t now, struct buf *out, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(1 << 20);
	struct csr_fields f = {0};
	if (!read_csr_fields(arena, m, &f))
		return malformed(err);
	int r = check_csr_rules(k, &f, now, err);
	if (r < 0)
		return r;
	struct crypto_cert_request req = {
	    .csr_pem = f.csr,
	    .common_name = f.common_name,
	    .use = f.use == KEY_USE_SERVER ? CRYPTO_CERT_SERVER : CRYPTO_CERT_CLIENT,
	    .dns_names = f.names,
	    .not_before = now - BACKDATED,
	    .not_after = (usec_t)f.not_after,
	};
	return crypto_cert_issue(&req, buf_str(&k->ca_pem), k->ca, out, err);
}

static int sign_bundle(struct key_store *k, struct proc_message *m, struct buf *out, struct err *err)
{
	struct str bytes = proc_get_str(m, PROC_MESSAGE_LIMIT);
	if (!proc_message_complete(m) || !str_starts_with(bytes, STR(KEY_BUNDLE_PREFIX)))
		return malformed(err);
	return crypto_sign(k->bundle, bytes, out, err);
}

static int sign_document(struct key_store *k, struct proc_message *m, struct buf *out, struct err *err)
{
	unsigned char digest[SHA256_SIZE];
	struct str bytes = proc_get_str(m, SHA256_SIZE);
	if (!proc_message_complete(m) || bytes.n != sizeof(digest))
		return malformed(err);
	memcpy(digest, bytes.p, sizeof(digest));
	return crypto_sign_digest(k->document, digest, out, err);
}

static int answer(struct key_store *k, struct proc_message *m, usec_t now, struct proc_message *reply, struct err *err)
{
	cleanup_buf struct buf out = BUF_INIT(PEM_LIMIT);
	int r;
	switch (m->type) {
	case KEY_SIGN_CSR:
		r = sign_csr(k, m, now, &out, err);
		break;
	case KEY_SIGN_BUNDLE:
		r = sign_bundle(k, m, &out, err);
		break;
	case KEY_SIGN_DOCUMENT:
		r = sign_document(k, m, &out, err);
		break;
	case KEY_PUBLIC:
		if (!proc_message_complete(m))
			return malformed(err);
		proc_put_str(reply, buf_str(&k->ca_pem));
		proc_put_str(reply, buf_str(&k->bundle_pem));
		proc_put_str(reply, buf_str(&k->document_pem));
		return 0;
	default:
		return malformed(err);
	}
	if (r == 0)
		proc_put_str(reply, buf_str(&out));
	return r;
}

int key_store_answer(struct key_store *k, struct proc_message *request, usec_t now, struct proc_message *ret_reply,
		     struct err *err)
{
	struct err local = {0};
	struct proc_message reply = proc_message_reply(request, KEY_DONE);
	int r = answer(k, request, now, &reply, &local);
	if (r < 0) {
		proc_message_done(&reply);
		reply = proc_message_reply(request, KEY_REFUSED);
		proc_put_u64(&reply, (uint64_t)-r);
		proc_put_str(&reply, str_c(local.key));
	}
	if (err != NULL)
		*err = local;
	*ret_reply = reply;
	return r;
}
