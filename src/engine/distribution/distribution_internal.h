/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#pragma once
#include "engine/distribution/distribution.h"

/* 36 bytes of a page. */
void distribution_record(const struct distribution_chunk *c, struct buf *out);
/* Reads a verified page: at most `room` chunks, their places from `at` on. -EBADMSG distribution.page. */
int distribution_read_page(struct str page, uint64_t at, struct distribution_chunk *ret, size_t room, size_t *ret_count, struct err *err) WARN_UNUSED;

/* The file under work: read, appended to, cut back, made durable. Descriptors as the C library has them on both systems. */
int distribution_part_open(const char *path, int *ret_fd, struct err *err) WARN_UNUSED;
/* Fewer bytes than asked for: the end. */
int distribution_part_read(int fd, char *to, size_t n, size_t *ret_n, struct err *err) WARN_UNUSED;
/* Cuts the file at `at` and goes there. */
int distribution_part_cut(int fd, uint64_t at, struct err *err) WARN_UNUSED;
int distribution_part_write(int fd, struct str bytes, struct err *err) WARN_UNUSED;
/* 0 also syncs. Closes in any case. */
int distribution_part_close(int fd, bool sync, struct err *err) WARN_UNUSED;
