/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/pipe_senders.h"

#include "base/cursor/cursor.h"
#include "base/file/file.h"
#include "platform/crypto/crypto.h"

#define FILE_LIMIT ((size_t)512 << 20)

/* The file: SHA-256 of the rest, MAGIC, then the parts, each as u64 length and a message's payload. Releases before log
 * sources wrote no magic, and senders of fewer fields; those before time zones another. */
#define MAGIC "LTSEND3\n"
#define MAGIC_ZONELESS "LTSEND2\n"

static void put_part(const struct pipe_snapshot *s, uint64_t part, uint64_t parts, struct buf *out)
{
	size_t from = part * PIPE_SENDERS_PER_PART;
	size_t count = s->count - from < PIPE_SENDERS_PER_PART ? s->count - from : PIPE_SENDERS_PER_PART;
	struct proc_message m = proc_message_init(PIPE_SENDERS);
	proc_put_u64(&m, s->version);
	proc_put_u64(&m, part);
	proc_put_u64(&m, parts);
	proc_put_u64(&m, count);
	for (size_t i = 0; i < count; i++)
		pipe_put_sender(&m, &s->senders[from + i]);
	for (unsigned i = 0; i < 8; i++)
		buf_append_char(out, (char)((uint64_t)m.payload.n >> (8 * i)));
	buf_append(out, buf_str(&m.payload));
	proc_message_done(&m);
}

int pipe_senders_save(const char *path, const struct pipe_snapshot *s, struct err *err)
{
	cleanup_buf struct buf body = BUF_INIT(FILE_LIMIT), file = BUF_INIT(FILE_LIMIT);
	unsigned char digest[SHA256_SIZE];
	uint64_t parts = s->count == 0 ? 1 : (s->count + PIPE_SENDERS_PER_PART - 1) / PIPE_SENDERS_PER_PART;
	buf_append_c(&body, MAGIC);
	for (uint64_t i = 0; i < parts; i++)
		put_part(s, i, parts, &body);
	sha256(buf_str(&body), digest);
	buf_append(&file, str_n(digest, sizeof(digest)));
	buf_append(&file, buf_str(&body));
	return file_write(path, buf_str(&file), 0600, err);
}

int pipe_senders_load(const char *path, struct pipe_snapshot *ret, struct err *err)
{
	cleanup_buf struct buf file = BUF_INIT(FILE_LIMIT);
	unsigned char digest[SHA256_SIZE];
	int r = file_read(path, FILE_LIMIT, &file, err);
	if (r < 0)
		return r;
	struct cursor c = cursor_of(buf_str(&file));
	struct str want = cursor_take(&c, sizeof(digest));
	sha256(cursor_rest(&c), digest);
	if (!str_eq(want, str_n(digest, sizeof(digest))))
		return err_set(err, -EBADMSG, "server.pipe_malformed");
	ret->form = cursor_accept_str(&c, STR(MAGIC)) ? PIPE_SENDER_NOW
		    : cursor_accept_str(&c, STR(MAGIC_ZONELESS)) ? PIPE_SENDER_ZONELESS : PIPE_SENDER_FIRST;
	while (r == 0 && !cursor_at_end(&c)) {
		struct proc_message m = proc_message_init(PIPE_SENDERS);
		buf_append(&m.payload, cursor_take(&c, cursor_u64_le(&c)));
		r = pipe_snapshot_add(ret, &m, err);
		proc_message_done(&m);
	}
	ret->form = PIPE_SENDER_NOW;
	return r == 1 && cursor_at_end(&c) ? 0 : err_set(err, -EBADMSG, "server.pipe_malformed");
}
