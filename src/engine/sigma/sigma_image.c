/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/sigma/sigma_image.h"

/* "LTSIGMA" and the version of the layout below: change it with any section. */
static const char magic[16] = "LTSIGMA 1\0\0\0\0\0";

struct section_row {
	uint64_t at, count, size;
};

#define X(type, name) SECTION_##name,
enum section { SG_SECTIONS(X) SECTION__COUNT };
#undef X

uint32_t sg_hash32(const char *p, size_t n)
{
	uint64_t h = sg_hash(p, n);
	uint32_t folded = (uint32_t)(h ^ h >> 32);
	return folded != 0 ? folded : 1;
}

void sg_image_done(struct sg_image *image)
{
#define X(type, name) mem_free(image->name);
	SG_SECTIONS(X)
#undef X
	*image = (struct sg_image){0};
}

static void put_section(struct buf *out, size_t start, struct section_row *row, const void *p, size_t count, size_t size)
{
	while ((out->n - start) % 64 != 0)
		buf_append_char(out, '\0');
	*row = (struct section_row){.at = out->n - start, .count = count, .size = size};
	buf_append(out, str_n(p, count * size));
}

void sg_image_write(const struct sg_image *image, struct buf *out)
{
	struct section_row rows[SECTION__COUNT] = {0};
	size_t start = out->n;
	buf_append(out, str_n(magic, sizeof magic));
	buf_append(out, str_n(rows, sizeof rows));
#define X(type, name) put_section(out, start, &rows[SECTION_##name], image->name, image->name##_count, sizeof *image->name);
	SG_SECTIONS(X)
#undef X
	if (!out->overflow)
		(void)memcpy(out->p + start + sizeof magic, rows, sizeof rows);
}

static bool section_fits(const struct section_row *row, size_t size, size_t total)
{
	size_t bytes;
	return row->size == size && row->at % 64 == 0 && row->at <= total &&
	       !__builtin_mul_overflow((size_t)row->count, size, &bytes) && bytes <= total - row->at;
}

int sg_image_read(struct str bytes, struct sg_image *ret, struct err *err)
{
	struct section_row rows[SECTION__COUNT];
	if (bytes.n < sizeof magic + sizeof rows || memcmp(bytes.p, magic, sizeof magic) != 0)
		return err_set(err, -EBADMSG, "sigma.cache");
	(void)memcpy(rows, bytes.p + sizeof magic, sizeof rows);
	char *base = (char *)(uintptr_t)bytes.p;
#define X(type, name)                                                                              \
	if (!section_fits(&rows[SECTION_##name], sizeof(type), bytes.n))                           \
		return err_set(err, -EBADMSG, "sigma.cache");                                      \
	ret->name = (type *)(void *)(base + rows[SECTION_##name].at);                              \
	ret->name##_count = rows[SECTION_##name].count;
	SG_SECTIONS(X)
#undef X
	return ret->known_count == 1 ? 0 : err_set(err, -EBADMSG, "sigma.cache");
}
