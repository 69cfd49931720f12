/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Inside the room: the pe module's parts. Each reads what it is asked for from the file; what is dear and asked by many
 * rules (the import hash, certificates) is kept in the state. Limits are libyara's, so that values stay equal.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "engine/signature/signature_module.h"

#define PE_SECTIONS_MAX       96
#define PE_IMPORTS_MAX        16384
#define PE_EXPORTS_MAX        8192
#define PE_EXPORT_NAME_MAX    512
#define PE_RESOURCES_MAX      65537
#define PE_SIGNATURES_MAX     16
#define PE_DIRECTORIES        16
#define PE_NAME_TEXT          256 /* as X509_NAME_oneline is given */
#define PE_RESOURCE_STEPS_MAX 1000000 /* entries looked at: a tree may point back into itself */
#define PE_VERSION_INFOS_MAX  4096

enum pe_directory {
	PE_DIRECTORY_EXPORT = 0,
	PE_DIRECTORY_IMPORT = 1,
	PE_DIRECTORY_RESOURCE = 2,
	PE_DIRECTORY_SECURITY = 4,
	PE_DIRECTORY_DEBUG = 6,
	PE_DIRECTORY_DELAY_IMPORT = 13,
};

/* The numbers stand in images: append only. */
enum pe_id {
	PE_IS_PE = 1,
	PE_MACHINE,
	PE_NUMBER_OF_SECTIONS,
	PE_TIMESTAMP,
	PE_POINTER_TO_SYMBOL_TABLE,
	PE_NUMBER_OF_SYMBOLS,
	PE_SIZE_OF_OPTIONAL_HEADER,
	PE_CHARACTERISTICS,
	PE_ENTRY_POINT,
	PE_ENTRY_POINT_RAW,
	PE_IMAGE_BASE,
	PE_NUMBER_OF_RVA_AND_SIZES,
	PE_OPTHDR_MAGIC,
	PE_LINKER_MAJOR,
	PE_LINKER_MINOR,
	PE_SIZE_OF_CODE,
	PE_SIZE_OF_INITIALIZED_DATA,
	PE_SIZE_OF_UNINITIALIZED_DATA,
	PE_BASE_OF_CODE,
	PE_BASE_OF_DATA,
	PE_SECTION_ALIGNMENT,
	PE_FILE_ALIGNMENT,
	PE_OS_MAJOR,
	PE_OS_MINOR,
	PE_IMAGE_MAJOR,
	PE_IMAGE_MINOR,
	PE_SUBSYSTEM_MAJOR,
	PE_SUBSYSTEM_MINOR,
	PE_WIN32_VERSION_VALUE,
	PE_SIZE_OF_IMAGE,
	PE_SIZE_OF_HEADERS,
	PE_CHECKSUM,
	PE_SUBSYSTEM,
	PE_DLL_CHARACTERISTICS,
	PE_SIZE_OF_STACK_RESERVE,
	PE_SIZE_OF_STACK_COMMIT,
	PE_SIZE_OF_HEAP_RESERVE,
	PE_SIZE_OF_HEAP_COMMIT,
	PE_LOADER_FLAGS,
	PE_HEADER__END,

	PE_DATA_DIRECTORIES = 60,
	PE_DATA_DIRECTORY_ADDRESS,
	PE_DATA_DIRECTORY_SIZE,
	PE_SECTIONS,
	PE_SECTION_NAME,
	PE_SECTION_FULL_NAME,
	PE_SECTION_CHARACTERISTICS,
	PE_SECTION_VIRTUAL_ADDRESS,
	PE_SECTION_VIRTUAL_SIZE,
	PE_SECTION_RAW_DATA_OFFSET,
	PE_SECTION_RAW_DATA_SIZE,
	PE_SECTION_POINTER_TO_RELOCATIONS,
	PE_SECTION_POINTER_TO_LINE_NUMBERS,
	PE_SECTION_NUMBER_OF_RELOCATIONS,
	PE_SECTION_NUMBER_OF_LINE_NUMBERS,
	PE_OVERLAY_OFFSET,
	PE_OVERLAY_SIZE,

	PE_RICH_OFFSET = 80,
	PE_RICH_LENGTH,
	PE_RICH_KEY,
	PE_RICH_RAW_DATA,
	PE_RICH_CLEAR_DATA,
	PE_RICH_VERSION,
	PE_RICH_TOOLID,
	PE_PDB_PATH,

	PE_NUMBER_OF_IMPORTS = 90,
	PE_NUMBER_OF_IMPORTED_FUNCTIONS,
	PE_NUMBER_OF_DELAYED_IMPORTS,
	PE_NUMBER_OF_DELAYED_IMPORTED_FUNCTIONS,
	PE_IMPORT_DETAILS,
	PE_IMPORT_LIBRARY_NAME,
	PE_IMPORT_NUMBER_OF_FUNCTIONS,
	PE_IMPORT_FUNCTIONS,
	PE_IMPORT_FUNCTION_NAME,
	PE_IMPORT_FUNCTION_ORDINAL,
	PE_DELAY_IMPORT_DETAILS,
	PE_DELAY_IMPORT_LIBRARY_NAME,
	PE_DELAY_IMPORT_NUMBER_OF_FUNCTIONS,
	PE_DELAY_IMPORT_FUNCTIONS,
	PE_DELAY_IMPORT_FUNCTION_NAME,
	PE_DELAY_IMPORT_FUNCTION_ORDINAL,
	PE_IMPORTS,
	PE_IMPHASH,

	PE_NUMBER_OF_EXPORTS = 120,
	PE_DLL_NAME,
	PE_EXPORT_TIMESTAMP,
	PE_EXPORT_DETAILS,
	PE_EXPORT_OFFSET,
	PE_EXPORT_NAME,
	PE_EXPORT_FORWARD_NAME,
	PE_EXPORT_ORDINAL,
	PE_EXPORTS,
	PE_EXPORTS_INDEX,

	PE_NUMBER_OF_RESOURCES = 140,
	PE_RESOURCE_TIMESTAMP,
	PE_RESOURCE_VERSION_MAJOR,
	PE_RESOURCE_VERSION_MINOR,
	PE_RESOURCES,
	PE_RESOURCE_RVA,
	PE_RESOURCE_OFFSET,
	PE_RESOURCE_LENGTH,
	PE_RESOURCE_TYPE,
	PE_RESOURCE_ID,
	PE_RESOURCE_LANGUAGE,
	PE_RESOURCE_TYPE_STRING,
	PE_RESOURCE_NAME_STRING,
	PE_RESOURCE_LANGUAGE_STRING,
	PE_NUMBER_OF_VERSION_INFOS,
	PE_VERSION_INFO,
	PE_VERSION_INFO_LIST,
	PE_VERSION_INFO_KEY,
	PE_VERSION_INFO_VALUE,
	PE_LOCALE,
	PE_LANGUAGE,

	PE_NUMBER_OF_SIGNATURES = 180,
	PE_SIGNATURES,
	PE_SIGNATURE_THUMBPRINT,
	PE_SIGNATURE_ISSUER,
	PE_SIGNATURE_SUBJECT,
	PE_SIGNATURE_VERSION,
	PE_SIGNATURE_ALGORITHM,
	PE_SIGNATURE_ALGORITHM_OID,
	PE_SIGNATURE_SERIAL,
	PE_SIGNATURE_NOT_BEFORE,
	PE_SIGNATURE_NOT_AFTER,
	PE_SIGNATURE_VALID_ON,

	PE_SECTION_INDEX = 200,
	PE_IS_DLL,
	PE_IS_32BIT,
	PE_IS_64BIT,
	PE_CALCULATE_CHECKSUM,
	PE_RVA_TO_OFFSET,
};

/* One function that a PE file imports. */
struct pe_import {
	struct str name; /* from the file, a constant table, or `made` of the walk */
	bool has_ordinal;
	uint16_t ordinal;
};

/* A walk over the imported libraries and their functions; a plain value, so that a copy looks ahead. */
struct pe_import_walk {
	bool delayed, begun, finished, old_style; /* old_style: a delay descriptor of virtual addresses */
	uint64_t descriptor, thunk, address_thunk;
	uint32_t libraries, functions; /* as libyara counts them */
	uint32_t library, function;    /* how many were handed out: libraries, and functions of all of them */
	struct str library_name;
	char made[16]; /* "ord65535" */
};

struct pe_resource {
	uint32_t rva, length, type, id, language;
	struct str type_string, name_string, language_string; /* p == NULL: has a number instead */
};

struct pe_resource_level {
	uint64_t entry;
	uint32_t left;
	struct str type_string, name_string, language_string;
};

struct pe_resource_walk {
	bool finished;
	uint64_t base;
	uint32_t steps, count; /* count: resources handed out */
	uint32_t type, id, language;
	unsigned depth; /* levels in use */
	struct pe_resource_level levels[3];
};

struct pe_certificate {
	uint8_t thumbprint[20];
	int64_t version, not_before, not_after;
	char issuer[PE_NAME_TEXT], subject[PE_NAME_TEXT], serial[64], algorithm_oid[128];
	const char *algorithm;
};

struct signature_pe {
	bool looked, is_pe, is_64;
	uint32_t nt;         /* of "PE\0\0" */
	uint64_t optional;   /* of the optional header */
	uint64_t section_at; /* of the first section header */
	uint16_t section_count;

	bool has_imphash;
	char imphash[33];
	bool has_resource_count, has_version_count;
	uint32_t resource_count, version_count;
	/* Where the last question ended: loops ask one after the other. */
	bool has_resource;
	struct pe_resource_walk resource_walk;
	struct pe_resource resource;
	bool has_import;
	struct pe_import_walk import_walk;
	struct pe_import import;
	bool has_certificates;
	unsigned certificate_count;
	struct pe_certificate certificates[PE_SIGNATURES_MAX];
};

struct signature_module_state;

static inline void signature_pe_begin(struct signature_pe *pe)
{
	pe->looked = false;
}
/* The headers, or NULL: not a PE file (as libyara sees it). */
struct signature_pe *signature_pe_of(struct signature_module_state *s);
/* A directory's entry; false: the header says that there is none. */
bool signature_pe_directory(const struct signature_module_state *s, enum pe_directory which, uint32_t *ret_rva,
                            uint32_t *ret_size);
/* File offset of an address, or -1. */
int64_t signature_pe_offset(const struct signature_module_state *s, uint64_t rva);

/* The parts. A value that is not there leaves *ret undefined. The file is a PE file. */
void signature_pe_debug_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
			      unsigned key_count, struct signature_value *ret);
void signature_pe_rich_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
			     unsigned key_count, struct signature_value *ret);
void signature_pe_rich_call(struct signature_module_state *s, unsigned id, unsigned overload,
			    const struct signature_argument *a, struct signature_value *ret);
void signature_pe_import_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
                               unsigned key_count, struct signature_value *ret);
void signature_pe_import_call(struct signature_module_state *s, unsigned id, unsigned overload,
                              const struct signature_argument *a, struct signature_value *ret);
void signature_pe_export_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
                               unsigned key_count, struct signature_value *ret);
void signature_pe_export_call(struct signature_module_state *s, unsigned id, unsigned overload,
                              const struct signature_argument *a, struct signature_value *ret);
void signature_pe_resource_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
                                 unsigned key_count, struct signature_value *ret);
void signature_pe_resource_call(struct signature_module_state *s, unsigned id, const struct signature_argument *a,
                                struct signature_value *ret);
void signature_pe_certificate_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
                                    unsigned key_count, struct signature_value *ret);
void signature_pe_certificate_valid_on(struct signature_module_state *s, const struct signature_key *keys,
                                       unsigned key_count, int64_t at, struct signature_value *ret);

/* Walks. */
void signature_pe_imports_begin(struct pe_import_walk *w, bool delayed);
bool signature_pe_imports_library(const struct signature_module_state *s, struct pe_import_walk *w);
bool signature_pe_imports_function(const struct signature_module_state *s, struct pe_import_walk *w,
                                   struct pe_import *ret);
void signature_pe_resources_begin(const struct signature_module_state *s, struct pe_resource_walk *w);
bool signature_pe_resources_next(const struct signature_module_state *s, struct pe_resource_walk *w,
                                 struct pe_resource *ret);
/* Calls `each` for every entry of the file's version information until it returns false. Texts are made of the low
 * bytes of UTF-16, good during the call. */
void signature_pe_versions(const struct signature_module_state *s, const struct pe_resource *resource,
                           bool (*each)(void *ctx, struct str key, struct str value), void *ctx);
/* The name that libyara gives an import by number, or NULL. */
const char *signature_pe_ordinal_name(struct str library, uint16_t ordinal);

extern const struct signature_field signature_pe_fields[];
