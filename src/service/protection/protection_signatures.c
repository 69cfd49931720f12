/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What a released bundle knows, for those who look something up in it. */
#include "base/file/file.h"
#include "engine/malware/malware_bundle.h"
#include "service/protection/protection_internal.h"

int protection_newest_bundle(struct db_tx *tx, int64_t *ret_version, struct err *err)
{
	struct protection_bundle newest = {.version = 0};
	int r = protection_db_bundle_get(tx, 0, &newest, err);
	if (r >= 0)
		*ret_version = newest.version;
	return r < 0 ? r : 0;
}

static int read_row(struct db_tx *tx, void *ctx, struct err *err)
{
	struct protection_bundle *b = ctx;
	int r = protection_db_bundle_get(tx, b->version, b, err);
	return r == 0 ? err_set(err, -ENOENT, "protection.no_such_bundle") : r;
}

static int load(const struct service_context *sc, struct str container, struct malware_signatures **ret, struct err *err)
{
	cleanup_buf struct buf pem = BUF_INIT((size_t)16 << 10);
	struct crypto_key *key = NULL;
	int r = sc->keys->bundle_public_pem(sc->keys->ctx, &pem, err);
	if (r >= 0)
		r = crypto_key_from_pem(buf_str(&pem), &key, err);
	if (r < 0)
		return r;
	const struct crypto_key *const keys[] = {key};
	const struct malware_bundle_trust trust = {.keys = keys, .key_count = 1, .now = sc->now(), .accept_expired = true};
	r = malware_bundle_load_container(container, &trust, ret, NULL, err);
	crypto_key_free(key);
	return r;
}

int protection_load_signatures(const struct service_context *sc, int64_t version, struct malware_signatures **ret, struct err *err)
{
	struct protection_bundle b = {.version = version};
	cleanup_buf struct buf path = BUF_INIT(4096), container = BUF_INIT(MALWARE_BUNDLE_LIMIT);
	int r = db_read(sc->db, read_row, &b, err);
	if (r < 0)
		return r;
	protection_bundle_path(sc, b.sha256, &path);
	r = file_read(path.p, MALWARE_BUNDLE_LIMIT - 1, &container, err);
	return r < 0 ? r : load(sc, buf_str(&container), ret, err);
}
