/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Preloaded into the processes under test: a wall clock that can be set, and a disk that can be made read-only or
 * broken, while they run. What cannot be had otherwise: the kernel refuses to remount read-only what is open for writing,
 * and the machine's clock is everybody's.
 *
 *   LUYTRE_SHIM_STATE  file of struct state, mapped by all
 *   LUYTRE_SHIM_BELOW  folder that is a file system of its own: the disk
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct state {
	volatile int64_t clock_offset_s;
	volatile int32_t disk_errno; /* what writing fails with; 0: it works */
};

static const struct state *shared;
static const char *below;
static size_t below_n;
static dev_t device;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("LUYTRE_SHIM_STATE");
	struct stat st;
	below = getenv("LUYTRE_SHIM_BELOW");
	if (path == NULL || below == NULL || stat(below, &st) < 0)
		return;
	below_n = strlen(below);
	device = st.st_dev;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p = fd >= 0 ? mmap(NULL, sizeof(struct state), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (fd >= 0)
		(void)close(fd);
	if (p != MAP_FAILED)
		shared = p;
}

#define REAL(name) __extension__({ static __typeof__(name) *real; if (real == NULL) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name); real; })

static int broken(void)
{
	return shared != NULL ? shared->disk_errno : 0;
}

static int refuse_path(const char *path)
{
	int e = broken();
	if (e == 0 || strncmp(path, below, below_n) != 0)
		return 0;
	errno = e;
	return -1;
}

static int refuse_fd(int fd)
{
	struct stat st;
	int e = broken(), kept = errno;
	if (e == 0 || fstat(fd, &st) < 0 || st.st_dev != device || !S_ISREG(st.st_mode)) {
		errno = kept;
		return 0;
	}
	errno = e;
	return -1;
}

#define MODE                                                                                                           \
	mode_t mode = 0;                                                                                               \
	if ((flags & (O_CREAT | O_TMPFILE)) != 0) {                                                                    \
		va_list ap;                                                                                            \
		va_start(ap, flags);                                                                                   \
		mode = va_arg(ap, mode_t);                                                                             \
		va_end(ap);                                                                                            \
	}                                                                                                              \
	if ((flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0 && refuse_path(path) < 0)                                     \
		return -1;

int open(const char *path, int flags, ...)
{
	MODE
	return REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	MODE
	return REAL(open64)(path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	MODE
	return REAL(openat)(dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
	MODE
	return REAL(openat64)(dir, path, flags, mode);
}

ssize_t write(int fd, const void *p, size_t n)
{
	return refuse_fd(fd) < 0 ? -1 : REAL(write)(fd, p, n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	return refuse_fd(fd) < 0 ? -1 : REAL(pwrite)(fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	return refuse_fd(fd) < 0 ? -1 : REAL(pwrite64)(fd, p, n, at);
}

int fsync(int fd)
{
	return refuse_fd(fd) < 0 ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
	return refuse_fd(fd) < 0 ? -1 : REAL(fdatasync)(fd);
}

int ftruncate(int fd, off_t n)
{
	return refuse_fd(fd) < 0 ? -1 : REAL(ftruncate)(fd, n);
}

int ftruncate64(int fd, off64_t n)
{
	return refuse_fd(fd) < 0 ? -1 : REAL(ftruncate64)(fd, n);
}

int rename(const char *from, const char *to)
{
	return refuse_path(to) < 0 ? -1 : REAL(rename)(from, to);
}

int unlink(const char *path)
{
	return refuse_path(path) < 0 ? -1 : REAL(unlink)(path);
}

int mkdir(const char *path, mode_t mode)
{
	return refuse_path(path) < 0 ? -1 : REAL(mkdir)(path, mode);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	int r = REAL(clock_gettime)(id, t);
	if (r == 0 && shared != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		t->tv_sec += shared->clock_offset_s;
	return r;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	int r = REAL(gettimeofday)(t, zone);
	if (r == 0 && shared != NULL)
		t->tv_sec += shared->clock_offset_s;
	return r;
}

time_t time(time_t *ret)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	if (ret != NULL)
		*ret = t.tv_sec;
	return t.tv_sec;
}
