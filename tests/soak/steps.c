/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Preloaded into the agent: from the first file on whose name holds $LUYTRE_KILL_FROM, each call that makes, syncs, names, removes or
 * closes a file is a step; at step $LUYTRE_KILL_AT the process is killed as by kill -9, before that call does anything.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long steps = -1;

static void step(const char *name)
{
	static const char *from;
	static long at;
	if (from == NULL) {
		from = getenv("LUYTRE_KILL_FROM");
		const char *text = getenv("LUYTRE_KILL_AT");
		for (; text != NULL && *text >= '0' && *text <= '9'; text++)
			at = at * 10 + (*text - '0');
		if (from == NULL)
			from = "";
	}
	if (at == 0 || from[0] == '\0')
		return;
	if (atomic_load(&steps) < 0) {
		if (name == NULL || strstr(name, from) == NULL)
			return;
		atomic_store(&steps, 0);
	}
	if (atomic_fetch_add(&steps, 1) + 1 == at)
		(void)kill(getpid(), SIGKILL);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OPENS(name) \
	int name(const char *path, int flags, ...) \
	{ \
		va_list list; \
		va_start(list, flags); \
		mode_t mode = va_arg(list, mode_t); \
		va_end(list); \
		if ((flags & O_ACCMODE) != O_RDONLY) \
			step(path); \
		return NEXT(name)(path, flags, mode); \
	}
#define OPENS_AT(name) \
	int name(int dir, const char *path, int flags, ...) \
	{ \
		va_list list; \
		va_start(list, flags); \
		mode_t mode = va_arg(list, mode_t); \
		va_end(list); \
		if ((flags & O_ACCMODE) != O_RDONLY) \
			step(path); \
		return NEXT(name)(dir, path, flags, mode); \
	}
OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

int fsync(int fd)
{
	step(NULL);
	return NEXT(fsync)(fd);
}

int fdatasync(int fd)
{
	step(NULL);
	return NEXT(fdatasync)(fd);
}

int rename(const char *from, const char *to)
{
	step(to);
	return NEXT(rename)(from, to);
}

int renameat(int a, const char *from, int b, const char *to)
{
	step(to);
	return NEXT(renameat)(a, from, b, to);
}

int unlink(const char *path)
{
	step(path);
	return NEXT(unlink)(path);
}

int unlinkat(int dir, const char *path, int flags)
{
	step(path);
	return NEXT(unlinkat)(dir, path, flags);
}

int linkat(int a, const char *from, int b, const char *to, int flags)
{
	step(to);
	return NEXT(linkat)(a, from, b, to, flags);
}

int fclose(FILE *f)
{
	step(NULL);
	return NEXT(fclose)(f);
}

long syscall(long number, ...)
{
	va_list list;
	long a[6];
	va_start(list, number);
	for (unsigned i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_renameat2)
		step((const char *)a[3]);
	return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
