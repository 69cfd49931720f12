/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/file/file.h"

#include "base/file/file_internal.h"
#include "base/mem/mem.h"
#include "base/uuid/uuid.h"

bool file_is_separator(char c)
{
#ifdef _WIN32
	return c == '/' || c == '\\';
#else
	return c == '/';
#endif
}

void file_temporary_name(struct buf *out, const char *path)
{
	unsigned char random[8];
	random_bytes(random, sizeof random);
	buf_append_c(out, path);
	buf_append_char(out, '.');
	buf_append_hex(out, random, sizeof random);
	buf_append_c(out, ".tmp");
}

int file_too_big(const char *path, size_t limit_bytes, struct err *err)
{
	return err_set(err, -E2BIG, "file.too_big", ARG_CSTR("object", path), ARG_U64("limit", limit_bytes));
}

void file_join(struct buf *out, struct str dir, struct str name)
{
	while (dir.n > 1 && file_is_separator(dir.p[dir.n - 1]))
		dir.n--;
	while (name.n > 0 && file_is_separator(name.p[0]))
		name = str_sub(name, 1, name.n);
	buf_append(out, dir);
	if (dir.n > 0 && !file_is_separator(dir.p[dir.n - 1]))
		buf_append_char(out, '/');
	buf_append(out, name);
}

/* Length of what cannot be made: "/", "C:", "C:\". */
static size_t root_length(const char *path)
{
	size_t n = 0;
#ifdef _WIN32
	if (path[0] != '\0' && path[1] == ':')
		n = 2;
#endif
	while (file_is_separator(path[n]))
		n++;
	return n;
}

int file_make_dirs(const char *path, unsigned mode, struct err *err)
{
	char *part = mem_strdup(str_c(path));
	int r = 0;
	for (size_t i = root_length(path); part[i] != '\0' && r >= 0;) {
		while (part[i] != '\0' && !file_is_separator(part[i]))
			i++;
		char kept = part[i];
		part[i] = '\0';
		r = file_make_dir(part, mode, err);
		part[i] = kept;
		while (file_is_separator(part[i]))
			i++;
	}
	mem_free(part);
	return r;
}
