/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * db_tool: PostgreSQL's own programs (pg_dump, pg_restore) as a child with one
 * pipe. The connection goes into the child's environment, never onto its command
 * line, where everybody would read the password.
 *
 * Threads: one. The caller ignores SIGPIPE.
 */
#pragma once
#include "base/mem/mem.h"
#include "platform/db/db.h"

struct db_tool;
/* argv[0] is looked for in PATH; NULL-terminated. `from`: we read what it prints, else we write what it reads.
 * -ENOENT (db.tool_missing: name), -EINVAL (db.url). */
int db_tool_start(const char *url, const char *const *argv, bool from, struct db_tool **ret, struct err *err) WARN_UNUSED;
/* Our end of the pipe. */
int db_tool_fd(const struct db_tool *t);
/* Closes the pipe and waits. -EIO (db.tool_failed: name, reason) unless it ended well. */
int db_tool_end(struct db_tool *t, struct err *err) WARN_UNUSED;
/* Ends the child if it still runs. */
void db_tool_free(struct db_tool *t);
DEFINE_CLEANUP(db_tool)
