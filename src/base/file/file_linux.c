/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file/file_internal.h"
#include "base/file/file_map.h"

#define CHUNK ((size_t)16 << 10)

void file_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* The number of bytes, 0 at the end, or a negative errno. */
static ssize_t read_some(int fd, char *chunk, size_t size)
{
	for (;;) {
		ssize_t got = read(fd, chunk, size);
		if (got >= 0)
			return got;
		if (errno != EINTR)
			return -errno;
	}
}

int file_read(const char *path, size_t limit_bytes, struct buf *out, struct err *err)
{
	char chunk[CHUNK];
	size_t limit = limit_bytes < out->max - out->n ? limit_bytes : out->max - out->n, taken = 0;
	struct stat st;
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_errno(err, errno, "open", str_c(path));
	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "fstat", str_c(path));
	/* The size is only good for an early answer: the file may grow, and those of /proc say 0. */
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > limit)
		return file_too_big(path, limit, err);
	for (;;) {
		ssize_t got = read_some(fd, chunk, sizeof chunk);
		if (got < 0)
			return err_errno(err, (int)-got, "read", str_c(path));
		if (got == 0)
			return 0;
		taken += (size_t)got;
		if (taken > limit)
			return file_too_big(path, limit, err);
		buf_append(out, str_n(chunk, (size_t)got));
	}
}

int file_write_all(int fd, struct str bytes, struct err *err)
{
	while (bytes.n > 0) {
		ssize_t put = write(fd, bytes.p, bytes.n);
		if (put < 0) {
			if (errno == EINTR)
				continue;
			return err_errno(err, errno, "write", STR_EMPTY);
		}
		bytes = str_sub(bytes, (size_t)put, bytes.n);
	}
	return 0;
}

int file_sync_dir(const char *dir, struct err *err)
{
	cleanup_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "open", str_c(dir));
	/* Some file systems cannot sync a folder and say EINVAL: there is nothing better to do there. */
	if (fsync(fd) < 0 && errno != EINVAL)
		return err_errno(err, errno, "fsync", str_c(dir));
	return 0;
}

static int sync_parent(const char *path, struct err *err)
{
	struct str s = str_c(path);
	while (s.n > 0 && s.p[s.n - 1] != '/')
		s.n--;
	struct buf dir cleanup_buf = BUF_INIT(4096);
	buf_append(&dir, s.n > 0 ? s : STR("."));
	return file_sync_dir(dir.p, err);
}

/* Everything that must be on disk before the new name may be seen. */
static int fill(const char *temporary, struct str bytes, unsigned mode, struct err *err)
{
	cleanup_fd int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0600);
	if (fd < 0)
		return err_errno(err, errno, "open", str_c(temporary));
	if (fchmod(fd, mode) < 0)
		return err_errno(err, errno, "fchmod", str_c(temporary));
	int r = file_write_all(fd, bytes, err);
	if (r < 0)
		return r;
	return fsync(fd) < 0 ? err_errno(err, errno, "fsync", str_c(temporary)) : 0;
}

int file_write(const char *path, struct str bytes, unsigned mode, struct err *err)
{
	struct buf temporary cleanup_buf = BUF_INIT(4096);
	file_temporary_name(&temporary, path);
	if (temporary.overflow)
		return err_errno(err, ENAMETOOLONG, "open", str_c(path));
	int r = fill(temporary.p, bytes, mode, err);
	if (r >= 0 && rename(temporary.p, path) < 0)
		r = err_errno(err, errno, "rename", str_c(path));
	if (r < 0) {
		(void)unlink(temporary.p);
		return r;
	}
	return sync_parent(path, err);
}

bool file_exists(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0;
}

int file_make_dir(const char *path, unsigned mode, struct err *err)
{
	if (mkdir(path, mode) == 0)
		return 0;
	int number = errno;
	struct stat st;
	if (number == EEXIST && stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return 0;
		number = ENOTDIR;
	}
	return err_errno(err, number, "mkdir", str_c(path));
}

int file_remove(const char *path, struct err *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(err, errno, "unlink", str_c(path));
	return 0;
}

int file_map(const char *path, size_t limit_bytes, struct file_map *ret, struct err *err)
{
	struct stat st;
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_errno(err, errno, "open", str_c(path));
	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "fstat", str_c(path));
	if (!S_ISREG(st.st_mode))
		return err_errno(err, EINVAL, "mmap", str_c(path));
	if ((uint64_t)st.st_size > limit_bytes)
		return file_too_big(path, limit_bytes, err);
	*ret = (struct file_map){.bytes = STR("")};
	if (st.st_size == 0)
		return 0;
	void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return err_errno(err, errno, "mmap", str_c(path));
	*ret = (struct file_map){.bytes = str_n(at, (size_t)st.st_size), .handle = at};
	return 0;
}

void file_unmap(struct file_map *map)
{
	if (map->handle != NULL)
		(void)munmap(map->handle, map->bytes.n);
	*map = (struct file_map){.handle = NULL};
}
