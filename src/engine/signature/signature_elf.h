/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Inside the room: the elf module. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "engine/signature/signature_module.h"

/* The numbers stand in images: append only. */
enum elf_id {
	ELF_TYPE = 1,
	ELF_MACHINE,
	ELF_ENTRY_POINT,
	ELF_NUMBER_OF_SECTIONS,
	ELF_SH_OFFSET,
	ELF_SH_ENTRY_SIZE,
	ELF_NUMBER_OF_SEGMENTS,
	ELF_PH_OFFSET,
	ELF_PH_ENTRY_SIZE,
	ELF_DYNAMIC_SECTION_ENTRIES,
	ELF_SYMTAB_ENTRIES,
	ELF_DYNSYM_ENTRIES,
	ELF_SECTIONS = 20,
	ELF_SECTION_NAME,
	ELF_SECTION_TYPE,
	ELF_SECTION_FLAGS,
	ELF_SECTION_ADDRESS,
	ELF_SECTION_SIZE,
	ELF_SECTION_OFFSET,
	ELF_SEGMENTS = 30,
	ELF_SEGMENT_TYPE,
	ELF_SEGMENT_FLAGS,
	ELF_SEGMENT_OFFSET,
	ELF_SEGMENT_VIRTUAL_ADDRESS,
	ELF_SEGMENT_PHYSICAL_ADDRESS,
	ELF_SEGMENT_FILE_SIZE,
	ELF_SEGMENT_MEMORY_SIZE,
	ELF_SEGMENT_ALIGNMENT,
	ELF_DYNAMIC = 40,
	ELF_DYNAMIC_TYPE,
	ELF_DYNAMIC_VAL,
	ELF_SYMTAB = 50,
	ELF_SYMTAB_NAME,
	ELF_SYMTAB_VALUE,
	ELF_SYMTAB_SIZE,
	ELF_SYMTAB_TYPE,
	ELF_SYMTAB_BIND,
	ELF_SYMTAB_SHNDX,
	ELF_DYNSYM = 60,
	ELF_DYNSYM_NAME,
	ELF_DYNSYM_VALUE,
	ELF_DYNSYM_SIZE,
	ELF_DYNSYM_TYPE,
	ELF_DYNSYM_BIND,
	ELF_DYNSYM_SHNDX,
};

/* A symbol table and the strings of its names, as file offsets. */
struct elf_symbols {
	bool looked, there;
	uint64_t at, size, names_at, names_size;
};

struct signature_elf {
	bool looked, is_elf, is_64, is_big;
	struct elf_symbols symtab, dynsym;
};

static inline void signature_elf_begin(struct signature_elf *elf)
{
	elf->looked = false;
}

extern const struct signature_field signature_elf_fields[];
