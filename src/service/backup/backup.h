/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * backup: everything a server needs to come back, in one file, taken while it
 * runs; and back. What is in it and in which order: docs/backup.md.
 *
 * The cut. Events flow one way (spool → event store, spool → outbox → state), so
 * what lies upstream is copied before what lies downstream: whatever was
 * acknowledged before the backup began is in at least one copy. Doubles cannot
 * be: the store stage is held (engine/event_pipeline/event_hold.h) while the cursor and
 * the store's parts are taken, and alerts have deterministic keys.
 *
 * Private keys are sealed with a key made from a passphrase (Argon2id); the same
 * key's MAC over the manifest shows a backup that somebody changed. Everything
 * else is readable by who has the file: it is as confidential as the server's disk.
 *
 * Does not live here: the file format (engine/container), the terminal (program/cli).
 * Threads: one call at a time.
 */
#pragma once
#include "engine/container/container.h"

#define BACKUP_PASSPHRASE_MIN 12 /* bytes */

enum backup_database { BACKUP_SQLITE, BACKUP_POSTGRESQL };

/* Where the server keeps its things; as its settings say. Borrowed for the call. */
struct backup_place {
	const char *data_dir;
	const char *database;    /* URL */
	bool eventdb_embedded;   /* else the event store is somebody else's (or none) and not part of the backup */
	const char *config_file; /* NULL: none */
	const char *packs_dir;   /* NULL: not copied */
};

/* Bytes done of bytes expected (an estimate while making). */
typedef void (*backup_progress)(void *ctx, uint64_t done, uint64_t total);

/* Figures of the state database, by which a restored one is compared. Rows of backup_counts.def. */
enum backup_count {
#define COUNT(name, sql) BACKUP_COUNT_##name,
#include "service/backup/backup_counts.def"
#undef COUNT
	BACKUP_COUNT__COUNT
};
const char *backup_count_name(enum backup_count c);

struct backup_about {
	char made_at[CLOCK_ISO_SIZE], version[32];
	enum backup_database database;
	bool was_running;
	bool has_events;
	bool audit_ok;          /* the chain was in order when the backup was made */
	int64_t audit_records;
	char audit_head[SHA256_HEX_SIZE];
	int64_t counts[BACKUP_COUNT__COUNT];
	int64_t events;         /* rows in the event store, all tables of events */
	int64_t spool_bytes;    /* of events that were taken but perhaps not yet stored */
	uint64_t parts, bytes;  /* of the container, before compression */
};

struct backup_options {
	struct backup_place place;
	const char *out;       /* the file to make; must not exist */
	struct str passphrase;
	const char *version;   /* of this program */
	backup_progress progress; /* may be NULL */
	void *progress_ctx;
};

/*
 * Makes `out`: written as "<out>.part" and renamed when it is on disk, so that an interrupted backup leaves no file of that
 * name. Errors: backup.exists, backup.busy (another backup runs), backup.passphrase_short, backup.store_away (the server runs
 * but its event store does not answer), and what lies below.
 */
int backup_make(const struct backup_options *o, struct backup_about *ret, struct err *err) WARN_UNUSED;

/* Reads the whole file and compares every sum. `passphrase` NULL: the MAC and the keys are not checked. */
int backup_verify(const char *path, const struct str *passphrase, backup_progress progress, void *ctx,
                  struct backup_about *ret, struct err *err) WARN_UNUSED;

struct backup_owner {
	bool change;
	unsigned uid, gid, key_uid, key_gid;
};

struct backup_restore_options {
	const char *path;        /* the backup */
	const char *data_dir;    /* made; an empty folder of that name is replaced */
	const char *database;    /* the URL of the settings that will be used: its kind must be the backup's */
	struct str passphrase;
	const char *version;
	struct backup_owner owner;
	backup_progress progress;
	void *progress_ctx;
};

/*
 * Two passes: the first checks everything, the second writes into a folder beside data_dir, which takes its name when all of it
 * is on disk and the restored state has the manifest's counts and audit head. Until then nothing else is touched.
 * Errors: backup.target (not empty), backup.passphrase, backup.schema_newer, backup.version_newer, backup.other_database,
 * backup.differs (what), container.*.
 */
int backup_restore(const struct backup_restore_options *o, struct backup_about *ret, struct err *err) WARN_UNUSED;
