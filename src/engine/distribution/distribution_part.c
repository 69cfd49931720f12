/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef _WIN32
#include <io.h>
#endif

#include "engine/distribution/distribution_internal.h"

#ifndef O_BINARY
#define O_BINARY 0
#endif
#ifndef O_CLOEXEC
#define O_CLOEXEC 0
#endif
#ifndef O_NOFOLLOW
#define O_NOFOLLOW 0
#endif

#define PIECE ((size_t)1 << 20)

int distribution_part_open(const char *path, int *ret_fd, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_BINARY | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
	if (fd < 0)
		return err_errno(err, errno, "open", str_c(path));
	*ret_fd = fd;
	return 0;
}

int distribution_part_read(int fd, char *to, size_t n, size_t *ret_n, struct err *err)
{
	size_t have = 0;
	while (have < n) {
		size_t piece = n - have < PIECE ? n - have : PIECE;
		ssize_t got = read(fd, to + have, (unsigned)piece);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, errno, "read", STR_EMPTY);
		if (got == 0)
			break;
		have += (size_t)got;
	}
	*ret_n = have;
	return 0;
}

int distribution_part_cut(int fd, uint64_t at, struct err *err)
{
#ifdef _WIN32
	int r = _chsize_s(fd, (int64_t)at) == 0 ? 0 : -1;
	if (r == 0 && _lseeki64(fd, (int64_t)at, SEEK_SET) < 0)
		r = -1;
#else
	int r = ftruncate(fd, (off_t)at);
	if (r == 0 && lseek(fd, (off_t)at, SEEK_SET) < 0)
		r = -1;
#endif
	return r < 0 ? err_errno(err, errno, "truncate", STR_EMPTY) : 0;
}

int distribution_part_write(int fd, struct str bytes, struct err *err)
{
	for (size_t at = 0; at < bytes.n;) {
		size_t piece = bytes.n - at < PIECE ? bytes.n - at : PIECE;
		ssize_t n = write(fd, bytes.p + at, (unsigned)piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(err, n < 0 ? errno : EIO, "write", STR_EMPTY);
		at += (size_t)n;
	}
	return 0;
}

int distribution_part_close(int fd, bool sync, struct err *err)
{
	int r = 0;
#ifdef _WIN32
	if (sync && _commit(fd) < 0)
#else
	if (sync && fsync(fd) < 0)
#endif
		r = err_errno(err, errno, "fsync", STR_EMPTY);
	if (close(fd) < 0 && r == 0)
		r = err_errno(err, errno, "close", STR_EMPTY);
	return r;
}
