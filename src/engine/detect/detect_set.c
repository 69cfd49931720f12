/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/detect/detect_set.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor/cursor.h"
#include "base/file/file.h"
#include "platform/crypto/crypto.h"

#define MAGIC STR("LTRULES1")
#define HEAD 16 /* of an entry */
#define FLUSH ((size_t)1 << 20)
#define PATH_SIZE 4096

/* ---- writing ---- */

struct detect_set_writer {
	char path[PATH_SIZE], temporary[PATH_SIZE];
	int fd;
	struct sha256 *hash;
	struct buf pending;
	uint64_t bytes;
	size_t entries, once[DETECT_SET_KIND__COUNT];
};

static void put_le(struct buf *out, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		buf_append_char(out, (char)(v >> 8 * i));
}

static int flush(struct detect_set_writer *w, struct err *err)
{
	int r = file_write_all(w->fd, buf_str(&w->pending), err);
	w->bytes += w->pending.n;
	buf_clear(&w->pending);
	return r;
}

static void put_entry_head(struct buf *out, enum detect_set_kind kind, size_t name, size_t body)
{
	put_le(out, (uint64_t)kind, 4);
	put_le(out, name, 4);
	put_le(out, body, 8);
}

int detect_set_create(const char *path, struct detect_set_writer **ret, struct err *err)
{
	struct detect_set_writer *w = MEM_NEW(struct detect_set_writer);
	w->pending = BUF_INIT(DETECT_SET_TEXT_MAX + FLUSH + 4096);
	w->hash = sha256_new();
	str_copy_c(str_c(path), w->path, sizeof w->path);
	struct buf temporary = BUF_FIXED(w->temporary, sizeof w->temporary);
	buf_printf(&temporary, "%s.tmp", w->path);
	w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (w->fd < 0) {
		int e = errno;
		detect_set_abandon(w);
		return err_errno(err, e, "open", str_c(path));
	}
	buf_append(&w->pending, MAGIC);
	sha256_update(w->hash, MAGIC);
	*ret = w;
	return 0;
}

static int too_big(struct err *err, const char *what, uint64_t limit)
{
	return err_set(err, -E2BIG, "detect.set_limit", ARG_CSTR("what", what), ARG_U64("limit", limit));
}

static size_t body_limit(enum detect_set_kind kind)
{
	return kind == DETECT_SET_RULE ? DETECT_SET_RULE_MAX : DETECT_SET_TEXT_MAX;
}

static bool only_once(enum detect_set_kind kind)
{
	return kind == DETECT_SET_EXCLUSIONS || kind == DETECT_SET_PLACEHOLDERS;
}

int detect_set_add(struct detect_set_writer *w, enum detect_set_kind kind, struct str name, struct str body, struct err *err)
{
	if (kind <= DETECT_SET_END || kind >= DETECT_SET_KIND__COUNT || str_find_char(name, '\0') != SIZE_MAX ||
	    (only_once(kind) && w->once[kind] > 0))
		return err_set(err, -EINVAL, "detect.set_kind", ARG_U64("kind", (uint64_t)kind));
	if (name.n > DETECT_SET_NAME_MAX)
		return too_big(err, "name", DETECT_SET_NAME_MAX);
	if (body.n > body_limit(kind))
		return too_big(err, "body", body_limit(kind));
	if (w->entries == DETECT_SET_ENTRIES_MAX)
		return too_big(err, "entries", DETECT_SET_ENTRIES_MAX);
	if (w->bytes + w->pending.n + name.n + body.n + 4096 > DETECT_SET_BYTES_MAX)
		return too_big(err, "bytes", DETECT_SET_BYTES_MAX);
	size_t from = w->pending.n;
	put_entry_head(&w->pending, kind, name.n, body.n);
	buf_append(&w->pending, name);
	buf_append(&w->pending, body);
	sha256_update(w->hash, str_sub(buf_str(&w->pending), from, w->pending.n));
	w->entries++;
	w->once[kind]++;
	return w->pending.n >= FLUSH ? flush(w, err) : 0;
}

static int put_in_place(struct detect_set_writer *w, struct err *err)
{
	char dir[PATH_SIZE];
	str_copy_c(str_c(w->path), dir, sizeof dir);
	char *slash = strrchr(dir, '/');
	if (slash != NULL)
		*slash = '\0';
	if (fdatasync(w->fd) < 0)
		return err_errno(err, errno, "fdatasync", str_c(w->temporary));
	if (rename(w->temporary, w->path) < 0)
		return err_errno(err, errno, "rename", str_c(w->path));
	return file_sync_dir(slash != NULL ? dir : ".", err);
}

int detect_set_commit(struct detect_set_writer *w, char digest[DETECT_DIGEST_SIZE], struct err *err)
{
	unsigned char sum[SHA256_SIZE];
	size_t from = w->pending.n;
	put_entry_head(&w->pending, DETECT_SET_END, 0, sizeof sum);
	sha256_update(w->hash, str_sub(buf_str(&w->pending), from, w->pending.n));
	sha256_final(TAKE(w->hash), sum);
	buf_append(&w->pending, str_n(sum, sizeof sum));
	int r = flush(w, err);
	if (r == 0)
		r = put_in_place(w, err);
	if (r == 0 && digest != NULL)
		(void)sha256_hex(sum, digest);
	detect_set_abandon(w); /* the name is gone by now unless it failed */
	return r;
}

void detect_set_abandon(struct detect_set_writer *w)
{
	if (w == NULL)
		return;
	if (w->fd >= 0)
		(void)unlink(w->temporary);
	file_close(&w->fd);
	sha256_free(w->hash);
	buf_done(&w->pending);
	mem_free(w);
}

/* ---- reading ---- */

struct detect_set {
	void *mapped; /* NULL: the bytes are the caller's */
	struct str bytes;
	struct detect_set_entry *entries;
	size_t count, capacity, of[DETECT_SET_KIND__COUNT];
	char digest[DETECT_DIGEST_SIZE];
};

static int broken(const struct cursor *c, struct err *err)
{
	return err_set(err, -EBADMSG, "detect.set_broken", ARG_U64("byte", c->at));
}

static int keep(struct detect_set *s, const struct detect_set_entry *e, struct err *err)
{
	if (s->count == DETECT_SET_ENTRIES_MAX)
		return too_big(err, "entries", DETECT_SET_ENTRIES_MAX);
	if (e->name.n > DETECT_SET_NAME_MAX)
		return too_big(err, "name", DETECT_SET_NAME_MAX);
	if (e->body.n > body_limit(e->kind))
		return too_big(err, "body", body_limit(e->kind));
	if (s->count == s->capacity) {
		s->capacity = s->capacity > 0 ? s->capacity * 2 : 256;
		s->entries = mem_realloc_array(s->entries, s->capacity, sizeof *s->entries);
	}
	s->entries[s->count++] = *e;
	s->of[e->kind]++;
	return 0;
}

/* 1: an entry of a kind we know; 2: of one we do not; 0: the end, whose sum fits. */
static int take_entry(struct cursor *c, struct detect_set_entry *ret, char digest[DETECT_DIGEST_SIZE], struct err *err)
{
	unsigned char sum[SHA256_SIZE];
	uint32_t kind = cursor_u32_le(c);
	size_t name = cursor_u32_le(c);
	uint64_t body = cursor_u64_le(c);
	if (c->failed || body > SIZE_MAX || (kind == DETECT_SET_END && (name != 0 || body != sizeof sum)))
		return broken(c, err);
	size_t summed = c->at;
	*ret = (struct detect_set_entry){.name = cursor_take(c, name), .body = cursor_take(c, (size_t)body)};
	if (c->failed || str_find_char(ret->name, '\0') != SIZE_MAX)
		return broken(c, err);
	if (kind != DETECT_SET_END) {
		ret->kind = (enum detect_set_kind)kind;
		return kind < DETECT_SET_KIND__COUNT ? 1 : 2;
	}
	sha256(str_sub(c->s, 0, summed), sum);
	if (!cursor_at_end(c) || memcmp(sum, ret->body.p, sizeof sum) != 0)
		return broken(c, err);
	(void)sha256_hex(sum, digest);
	return 0;
}

static int parse(struct detect_set *s, struct err *err)
{
	struct cursor c = cursor_of(s->bytes);
	if (!cursor_accept_str(&c, MAGIC))
		return broken(&c, err);
	for (;;) {
		struct detect_set_entry e;
		int r = take_entry(&c, &e, s->digest, err);
		if (r == 1)
			r = only_once(e.kind) && s->of[e.kind] > 0 ? broken(&c, err) : keep(s, &e, err) < 0 ? -E2BIG : 1;
		if (r <= 0)
			return r;
	}
}

static int finish(struct detect_set *s, struct detect_set **ret, struct err *err)
{
	int r = parse(s, err);
	if (r < 0)
		detect_set_free(s);
	else
		*ret = s;
	return r;
}

int detect_set_parse(struct str bytes, struct detect_set **ret, struct err *err)
{
	struct detect_set *s = MEM_NEW(struct detect_set);
	s->bytes = bytes;
	return finish(s, ret, err);
}

int detect_set_open(const char *path, struct detect_set **ret, struct err *err)
{
	struct stat st;
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(err, errno, "open", str_c(path));
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return err_set(err, -EBADMSG, "detect.set_broken", ARG_U64("byte", 0));
	if ((uint64_t)st.st_size > DETECT_SET_BYTES_MAX)
		return too_big(err, "bytes", DETECT_SET_BYTES_MAX);
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return err_errno(err, errno, "mmap", str_c(path));
	struct detect_set *s = MEM_NEW(struct detect_set);
	s->mapped = p;
	s->bytes = str_n(p, (size_t)st.st_size);
	return finish(s, ret, err);
}

void detect_set_free(struct detect_set *s)
{
	if (s == NULL)
		return;
	if (s->mapped != NULL)
		(void)munmap(s->mapped, s->bytes.n);
	mem_free(s->entries);
	mem_free(s);
}

size_t detect_set_count(const struct detect_set *s)
{
	return s->count;
}

struct detect_set_entry detect_set_entry(const struct detect_set *s, size_t i)
{
	assert(i < s->count);
	return s->entries[i];
}

size_t detect_set_count_of(const struct detect_set *s, enum detect_set_kind kind)
{
	return s->of[kind];
}

const char *detect_set_digest(const struct detect_set *s)
{
	return s->digest;
}

bool detect_set_peek(const char *path, char digest[DETECT_DIGEST_SIZE])
{
	unsigned char sum[SHA256_SIZE];
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || lseek(fd, -(off_t)sizeof sum, SEEK_END) < 0 || read(fd, sum, sizeof sum) != (ssize_t)sizeof sum)
		return false;
	(void)sha256_hex(sum, digest);
	return true;
}
