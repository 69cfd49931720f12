/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Slots are filled in memory that is given back at the end, and written in one piece. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file/file.h"
#include "engine/indicator/indicator_internal.h"

#define PATH_SIZE 4096
#define NAME_MAX_BYTES 200

struct indicator_builder {
	char path[PATH_SIZE], temporary[PATH_SIZE];
	int fd;
	struct indicator_head head;
	size_t most, bytes;
	void *mapped;
	struct indicator_slot *slots;
	struct str sources[INDICATOR_SOURCES_MAX]; /* own copies */
	size_t last_source;
	struct indicator_built built;
};

size_t indicator_count_lines(struct str lines)
{
	size_t n = 0;
	for (struct str line; str_split(&lines, '\n', &line);)
		n += line.n > 0 && line.p[0] != '#';
	return n;
}

int indicator_builder_new(const char *path, size_t most, struct indicator_builder **ret, struct err *err)
{
	if (most > INDICATOR_ENTRIES_MAX)
		return err_set(err, -E2BIG, "indicator.too_many", ARG_U64("limit", INDICATOR_ENTRIES_MAX));
	struct indicator_builder *b = MEM_NEW(struct indicator_builder);
	b->most = most;
	b->head.slots = 64;
	while (b->head.slots / 3 * 2 < most)
		b->head.slots *= 2;
	(void)memcpy(b->head.magic, INDICATOR_MAGIC, sizeof b->head.magic);
	b->head.seed = 0x9e3779b97f4a7c15ULL;
	str_copy_c(str_c(path), b->path, sizeof b->path);
	(void)snprintf(b->temporary, sizeof b->temporary, "%s.tmp", path);
	b->bytes = sizeof b->head + b->head.slots * sizeof *b->slots;
	b->fd = open(b->temporary, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = b->fd < 0 ? err_errno(err, errno, "open", str_c(b->temporary)) : 0;
	/* Slots are filled in no order: in a mapped file every page would travel to the disk again and again. */
	void *p = r == 0 ? mmap(NULL, b->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
	if (r == 0 && p == MAP_FAILED)
		r = err_errno(err, errno, "mmap", str_c(b->temporary));
	if (r < 0) {
		indicator_builder_abandon(b);
		return r;
	}
	b->mapped = p;
	b->slots = (struct indicator_slot *)(void *)((char *)b->mapped + sizeof b->head);
	*ret = b;
	return 0;
}

/* Lists come one after the other, so the last one is mostly it. More than there is room for: the last one's name stands. */
static size_t source_of(struct indicator_builder *b, struct str name)
{
	name = str_sub(name, 0, NAME_MAX_BYTES);
	if (b->last_source < b->head.source_count && str_eq(b->sources[b->last_source], name))
		return b->last_source;
	size_t i = 0;
	while (i < b->head.source_count && !str_eq(b->sources[i], name))
		i++;
	if (i == INDICATOR_SOURCES_MAX)
		i--;
	else if (i == b->head.source_count)
		b->sources[b->head.source_count++] = (struct str){mem_strdup(name), name.n};
	b->last_source = i;
	return i;
}

/* Up to the full hour: an entry never ends before its time. */
static uint64_t hours_of(usec_t expires)
{
	const uint64_t most = 0x3fffff;
	if (expires == 0)
		return 0;
	if (expires < USEC_PER_HOUR)
		return 1;
	uint64_t hours = (uint64_t)(expires + USEC_PER_HOUR - 1) / (uint64_t)USEC_PER_HOUR;
	return hours < most ? hours : most;
}

static void put(struct indicator_builder *b, struct indicator_key k, uint64_t hours, size_t source, unsigned confidence)
{
	uint64_t mask = b->head.slots - 1, at = k.hash & mask;
	while (b->slots[at].hash != 0 && (b->slots[at].hash != k.hash || b->slots[at].rest >> 41 != k.check))
		at = (at + 1) & mask;
	uint64_t had = b->slots[at].rest >> 19 & 0x3fffff;
	if (b->slots[at].hash != 0) {
		b->built.repeated++;
		if (had == 0 || (hours != 0 && hours <= had))
			return;
	} else {
		b->head.entries++;
	}
	b->slots[at] = (struct indicator_slot){k.hash, k.check << 41 | hours << 19 | (uint64_t)source << 7 | confidence};
}

static bool put_line(struct indicator_builder *b, struct str list, struct str line)
{
	struct indicator_line l;
	char text[INDICATOR_VALUE_MAX + 64];
	struct buf out = BUF_FIXED(text, sizeof text);
	unsigned prefix;
	if (!indicator_line_parse(line, &l) || !indicator_normalise(l.type, l.value, &out, &prefix))
		return false;
	if (l.type == INDICATOR_IP)
		b->head.prefixes[prefix / 8] = (unsigned char)(b->head.prefixes[prefix / 8] | 1u << prefix % 8);
	size_t source = source_of(b, l.source.n > 0 ? l.source : list);
	put(b, indicator_key(b->head.seed, INDICATOR_KIND(l.type, prefix), buf_str(&out)), hours_of(l.expires), source, l.confidence);
	return true;
}

int indicator_builder_add(struct indicator_builder *b, struct str list, struct str lines, struct err *err)
{
	for (struct str line; str_split(&lines, '\n', &line);) {
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (b->head.entries == b->most)
			return err_set(err, -E2BIG, "indicator.too_many", ARG_U64("limit", b->most));
		if (!put_line(b, list, line))
			b->built.bad++;
	}
	return 0;
}

static int write_image(struct indicator_builder *b, struct err *err)
{
	cleanup_buf struct buf names = BUF_INIT((size_t)2 << 20);
	for (size_t i = 0; i < b->head.source_count; i++) {
		buf_append_char(&names, (char)b->sources[i].n);
		buf_append(&names, b->sources[i]);
	}
	b->head.source_bytes = (uint32_t)names.n;
	(void)memcpy(b->mapped, &b->head, sizeof b->head);
	int r = file_write_all(b->fd, str_n(b->mapped, b->bytes), err);
	return r < 0 ? r : file_write_all(b->fd, buf_str(&names), err);
}

int indicator_builder_commit(struct indicator_builder *b, struct indicator_built *ret, struct err *err)
{
	char dir[PATH_SIZE];
	int r = write_image(b, err);
	if (r == 0) {
		b->built.entries = b->head.entries;
		if (ret != NULL)
			*ret = b->built;
		str_copy_c(str_c(b->path), dir, sizeof dir);
		char *slash = strrchr(dir, '/');
		if (slash != NULL)
			*slash = '\0';
		if (fdatasync(b->fd) < 0)
			r = err_errno(err, errno, "fdatasync", str_c(b->temporary));
		else if (rename(b->temporary, b->path) < 0)
			r = err_errno(err, errno, "rename", str_c(b->path));
		else
			r = file_sync_dir(slash != NULL ? dir : ".", err);
	}
	indicator_builder_abandon(b);
	return r;
}

void indicator_builder_abandon(struct indicator_builder *b)
{
	if (b == NULL)
		return;
	if (b->mapped != NULL)
		(void)munmap(b->mapped, b->bytes);
	if (b->fd >= 0)
		(void)unlink(b->temporary);
	file_close(&b->fd);
	for (size_t i = 0; i < b->head.source_count; i++)
		mem_free((void *)(uintptr_t)b->sources[i].p);
	mem_free(b);
}
