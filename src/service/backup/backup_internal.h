/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Inside of backup: lists of files, the cut, the state, keys, the text of the manifest. */
#pragma once
#include <sys/stat.h>

#include "base/file/file.h"
#include "base/uuid/uuid.h"
#include "engine/container/container.h"
#include "platform/crypto/crypto_password.h"
#include "platform/crypto/crypto_seal.h"
#include "platform/db/db.h"
#include "service/backup/backup.h"

#define BACKUP_STATE_PART "state/state.db"
#define BACKUP_DUMP_PART "state/postgresql.dump/"
#define BACKUP_KEYS_PART "keys.sealed"
#define BACKUP_EVENT_TABLE "/event.sql"
#define BACKUP_SMALL_LIMIT ((size_t)64 << 20)
#define BACKUP_KEYS_LIMIT ((size_t)4 << 20)
#define BACKUP_SEAL_CONTEXT STR("luytre backup keys")

/* ---- files ---- */

/* One thing to put into the container: bytes in memory, an open file, or a path. */
struct backup_item {
	const char *name; /* in the container */
	const char *path; /* read when its turn comes */
	char *bytes;      /* in the list's arena, wiped at its end */
	int fd;           /* >= 0: the first `size` bytes of this; closed with the list */
	uint64_t size;
	unsigned mode;
	bool may_go;      /* gone by then: left out */
};

struct backup_items {
	struct arena *arena;
	struct backup_item *list;
	size_t count, capacity;
	uint64_t bytes;
};

void backup_items_init(struct backup_items *items);
void backup_items_done(struct backup_items *items);
struct backup_item *backup_items_add(struct backup_items *items, const char *name);
/* Reads a small file now. */
int backup_items_add_now(struct backup_items *items, const char *name, const char *path, struct err *err) WARN_UNUSED;

/* true: this one (relative name below the walked folder, as it is on disk). A folder refused is not entered. */
typedef bool (*backup_filter)(void *ctx, struct str relative, bool is_dir);
/* Every regular file below `dir` as "<prefix>/<relative, encoded>". A missing folder has none. Links are not followed. `now`:
 * read at once. */
int backup_items_walk(struct backup_items *items, const char *dir, const char *prefix, backup_filter filter, void *ctx,
                      bool now, struct err *err) WARN_UNUSED;
int backup_items_write(struct container_writer *w, const struct backup_items *items, backup_progress progress, void *ctx,
                       uint64_t total, struct err *err) WARN_UNUSED;
/* Names with bytes a container does not take: those become %XX. false: no such name (decoding). */
void backup_name_encode(struct buf *out, struct str name);
bool backup_name_decode(struct buf *out, struct str name);
int backup_remove_tree(const char *path, struct err *err) WARN_UNUSED;

/* ---- the cut ---- */

struct backup_cut {
	bool running;
	int lock_fd;      /* of a stopped server: nobody starts it meanwhile */
	char frozen[1100]; /* folder of hard links to remove; "": none */
	struct backup_items items;
	int64_t events, spool_bytes;
};

int backup_cut_take(const struct backup_place *place, struct backup_cut *cut, struct err *err) WARN_UNUSED;
void backup_cut_done(struct backup_cut *cut);

/* Does one part of a table (by its folder's name) hold what another holds? Then the other was merged into it. */
bool backup_part_covers(struct str outer, struct str inner);
/* The folder of the table that a description (ATTACH TABLE _ UUID '…') describes. */
bool backup_table_id(struct str sql, char ret[UUID_TEXT_SIZE]);

/* ---- state ---- */

/* Copy, counts and audit head of one moment. */
int backup_state_read(const char *url, struct backup_about *about, struct err *err) WARN_UNUSED;
int backup_db_counts(struct db_tx *tx, int64_t counts[BACKUP_COUNT__COUNT], struct err *err) WARN_UNUSED;
/* Calls `each` for every applied migration. */
int backup_db_schema(struct db_tx *tx, int (*each)(void *ctx, struct str room, int64_t number, struct err *err), void *ctx,
                     struct err *err) WARN_UNUSED;
/* -ESTALE (backup.schema_newer) when the database has migrations that this program does not know. */
int backup_state_check_schema(const char *url, struct err *err) WARN_UNUSED;

/* ---- keys ---- */

struct backup_secret {
	unsigned char salt[PASSWORD_SALT_SIZE];
	struct password_cost cost;
	unsigned char seal[CRYPTO_SEAL_KEY_SIZE], mac[32];
};

int backup_secret_make(struct str passphrase, struct backup_secret *ret, struct err *err) WARN_UNUSED;
int backup_secret_of(struct str passphrase, const struct json *about, struct backup_secret *ret, struct err *err) WARN_UNUSED;
/* true for files whose bytes must be sealed. Relative to data_dir. */
bool backup_is_secret(struct str relative);
/* Remade at every start from the CA: not worth carrying. */
bool backup_is_remade(struct str relative);
int backup_keys_seal(const struct backup_secret *s, const struct backup_items *keys, struct buf *out, struct err *err) WARN_UNUSED;
/* Calls `each` with the decoded relative name. -EBADMSG backup.passphrase. */
int backup_keys_open(const struct backup_secret *s, struct str sealed,
                     int (*each)(void *ctx, struct str relative, struct str bytes, unsigned mode, struct err *err), void *ctx,
                     struct err *err) WARN_UNUSED;

/* ---- manifest ---- */

void backup_about_write(const struct backup_about *a, const struct backup_secret *s, struct buf *out);
int backup_about_read(const struct container_manifest *m, struct backup_about *ret, struct err *err) WARN_UNUSED;
/* -ESTALE backup.version_newer */
int backup_about_check(const struct backup_about *a, const char *version, struct err *err) WARN_UNUSED;
/* What every reader of the file does first. keys may be NULL. */
int backup_open(const char *path, const struct container_sink *sink, backup_progress progress, void *ctx, struct arena *arena,
                struct container_manifest *ret, struct err *err) WARN_UNUSED;

/* ---- PostgreSQL, by its own tools ---- */

/* pg_dump and the counts of one snapshot. */
int backup_dump_write(struct container_writer *w, const char *url, struct backup_about *about, struct err *err) WARN_UNUSED;
struct backup_dump;
/* Into an empty database (backup.database_not_empty), in one transaction: nothing of it stays when it fails. Called for each
 * piece; begins once. */
int backup_dump_restore_begin(struct backup_dump **dump, const char *url, struct err *err) WARN_UNUSED;
int backup_dump_restore_data(struct backup_dump *dump, struct str bytes, struct err *err) WARN_UNUSED;
int backup_dump_restore_end(struct backup_dump *dump, struct err *err) WARN_UNUSED;
void backup_dump_restore_free(struct backup_dump *dump);
