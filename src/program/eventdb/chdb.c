/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/eventdb/chdb.h"

#include <dlfcn.h>
#include <unistd.h>

#include "base/file/file.h"

#define LIBRARY "libchdb.so"
#define PACKAGE "node_modules/@chdb/lib-linux-x64-gnu/" LIBRARY

/* dir/name in buf when such a file is there. */
static bool try_path(struct str dir, const char *name, char *buf, size_t size)
{
	struct buf path = BUF_FIXED(buf, size);
	file_join(&path, dir, str_c(name));
	return !path.overflow && file_exists(buf);
}

static struct str parent_of(struct str path)
{
	while (path.n > 0 && path.p[path.n - 1] != '/')
		path.n--;
	return path.n > 1 ? str_sub(path, 0, path.n - 1) : STR_EMPTY;
}

static bool find_library(char *buf, size_t size)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe);
	struct str dir = parent_of(str_n(exe, n > 0 ? (size_t)n : 0));
	if (dir.n > 0 && try_path(dir, LIBRARY, buf, size))
		return true;
	for (; dir.n > 0; dir = parent_of(dir))
		if (try_path(dir, PACKAGE, buf, size))
			return true;
	return try_path(STR("/usr/lib/luytre"), LIBRARY, buf, size);
}

int chdb_find(const char **path, char found[PATH_MAX], struct err *err)
{
	if (*path != NULL)
		return 0;
	if (!find_library(found, PATH_MAX))
		return err_set(err, -ENOENT, "eventdb.no_library", ARG_CSTR("name", LIBRARY));
	*path = found;
	return 0;
}

int chdb_load(const char *path, struct chdb *ret, struct err *err)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
		return err_set(err, -ENOENT, "eventdb.no_library", ARG_CSTR("name", path), ARG_CSTR("reason", dlerror()));
	*ret = (struct chdb){.library = library};
	/* dlsym gives an object pointer for functions; POSIX allows reading it as one. */
#define CHDB_LOAD(type, name, args)                                                                                    \
	*(void **)&ret->name = dlsym(library, #name);                                                                  \
	if (ret->name == NULL)                                                                                         \
		return err_set(err, -ENOTSUP, "eventdb.wrong_library", ARG_CSTR("name", path), ARG_CSTR("function", #name));
	CHDB_FUNCTIONS(CHDB_LOAD)
#undef CHDB_LOAD
	ret->chdb_set_signal_handlers_enabled(0);
	return 0;
}
