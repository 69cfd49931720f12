/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The manifest's "about", and what every reader of a backup does first. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "service/backup/backup_internal.h"

const char *backup_count_name(enum backup_count c)
{
	static const char *const names[] = {
#define COUNT(name, sql) #name,
#include "service/backup/backup_counts.def"
#undef COUNT
	};
	return names[c];
}

static const char *const databases[] = {"sqlite", "postgresql"};

void backup_about_write(const struct backup_about *a, const struct backup_secret *s, struct buf *out)
{
	struct json_writer w = json_writer_init(out);
	cleanup_buf struct buf salt = BUF_INIT(64);
	buf_append_hex(&salt, s->salt, sizeof s->salt);
	json_object(&w);
	json_member_cstr(&w, "made_at", a->made_at);
	json_member_cstr(&w, "version", a->version);
	json_member_cstr(&w, "database", databases[a->database]);
	json_member_bool(&w, "was_running", a->was_running);
	json_member_bool(&w, "has_events", a->has_events);
	json_name(&w, "audit");
	json_object(&w);
	json_member_bool(&w, "ok", a->audit_ok);
	json_member_int(&w, "records", a->audit_records);
	json_member_cstr(&w, "head", a->audit_head);
	json_object_end(&w);
	json_name(&w, "counts");
	json_object(&w);
	for (enum backup_count c = 0; c < BACKUP_COUNT__COUNT; c++)
		json_member_int(&w, backup_count_name(c), a->counts[c]);
	json_object_end(&w);
	json_member_int(&w, "events", a->events);
	json_member_int(&w, "spool_bytes", a->spool_bytes);
	json_name(&w, "kdf");
	json_object(&w);
	json_member_cstr(&w, "name", "argon2id");
	json_member_str(&w, "salt", buf_str(&salt));
	json_member_int(&w, "passes", (int64_t)s->cost.passes);
	json_member_int(&w, "memory_bytes", (int64_t)s->cost.memory_bytes);
	json_object_end(&w);
	json_object_end(&w);
}

int backup_about_read(const struct container_manifest *m, struct backup_about *ret, struct err *err)
{
	const struct json *j = m->about, *audit = json_get(j, "audit"), *counts = json_get(j, "counts");
	unsigned char head[SHA256_SIZE];
	struct str database = json_get_str(j, "database", STR_EMPTY), hex = json_get_str(audit, "head", STR_EMPTY);
	*ret = (struct backup_about){.parts = m->parts, .bytes = m->bytes};
	str_copy_c(json_get_str(j, "made_at", STR_EMPTY), ret->made_at, sizeof ret->made_at);
	str_copy_c(json_get_str(j, "version", STR_EMPTY), ret->version, sizeof ret->version);
	if (str_eq_c(database, databases[BACKUP_POSTGRESQL]))
		ret->database = BACKUP_POSTGRESQL;
	else if (!str_eq_c(database, databases[BACKUP_SQLITE]))
		return err_set(err, -EBADMSG, "container.broken", ARG_CSTR("reason", "database"));
	if (!str_parse_hex(hex, head, sizeof head))
		return err_set(err, -EBADMSG, "container.broken", ARG_CSTR("reason", "audit"));
	(void)sha256_hex(head, ret->audit_head);
	ret->audit_ok = json_get_bool(audit, "ok", false);
	ret->audit_records = json_get_int(audit, "records", -1);
	ret->was_running = json_get_bool(j, "was_running", false);
	ret->has_events = json_get_bool(j, "has_events", false);
	/* A count that an older version did not know is not compared. */
	for (enum backup_count c = 0; c < BACKUP_COUNT__COUNT; c++)
		ret->counts[c] = json_get_int(counts, backup_count_name(c), -1);
	ret->events = json_get_int(j, "events", 0);
	ret->spool_bytes = json_get_int(j, "spool_bytes", 0);
	return 0;
}

/* "1.10.2" as one number; what is not one is nothing. */
static uint64_t version_number(struct str version)
{
	struct str part;
	uint64_t number = 0;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t n = 0;
		if (str_split(&version, '.', &part))
			(void)str_parse_u64(str_sub(part, 0, 5), 0, 99999, &n);
		number = number * 100000 + n;
	}
	return number;
}

int backup_about_check(const struct backup_about *a, const char *version, struct err *err)
{
	if (version_number(str_c(a->version)) > version_number(str_c(version)))
		return err_set(err, -ESTALE, "backup.version_newer", ARG_CSTR("version", a->version), ARG_CSTR("ours", version));
	return 0;
}

struct input {
	int fd;
	uint64_t done, total;
	backup_progress progress;
	void *ctx;
};

static ssize_t read_file(void *ctx, void *p, size_t n)
{
	struct input *in = ctx;
	ssize_t got;
	do
		got = read(in->fd, p, n);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	in->done += (uint64_t)got;
	if (in->progress != NULL)
		in->progress(in->ctx, in->done, in->total);
	return got;
}

int backup_open(const char *path, const struct container_sink *sink, backup_progress progress, void *ctx, struct arena *arena,
                struct container_manifest *ret, struct err *err)
{
	struct input in = {.progress = progress, .ctx = ctx};
	struct stat st;
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_errno(err, errno, "open", str_c(path));
	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "fstat", str_c(path));
	in.fd = fd;
	in.total = (uint64_t)st.st_size;
	const struct container_source source = {.ctx = &in, .read = read_file};
	return container_read(&source, sink, arena, ret, err);
}
