/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_module_internal.h"

enum {
	HASH_MD5 = 1,
	HASH_SHA1,
	HASH_SHA256,
	HASH_CHECKSUM32,
	HASH_CRC32,
};

static const char *const of_text[] = {"ii:s", "s:s", NULL};
static const char *const of_number[] = {"ii:i", "s:i", NULL};

static const struct signature_field fields[] = {
	{.name = "md5", .type = SIGNATURE_TYPE_FUNCTION, .id = HASH_MD5, .overloads = of_text},
	{.name = "sha1", .type = SIGNATURE_TYPE_FUNCTION, .id = HASH_SHA1, .overloads = of_text},
	{.name = "sha256", .type = SIGNATURE_TYPE_FUNCTION, .id = HASH_SHA256, .overloads = of_text},
	{.name = "checksum32", .type = SIGNATURE_TYPE_FUNCTION, .id = HASH_CHECKSUM32, .overloads = of_number},
	{.name = "crc32", .type = SIGNATURE_TYPE_FUNCTION, .id = HASH_CRC32, .overloads = of_number},
	{0},
};

bool signature_range(const struct signature_module_state *s, int64_t offset, int64_t length, struct str *ret)
{
	if (offset < 0 || length < 0 || (uint64_t)offset >= s->len)
		return false;
	size_t left = s->len - (size_t)offset;
	*ret = str_n(s->data + offset, (uint64_t)length < left ? (size_t)length : left);
	return true;
}

static void digest_value(struct signature_module_state *s, enum signature_digest kind, struct str bytes,
			 struct signature_value *ret)
{
	uint8_t out[SIGNATURE_DIGEST_MAX];
	const size_t size = signature_digest_of(kind, bytes, out);

	signature_value_hex(s, ret, out, size);
}

/* Many rules ask the same digest of the same part: the last few are kept. */
static void digest_range(struct signature_module_state *s, enum signature_digest kind, int64_t offset, int64_t length,
			 struct signature_value *ret)
{
	struct str bytes;

	if (!signature_range(s, offset, length, &bytes))
		return;
	for (unsigned i = 0; i < SIGNATURE_DIGEST_CACHE; i++) {
		const struct signature_digest_entry *e = &s->digests[i];
		if (e->used && e->kind == kind && e->offset == offset && e->length == length) {
			signature_value_copy(s, ret, str_c(e->hex));
			return;
		}
	}
	digest_value(s, kind, bytes, ret);
	struct signature_digest_entry *e = &s->digests[s->digest_next++ % SIGNATURE_DIGEST_CACHE];
	*e = (struct signature_digest_entry){.used = true, .kind = kind, .offset = offset, .length = length};
	str_copy_c(ret->text, e->hex, sizeof(e->hex));
}

static uint32_t checksum32(struct str bytes)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < bytes.n; i++)
		sum += (uint8_t)bytes.p[i];
	return sum;
}

/* ISO 3309, the polynomial of zlib and Ethernet. */
static uint32_t crc32_of(struct str bytes)
{
	uint32_t table[256];
	uint32_t crc = 0xffffffff;

	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? 0xedb88320 ^ c >> 1 : c >> 1;
		table[i] = c;
	}
	for (size_t i = 0; i < bytes.n; i++)
		crc = table[(crc ^ (uint8_t)bytes.p[i]) & 0xff] ^ crc >> 8;
	return ~crc;
}

static void call(struct signature_module_state *s, unsigned id, unsigned overload, const struct signature_key *keys,
		 unsigned key_count, const struct signature_argument *a, struct signature_value *ret)
{
	(void)keys;
	(void)key_count;
	const bool is_range = overload == 0;
	struct str bytes = a[0].value.text;

	if (is_range && !signature_range(s, a[0].value.integer, a[1].value.integer, &bytes))
		return;
	switch (id) {
	case HASH_MD5:
	case HASH_SHA1:
	case HASH_SHA256: {
		const enum signature_digest kind = (enum signature_digest)(id - HASH_MD5);
		if (is_range)
			digest_range(s, kind, a[0].value.integer, a[1].value.integer, ret);
		else
			digest_value(s, kind, bytes, ret);
		break;
	}
	case HASH_CHECKSUM32:
		signature_value_integer(ret, checksum32(bytes));
		break;
	case HASH_CRC32:
		signature_value_integer(ret, crc32_of(bytes));
		break;
	}
}

const struct signature_module_driver signature_hash_module = {
	.module = {.name = "hash", .id = SIGNATURE_MODULE_HASH, .fields = fields},
	.call = call,
};
