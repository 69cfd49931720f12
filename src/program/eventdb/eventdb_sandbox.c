/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/eventdb/eventdb_sandbox.h"

#include <stdlib.h>

#include "base/file/file.h"
#include "base/log/log.h"
#include "base/mem/mem.h"
#include "platform/sandbox/sandbox.h"

/* "a/b/c" → "a/b"; "c" → ".". */
static const char *folder_of(const char *path, struct buf *out)
{
	struct str s = str_c(path);
	while (s.n > 0 && s.p[s.n - 1] != '/')
		s.n--;
	buf_append(out, s.n == 0 ? STR(".") : s);
	return out->p;
}

int eventdb_sandbox_enter_files(const struct eventdb_sandbox *box, struct err *err)
{
	cleanup_buf struct buf folder = BUF_INIT(4096);
	int r = file_make_dirs(box->data_dir, 0700, err);
	if (r < 0)
		return r;
	const struct sandbox_path paths[] = {
	    {box->data_dir, SANDBOX_USE_OWN_LINKS}, /* from a database's name to its folder */
	    {folder_of(box->socket, &folder), SANDBOX_USE_SOCKETS},
	    /* An error's text names functions: the engine reads the symbols of both. Without, it aborts. */
	    {"/proc/self/exe", SANDBOX_USE_READ},
	    {box->library, SANDBOX_USE_READ},
	    /* Its own metrics of this machine. */
	    {"/proc/self", SANDBOX_USE_READ},
	    {"/proc/thread-self", SANDBOX_USE_READ},
	    {"/proc/loadavg", SANDBOX_USE_READ},
	    {"/proc/uptime", SANDBOX_USE_READ},
	    {"/proc/vmstat", SANDBOX_USE_READ},
	    {"/proc/sys/vm", SANDBOX_USE_READ},
	    {"/proc/sys/kernel", SANDBOX_USE_READ},
	    {"/sys/fs/cgroup", SANDBOX_USE_READ},
	    {"/sys/kernel/mm/transparent_hugepage", SANDBOX_USE_READ},
	};
	const struct sandbox_files files = {.paths = paths, .path_count = ARRAY_LEN(paths), .libraries = true};
	const struct sandbox_kernel kernel = sandbox_kernel();
	const char *lacks = sandbox_kernel_lacks(&kernel);
	if (lacks[0] != '\0')
		log_warn("this kernel has less to confine processes with", ARG_CSTR("lacks", lacks));
	/* What it spills goes where it may. */
	if (setenv("TMPDIR", box->data_dir, 1) != 0)
		return err_errno(err, errno, "setenv", STR_EMPTY);
	r = sandbox_privileges_keep(0, err);
	return r < 0 ? r : sandbox_files_enter(&files, err);
}

int eventdb_sandbox_enter_calls(struct err *err)
{
	return sandbox_calls_enter(SANDBOX_THREADS | SANDBOX_LOOP | SANDBOX_READ | SANDBOX_WRITE | SANDBOX_SOCKETS |
				       SANDBOX_ACCEPT | SANDBOX_DATABASE,
				   err);
}
