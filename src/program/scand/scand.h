/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * luytre-scand: the child that reads hostile files for the scanner
 * (engine/malware). It gets rules and files as open descriptors, never paths; loads
 * the rules, shuts itself in, and then forks one worker per slot that the scanner
 * asks for. A worker scans one file at a time and may die; the rules stay loaded here.
 *
 * What is asked of a file, in this order: the signature image (the bundle's, or one made here of the rules that came), libyara for rules
 * that the image cannot take, the members of an archive by the same two and by their hashes, then ClamAV.
 *
 * Links libyara and, at run time, libclamav (GPL-2.0-only); so nothing of this
 * program may use a library under Apache-2.0 (no platform/crypto).
 */
#pragma once
#include "base/err/err.h"
#include "engine/malware_wire/malware_wire.h"

#define SCAND_SLOTS 64

struct scand_config {
	uint64_t memory_bytes;
	unsigned time_limit_s;
	uint64_t max_file_bytes;
};

/* YARA, scand_yara.c. One compiler, then one set of rules for all workers. */
struct scand_yara;
typedef void (*scand_problem)(void *ctx, struct str name, unsigned line, struct str message);
int scand_yara_new(struct scand_yara **ret, scand_problem problem, void *ctx, struct err *err) WARN_UNUSED;
/* Compiles one source; what is wrong goes to `problem`. */
void scand_yara_add(struct scand_yara *y, struct str text, struct str name);
/* After the last one; adds to the count. -EINVAL malware.rule_syntax when any had an error. */
int scand_yara_load(struct scand_yara *y, uint64_t *ret_rules, struct err *err) WARN_UNUSED;
/* In the worker, before the first scan. */
int scand_yara_prepare(struct scand_yara *y, unsigned time_limit_s, struct err *err) WARN_UNUSED;
struct scand_names;
/* Fills answer, engine, threat, rule of `verdict`; texts stay valid until the next scan. */
void scand_yara_scan(struct scand_yara *y, const uint8_t *data, size_t len, const struct scand_names *names, struct malware_wire *verdict);

/* Signature images, scand_image.c. */
struct scand_image;
struct scand_image *scand_image_new(void);
/* The bundle's; the file stays mapped. Checked as if it were hostile. */
int scand_image_map(struct scand_image *s, int fd, struct err *err) WARN_UNUSED;
/* A rule text for our own image. false: it is wrong, and libyara shall say where. */
bool scand_image_add(struct scand_image *s, struct str name, struct str text);
/* After the last one; adds to the count. own false: what was added is libyara's. */
int scand_image_finish(struct scand_image *s, bool own, uint64_t *ret_rules, struct err *err) WARN_UNUSED;
/* Texts that the images leave to libyara; *at begins with 0. false: no more. */
bool scand_image_fallback(const struct scand_image *s, unsigned *at, struct str *ret_space, struct str *ret_text);
/* In the worker, before the first scan. */
void scand_image_prepare(struct scand_image *s);
void scand_image_scan(struct scand_image *s, const uint8_t *data, size_t len, const struct scand_names *names, struct malware_wire *verdict);

/* Archives, scand_archive.c: zip, 7z, rar, cab, tar, cpio, ar, and gzip, bzip2, xz, zstd around them or around one file. */
struct scand_archive {
	uint64_t packed;         /* bytes of the file */
	uint64_t unpacked, members;
	uint64_t member_most;    /* bytes */
	bool too_much;           /* a limit struck */
	/* false: that is enough. `path`: within the file, "a.zip/b.exe" for archives in archives. */
	bool (*on_member)(void *ctx, const uint8_t *data, size_t len, struct str path);
	void *ctx;
};
#define SCAND_ARCHIVE_DEPTH 4
#define SCAND_ARCHIVE_MEMBERS UINT64_C(10000)
#define SCAND_ARCHIVE_RATIO UINT64_C(200)                   /* unpacked to packed, past the first megabyte */
#define SCAND_ARCHIVE_UNPACKED (UINT64_C(512) << 20)
#define SCAND_ARCHIVE_MEMBER (UINT64_C(64) << 20)           /* longer ones are looked at as far as this */
/* false: on_member had enough. What is no archive has no members; what is broken ends where it breaks. */
bool scand_archive_walk(struct scand_archive *a, const uint8_t *data, size_t len);
/* Before files are out of reach: what libarchive and the C library read once. */
void scand_archive_start(void);

/* ClamAV, scand_clamav.c; libclamav is looked for at run time. */
struct scand_clamav;
int scand_clamav_new(int directory, const struct scand_config *config, struct scand_clamav **ret, struct err *err) WARN_UNUSED;
uint64_t scand_clamav_count(const struct scand_clamav *c);
struct str scand_clamav_version(const struct scand_clamav *c);
/* The folder for what it unpacks, made before files are out of reach. */
int scand_clamav_use_folder(struct scand_clamav *c, const char *path, struct err *err) WARN_UNUSED;
void scand_clamav_scan(struct scand_clamav *c, int fd, const struct malware_wire *request, struct malware_wire *verdict);

/* What rules may ask beside the bytes; scand_filetype.c. filetype: "EXE", "PDF", … as LOKI's rules know them, "" for the rest. */
struct scand_names {
	struct str filename, filepath, extension, filetype, owner;
};
/* Borrows from its arguments. head: the first bytes of the file. */
void scand_names_of(struct str path, struct str owner, struct str head, struct scand_names *ret);

/* scand_sandbox.c */
struct scand_sandbox {
	bool seccomp, no_network, landlock;
};
/* First thing: nothing inherited, no core files, no new privileges, no network. */
void scand_sandbox_start(int control, struct scand_sandbox *box);
/* After loading: another user, a short list of system calls. `folder`: where ClamAV unpacks, handed to that user;
 * NULL: files are out of reach altogether. */
int scand_sandbox_enter(const char *folder, struct scand_sandbox *box, struct err *err) WARN_UNUSED;
/* In a worker: memory limit, no further processes, no file outside `folder`. */
int scand_sandbox_worker(uint64_t memory_bytes, const char *folder, struct err *err) WARN_UNUSED;
/* Removes the folder and what dead workers left in it. */
void scand_sandbox_remove(const char *folder);

/* NULL: none. */
struct scand_engines {
	struct scand_image *image;
	struct scand_yara *yara;
	struct scand_clamav *clamav;
};
/* scand_worker.c: scans what comes until the scanner hangs up. Does not return. */
void scand_worker(int socket, const struct scand_config *config, const struct scand_engines *engines, const char *folder) __attribute__((noreturn));
