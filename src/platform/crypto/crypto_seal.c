/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/crypto/crypto_seal.h"

#include "platform/crypto/crypto_internal.h"

#define CHUNK       ((size_t)64 << 10)
#define SALT_SIZE   32
#define MAGIC       STR("LTSEAL1\n")
#define HEADER_SIZE (8 + SALT_SIZE)

/* What sealing and opening share: the file's own key and the number of the next chunk. */
struct stream {
	unsigned char key[SHA256_SIZE];
	uint64_t number;
	struct buf pending;
	bool failed; /* output was full once: what followed is missing */
};

struct crypto_seal {
	struct stream stream;
};

struct crypto_unseal {
	struct stream stream;
	unsigned char master[CRYPTO_SEAL_KEY_SIZE];
	struct buf context;
	bool has_key;
	bool broken;
};

/* A key of its own for every file: the nonce may then simply count. */
static void derive(struct stream *s, const unsigned char master[CRYPTO_SEAL_KEY_SIZE], const unsigned char *salt,
		   struct str context)
{
	cleanup_buf struct buf label = BUF_INIT(SALT_SIZE + 4096);
	buf_append(&label, str_n(salt, SALT_SIZE));
	buf_append(&label, STR("luytre seal 1:"));
	buf_append(&label, context);
	hmac_sha256(str_n(master, CRYPTO_SEAL_KEY_SIZE), buf_str(&label), s->key);
}

/* false: no chunk number is left. */
static bool next_nonce(struct stream *s, bool last, unsigned char nonce[CRYPTO_GCM_NONCE_SIZE])
{
	memset(nonce, 0, CRYPTO_GCM_NONCE_SIZE);
	for (unsigned i = 0; i < 4; i++)
		nonce[7 + i] = (unsigned char)(s->number >> (8 * (3 - i)));
	nonce[11] = last ? 1 : 0;
	return s->number++ <= UINT32_MAX;
}

static bool seal_chunk(struct stream *s, size_t n, bool last, struct buf *out)
{
	unsigned char nonce[CRYPTO_GCM_NONCE_SIZE];
	if (s->failed || !next_nonce(s, last, nonce) || out->overflow || !buf_reserve(out, n + CRYPTO_GCM_TAG_SIZE)) {
		s->failed = true;
		return false;
	}
	crypto_backend_gcm_seal(s->key, nonce, str_n(s->pending.p, n), (unsigned char *)out->p + out->n);
	out->n += n + CRYPTO_GCM_TAG_SIZE;
	out->p[out->n] = '\0';
	buf_consume(&s->pending, n);
	return true;
}

static void stream_done(struct stream *s)
{
	buf_done_secret(&s->pending);
	mem_wipe(s->key, sizeof(s->key));
}

struct crypto_seal *crypto_seal_new(const unsigned char key[CRYPTO_SEAL_KEY_SIZE], struct str context, struct buf *out)
{
	unsigned char salt[SALT_SIZE];
	struct crypto_seal *s = MEM_NEW(struct crypto_seal);
	random_bytes(salt, sizeof(salt));
	derive(&s->stream, key, salt, context);
	s->stream.pending = BUF_INIT(CHUNK);
	(void)buf_reserve(&s->stream.pending, CHUNK);
	buf_append(out, MAGIC);
	buf_append(out, str_n(salt, sizeof(salt)));
	return s;
}

/* A full chunk is kept back until more comes: only then it is known not to be the last. */
void crypto_seal_update(struct crypto_seal *s, struct str bytes, struct buf *out)
{
	while (bytes.n > 0) {
		if (s->stream.pending.n == CHUNK && !seal_chunk(&s->stream, CHUNK, false, out))
			return;
		size_t n = CHUNK - s->stream.pending.n;
		buf_append(&s->stream.pending, str_sub(bytes, 0, n));
		bytes = str_sub(bytes, n, bytes.n);
	}
}

int crypto_seal_final(struct crypto_seal *s, struct buf *out, struct err *err)
{
	if (!seal_chunk(&s->stream, s->stream.pending.n, true, out))
		return err_set(err, -E2BIG, "crypto.seal_too_long");
	return 0;
}

void crypto_seal_free(struct crypto_seal *s)
{
	if (s == NULL)
		return;
	stream_done(&s->stream);
	mem_free(s);
}

struct crypto_unseal *crypto_unseal_new(const unsigned char key[CRYPTO_SEAL_KEY_SIZE], struct str context)
{
	struct crypto_unseal *u = MEM_NEW(struct crypto_unseal);
	memcpy(u->master, key, sizeof(u->master));
	u->context = BUF_INIT(4096);
	buf_append(&u->context, context);
	u->stream.pending = BUF_INIT(CHUNK + CRYPTO_GCM_TAG_SIZE);
	return u;
}

static int broken(struct crypto_unseal *u, struct err *err)
{
	u->broken = true;
	return err_set(err, -EBADMSG, "crypto.seal_broken");
}

static int open_chunk(struct crypto_unseal *u, size_t n, bool last, struct buf *out, struct err *err)
{
	unsigned char nonce[CRYPTO_GCM_NONCE_SIZE];
	struct buf *pending = &u->stream.pending;
	if (n < CRYPTO_GCM_TAG_SIZE || !next_nonce(&u->stream, last, nonce))
		return broken(u, err);
	size_t plain = n - CRYPTO_GCM_TAG_SIZE;
	if (!buf_reserve(out, plain))
		return err_set(err, -E2BIG, "crypto.seal_too_long");
	if (!crypto_backend_gcm_open(u->stream.key, nonce, str_n(pending->p, n), (unsigned char *)out->p + out->n))
		return broken(u, err);
	out->n += plain;
	out->p[out->n] = '\0';
	buf_consume(pending, n);
	return 0;
}

static int open_header(struct crypto_unseal *u, struct err *err)
{
	struct buf *pending = &u->stream.pending;
	if (!str_eq(str_sub(buf_str(pending), 0, MAGIC.n), MAGIC))
		return broken(u, err);
	derive(&u->stream, u->master, (const unsigned char *)pending->p + MAGIC.n, buf_str(&u->context));
	buf_consume(pending, HEADER_SIZE);
	u->has_key = true;
	return 0;
}

int crypto_unseal_update(struct crypto_unseal *u, struct str bytes, struct buf *out, struct err *err)
{
	const size_t full = CHUNK + CRYPTO_GCM_TAG_SIZE;
	int r = u->broken ? broken(u, err) : 0;
	while (r == 0 && bytes.n > 0) {
		size_t want = u->has_key ? full : HEADER_SIZE;
		if (u->has_key && u->stream.pending.n == full)
			r = open_chunk(u, full, false, out, err);
		size_t n = want - u->stream.pending.n;
		if (r < 0)
			break;
		buf_append(&u->stream.pending, str_sub(bytes, 0, n));
		bytes = str_sub(bytes, n, bytes.n);
		if (!u->has_key && u->stream.pending.n == HEADER_SIZE)
			r = open_header(u, err);
	}
	return r;
}

int crypto_unseal_final(struct crypto_unseal *u, struct buf *out, struct err *err)
{
	if (u->broken || !u->has_key)
		return broken(u, err);
	bool first = u->stream.number == 0;
	size_t n = u->stream.pending.n;
	/* An empty last chunk exists only when the whole is empty: one way to write a thing. */
	if (!first && n <= CRYPTO_GCM_TAG_SIZE)
		return broken(u, err);
	return open_chunk(u, n, true, out, err);
}

void crypto_unseal_free(struct crypto_unseal *u)
{
	if (u == NULL)
		return;
	stream_done(&u->stream);
	buf_done(&u->context);
	mem_wipe(u->master, sizeof(u->master));
	mem_free(u);
}

int crypto_seal_bytes(const unsigned char key[CRYPTO_SEAL_KEY_SIZE], struct str context, struct str bytes,
		      struct buf *out, struct err *err)
{
	cleanup(crypto_seal) struct crypto_seal *s = crypto_seal_new(key, context, out);
	crypto_seal_update(s, bytes, out);
	return crypto_seal_final(s, out, err);
}

int crypto_unseal_bytes(const unsigned char key[CRYPTO_SEAL_KEY_SIZE], struct str context, struct str sealed,
			struct buf *out, struct err *err)
{
	cleanup(crypto_unseal) struct crypto_unseal *u = crypto_unseal_new(key, context);
	int r = crypto_unseal_update(u, sealed, out, err);
	return r < 0 ? r : crypto_unseal_final(u, out, err);
}
