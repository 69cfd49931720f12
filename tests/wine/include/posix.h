/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the portable rooms' tests use of POSIX and mingw lacks; included before every test of the Windows build. */
#pragma once
#include <direct.h>
#include <errno.h>
#include <io.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <windows.h>
#undef TEXT

__attribute__((unused)) static char *posix_mkdtemp(char *name)
{
	size_t n = strlen(name);
	for (unsigned i = 0; i < 1000; i++) {
		unsigned v = ((unsigned)_getpid() * 1000 + i) % 1000000;
		for (unsigned k = 0; k < 6; k++, v /= 10)
			name[n - 1 - k] = (char)('0' + v % 10);
		if (_mkdir(name) == 0)
			return name;
		if (errno != EEXIST)
			return NULL;
	}
	return NULL;
}
#define mkdtemp(name) posix_mkdtemp(name)

__attribute__((unused)) static int posix_mkdir(const char *path, unsigned mode)
{
	(void)mode;
	return _mkdir(path);
}
#define mkdir(path, mode) posix_mkdir(path, mode)


__attribute__((unused)) static int posix_setenv(const char *name, const char *value, int overwrite)
{
	(void)overwrite;
	return _putenv_s(name, value);
}
#define setenv(name, value, overwrite) posix_setenv(name, value, overwrite)
#define unsetenv(name) posix_setenv(name, "", 1)

/* A hard link. */
__attribute__((unused)) static int posix_link(const char *from, const char *to)
{
	wchar_t wide_from[512], wide_to[512];
	if (MultiByteToWideChar(CP_UTF8, 0, from, -1, wide_from, 512) == 0 || MultiByteToWideChar(CP_UTF8, 0, to, -1, wide_to, 512) == 0)
		return -1;
	return CreateHardLinkW(wide_to, wide_from, NULL) ? 0 : -1;
}
#define link(from, to) posix_link(from, to)

/* Names are UTF-8, and what is there is replaced. */
__attribute__((unused)) static int posix_rename(const char *from, const char *to)
{
	wchar_t wide_from[512], wide_to[512];
	if (MultiByteToWideChar(CP_UTF8, 0, from, -1, wide_from, 512) == 0 || MultiByteToWideChar(CP_UTF8, 0, to, -1, wide_to, 512) == 0)
		return -1;
	return MoveFileExW(wide_from, wide_to, MOVEFILE_REPLACE_EXISTING) ? 0 : -1;
}
#define rename(from, to) posix_rename(from, to)

__attribute__((unused)) static int posix_remove(const char *path)
{
	wchar_t wide[512];
	if (MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, 512) == 0)
		return -1;
	return DeleteFileW(wide) || RemoveDirectoryW(wide) ? 0 : -1;
}
#define remove(path) posix_remove(path)
#define unlink(path) posix_remove(path)

/* Freed by free(), so it comes from malloc: asked again until it happens to lie right; what did not is kept to the end. */
__attribute__((unused)) static void *posix_aligned_alloc(size_t alignment, size_t n)
{
	void *p = NULL;
	for (unsigned i = 0; i < 1000; i++) {
		p = malloc(n + 16 * i);
		if (p == NULL || (uintptr_t)p % alignment == 0)
			return p;
	}
	return NULL;
}
#define aligned_alloc(alignment, n) posix_aligned_alloc(alignment, n)
