/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The language's word `entrypoint`. libyara finds it by code of its own, older and simpler than the modules', and rules
 * that use the word are as old: its results are kept, 0 where it gives up included.
 */
#include "engine/signature/signature_module_internal.h"

static bool pe_entrypoint(const struct signature_module_state *s, uint64_t *ret)
{
	const uint64_t nt = signature_u32(s, 0x3c);

	if (s->len < 64 || signature_u16(s, 0) != 0x5a4d || nt > INT32_MAX || s->len <= nt + 248 ||
	    signature_u32(s, nt) != 0x4550)
		return false;
	const uint16_t machine = signature_u16(s, nt + 4);
	if (machine != 0x14c && machine != 0x8664)
		return false;
	const uint64_t sections = nt + 24 + signature_u16(s, nt + 20), rva = signature_u32(s, nt + 24 + 16);
	uint32_t section_rva = 0, section_at = 0;
	*ret = 0;
	for (unsigned i = 0; i < signature_u16(s, nt + 6) && i < 60; i++) {
		const uint64_t at = sections + 40 * (uint64_t)i;
		if (at - nt + 40 >= s->len - nt)
			return true;
		const uint32_t address = signature_u32(s, at + 12);
		if (rva >= address && section_rva <= address) {
			section_rva = address;
			section_at = signature_u32(s, at + 20);
		}
	}
	*ret = section_at + (rva - section_rva);
	return true;
}

static uint64_t word(const struct signature_module_state *s, uint64_t at, bool wide)
{
	return wide ? signature_u64(s, at) : signature_u32(s, at);
}

/* Where the fields of program and section headers stand. */
struct layout {
	uint8_t table, count, entry; /* in the ELF header; bytes of one entry */
	uint8_t address, length, offset;
};

static const struct layout layouts[2][2] = {
	{{32, 48, 40, 12, 20, 16}, {28, 44, 32, 8, 20, 4}},
	{{40, 60, 64, 16, 32, 24}, {32, 56, 56, 16, 40, 8}},
};

/* The offset of what is mapped at the address, or 0. */
static uint64_t elf_offset(const struct signature_module_state *s, bool wide, bool by_segment, uint64_t address)
{
	const struct layout *l = &layouts[wide][by_segment];
	const uint64_t table = word(s, l->table, wide), count = signature_u16(s, l->count);

	if (table == 0 || table > s->len || count * l->entry > s->len - table)
		return 0;
	for (uint64_t i = 0; i < count; i++) {
		const uint64_t at = table + i * l->entry, type = signature_u32(s, at + 4);
		const uint64_t from = word(s, at + l->address, wide), length = word(s, at + l->length, wide);
		const uint64_t end = wide ? from + length : (uint32_t)(from + length);
		if (!by_segment && (type == 0 || type == 8)) /* nothing, or nothing in the file */
			continue;
		if (address >= from && address < end)
			return word(s, at + l->offset, wide) + (address - from);
	}
	return 0;
}

static bool elf_entrypoint(const struct signature_module_state *s, uint64_t *ret)
{
	if (s->len < 16 || signature_u32(s, 0) != 0x464c457f || s->data[4] < 1 || s->data[4] > 2)
		return false;
	const bool wide = s->data[4] == 2, by_segment = signature_u16(s, 16) == 2;
	if (s->len < (wide ? 64 : 52))
		return false;
	*ret = elf_offset(s, wide, by_segment, word(s, 24, wide));
	return true;
}

bool signature_module_entrypoint(struct signature_module_state *s, uint64_t *ret_offset)
{
	return pe_entrypoint(s, ret_offset) || elf_entrypoint(s, ret_offset);
}
