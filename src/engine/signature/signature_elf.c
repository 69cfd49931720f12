/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_elf.h"

#include "engine/signature/signature_module_internal.h"

#define ELF_MAGIC      0x464c457f
#define TYPE_EXEC      2
#define SECTION_NULL   0
#define SECTION_SYMTAB 2
#define SECTION_STRTAB 3
#define SECTION_NOBITS 8
#define SECTION_DYNSYM 11
#define SECTIONS_LIMIT 0xff00
#define SEGMENTS_LIMIT 0xffff
#define SEGMENT_DYNAMIC 2

/* Where a field stands in the 32- and 64-bit form of a structure; `word` fields are as wide as the class. */
struct elf_field {
	uint8_t at_32, at_64, width; /* width 0: 4 or 8 by class */
};

/* clang-format off */
static const struct elf_field header_type = {16, 16, 2}, header_machine = {18, 18, 2}, header_entry = {24, 24, 0},
	header_ph_offset = {28, 32, 0}, header_sh_offset = {32, 40, 0}, header_ph_size = {42, 54, 2},
	header_ph_count = {44, 56, 2}, header_sh_size = {46, 58, 2}, header_sh_count = {48, 60, 2},
	header_names = {50, 62, 2};
static const struct elf_field section_name = {0, 0, 4}, section_type = {4, 4, 4}, section_flags = {8, 8, 0},
	section_address = {12, 16, 0}, section_offset = {16, 24, 0}, section_size = {20, 32, 0}, section_link = {24, 40, 4};
static const struct elf_field segment_type = {0, 0, 4}, segment_flags = {24, 4, 4}, segment_offset = {4, 8, 0},
	segment_address = {8, 16, 0}, segment_physical = {12, 24, 0}, segment_file_size = {16, 32, 0},
	segment_memory_size = {20, 40, 0}, segment_alignment = {28, 48, 0};
static const struct elf_field symbol_name = {0, 0, 4}, symbol_info = {12, 4, 1}, symbol_index = {14, 6, 2},
	symbol_value = {4, 8, 0}, symbol_size = {8, 16, 0};
static const struct elf_field dynamic_tag = {0, 0, 0}, dynamic_value = {4, 8, 0};
/* clang-format on */

static uint64_t section_bytes(const struct signature_elf *elf)
{
	return elf->is_64 ? 64 : 40;
}
static uint64_t segment_bytes(const struct signature_elf *elf)
{
	return elf->is_64 ? 56 : 32;
}
static uint64_t symbol_bytes(const struct signature_elf *elf)
{
	return elf->is_64 ? 24 : 16;
}
static uint64_t dynamic_bytes(const struct signature_elf *elf)
{
	return elf->is_64 ? 16 : 8;
}

/* 0 where it lies outside. */
static uint64_t get(const struct signature_module_state *s, uint64_t base, struct elf_field f)
{
	const unsigned width = f.width != 0 ? f.width : s->elf.is_64 ? 8 : 4;
	const uint64_t at = base + (s->elf.is_64 ? f.at_64 : f.at_32);
	uint64_t v = 0;

	if (at < base || !signature_fits(s, at, width))
		return 0;
	for (unsigned i = 0; i < width; i++)
		v |= (uint64_t)s->data[at + i] << 8 * (s->elf.is_big ? width - 1 - i : i);
	return v;
}

static bool look(struct signature_module_state *s)
{
	struct signature_elf *elf = &s->elf;

	elf->symtab.looked = elf->dynsym.looked = false;
	if (s->len < 16 || signature_u32(s, 0) != ELF_MAGIC || s->data[4] < 1 || s->data[4] > 2 || s->data[5] < 1 ||
	    s->data[5] > 2)
		return false;
	elf->is_64 = s->data[4] == 2;
	elf->is_big = s->data[5] == 2;
	return s->len > (elf->is_64 ? 64 : 52);
}

static const struct signature_elf *elf_of(struct signature_module_state *s)
{
	if (!s->elf.looked) {
		s->elf.looked = true;
		s->elf.is_elf = look(s);
	}
	return s->elf.is_elf ? &s->elf : NULL;
}

/* [offset, offset + count * size) lies within the file and does not begin at 0. */
static bool table_fits(const struct signature_module_state *s, uint64_t offset, uint64_t count, uint64_t size)
{
	return offset != 0 && count != 0 && offset <= s->len && count * size <= s->len - offset;
}

/* Sums of addresses wrap in the width of the class. */
static bool within(const struct signature_module_state *s, uint64_t address, uint64_t from, uint64_t size)
{
	const uint64_t end = s->elf.is_64 ? from + size : (uint32_t)(from + size);

	return address >= from && address < end;
}

static bool entry_point(const struct signature_module_state *s, uint64_t *ret)
{
	const uint64_t address = get(s, 0, header_entry);
	const bool by_segment = get(s, 0, header_type) == TYPE_EXEC;
	const uint64_t table = get(s, 0, by_segment ? header_ph_offset : header_sh_offset);
	const uint64_t count = get(s, 0, by_segment ? header_ph_count : header_sh_count);
	const uint64_t size = by_segment ? segment_bytes(&s->elf) : section_bytes(&s->elf);

	if (address == 0 || !table_fits(s, table, count, size))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		const uint64_t at = table + i * size;
		const uint64_t from = get(s, at, by_segment ? segment_address : section_address);
		if (!by_segment) {
			const uint64_t type = get(s, at, section_type);
			if (type == SECTION_NULL || type == SECTION_NOBITS)
				continue;
		}
		if (within(s, address, from, get(s, at, by_segment ? segment_memory_size : section_size))) {
			*ret = get(s, at, by_segment ? segment_offset : section_offset) + (address - from);
			return true;
		}
	}
	return false;
}

/* Sections that values are given of; 0 when the table does not fit. */
static uint64_t section_count(const struct signature_module_state *s)
{
	const uint64_t count = get(s, 0, header_sh_count), at = get(s, 0, header_sh_offset);

	if (count >= SECTIONS_LIMIT || get(s, 0, header_names) >= count || at >= s->len ||
	    count * section_bytes(&s->elf) > s->len - at)
		return 0;
	return count;
}

static uint64_t section_at(const struct signature_module_state *s, uint64_t i)
{
	return get(s, 0, header_sh_offset) + i * section_bytes(&s->elf);
}

static uint64_t segment_count(const struct signature_module_state *s)
{
	const uint64_t count = get(s, 0, header_ph_count), at = get(s, 0, header_ph_offset);

	if (count >= SEGMENTS_LIMIT || at >= s->len || count * segment_bytes(&s->elf) > s->len - at)
		return 0;
	return count;
}

static uint64_t segment_at(const struct signature_module_state *s, uint64_t i)
{
	return get(s, 0, header_ph_offset) + i * segment_bytes(&s->elf);
}

/* A name in a string table of the file, [table, end): the table begins with a NUL, the name ends with one in it. */
static void table_text(const struct signature_module_state *s, uint64_t table, uint64_t end, uint64_t index,
		       struct signature_value *ret)
{
	bool ended = false;

	if (table >= end || end > s->len || s->data[table] != 0 || index > INT32_MAX || index >= end - table)
		return;
	const struct str text = signature_cstring(s, table + index, (size_t)(end - table - index), &ended);
	if (ended)
		signature_value_text(ret, text);
}

static void section_name_value(const struct signature_module_state *s, uint64_t at, struct signature_value *ret)
{
	const uint64_t names = get(s, section_at(s, get(s, 0, header_names)), section_offset);
	const uint64_t index = get(s, at, section_name);

	if (names > 0 && names < s->len && index < s->len)
		table_text(s, names, s->len, index, ret);
}

/* clang-format off */
static void section_value(const struct signature_module_state *s, unsigned id, int64_t index, struct signature_value *ret)
{
	static const struct elf_field *const fields[] = {
		[ELF_SECTION_TYPE - ELF_SECTIONS] = &section_type, [ELF_SECTION_FLAGS - ELF_SECTIONS] = &section_flags,
		[ELF_SECTION_ADDRESS - ELF_SECTIONS] = &section_address, [ELF_SECTION_SIZE - ELF_SECTIONS] = &section_size,
		[ELF_SECTION_OFFSET - ELF_SECTIONS] = &section_offset};

	if (index < 0 || (uint64_t)index >= section_count(s))
		return;
	const uint64_t at = section_at(s, (uint64_t)index);
	if (id == ELF_SECTION_NAME)
		section_name_value(s, at, ret);
	else
		signature_value_integer(ret, (int64_t)get(s, at, *fields[id - ELF_SECTIONS]));
}

static void segment_value(const struct signature_module_state *s, unsigned id, int64_t index, struct signature_value *ret)
{
	static const struct elf_field *const fields[] = {
		[ELF_SEGMENT_TYPE - ELF_SEGMENTS] = &segment_type, [ELF_SEGMENT_FLAGS - ELF_SEGMENTS] = &segment_flags,
		[ELF_SEGMENT_OFFSET - ELF_SEGMENTS] = &segment_offset,
		[ELF_SEGMENT_VIRTUAL_ADDRESS - ELF_SEGMENTS] = &segment_address,
		[ELF_SEGMENT_PHYSICAL_ADDRESS - ELF_SEGMENTS] = &segment_physical,
		[ELF_SEGMENT_FILE_SIZE - ELF_SEGMENTS] = &segment_file_size,
		[ELF_SEGMENT_MEMORY_SIZE - ELF_SEGMENTS] = &segment_memory_size,
		[ELF_SEGMENT_ALIGNMENT - ELF_SEGMENTS] = &segment_alignment};

	if (index >= 0 && (uint64_t)index < segment_count(s))
		signature_value_integer(ret, (int64_t)get(s, segment_at(s, (uint64_t)index), *fields[id - ELF_SEGMENTS]));
}
/* clang-format on */

/* Entries of the dynamic table at a segment, its DT_NULL included. */
static uint64_t dynamic_count(const struct signature_module_state *s, uint64_t at)
{
	const uint64_t size = dynamic_bytes(&s->elf);

	for (uint64_t n = 0; signature_fits(s, at, size); n++, at += size)
		if (get(s, at, dynamic_tag) == 0)
			return n + 1;
		else if (!signature_fits(s, at + size, size))
			return n + 1;
	return 0;
}

/* Several dynamic segments fill one array, the later over the earlier; the count is the last one's. */
static void dynamic_value_of(const struct signature_module_state *s, unsigned id, const struct signature_key *key,
			     struct signature_value *ret)
{
	uint64_t longest = 0, last = 0;
	bool found = false;

	for (uint64_t i = 0; i < segment_count(s); i++) {
		if (get(s, segment_at(s, i), segment_type) != SEGMENT_DYNAMIC)
			continue;
		const uint64_t at = get(s, segment_at(s, i), segment_offset);
		last = dynamic_count(s, at);
		longest = last > longest ? last : longest;
		found = true;
		if (key != NULL && key->index >= 0 && (uint64_t)key->index < last)
			signature_value_integer(ret, (int64_t)get(s, at + (uint64_t)key->index * dynamic_bytes(&s->elf),
								  id == ELF_DYNAMIC_TYPE ? dynamic_tag : dynamic_value));
	}
	if (id == ELF_DYNAMIC)
		signature_value_integer(ret, (int64_t)longest);
	else if (id == ELF_DYNAMIC_SECTION_ENTRIES && found)
		signature_value_integer(ret, (int64_t)last);
}

static void find_symbols(const struct signature_module_state *s, uint64_t type, struct elf_symbols *ret)
{
	const uint64_t count = section_count(s);
	/* libyara compares the link with the header's count as a little-endian number. */
	const uint64_t limit = signature_u16(s, s->elf.is_64 ? 60 : 48);

	*ret = (struct elf_symbols){.looked = true};
	for (uint64_t i = 0; i < count; i++) {
		const uint64_t at = section_at(s, i), link = get(s, at, section_link);
		if (get(s, at, section_type) != type || link >= limit)
			continue;
		const uint64_t strings = section_at(s, link);
		if (!signature_fits(s, strings, section_bytes(&s->elf)) || get(s, strings, section_type) != SECTION_STRTAB)
			continue;
		ret->there = true;
		ret->at = get(s, at, section_offset);
		ret->size = get(s, at, section_size);
		ret->names_at = get(s, strings, section_offset);
		ret->names_size = get(s, strings, section_size);
	}
	ret->there = ret->there && signature_fits(s, ret->at, ret->size) && signature_fits(s, ret->names_at, ret->names_size);
}

static void symbol_value_of(struct signature_module_state *s, bool dynamic, unsigned which, const struct signature_key *key,
			    struct signature_value *ret)
{
	struct elf_symbols *t = dynamic ? &s->elf.dynsym : &s->elf.symtab;

	if (!t->looked)
		find_symbols(s, dynamic ? SECTION_DYNSYM : SECTION_SYMTAB, t);
	const uint64_t size = symbol_bytes(&s->elf), count = t->there ? t->size / size : 0;
	if (key == NULL) {
		/* The array has a length always, the number of entries only with a table. */
		if (t->there || which == 0)
			signature_value_integer(ret, (int64_t)count);
		return;
	}
	if (key->index < 0 || (uint64_t)key->index >= count)
		return;
	const uint64_t at = t->at + (uint64_t)key->index * size;
	switch (which + ELF_SYMTAB) {
	case ELF_SYMTAB_NAME:
		table_text(s, t->names_at, t->names_at + t->names_size, get(s, at, symbol_name), ret);
		break;
	case ELF_SYMTAB_VALUE:
		signature_value_integer(ret, (int64_t)get(s, at, symbol_value));
		break;
	case ELF_SYMTAB_SIZE:
		signature_value_integer(ret, (int64_t)get(s, at, symbol_size));
		break;
	case ELF_SYMTAB_TYPE:
		signature_value_integer(ret, (int64_t)(get(s, at, symbol_info) & 15));
		break;
	case ELF_SYMTAB_BIND:
		signature_value_integer(ret, (int64_t)(get(s, at, symbol_info) >> 4));
		break;
	case ELF_SYMTAB_SHNDX:
		signature_value_integer(ret, (int64_t)get(s, at, symbol_index));
		break;
	}
}

static void header_value(struct signature_module_state *s, unsigned id, struct signature_value *ret)
{
	static const struct elf_field *const fields[] = {
		[ELF_TYPE] = &header_type,
		[ELF_MACHINE] = &header_machine,
		[ELF_NUMBER_OF_SECTIONS] = &header_sh_count,
		[ELF_SH_OFFSET] = &header_sh_offset,
		[ELF_SH_ENTRY_SIZE] = &header_sh_size,
		[ELF_NUMBER_OF_SEGMENTS] = &header_ph_count,
		[ELF_PH_OFFSET] = &header_ph_offset,
		[ELF_PH_ENTRY_SIZE] = &header_ph_size,
	};
	uint64_t entry = 0;

	switch (id) {
	case ELF_ENTRY_POINT:
		if (entry_point(s, &entry))
			signature_value_integer(ret, (int64_t)entry);
		break;
	case ELF_DYNAMIC_SECTION_ENTRIES:
		dynamic_value_of(s, id, NULL, ret);
		break;
	case ELF_SYMTAB_ENTRIES:
		symbol_value_of(s, false, 1, NULL, ret);
		break;
	case ELF_DYNSYM_ENTRIES:
		symbol_value_of(s, true, 1, NULL, ret);
		break;
	default:
		if (id < sizeof(fields) / sizeof(fields[0]) && fields[id] != NULL)
			signature_value_integer(ret, (int64_t)get(s, 0, *fields[id]));
	}
}

static void length_value(struct signature_module_state *s, unsigned id, struct signature_value *ret)
{
	switch (id) {
	case ELF_SECTIONS:
		signature_value_integer(ret, (int64_t)section_count(s));
		break;
	case ELF_SEGMENTS:
		signature_value_integer(ret, (int64_t)segment_count(s));
		break;
	case ELF_DYNAMIC:
		dynamic_value_of(s, id, NULL, ret);
		break;
	case ELF_SYMTAB:
	case ELF_DYNSYM:
		symbol_value_of(s, id == ELF_DYNSYM, 0, NULL, ret);
		break;
	}
}

static void value(struct signature_module_state *s, unsigned id, const struct signature_key *keys, unsigned key_count,
		  struct signature_value *ret)
{
	if (elf_of(s) == NULL)
		return;
	if (id < ELF_SECTIONS)
		header_value(s, id, ret);
	else if (key_count != 1)
		length_value(s, id, ret);
	else if (id > ELF_SECTIONS && id <= ELF_SECTION_OFFSET)
		section_value(s, id, keys[0].index, ret);
	else if (id > ELF_SEGMENTS && id <= ELF_SEGMENT_ALIGNMENT)
		segment_value(s, id, keys[0].index, ret);
	else if (id == ELF_DYNAMIC_TYPE || id == ELF_DYNAMIC_VAL)
		dynamic_value_of(s, id, &keys[0], ret);
	else if (id > ELF_SYMTAB && id <= ELF_SYMTAB_SHNDX)
		symbol_value_of(s, false, id - ELF_SYMTAB, &keys[0], ret);
	else if (id > ELF_DYNSYM && id <= ELF_DYNSYM_SHNDX)
		symbol_value_of(s, true, id - ELF_DYNSYM, &keys[0], ret);
}

const struct signature_module_driver signature_elf_module = {
	.module = {.name = "elf", .id = SIGNATURE_MODULE_ELF, .fields = signature_elf_fields},
	.value = value,
};
