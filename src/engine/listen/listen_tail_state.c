/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdio.h>
#include <unistd.h>

#include "base/file/file.h"
#include "engine/event_pipeline/event_ids.h"
#include "engine/listen/listen_tail_internal.h"

#define STATE_LIMIT ((size_t)4 << 20)

static bool digest_of(int fd, uint32_t size, unsigned char out[SHA256_SIZE])
{
	char bytes[LISTEN_TAIL_PRINT];
	size_t n = 0;
	while (n < size) {
		ssize_t got = pread(fd, &bytes[n], size - n, (off_t)n);
		if (got <= 0)
			return false;
		n += (size_t)got;
	}
	sha256(str_n(bytes, size), out);
	return true;
}

bool listen_tail_same(const struct listen_tailed *f, int fd)
{
	unsigned char now[SHA256_SIZE];
	return f->print_size == 0 || (digest_of(fd, f->print_size, now) && memcmp(now, f->print, sizeof(now)) == 0);
}

void listen_tail_print(struct listen_tailed *f, int fd)
{
	struct stat st;
	if (f->print_size == LISTEN_TAIL_PRINT || fstat(fd, &st) < 0 || st.st_size <= (off_t)f->print_size)
		return;
	uint32_t size = st.st_size < LISTEN_TAIL_PRINT ? (uint32_t)st.st_size : LISTEN_TAIL_PRINT;
	if (digest_of(fd, size, f->print))
		f->print_size = size;
}

struct event_sender listen_tail_sender(const char *path)
{
	static const struct uuid files = {{0}};
	struct event_sender s = {0};
	struct buf source = BUF_FIXED(s.source, sizeof(s.source));
	buf_append_c(&source, "file:");
	buf_append_c(&source, path);
	s.id = event_id_made(&files, buf_str(&source));
	return s;
}

/* "1234", or "1234:1300" of a file whose lines are joined. */
static bool read_offset(struct str text, struct listen_tailed *f)
{
	struct str offset;
	f->joined = str_find_char(text, ':') != SIZE_MAX;
	return str_split(&text, ':', &offset) && str_parse_u64(offset, 0, INT64_MAX, &f->offset) &&
	       (!f->joined || str_parse_u64(text, 0, INT64_MAX, &f->boundary));
}

static bool read_line(struct str line, struct listen_tailed *f)
{
	struct str field[6];
	uint64_t print_size;
	for (size_t i = 0; i < ARRAY_LEN(field); i++)
		if (!str_split(&line, ' ', &field[i]))
			return false;
	*f = (struct listen_tailed){.fd = -1};
	str_copy_c(line, f->path, sizeof(f->path));
	bool ok = line.n > 0 && line.n < sizeof(f->path) && uuid_parse(field[0], &f->epoch) &&
	          str_parse_u64(field[1], 0, UINT64_MAX, &f->device) && str_parse_u64(field[2], 0, UINT64_MAX, &f->inode) &&
	          read_offset(field[3], f) && str_parse_u64(field[4], 0, LISTEN_TAIL_PRINT, &print_size) &&
	          str_parse_hex(field[5], f->print, sizeof(f->print));
	f->print_size = ok ? (uint32_t)print_size : 0;
	f->sender = listen_tail_sender(f->path);
	return ok;
}

int listen_tail_load(const char *state, struct listen_tail_files *ret, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(STATE_LIMIT);
	struct str rest, line;
	int r = file_exists(state) ? file_read(state, STATE_LIMIT, &text, err) : 0;
	if (r < 0)
		return r;
	rest = buf_str(&text);
	while (ret->count < LISTEN_TAIL_FILES && str_split(&rest, '\n', &line))
		if (read_line(line, &ret->list[ret->count]))
			ret->count++;
	return 0;
}

int listen_tail_save(const char *state, const struct listen_tail_files *files, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(STATE_LIMIT);
	char epoch[UUID_TEXT_SIZE];
	for (size_t i = 0; i < files->count; i++) {
		const struct listen_tailed *f = &files->list[i];
		buf_printf(&text, "%s %llu %llu %llu", uuid_text(&f->epoch, epoch), (unsigned long long)f->device,
		           (unsigned long long)f->inode, (unsigned long long)f->offset);
		if (f->joined)
			buf_printf(&text, ":%llu", (unsigned long long)f->boundary);
		buf_printf(&text, " %u ", f->print_size);
		buf_append_hex(&text, f->print, sizeof(f->print));
		buf_printf(&text, " %s\n", f->path);
	}
	return file_write(state, buf_str(&text), 0600, err);
}
