/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * luytre-scand: the child that reads hostile files for the scanner
 * (engine/malware). It gets rules and files as open descriptors, never paths; loads
 * the rules, shuts itself in, and then forks one worker per slot that the scanner
 * asks for. A worker scans one file at a time and may die; the rules stay loaded here.
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
/* Compiles one source file; what is wrong goes to `problem`. */
void scand_yara_add(struct scand_yara *y, int fd, struct str name);
/* After the last file. -EINVAL malware.rule_syntax when any had an error. */
int scand_yara_load(struct scand_yara *y, uint64_t *ret_rules, struct err *err) WARN_UNUSED;
/* In the worker, before the first scan. */
int scand_yara_prepare(struct scand_yara *y, unsigned time_limit_s, struct err *err) WARN_UNUSED;
/* Fills answer, engine, threat, rule of `verdict`; texts stay valid until the next scan. */
void scand_yara_scan(struct scand_yara *y, int fd, const struct malware_wire *request, struct malware_wire *verdict);

/* ClamAV, scand_clamav.c; libclamav is looked for at run time. */
struct scand_clamav;
int scand_clamav_new(int directory, const struct scand_config *config, struct scand_clamav **ret, struct err *err) WARN_UNUSED;
uint64_t scand_clamav_count(const struct scand_clamav *c);
struct str scand_clamav_version(const struct scand_clamav *c);
/* The folder for what it unpacks, made before files are out of reach. */
int scand_clamav_use_folder(struct scand_clamav *c, const char *path, struct err *err) WARN_UNUSED;
void scand_clamav_scan(struct scand_clamav *c, int fd, const struct malware_wire *request, struct malware_wire *verdict);

/* "EXE", "PDF", … as LOKI's rules know them, "" for the rest. Static text. */
const char *scand_filetype(int fd);

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

/* scand_worker.c: scans what comes until the scanner hangs up. Does not return. */
void scand_worker(int socket, const struct scand_config *config, struct scand_yara *yara, struct scand_clamav *clamav,
                  const char *folder) __attribute__((noreturn));
