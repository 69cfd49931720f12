/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <windows.h>

#include "base/file/file_internal.h"
#include "base/file/file_map.h"
#include "base/mem/mem.h"

#define CHUNK ((size_t)16 << 10)

static int error_number(DWORD code)
{
	switch (code) {
	case ERROR_FILE_NOT_FOUND:
	case ERROR_PATH_NOT_FOUND:
	case ERROR_INVALID_NAME:
		return ENOENT;
	case ERROR_ACCESS_DENIED:
		return EACCES;
	case ERROR_ALREADY_EXISTS:
	case ERROR_FILE_EXISTS:
		return EEXIST;
	case ERROR_SHARING_VIOLATION:
	case ERROR_LOCK_VIOLATION:
		return EBUSY;
	case ERROR_DISK_FULL:
	case ERROR_HANDLE_DISK_FULL:
		return ENOSPC;
	default:
		return EIO;
	}
}

static int last_error(struct err *err, const char *call, const char *path)
{
	return err_errno(err, error_number(GetLastError()), call, str_c(path));
}

/* UTF-16 copy of a path; NULL when it is not UTF-8. Free with mem_free. */
static wchar_t *wide(const char *path)
{
	int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, NULL, 0);
	if (n <= 0)
		return NULL;
	wchar_t *out = mem_alloc_array((size_t)n, sizeof *out);
	(void)MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, out, n);
	return out;
}

static void wide_freep(wchar_t **p)
{
	mem_free(*p);
}
#define cleanup_wide __attribute__((__cleanup__(wide_freep)))

static int bad_path(struct err *err, const char *call, const char *path)
{
	return err_errno(err, EINVAL, call, str_c(path));
}

static void close_handle(HANDLE *h)
{
	if (*h != INVALID_HANDLE_VALUE)
		(void)CloseHandle(*h);
}
#define cleanup_handle __attribute__((__cleanup__(close_handle)))

int file_read(const char *path, size_t limit_bytes, struct buf *out, struct err *err)
{
	wchar_t *name cleanup_wide = wide(path);
	if (name == NULL)
		return bad_path(err, "CreateFile", path);
	HANDLE h cleanup_handle = CreateFileW(name, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
	                                      NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
	if (h == INVALID_HANDLE_VALUE)
		return last_error(err, "CreateFile", path);
	size_t taken = 0;
	for (;;) {
		char chunk[CHUNK];
		DWORD got = 0;
		if (!ReadFile(h, chunk, sizeof chunk, &got, NULL))
			return last_error(err, "ReadFile", path);
		if (got == 0)
			return 0;
		if (!buf_reserve(out, got))
			return file_too_big(path, out->max, err);
		buf_append(out, str_n(chunk, got));
		taken += got;
		if (taken > limit_bytes)
			return file_too_big(path, limit_bytes, err);
	}
}

static int fill(const char *temporary, const wchar_t *name, struct str bytes, struct err *err)
{
	HANDLE h cleanup_handle = CreateFileW(name, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
	if (h == INVALID_HANDLE_VALUE)
		return last_error(err, "CreateFile", temporary);
	while (bytes.n > 0) {
		DWORD put = 0;
		DWORD part = bytes.n < CHUNK ? (DWORD)bytes.n : (DWORD)CHUNK;
		if (!WriteFile(h, bytes.p, part, &put, NULL))
			return last_error(err, "WriteFile", temporary);
		bytes = str_sub(bytes, put, bytes.n);
	}
	return FlushFileBuffers(h) ? 0 : last_error(err, "FlushFileBuffers", temporary);
}

int file_write(const char *path, struct str bytes, unsigned mode, struct err *err)
{
	(void)mode;
	struct buf temporary cleanup_buf = BUF_INIT(32768);
	file_temporary_name(&temporary, path);
	if (temporary.overflow)
		return err_errno(err, ENAMETOOLONG, "CreateFile", str_c(path));
	wchar_t *from cleanup_wide = wide(temporary.p);
	wchar_t *to cleanup_wide = wide(path);
	if (from == NULL || to == NULL)
		return bad_path(err, "CreateFile", path);
	int r = fill(temporary.p, from, bytes, err);
	if (r >= 0 && !MoveFileExW(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
		r = last_error(err, "MoveFileEx", path);
	if (r < 0)
		(void)DeleteFileW(from);
	return r;
}

static DWORD attributes(const char *path)
{
	wchar_t *name cleanup_wide = wide(path);
	return name != NULL ? GetFileAttributesW(name) : INVALID_FILE_ATTRIBUTES;
}

bool file_exists(const char *path)
{
	return attributes(path) != INVALID_FILE_ATTRIBUTES;
}

int file_make_dir(const char *path, unsigned mode, struct err *err)
{
	(void)mode;
	wchar_t *name cleanup_wide = wide(path);
	if (name == NULL)
		return bad_path(err, "CreateDirectory", path);
	if (CreateDirectoryW(name, NULL))
		return 0;
	DWORD code = GetLastError();
	DWORD found = attributes(path);
	if (found != INVALID_FILE_ATTRIBUTES && (found & FILE_ATTRIBUTE_DIRECTORY) != 0)
		return 0;
	return err_errno(err, found != INVALID_FILE_ATTRIBUTES ? ENOTDIR : error_number(code), "CreateDirectory", str_c(path));
}

int file_sync_dir(const char *dir, struct err *err)
{
	/* NTFS journals names, and MOVEFILE_WRITE_THROUGH waits for it. */
	(void)dir;
	(void)err;
	return 0;
}

int file_remove(const char *path, struct err *err)
{
	wchar_t *name cleanup_wide = wide(path);
	if (name == NULL)
		return bad_path(err, "DeleteFile", path);
	if (DeleteFileW(name) || error_number(GetLastError()) == ENOENT)
		return 0;
	return last_error(err, "DeleteFile", path);
}

int file_map(const char *path, size_t limit_bytes, struct file_map *ret, struct err *err)
{
	LARGE_INTEGER size;
	wchar_t *name cleanup_wide = wide(path);
	if (name == NULL)
		return bad_path(err, "CreateFile", path);
	HANDLE h cleanup_handle = CreateFileW(name, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
	                                      FILE_ATTRIBUTE_NORMAL, NULL);
	if (h == INVALID_HANDLE_VALUE || !GetFileSizeEx(h, &size))
		return last_error(err, "CreateFile", path);
	if ((uint64_t)size.QuadPart > limit_bytes)
		return file_too_big(path, limit_bytes, err);
	*ret = (struct file_map){.bytes = STR("")};
	if (size.QuadPart == 0)
		return 0;
	HANDLE section = CreateFileMappingW(h, NULL, PAGE_READONLY, 0, 0, NULL);
	if (section == NULL)
		return last_error(err, "CreateFileMapping", path);
	void *at = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
	int r = at == NULL ? last_error(err, "MapViewOfFile", path) : 0;
	(void)CloseHandle(section); /* the view keeps it */
	if (r == 0)
		*ret = (struct file_map){.bytes = str_n(at, (size_t)size.QuadPart), .handle = at};
	return r;
}

void file_unmap(struct file_map *map)
{
	if (map->handle != NULL)
		(void)UnmapViewOfFile(map->handle);
	*map = (struct file_map){.handle = NULL};
}
