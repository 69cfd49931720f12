/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Building, signing and releasing bundles. */
#include <stdio.h>

#include "base/file/file.h"
#include "base/log/log.h"
#include "base/text/text.h"
#include "engine/distribution/distribution.h"
#include "engine/malware/malware_bundle.h"
#include "platform/pack/pack.h"
#include "service/audit/audit.h"
#include "service/outbox/outbox.h"
#include "service/protection/protection_internal.h"

#define SOURCES_MAX 2000
#define HELD_MOST 100 /* told by name; more are counted in the log */
#define TEXT_LIMIT ((size_t)64 << 20)

void protection_bundle_path(const struct service_context *sc, const char *sha256_hex, struct buf *out)
{
	buf_printf(out, "%s/bundles/%s.ltbundle", sc->data_dir, sha256_hex);
}

void protection_chunks_dir(const struct service_context *sc, struct buf *out)
{
	buf_printf(out, "%s/bundles/chunks", sc->data_dir);
}

struct list_pack {
	struct str version;
	int64_t bundle_valid_days;
	struct json_str_list hash_lists, yara;
};
static const struct json_field pack_fields[] = {
	{"version", JSON_FIELD_STR, offsetof(struct list_pack, version), true, 1, 40},
	{"bundle_valid_days", JSON_FIELD_INT, offsetof(struct list_pack, bundle_valid_days), true, 1, 3650},
	{"hash_lists", JSON_FIELD_STR_LIST, offsetof(struct list_pack, hash_lists), true, 0, 100},
	{"yara", JSON_FIELD_STR_LIST, offsetof(struct list_pack, yara), true, 0, 100},
	{.name = NULL},
};

/* What goes into one bundle: paths of files. Uploaded texts lie in a folder of their own while it is built. */
struct work {
	const struct service_context *sc;
	struct arena *arena;
	const char *folder;
	const char **hash_lists, **yara;
	size_t hash_list_count, yara_count;
	struct list_pack pack;
	struct protection_bundle last; /* version 0: there is none */
	struct protection_rollout rollout;
	struct buf previous; /* its container */
	struct buf held;     /* JSON: [{"rule","path"}] of what hit the clean files */
	struct json_writer held_writer;
	unsigned held_count;
};

static int add(struct work *w, bool yara, const char *path, struct err *err)
{
	if (w->hash_list_count + w->yara_count >= SOURCES_MAX)
		return err_set(err, -E2BIG, "protection.too_many_uploads", ARG_I64("limit", SOURCES_MAX));
	if (yara)
		w->yara[w->yara_count++] = path;
	else
		w->hash_lists[w->hash_list_count++] = path;
	return 0;
}

static int add_text(struct work *w, bool yara, const char *name, struct str text, struct err *err)
{
	const char *path = arena_printf(w->arena, "%s/%s.%s", w->folder, name, yara ? "yar" : "csv").p;
	int r = file_write(path, text, 0600, err);
	return r < 0 ? r : add(w, yara, path, err);
}

static int add_upload(struct str kind, const struct uuid *id, struct str text, void *ctx, struct err *err)
{
	char name[UUID_TEXT_SIZE];
	return add_text(ctx, str_eq(kind, STR("yara")), uuid_text(id, name), text, err);
}

static int read_database(struct db_tx *tx, void *ctx, struct err *err)
{
	struct work *w = ctx;
	struct protection_bundle last = {.version = 0};
	w->hash_list_count = w->yara_count = 0;
	int r = protection_db_bundle_get(tx, 0, &last, err);
	if (r >= 0)
		r = protection_db_uploads(tx, add_upload, w, err);
	w->last = last;
	return r;
}

static int read_pack(struct work *w, struct err *err)
{
	const char *folder = arena_printf(w->arena, "%s/vn/signatures", w->sc->packs_dir).p;
	const struct pack_doc *doc = NULL;
	int r = pack_load(w->arena, arena_printf(w->arena, "%s/signatures.yaml", folder).p, &doc, err);
	if (r >= 0)
		r = pack_decode(w->arena, doc, doc->root, pack_fields, &w->pack, err);
	for (size_t i = 0; r >= 0 && i < w->pack.hash_lists.count; i++)
		r = add(w, false, arena_printf(w->arena, "%s/%.*s", folder, STR_FMT(w->pack.hash_lists.items[i])).p, err);
	for (size_t i = 0; r >= 0 && i < w->pack.yara.count; i++)
		r = add(w, true, arena_printf(w->arena, "%s/%.*s", folder, STR_FMT(w->pack.yara.items[i])).p, err);
	return r;
}

static void remove_work(const struct work *w)
{
	const char **lists[] = {w->hash_lists, w->yara};
	const size_t counts[] = {w->hash_list_count, w->yara_count};
	for (size_t l = 0; l < 2; l++) {
		for (size_t i = 0; i < counts[l]; i++) {
			struct err err = {.code = 0};
			if (str_starts_with(str_c(lists[l][i]), str_c(w->folder)) && file_remove(lists[l][i], &err) < 0)
				log_err(LOG_LEVEL_WARN, "file of a bundle's making stays behind", &err);
		}
	}
	(void)remove(w->folder);
}

/* Loads the finished container as an agent would: what cannot be loaded is never released. */
static int inspect(const struct service_context *sc, struct str container, usec_t now, struct protection_bundle *b,
                   struct err *err)
{
	cleanup_buf struct buf pem = BUF_INIT((size_t)16 << 10);
	struct crypto_key *key = NULL;
	struct malware_signatures *signatures = NULL;
	int r = sc->keys->bundle_public_pem(sc->keys->ctx, &pem, err);
	if (r >= 0)
		r = crypto_key_from_pem(buf_str(&pem), &key, err);
	if (r < 0)
		return r;
	const struct crypto_key *const keys[] = {key};
	const struct malware_bundle_trust trust = {.keys = keys, .key_count = 1, .now = now};
	r = malware_bundle_load_container(container, &trust, &signatures, NULL, err);
	if (r >= 0) {
		struct malware_signature_counts counts = malware_signatures_counts(signatures);
		b->hash_count = (int64_t)counts.hashes;
		b->rule_count = (int64_t)counts.yara_files;
		malware_signatures_unref(signatures);
	}
	crypto_key_free(key);
	return r;
}

struct storing {
	const struct service_context *sc;
	const struct access *access;
	const struct protection_release *release;
	const struct protection_rollout *rollout;
	struct protection_bundle bundle;
};

static int store(struct db_tx *tx, void *ctx, struct err *err)
{
	struct storing *s = ctx;
	struct protection_bundle *b = &s->bundle;
	int r = protection_rollout_begin(tx, s->rollout, s->release->at_once, b, b->created_at, err);
	if (r >= 0)
		r = protection_db_bundle_insert(tx, b, err);
	if (r >= 0 && s->release->yara.n > 0)
		r = protection_db_upload_insert(tx, "yara", s->release->yara, s->release, b->created_at, err);
	if (r >= 0 && s->release->hashes_csv.n > 0)
		r = protection_db_upload_insert(tx, "hashes", s->release->hashes_csv, s->release, b->created_at, err);
	if (r >= 0)
		r = protection_emit_bundle(tx, b->version, err);
	if (r < 0)
		return r;
	cleanup_buf struct buf details = BUF_INIT(16384);
	struct json_writer w = json_writer_init(&details);
	json_object(&w);
	json_member_int(&w, "version", b->version);
	json_member_cstr(&w, "sha256", b->sha256);
	json_member_str(&w, "note", b->note);
	json_object_end(&w);
	struct audit_entry e = {.action = "protection.bundle_release", .object_type = "bundle", .details = buf_str(&details)};
	return audit_write(tx, s->access, b->created_at, &e, err);
}

/* Files first, rows after: a row never names what is not there. */
static int write_files(const struct service_context *sc, struct str container, struct str classic, struct protection_bundle *b,
                       struct err *err)
{
	cleanup_buf struct buf path = BUF_INIT(4096), head = BUF_INIT(4096), chunks = BUF_INIT(4096), old = BUF_INIT(4096);
	struct distribution_cut cut = {0};
	unsigned char digest[SHA256_SIZE];
	size_t head_size = malware_bundle_head_size(container);
	sha256(container, digest);
	protection_bundle_path(sc, sha256_hex(digest, b->container_sha256), &path);
	sha256(classic, digest);
	protection_bundle_path(sc, sha256_hex(digest, b->sha256), &old);
	b->size_bytes = (int64_t)classic.n;
	protection_chunks_dir(sc, &chunks);
	buf_printf(&head, "%s/bundles/%s.head", sc->data_dir, b->manifest_sha256);
	int r = distribution_publish(chunks.p, str_sub(container, head_size, container.n), &cut, err);
	distribution_cut_done(&cut);
	if (r >= 0)
		r = file_write(path.p, container, 0640, err);
	if (r >= 0)
		r = file_write(old.p, classic, 0640, err);
	return r < 0 ? r : file_write(head.p, str_sub(container, 0, head_size), 0640, err);
}

/* What was released before: its hashes keep their places. */
static void read_previous(struct work *w)
{
	cleanup_buf struct buf path = BUF_INIT(4096);
	struct err problem = {.code = 0};
	if (w->last.container_sha256[0] == '\0')
		return;
	protection_bundle_path(w->sc, w->last.container_sha256, &path);
	if (file_read(path.p, MALWARE_BUNDLE_LIMIT, &w->previous, &problem) < 0) {
		log_err(LOG_LEVEL_WARN, "the bundle before cannot be read; machines will fetch more than they had to", &problem);
		buf_clear(&w->previous);
	}
}

/* One line a rule or hash, as people wrote it: without the folder of this machine. */
static void on_held(void *ctx, struct str rule, struct str path)
{
	struct work *w = ctx;
	size_t folder = str_c(w->folder).n + 1;
	struct str name = str_starts_with(rule, str_c(w->folder)) ? str_sub(rule, folder, rule.n) : rule;
	log_warn("a signature hits a clean file and is held back", ARG_STR("rule", name), ARG_STR("path", path));
	if (w->held_count++ >= HELD_MOST)
		return;
	json_object(&w->held_writer);
	json_member_str(&w->held_writer, "rule", name);
	json_member_str(&w->held_writer, "path", str_sub(path, 0, 300));
	json_object_end(&w->held_writer);
}

static int build(struct work *w, const struct protection_release *release, struct storing *ret, struct err *err)
{
	const struct service_keys *keys = w->sc->keys;
	cleanup_buf struct buf container = BUF_INIT(MALWARE_BUNDLE_LIMIT), classic = BUF_INIT(MALWARE_BUNDLE_LIMIT);
	usec_t now = w->sc->now();
	read_previous(w);
	struct malware_bundle_source source = {
		.version = (uint64_t)w->last.version + 1, .created = now,
		.expires = now + w->pack.bundle_valid_days * USEC_PER_DAY, .hash_lists = w->hash_lists,
		.yara_paths = w->yara, .scand_path = release->scand_path, .previous = buf_str(&w->previous), .ret_format_1 = &classic,
		.starter = w->sc->scanner_starter, .sign = keys->sign_bundle, .sign_ctx = keys->ctx};
	struct malware_bundle_info info;
	const char *const clean[] = {arena_printf(w->arena, "%s/clean", w->sc->data_dir).p, NULL};
	w->held_writer = json_writer_init(&w->held);
	json_array(&w->held_writer);
	if (file_exists(clean[0])) {
		source.clean_paths = clean;
		source.on_held = on_held;
		source.held_ctx = w;
	}
	int r = malware_bundle_build(&source, &container, &info, err);
	json_array_end(&w->held_writer);
	if (r < 0)
		return r;
	struct protection_bundle *b = &ret->bundle;
	*b = (struct protection_bundle){.version = w->last.version + 1, .created_at = now, .expires_at = source.expires,
	                                .note = release->note, .author = release->author,
	                                .held_json = arena_str(w->arena, buf_str(&w->held))};
	str_copy_c(str_c(info.manifest_sha256_hex), b->manifest_sha256, sizeof b->manifest_sha256);
	r = inspect(w->sc, buf_str(&container), now, b, err);
	return r < 0 ? r : write_files(w->sc, buf_str(&container), buf_str(&classic), b, err);
}

int protection_release_bundle(const struct service_context *sc, const struct access *access,
                              const struct protection_release *release, int64_t *ret_version, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct uuid id = uuid_new();
	char text[UUID_TEXT_SIZE];
	struct work w = {.sc = sc, .arena = arena, .previous = BUF_INIT(MALWARE_BUNDLE_LIMIT + 1),
	                 .held = BUF_INIT((size_t)256 << 10)};
	w.folder = arena_printf(arena, "%s/bundles/work-%s", sc->data_dir, uuid_text(&id, text)).p;
	w.hash_lists = ARENA_ARRAY(arena, SOURCES_MAX + 1, const char *);
	w.yara = ARENA_ARRAY(arena, SOURCES_MAX + 1, const char *);
	if (release->yara.n > TEXT_LIMIT || release->hashes_csv.n > TEXT_LIMIT)
		return err_set(err, -E2BIG, "protection.upload_too_big");
	int r = file_make_dirs(w.folder, 0750, err);
	if (r >= 0)
		r = db_read(sc->db, read_database, &w, err);
	if (r >= 0)
		r = read_pack(&w, err);
	if (r >= 0)
		r = protection_rollout_load(sc, &w.rollout, err);
	if (r >= 0 && release->yara.n > 0)
		r = add_text(&w, true, "upload", release->yara, err);
	if (r >= 0 && release->hashes_csv.n > 0)
		r = add_text(&w, false, "upload", release->hashes_csv, err);
	struct storing s = {.sc = sc, .access = access, .release = release, .rollout = &w.rollout};
	if (r >= 0)
		r = build(&w, release, &s, err);
	buf_done(&w.previous);
	buf_done(&w.held);
	remove_work(&w);
	if (r >= 0)
		r = db_write(sc->db, store, &s, err);
	if (r < 0)
		return r;
	outbox_wake(sc);
	log_info("signature bundle released", ARG_I64("version", s.bundle.version), ARG_I64("bytes", s.bundle.size_bytes));
	*ret_version = s.bundle.version;
	return 0;
}
