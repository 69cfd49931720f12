/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* PostgreSQL: pg_dump and pg_restore know every type, index and sequence; what the manifest says is read in the snapshot
 * that pg_dump copies. */
#include <stdio.h>
#include <unistd.h>

#include "platform/db/db_tool.h"
#include "service/audit/audit.h"
#include "service/backup/backup_internal.h"

#define PIECE ((size_t)16 << 20) /* a container's part must say its size first */

struct dumping {
	struct container_writer *w;
	const char *url;
	struct backup_about *about;
	unsigned char head[SHA256_SIZE];
	unsigned pieces;
};

static int write_piece(struct dumping *d, struct buf *piece, struct err *err)
{
	char name[64];
	(void)snprintf(name, sizeof name, BACKUP_DUMP_PART "%06u", ++d->pieces);
	int r = container_bytes(d->w, name, buf_str(piece), 0600, err);
	buf_clear(piece);
	return r;
}

static int copy_out(struct dumping *d, int fd, struct err *err)
{
	cleanup_buf struct buf piece = BUF_INIT(PIECE);
	int r = 0;
	for (;;) {
		char chunk[65536];
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "read", STR("pg_dump"));
		if (n == 0)
			break;
		if (piece.n + (size_t)n > PIECE && (r = write_piece(d, &piece, err)) < 0)
			return r;
		buf_append(&piece, str_n(chunk, (size_t)n));
	}
	return piece.n > 0 || d->pieces == 0 ? write_piece(d, &piece, err) : r;
}

static int read_head(struct db_tx *tx, struct dumping *d, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	int r = db_query(tx, &rows, err, "SELECT number, hash FROM audit_head WHERE id = 1");
	if (r >= 0)
		r = db_next(rows, err);
	if (r <= 0)
		return r;
	struct str hash = db_text(rows, 1);
	d->about->audit_records = db_int(rows, 0);
	if (hash.n == sizeof d->head)
		(void)memcpy(d->head, hash.p, sizeof d->head);
	(void)sha256_hex(d->head, d->about->audit_head);
	return 0;
}

static int export_snapshot(struct db_tx *tx, char *ret, size_t size, struct err *err)
{
	cleanup_rows struct db_rows *rows = NULL;
	/* The transaction is idle while pg_dump works. */
	int r = db_query(tx, &rows, err, "SELECT pg_export_snapshot(), set_config('idle_in_transaction_session_timeout', '0', true)");
	if (r >= 0)
		r = db_next(rows, err);
	if (r > 0)
		str_copy_c(db_text(rows, 0), ret, size);
	return r < 0 ? r : 0;
}

static int dump(struct db_tx *tx, void *ctx, struct err *err)
{
	struct dumping *d = ctx;
	char snapshot[64] = "", option[96];
	cleanup(db_tool) struct db_tool *tool = NULL;
	int r = export_snapshot(tx, snapshot, sizeof snapshot, err);
	if (r == 0)
		r = backup_db_counts(tx, d->about->counts, err);
	if (r == 0)
		r = read_head(tx, d, err);
	if (r < 0)
		return r;
	(void)snprintf(option, sizeof option, "--snapshot=%s", snapshot);
	/* Not compressed: the container is. */
	const char *const argv[] = {"pg_dump", "--format=custom", "--compress=0", "--no-owner", "--no-privileges", "--no-password",
	                            option, NULL};
	r = db_tool_start(d->url, argv, true, &tool, err);
	if (r == 0)
		r = copy_out(d, db_tool_fd(tool), err);
	return r == 0 ? db_tool_end(tool, err) : r;
}

int backup_dump_write(struct container_writer *w, const char *url, struct backup_about *about, struct err *err)
{
	cleanup(db) struct db *db = NULL;
	struct dumping d = {.w = w, .url = url, .about = about};
	struct audit_verdict verdict;
	int r = db_open_read(url, &db, err);
	if (r >= 0)
		r = db_read(db, dump, &d, err);
	if (r < 0)
		return r;
	const struct service_context sc = {.db = db};
	r = audit_verify_noted(&sc, d.head, &verdict, err);
	if (r < 0)
		return r;
	about->audit_ok = verdict.ok && verdict.noted_number == about->audit_records;
	return 0;
}

struct backup_dump {
	struct db_tool *tool;
};

static int count_tables(struct db_tx *tx, void *ctx, struct err *err)
{
	return db_query_int(tx, ctx, err, "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()");
}

static int check_empty(const char *url, struct err *err)
{
	cleanup(db) struct db *db = NULL;
	int64_t tables = 0;
	int r = db_open_read(url, &db, err);
	if (r >= 0)
		r = db_read(db, count_tables, &tables, err);
	return r >= 0 && tables > 0 ? err_set(err, -EEXIST, "backup.database_not_empty", ARG_I64("tables", tables)) : r < 0 ? r : 0;
}

int backup_dump_restore_begin(struct backup_dump **dump, const char *url, struct err *err)
{
	static const char *const argv[] = {"pg_restore", "--dbname=", "--single-transaction", "--exit-on-error", "--no-owner",
	                                   "--no-privileges", "--no-password", NULL};
	if (*dump != NULL)
		return 0;
	int r = check_empty(url, err);
	if (r < 0)
		return r;
	*dump = MEM_NEW(struct backup_dump);
	return db_tool_start(url, argv, false, &(*dump)->tool, err);
}

int backup_dump_restore_data(struct backup_dump *dump, struct str bytes, struct err *err)
{
	int r = file_write_all(db_tool_fd(dump->tool), bytes, err);
	if (r == 0)
		return 0;
	/* It gave up, and says why. */
	int e = db_tool_end(dump->tool, err);
	return e < 0 ? e : r;
}

int backup_dump_restore_end(struct backup_dump *dump, struct err *err)
{
	return db_tool_end(dump->tool, err);
}

void backup_dump_restore_free(struct backup_dump *dump)
{
	if (dump == NULL)
		return;
	db_tool_free(dump->tool);
	mem_free(dump);
}
