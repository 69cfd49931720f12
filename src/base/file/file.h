/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * file: whole files in and out, safely. Reads have a limit; writes are atomic
 * (temporary file, fsync, rename, fsync of the folder), so that a crash leaves
 * the old or the new bytes, never half.
 *
 * Does not live here: append logs (engine/event spool).
 * Errors: system.call with call, object (path) and reason. Threads: any.
 */
#pragma once
#include "base/err/err.h"

/* Appends the file's bytes to out. -E2BIG (file.too_big: limit) past limit_bytes. */
int file_read(const char *path, size_t limit_bytes, struct buf *out, struct err *err) WARN_UNUSED;
/* Replaces the file atomically. `mode`: permission bits, ignored on Windows. */
int file_write(const char *path, struct str bytes, unsigned mode, struct err *err) WARN_UNUSED;
bool file_exists(const char *path);
/* Every missing folder of the path, each with `mode`. */
int file_make_dirs(const char *path, unsigned mode, struct err *err) WARN_UNUSED;
/* Makes a rename or a new name in `dir` durable. No-op on Windows. */
int file_sync_dir(const char *dir, struct err *err) WARN_UNUSED;
/* Removes a file; a missing one is fine. */
int file_remove(const char *path, struct err *err) WARN_UNUSED;
/* "dir/name" with exactly one separator. Appends to out. */
void file_join(struct buf *out, struct str dir, struct str name);
#ifndef _WIN32
/* All of the bytes, through partial writes and EINTR. */
int file_write_all(int fd, struct str bytes, struct err *err) WARN_UNUSED;
void file_close(int *fd); /* closes when >= 0 and sets -1 */
#define cleanup_fd __attribute__((__cleanup__(file_close)))
/* Hands the descriptor over and forgets it: `*ret_fd = file_take(&fd);` */
static inline int file_take(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}
#endif
