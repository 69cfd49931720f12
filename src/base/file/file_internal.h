/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What file.c and the files of the two systems share. */
#pragma once
#include "base/file/file.h"

bool file_is_separator(char c);
/* "path.<random>.tmp", beside the file so that the rename stays within one file system. */
void file_temporary_name(struct buf *out, const char *path);
int file_too_big(const char *path, size_t limit_bytes, struct err *err);
/* One folder; an existing one is fine. */
int file_make_dir(const char *path, unsigned mode, struct err *err) WARN_UNUSED;
