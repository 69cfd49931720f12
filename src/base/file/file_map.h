/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * A whole file in memory, read only, without reading it: pages come and go with use and are shared by all who map it.
 *
 * Only for files that nobody changes in place (a new one is written aside and renamed): a file that shrinks under a map ends the
 * process. On Windows a mapped file cannot be removed or replaced. Threads: a map is constant.
 */
#pragma once
#include "base/err/err.h"

struct file_map {
	struct str bytes; /* p == NULL: nothing is mapped; an empty file maps to an empty string */
	void *handle;     /* private */
};

/* -E2BIG (file.too_big) past limit_bytes; system.call as file_read. Ended by file_unmap, which may be called twice. */
int file_map(const char *path, size_t limit_bytes, struct file_map *ret, struct err *err) WARN_UNUSED;
void file_unmap(struct file_map *map);
