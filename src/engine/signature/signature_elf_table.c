/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_elf.h"

#define CONSTANT(name_, value_)                                                                                        \
	{                                                                                                              \
		.name = (name_), .type = SIGNATURE_TYPE_INTEGER, .is_constant = true, .constant = (value_)             \
	}
#define INTEGER(name_, id_)                                                                                            \
	{                                                                                                              \
		.name = (name_), .type = SIGNATURE_TYPE_INTEGER, .id = (id_)                                           \
	}
#define TEXT(name_, id_)                                                                                               \
	{                                                                                                              \
		.name = (name_), .type = SIGNATURE_TYPE_STRING, .id = (id_)                                            \
	}
#define ARRAY(name_, id_, members_)                                                                                    \
	{                                                                                                              \
		.name = (name_), .type = SIGNATURE_TYPE_ARRAY, .element = SIGNATURE_TYPE_STRUCT, .id = (id_),          \
		.members = (members_)                                                                                  \
	}

static const struct signature_field sections[] = {
	TEXT("name", ELF_SECTION_NAME),
	INTEGER("type", ELF_SECTION_TYPE),
	INTEGER("flags", ELF_SECTION_FLAGS),
	INTEGER("address", ELF_SECTION_ADDRESS),
	INTEGER("size", ELF_SECTION_SIZE),
	INTEGER("offset", ELF_SECTION_OFFSET),
	{0},
};

static const struct signature_field segments[] = {
	INTEGER("type", ELF_SEGMENT_TYPE),
	INTEGER("flags", ELF_SEGMENT_FLAGS),
	INTEGER("offset", ELF_SEGMENT_OFFSET),
	INTEGER("virtual_address", ELF_SEGMENT_VIRTUAL_ADDRESS),
	INTEGER("physical_address", ELF_SEGMENT_PHYSICAL_ADDRESS),
	INTEGER("file_size", ELF_SEGMENT_FILE_SIZE),
	INTEGER("memory_size", ELF_SEGMENT_MEMORY_SIZE),
	INTEGER("alignment", ELF_SEGMENT_ALIGNMENT),
	{0},
};

static const struct signature_field dynamic[] = {
	INTEGER("type", ELF_DYNAMIC_TYPE),
	INTEGER("val", ELF_DYNAMIC_VAL),
	{0},
};

static const struct signature_field symtab[] = {
	TEXT("name", ELF_SYMTAB_NAME),
	INTEGER("value", ELF_SYMTAB_VALUE),
	INTEGER("size", ELF_SYMTAB_SIZE),
	INTEGER("type", ELF_SYMTAB_TYPE),
	INTEGER("bind", ELF_SYMTAB_BIND),
	INTEGER("shndx", ELF_SYMTAB_SHNDX),
	{0},
};

static const struct signature_field dynsym[] = {
	TEXT("name", ELF_DYNSYM_NAME),
	INTEGER("value", ELF_DYNSYM_VALUE),
	INTEGER("size", ELF_DYNSYM_SIZE),
	INTEGER("type", ELF_DYNSYM_TYPE),
	INTEGER("bind", ELF_DYNSYM_BIND),
	INTEGER("shndx", ELF_DYNSYM_SHNDX),
	{0},
};

const struct signature_field signature_elf_fields[] = {
	INTEGER("type", ELF_TYPE),
	INTEGER("machine", ELF_MACHINE),
	INTEGER("entry_point", ELF_ENTRY_POINT),
	INTEGER("number_of_sections", ELF_NUMBER_OF_SECTIONS),
	INTEGER("sh_offset", ELF_SH_OFFSET),
	INTEGER("sh_entry_size", ELF_SH_ENTRY_SIZE),
	INTEGER("number_of_segments", ELF_NUMBER_OF_SEGMENTS),
	INTEGER("ph_offset", ELF_PH_OFFSET),
	INTEGER("ph_entry_size", ELF_PH_ENTRY_SIZE),
	INTEGER("dynamic_section_entries", ELF_DYNAMIC_SECTION_ENTRIES),
	INTEGER("symtab_entries", ELF_SYMTAB_ENTRIES),
	INTEGER("dynsym_entries", ELF_DYNSYM_ENTRIES),
	ARRAY("sections", ELF_SECTIONS, sections),
	ARRAY("segments", ELF_SEGMENTS, segments),
	ARRAY("dynamic", ELF_DYNAMIC, dynamic),
	ARRAY("symtab", ELF_SYMTAB, symtab),
	ARRAY("dynsym", ELF_DYNSYM, dynsym),
	CONSTANT("DT_BIND_NOW", 24),
	CONSTANT("DT_DEBUG", 21),
	CONSTANT("DT_ENCODING", 32),
	CONSTANT("DT_FINI", 13),
	CONSTANT("DT_FINI_ARRAY", 26),
	CONSTANT("DT_FINI_ARRAYSZ", 28),
	CONSTANT("DT_FLAGS", 30),
	CONSTANT("DT_HASH", 4),
	CONSTANT("DT_INIT", 12),
	CONSTANT("DT_INIT_ARRAY", 25),
	CONSTANT("DT_INIT_ARRAYSZ", 27),
	CONSTANT("DT_JMPREL", 23),
	CONSTANT("DT_NEEDED", 1),
	CONSTANT("DT_NULL", 0),
	CONSTANT("DT_PLTGOT", 3),
	CONSTANT("DT_PLTREL", 20),
	CONSTANT("DT_PLTRELSZ", 2),
	CONSTANT("DT_REL", 17),
	CONSTANT("DT_RELA", 7),
	CONSTANT("DT_RELAENT", 9),
	CONSTANT("DT_RELASZ", 8),
	CONSTANT("DT_RELENT", 19),
	CONSTANT("DT_RELSZ", 18),
	CONSTANT("DT_RPATH", 15),
	CONSTANT("DT_RUNPATH", 29),
	CONSTANT("DT_SONAME", 14),
	CONSTANT("DT_STRSZ", 10),
	CONSTANT("DT_STRTAB", 5),
	CONSTANT("DT_SYMBOLIC", 16),
	CONSTANT("DT_SYMENT", 11),
	CONSTANT("DT_SYMTAB", 6),
	CONSTANT("DT_TEXTREL", 22),
	CONSTANT("EM_386", 3),
	CONSTANT("EM_68K", 4),
	CONSTANT("EM_860", 7),
	CONSTANT("EM_88K", 5),
	CONSTANT("EM_AARCH64", 183),
	CONSTANT("EM_ARM", 40),
	CONSTANT("EM_M32", 1),
	CONSTANT("EM_MIPS", 8),
	CONSTANT("EM_MIPS_RS3_LE", 10),
	CONSTANT("EM_NONE", 0),
	CONSTANT("EM_PPC", 20),
	CONSTANT("EM_PPC64", 21),
	CONSTANT("EM_SPARC", 2),
	CONSTANT("EM_X86_64", 62),
	CONSTANT("ET_CORE", 4),
	CONSTANT("ET_DYN", 3),
	CONSTANT("ET_EXEC", 2),
	CONSTANT("ET_NONE", 0),
	CONSTANT("ET_REL", 1),
	CONSTANT("PF_R", 4),
	CONSTANT("PF_W", 2),
	CONSTANT("PF_X", 1),
	CONSTANT("PT_DYNAMIC", 2),
	CONSTANT("PT_GNU_EH_FRAME", 1685382480),
	CONSTANT("PT_GNU_STACK", 1685382481),
	CONSTANT("PT_INTERP", 3),
	CONSTANT("PT_LOAD", 1),
	CONSTANT("PT_NOTE", 4),
	CONSTANT("PT_NULL", 0),
	CONSTANT("PT_PHDR", 6),
	CONSTANT("PT_SHLIB", 5),
	CONSTANT("PT_TLS", 7),
	CONSTANT("SHF_ALLOC", 2),
	CONSTANT("SHF_EXECINSTR", 4),
	CONSTANT("SHF_WRITE", 1),
	CONSTANT("SHT_DYNAMIC", 6),
	CONSTANT("SHT_DYNSYM", 11),
	CONSTANT("SHT_HASH", 5),
	CONSTANT("SHT_NOBITS", 8),
	CONSTANT("SHT_NOTE", 7),
	CONSTANT("SHT_NULL", 0),
	CONSTANT("SHT_PROGBITS", 1),
	CONSTANT("SHT_REL", 9),
	CONSTANT("SHT_RELA", 4),
	CONSTANT("SHT_SHLIB", 10),
	CONSTANT("SHT_STRTAB", 3),
	CONSTANT("SHT_SYMTAB", 2),
	CONSTANT("STB_GLOBAL", 1),
	CONSTANT("STB_LOCAL", 0),
	CONSTANT("STB_WEAK", 2),
	CONSTANT("STT_COMMON", 5),
	CONSTANT("STT_FILE", 4),
	CONSTANT("STT_FUNC", 2),
	CONSTANT("STT_NOTYPE", 0),
	CONSTANT("STT_OBJECT", 1),
	CONSTANT("STT_SECTION", 3),
	CONSTANT("STT_TLS", 6),
	{0},
};
