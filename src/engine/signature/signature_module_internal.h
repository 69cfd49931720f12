/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Inside the room: what the modules share. Bytes of the file are read through
 * the functions here only, so every bound is checked in one place.
 */
#pragma once
#include "engine/signature/signature_digest.h"
#include "engine/signature/signature_elf.h"
#include "engine/signature/signature_module.h"
#include "engine/signature/signature_pe.h"

#define SIGNATURE_DIGEST_CACHE 8

struct signature_digest_entry {
	bool used;
	enum signature_digest kind;
	int64_t offset, length;
	char hex[65];
};

struct signature_module_state {
	const uint8_t *data;
	size_t len;
	size_t text_at;
	unsigned digest_next;
	struct signature_digest_entry digests[SIGNATURE_DIGEST_CACHE];
	struct signature_pe pe;
	struct signature_elf elf;
	char texts[SIGNATURE_MODULE_TEXTS];
};

/* The field table of a module and its two functions. */
struct signature_module_driver {
	struct signature_module module;
	void (*value)(struct signature_module_state *s, unsigned id, const struct signature_key *keys, unsigned key_count,
		      struct signature_value *ret);
	void (*call)(struct signature_module_state *s, unsigned id, unsigned overload, const struct signature_key *keys,
		     unsigned key_count, const struct signature_argument *arguments, struct signature_value *ret);
};

extern const struct signature_module_driver signature_pe_module;
extern const struct signature_module_driver signature_elf_module;
extern const struct signature_module_driver signature_math_module;
extern const struct signature_module_driver signature_hash_module;

static inline void signature_value_integer(struct signature_value *ret, int64_t integer)
{
	*ret = (struct signature_value){.type = SIGNATURE_TYPE_INTEGER, .integer = integer};
}
static inline void signature_value_float(struct signature_value *ret, double number)
{
	*ret = (struct signature_value){.type = SIGNATURE_TYPE_FLOAT, .number = number};
}
static inline void signature_value_text(struct signature_value *ret, struct str text)
{
	*ret = (struct signature_value){.type = SIGNATURE_TYPE_STRING, .text = text};
}

/* n bytes of the ring, or NULL when more than the ring has. */
char *signature_module_text(struct signature_module_state *s, size_t n);
/* A copy in the ring. UNDEFINED when too long. */
void signature_value_copy(struct signature_module_state *s, struct signature_value *ret, struct str text);
void signature_value_hex(struct signature_module_state *s, struct signature_value *ret, const uint8_t *bytes, size_t n);

/* The bytes [offset, offset + n) of the file. */
static inline bool signature_fits(const struct signature_module_state *s, uint64_t offset, uint64_t n)
{
	return offset <= s->len && n <= s->len - offset;
}
/* As hash.* and math.* take a part of the file: it begins within the file and is cut at its end. false: undefined. */
bool signature_range(const struct signature_module_state *s, int64_t offset, int64_t length, struct str *ret);
/* Little endian; 0 where the file has no such bytes: the caller checked, or means it so. */
uint16_t signature_u16(const struct signature_module_state *s, uint64_t offset);
uint32_t signature_u32(const struct signature_module_state *s, uint64_t offset);
uint64_t signature_u64(const struct signature_module_state *s, uint64_t offset);
/* What stands at `offset` up to a NUL, at most `max` bytes; *ret_ended: a NUL was there. */
struct str signature_cstring(const struct signature_module_state *s, uint64_t offset, size_t max, bool *ret_ended);
