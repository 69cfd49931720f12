/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The online backup of SQLite (sqlite.org/backup.html), in one step: one snapshot of the WAL, so writers neither wait nor
 * make it begin anew. */
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "platform/db/db_driver.h"

#define BUSY_TIMEOUT_MS 10000

static int failed(sqlite3 *handle, int code, struct err *err)
{
	const char *reason = handle != NULL ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
	return err_set(err, -EIO, (code & 0xff) == SQLITE_FULL ? "db.full" : "db.failed", ARG_CSTR("reason", reason));
}

static int open_one(const char *path, int flags, sqlite3 **ret, struct err *err)
{
	int code = sqlite3_open_v2(path, ret, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (code != SQLITE_OK)
		return failed(*ret, code, err);
	(void)sqlite3_busy_timeout(*ret, BUSY_TIMEOUT_MS);
	return 0;
}

static int copy(sqlite3 *from, sqlite3 *to, struct err *err)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	if (b == NULL)
		return failed(to, SQLITE_ERROR, err);
	int step = sqlite3_backup_step(b, -1), code = sqlite3_backup_finish(b);
	if (step == SQLITE_DONE && code == SQLITE_OK)
		return 0;
	return failed(to, code != SQLITE_OK ? code : step, err);
}

/* A copy that nobody can use is found now, not on the day it is needed. */
static int check(sqlite3 *handle, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(handle, "PRAGMA quick_check(1)", -1, &s, NULL), r = 0;
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code != SQLITE_ROW) {
		r = err_set(err, -EBADMSG, "db.corrupt", ARG_CSTR("reason", sqlite3_errmsg(handle)));
	} else {
		const char *text = (const char *)sqlite3_column_text(s, 0);
		if (text == NULL || strcmp(text, "ok") != 0)
			r = err_set(err, -EBADMSG, "db.corrupt", ARG_CSTR("reason", text));
	}
	(void)sqlite3_finalize(s);
	return r;
}

int db_sqlite_copy(const char *url, const char *path, struct err *err)
{
	if (!str_starts_with(str_c(url), STR("sqlite:")))
		return err_set(err, -ENOTSUP, "db.not_sqlite");
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, errno, "open", str_c(path));
	(void)close(fd);
	sqlite3 *from = NULL, *to = NULL;
	int r = open_one(url + strlen("sqlite:"), SQLITE_OPEN_READONLY, &from, err);
	if (r == 0)
		r = open_one(path, SQLITE_OPEN_READWRITE, &to, err);
	/* The copy is synced by whoever keeps it. */
	if (r == 0)
		(void)sqlite3_exec(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL, NULL);
	if (r == 0)
		r = copy(from, to, err);
	if (r == 0)
		r = check(to, err);
	(void)sqlite3_close_v2(to);
	(void)sqlite3_close_v2(from);
	return r;
}
