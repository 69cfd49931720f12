/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * container: one file that holds many, each with its SHA-256, for backups. A
 * zstd-compressed POSIX tar (through libarchive), so that in an emergency
 * `tar --zstd -xf` opens it without us:
 *
 *   LUYTRE-BACKUP    "luytre backup format 1\n": first, tells what it is
 *   …                the parts: regular files with relative names
 *   manifest.json    {"format":1,"about":{…},"parts":[{"name","size","mode","sha256"},…]}
 *   manifest.hmac    HMAC-SHA256 of manifest.json, 64 hex digits: last
 *
 * Written and read as a stream in one pass. A file without its last two entries
 * is half a container and refused. The sums find damage; the MAC finds whoever
 * changed a part and its sum, for it needs the passphrase's key.
 *
 * Does not live here: what a backup is made of (service/backup), sealing (platform/crypto).
 * Threads: one object belongs to one thread. Linux only.
 */
#pragma once
#include <sys/types.h>

#include "base/err/err.h"
#include "base/json/json.h"
#include "base/mem/mem.h"
#include "platform/crypto/crypto.h"

#define CONTAINER_NAME_MAX 400 /* bytes of a part's name */
#define CONTAINER_PARTS_MAX 500000

/* Relative, no empty or dot components, bytes A-Z a-z 0-9 . _ - % @ + = , ~ and "/". */
bool container_name_is_good(struct str name);

/* ---- writing ---- */

struct container_writer;
/* `fd` stays the caller's; written from where it stands. */
int container_writer_new(int fd, struct container_writer **ret, struct err *err) WARN_UNUSED;
void container_writer_free(struct container_writer *w);
DEFINE_CLEANUP(container_writer)
/* One part: begin with its size, data until that many bytes came, end. */
int container_begin(struct container_writer *w, const char *name, uint64_t size, unsigned mode, struct err *err) WARN_UNUSED;
int container_data(struct container_writer *w, struct str bytes, struct err *err) WARN_UNUSED;
int container_end(struct container_writer *w, struct err *err) WARN_UNUSED;
/* A part from memory. */
int container_bytes(struct container_writer *w, const char *name, struct str bytes, unsigned mode, struct err *err) WARN_UNUSED;
/* A part from the first `size` bytes of an open file. -EIO (container.shrunk): there are fewer. */
int container_file(struct container_writer *w, const char *name, int fd, uint64_t size, unsigned mode,
                   struct err *err) WARN_UNUSED;
/* Bytes of parts so far, before compression. */
uint64_t container_written(const struct container_writer *w);
/* Manifest and MAC; nothing can follow. `about`: a JSON object. The caller syncs the file. */
int container_finish(struct container_writer *w, struct str about, const unsigned char mac_key[32], struct err *err) WARN_UNUSED;

/* ---- reading ---- */

struct container_source {
	void *ctx;
	/* Up to n bytes; 0: the end; negative: errno class. */
	ssize_t (*read)(void *ctx, void *p, size_t n);
};

struct container_part {
	struct str name; /* good (container_name_is_good), borrowed for the call; NUL-terminated */
	uint64_t size;
	unsigned mode;   /* permission bits */
};

/* What is done with the parts as they come. Any may be NULL. Nothing is proven until container_read returns 0. */
struct container_sink {
	void *ctx;
	int (*begin)(void *ctx, const struct container_part *part, struct err *err);
	int (*data)(void *ctx, struct str bytes, struct err *err);
	int (*end)(void *ctx, struct err *err);
};

struct container_manifest {
	struct str text;          /* manifest.json as it was written */
	const struct json *about;
	size_t parts;
	uint64_t bytes;           /* of all parts */
	unsigned char mac[32];
};

/*
 * Reads the whole and compares every part with the manifest. The manifest lives in `arena`.
 * -EBADMSG: container.broken (reason), container.not_ours, container.cut_off, container.part_differs (name),
 * container.bad_name. -ESTALE container.newer (format). -E2BIG container.too_many.
 */
int container_read(const struct container_source *source, const struct container_sink *sink, struct arena *arena,
                   struct container_manifest *ret, struct err *err) WARN_UNUSED;
/* Was the manifest written by who has this key? */
bool container_mac_is_good(const struct container_manifest *m, const unsigned char mac_key[32]);
