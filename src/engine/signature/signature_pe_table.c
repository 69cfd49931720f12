/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_pe.h"

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
#define STRUCT(name_, members_)                                                                                        \
	{                                                                                                              \
		.name = (name_), .type = SIGNATURE_TYPE_STRUCT, .members = (members_)                                  \
	}
#define ARRAY(name_, id_, members_)                                                                                    \
	{                                                                                                              \
		.name = (name_), .type = SIGNATURE_TYPE_ARRAY, .element = SIGNATURE_TYPE_STRUCT, .id = (id_),          \
		.members = (members_)                                                                                  \
	}
#define FUNCTION(name_, id_, ...)                                                                                      \
	{                                                                                                              \
		.name = (name_), .type = SIGNATURE_TYPE_FUNCTION, .id = (id_),                                         \
		.overloads = (const char *const[]){__VA_ARGS__, NULL}                                                  \
	}

static const struct signature_field linker_version[] = {
	INTEGER("major", PE_LINKER_MAJOR),
	INTEGER("minor", PE_LINKER_MINOR),
	{0},
};

static const struct signature_field os_version[] = {
	INTEGER("major", PE_OS_MAJOR),
	INTEGER("minor", PE_OS_MINOR),
	{0},
};

static const struct signature_field image_version[] = {
	INTEGER("major", PE_IMAGE_MAJOR),
	INTEGER("minor", PE_IMAGE_MINOR),
	{0},
};

static const struct signature_field subsystem_version[] = {
	INTEGER("major", PE_SUBSYSTEM_MAJOR),
	INTEGER("minor", PE_SUBSYSTEM_MINOR),
	{0},
};

static const struct signature_field data_directories[] = {
	INTEGER("virtual_address", PE_DATA_DIRECTORY_ADDRESS),
	INTEGER("size", PE_DATA_DIRECTORY_SIZE),
	{0},
};

static const struct signature_field sections[] = {
	TEXT("name", PE_SECTION_NAME),
	TEXT("full_name", PE_SECTION_FULL_NAME),
	INTEGER("characteristics", PE_SECTION_CHARACTERISTICS),
	INTEGER("virtual_address", PE_SECTION_VIRTUAL_ADDRESS),
	INTEGER("virtual_size", PE_SECTION_VIRTUAL_SIZE),
	INTEGER("raw_data_offset", PE_SECTION_RAW_DATA_OFFSET),
	INTEGER("raw_data_size", PE_SECTION_RAW_DATA_SIZE),
	INTEGER("pointer_to_relocations", PE_SECTION_POINTER_TO_RELOCATIONS),
	INTEGER("pointer_to_line_numbers", PE_SECTION_POINTER_TO_LINE_NUMBERS),
	INTEGER("number_of_relocations", PE_SECTION_NUMBER_OF_RELOCATIONS),
	INTEGER("number_of_line_numbers", PE_SECTION_NUMBER_OF_LINE_NUMBERS),
	{0},
};

static const struct signature_field overlay[] = {
	INTEGER("offset", PE_OVERLAY_OFFSET),
	INTEGER("size", PE_OVERLAY_SIZE),
	{0},
};

static const struct signature_field rich_signature[] = {
	INTEGER("offset", PE_RICH_OFFSET),
	INTEGER("length", PE_RICH_LENGTH),
	INTEGER("key", PE_RICH_KEY),
	TEXT("raw_data", PE_RICH_RAW_DATA),
	TEXT("clear_data", PE_RICH_CLEAR_DATA),
	FUNCTION("version", PE_RICH_VERSION, "i:i", "ii:i"),
	FUNCTION("toolid", PE_RICH_TOOLID, "i:i", "ii:i"),
	{0},
};

static const struct signature_field import_functions[] = {
	TEXT("name", PE_IMPORT_FUNCTION_NAME),
	INTEGER("ordinal", PE_IMPORT_FUNCTION_ORDINAL),
	{0},
};

static const struct signature_field import_details[] = {
	TEXT("library_name", PE_IMPORT_LIBRARY_NAME),
	INTEGER("number_of_functions", PE_IMPORT_NUMBER_OF_FUNCTIONS),
	ARRAY("functions", PE_IMPORT_FUNCTIONS, import_functions),
	{0},
};

static const struct signature_field delay_import_functions[] = {
	TEXT("name", PE_DELAY_IMPORT_FUNCTION_NAME),
	INTEGER("ordinal", PE_DELAY_IMPORT_FUNCTION_ORDINAL),
	{0},
};

static const struct signature_field delay_import_details[] = {
	TEXT("library_name", PE_DELAY_IMPORT_LIBRARY_NAME),
	INTEGER("number_of_functions", PE_DELAY_IMPORT_NUMBER_OF_FUNCTIONS),
	ARRAY("functions", PE_DELAY_IMPORT_FUNCTIONS, delay_import_functions),
	{0},
};

static const struct signature_field export_details[] = {
	INTEGER("offset", PE_EXPORT_OFFSET),
	TEXT("name", PE_EXPORT_NAME),
	TEXT("forward_name", PE_EXPORT_FORWARD_NAME),
	INTEGER("ordinal", PE_EXPORT_ORDINAL),
	{0},
};

static const struct signature_field resource_version[] = {
	INTEGER("major", PE_RESOURCE_VERSION_MAJOR),
	INTEGER("minor", PE_RESOURCE_VERSION_MINOR),
	{0},
};

static const struct signature_field resources[] = {
	INTEGER("rva", PE_RESOURCE_RVA),
	INTEGER("offset", PE_RESOURCE_OFFSET),
	INTEGER("length", PE_RESOURCE_LENGTH),
	INTEGER("type", PE_RESOURCE_TYPE),
	INTEGER("id", PE_RESOURCE_ID),
	INTEGER("language", PE_RESOURCE_LANGUAGE),
	TEXT("type_string", PE_RESOURCE_TYPE_STRING),
	TEXT("name_string", PE_RESOURCE_NAME_STRING),
	TEXT("language_string", PE_RESOURCE_LANGUAGE_STRING),
	{0},
};

static const struct signature_field version_info_list[] = {
	TEXT("key", PE_VERSION_INFO_KEY),
	TEXT("value", PE_VERSION_INFO_VALUE),
	{0},
};

static const struct signature_field signatures[] = {
	TEXT("thumbprint", PE_SIGNATURE_THUMBPRINT),
	TEXT("issuer", PE_SIGNATURE_ISSUER),
	TEXT("subject", PE_SIGNATURE_SUBJECT),
	TEXT("algorithm", PE_SIGNATURE_ALGORITHM),
	TEXT("algorithm_oid", PE_SIGNATURE_ALGORITHM_OID),
	TEXT("serial", PE_SIGNATURE_SERIAL),
	INTEGER("version", PE_SIGNATURE_VERSION),
	INTEGER("not_before", PE_SIGNATURE_NOT_BEFORE),
	INTEGER("not_after", PE_SIGNATURE_NOT_AFTER),
	FUNCTION("valid_on", PE_SIGNATURE_VALID_ON, "i:i"),
	{0},
};

const struct signature_field signature_pe_fields[] = {
	INTEGER("is_pe", PE_IS_PE),
	INTEGER("machine", PE_MACHINE),
	INTEGER("number_of_sections", PE_NUMBER_OF_SECTIONS),
	INTEGER("timestamp", PE_TIMESTAMP),
	INTEGER("pointer_to_symbol_table", PE_POINTER_TO_SYMBOL_TABLE),
	INTEGER("number_of_symbols", PE_NUMBER_OF_SYMBOLS),
	INTEGER("size_of_optional_header", PE_SIZE_OF_OPTIONAL_HEADER),
	INTEGER("characteristics", PE_CHARACTERISTICS),
	INTEGER("entry_point", PE_ENTRY_POINT),
	INTEGER("entry_point_raw", PE_ENTRY_POINT_RAW),
	INTEGER("image_base", PE_IMAGE_BASE),
	INTEGER("number_of_rva_and_sizes", PE_NUMBER_OF_RVA_AND_SIZES),
	INTEGER("opthdr_magic", PE_OPTHDR_MAGIC),
	INTEGER("size_of_code", PE_SIZE_OF_CODE),
	INTEGER("size_of_initialized_data", PE_SIZE_OF_INITIALIZED_DATA),
	INTEGER("size_of_uninitialized_data", PE_SIZE_OF_UNINITIALIZED_DATA),
	INTEGER("base_of_code", PE_BASE_OF_CODE),
	INTEGER("base_of_data", PE_BASE_OF_DATA),
	INTEGER("section_alignment", PE_SECTION_ALIGNMENT),
	INTEGER("file_alignment", PE_FILE_ALIGNMENT),
	INTEGER("win32_version_value", PE_WIN32_VERSION_VALUE),
	INTEGER("size_of_image", PE_SIZE_OF_IMAGE),
	INTEGER("size_of_headers", PE_SIZE_OF_HEADERS),
	INTEGER("checksum", PE_CHECKSUM),
	INTEGER("subsystem", PE_SUBSYSTEM),
	INTEGER("dll_characteristics", PE_DLL_CHARACTERISTICS),
	INTEGER("size_of_stack_reserve", PE_SIZE_OF_STACK_RESERVE),
	INTEGER("size_of_stack_commit", PE_SIZE_OF_STACK_COMMIT),
	INTEGER("size_of_heap_reserve", PE_SIZE_OF_HEAP_RESERVE),
	INTEGER("size_of_heap_commit", PE_SIZE_OF_HEAP_COMMIT),
	INTEGER("loader_flags", PE_LOADER_FLAGS),
	INTEGER("number_of_imports", PE_NUMBER_OF_IMPORTS),
	INTEGER("number_of_imported_functions", PE_NUMBER_OF_IMPORTED_FUNCTIONS),
	INTEGER("number_of_delayed_imports", PE_NUMBER_OF_DELAYED_IMPORTS),
	INTEGER("number_of_delayed_imported_functions", PE_NUMBER_OF_DELAYED_IMPORTED_FUNCTIONS),
	INTEGER("number_of_exports", PE_NUMBER_OF_EXPORTS),
	INTEGER("export_timestamp", PE_EXPORT_TIMESTAMP),
	INTEGER("number_of_resources", PE_NUMBER_OF_RESOURCES),
	INTEGER("resource_timestamp", PE_RESOURCE_TIMESTAMP),
	INTEGER("number_of_version_infos", PE_NUMBER_OF_VERSION_INFOS),
	INTEGER("number_of_signatures", PE_NUMBER_OF_SIGNATURES),
	TEXT("dll_name", PE_DLL_NAME),
	TEXT("pdb_path", PE_PDB_PATH),
	STRUCT("linker_version", linker_version),
	STRUCT("os_version", os_version),
	STRUCT("image_version", image_version),
	STRUCT("subsystem_version", subsystem_version),
	STRUCT("overlay", overlay),
	STRUCT("rich_signature", rich_signature),
	STRUCT("resource_version", resource_version),
	ARRAY("data_directories", PE_DATA_DIRECTORIES, data_directories),
	ARRAY("sections", PE_SECTIONS, sections),
	ARRAY("import_details", PE_IMPORT_DETAILS, import_details),
	ARRAY("delay_import_details", PE_DELAY_IMPORT_DETAILS, delay_import_details),
	ARRAY("export_details", PE_EXPORT_DETAILS, export_details),
	ARRAY("resources", PE_RESOURCES, resources),
	ARRAY("version_info_list", PE_VERSION_INFO_LIST, version_info_list),
	ARRAY("signatures", PE_SIGNATURES, signatures),
	{.name = "version_info", .type = SIGNATURE_TYPE_DICTIONARY, .element = SIGNATURE_TYPE_STRING, .id = PE_VERSION_INFO},
	FUNCTION("imports", PE_IMPORTS, "ss:i", "si:i", "s:i", "rr:i", "iss:i", "isi:i", "is:i", "irr:i"),
	FUNCTION("imphash", PE_IMPHASH, ":s"),
	FUNCTION("exports", PE_EXPORTS, "s:i", "r:i", "i:i"),
	FUNCTION("exports_index", PE_EXPORTS_INDEX, "s:i", "i:i", "r:i"),
	FUNCTION("section_index", PE_SECTION_INDEX, "s:i", "i:i"),
	FUNCTION("locale", PE_LOCALE, "i:i"),
	FUNCTION("language", PE_LANGUAGE, "i:i"),
	FUNCTION("is_dll", PE_IS_DLL, ":i"),
	FUNCTION("is_32bit", PE_IS_32BIT, ":i"),
	FUNCTION("is_64bit", PE_IS_64BIT, ":i"),
	FUNCTION("calculate_checksum", PE_CALCULATE_CHECKSUM, ":i"),
	FUNCTION("rva_to_offset", PE_RVA_TO_OFFSET, "i:i"),
	CONSTANT("AGGRESIVE_WS_TRIM", 16),
	CONSTANT("APPCONTAINER", 4096),
	CONSTANT("BYTES_REVERSED_HI", 32768),
	CONSTANT("BYTES_REVERSED_LO", 128),
	CONSTANT("DEBUG_STRIPPED", 512),
	CONSTANT("DLL", 8192),
	CONSTANT("DYNAMIC_BASE", 64),
	CONSTANT("EXECUTABLE_IMAGE", 2),
	CONSTANT("FORCE_INTEGRITY", 128),
	CONSTANT("GUARD_CF", 16384),
	CONSTANT("HIGH_ENTROPY_VA", 32),
	CONSTANT("IMAGE_DEBUG_TYPE_BORLAND", 9),
	CONSTANT("IMAGE_DEBUG_TYPE_CLSID", 11),
	CONSTANT("IMAGE_DEBUG_TYPE_CODEVIEW", 2),
	CONSTANT("IMAGE_DEBUG_TYPE_COFF", 1),
	CONSTANT("IMAGE_DEBUG_TYPE_EXCEPTION", 5),
	CONSTANT("IMAGE_DEBUG_TYPE_FIXUP", 6),
	CONSTANT("IMAGE_DEBUG_TYPE_FPO", 3),
	CONSTANT("IMAGE_DEBUG_TYPE_ILTCG", 14),
	CONSTANT("IMAGE_DEBUG_TYPE_MISC", 4),
	CONSTANT("IMAGE_DEBUG_TYPE_MPX", 15),
	CONSTANT("IMAGE_DEBUG_TYPE_OMAP_FROM_SRC", 8),
	CONSTANT("IMAGE_DEBUG_TYPE_OMAP_TO_SRC", 7),
	CONSTANT("IMAGE_DEBUG_TYPE_POGO", 13),
	CONSTANT("IMAGE_DEBUG_TYPE_REPRO", 16),
	CONSTANT("IMAGE_DEBUG_TYPE_RESERVED10", 10),
	CONSTANT("IMAGE_DEBUG_TYPE_UNKNOWN", 0),
	CONSTANT("IMAGE_DEBUG_TYPE_VC_FEATURE", 12),
	CONSTANT("IMAGE_DIRECTORY_ENTRY_ARCHITECTURE", 7),
	CONSTANT("IMAGE_DIRECTORY_ENTRY_BASERELOC", 5),
	CONSTANT("IMAGE_DIRECTORY_ENTRY_BOUND_IMPORT", 11),
	CONSTANT("IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR", 14),
	CONSTANT("IMAGE_DIRECTORY_ENTRY_COPYRIGHT", 7),
	CONSTANT("IMAGE_DIRECTORY_ENTRY_DEBUG", 6),
	CONSTANT("IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT", 13),
	CONSTANT("IMAGE_DIRECTORY_ENTRY_EXCEPTION", 3),
	CONSTANT("IMAGE_DIRECTORY_ENTRY_EXPORT", 0),
	CONSTANT("IMAGE_DIRECTORY_ENTRY_GLOBALPTR", 8),
	CONSTANT("IMAGE_DIRECTORY_ENTRY_IAT", 12),
	CONSTANT("IMAGE_DIRECTORY_ENTRY_IMPORT", 1),
	CONSTANT("IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG", 10),
	CONSTANT("IMAGE_DIRECTORY_ENTRY_RESOURCE", 2),
	CONSTANT("IMAGE_DIRECTORY_ENTRY_SECURITY", 4),
	CONSTANT("IMAGE_DIRECTORY_ENTRY_TLS", 9),
	CONSTANT("IMAGE_NT_OPTIONAL_HDR32_MAGIC", 267),
	CONSTANT("IMAGE_NT_OPTIONAL_HDR64_MAGIC", 523),
	CONSTANT("IMAGE_ROM_OPTIONAL_HDR_MAGIC", 263),
	CONSTANT("IMPORT_ANY", -1),
	CONSTANT("IMPORT_DELAYED", 2),
	CONSTANT("IMPORT_STANDARD", 1),
	CONSTANT("LARGE_ADDRESS_AWARE", 32),
	CONSTANT("LINE_NUMS_STRIPPED", 4),
	CONSTANT("LOCAL_SYMS_STRIPPED", 8),
	CONSTANT("MACHINE_32BIT", 256),
	CONSTANT("MACHINE_ALPHA", 388),
	CONSTANT("MACHINE_ALPHA64", 644),
	CONSTANT("MACHINE_AM33", 467),
	CONSTANT("MACHINE_AMD64", 34404),
	CONSTANT("MACHINE_ARM", 448),
	CONSTANT("MACHINE_ARM64", 43620),
	CONSTANT("MACHINE_ARMNT", 452),
	CONSTANT("MACHINE_AXP64", 644),
	CONSTANT("MACHINE_CEE", 49390),
	CONSTANT("MACHINE_CEF", 3311),
	CONSTANT("MACHINE_EBC", 3772),
	CONSTANT("MACHINE_I386", 332),
	CONSTANT("MACHINE_IA64", 512),
	CONSTANT("MACHINE_M32R", 36929),
	CONSTANT("MACHINE_MIPS16", 614),
	CONSTANT("MACHINE_MIPSFPU", 870),
	CONSTANT("MACHINE_MIPSFPU16", 1126),
	CONSTANT("MACHINE_POWERPC", 496),
	CONSTANT("MACHINE_POWERPCFP", 497),
	CONSTANT("MACHINE_R10000", 360),
	CONSTANT("MACHINE_R3000", 354),
	CONSTANT("MACHINE_R4000", 358),
	CONSTANT("MACHINE_SH3", 418),
	CONSTANT("MACHINE_SH3DSP", 419),
	CONSTANT("MACHINE_SH3E", 420),
	CONSTANT("MACHINE_SH4", 422),
	CONSTANT("MACHINE_SH5", 424),
	CONSTANT("MACHINE_TARGET_HOST", 1),
	CONSTANT("MACHINE_THUMB", 450),
	CONSTANT("MACHINE_TRICORE", 1312),
	CONSTANT("MACHINE_UNKNOWN", 0),
	CONSTANT("MACHINE_WCEMIPSV2", 361),
	CONSTANT("NET_RUN_FROM_SWAP", 2048),
	CONSTANT("NO_BIND", 2048),
	CONSTANT("NO_ISOLATION", 512),
	CONSTANT("NO_SEH", 1024),
	CONSTANT("NX_COMPAT", 256),
	CONSTANT("RELOCS_STRIPPED", 1),
	CONSTANT("REMOVABLE_RUN_FROM_SWAP", 1024),
	CONSTANT("RESOURCE_TYPE_ACCELERATOR", 9),
	CONSTANT("RESOURCE_TYPE_ANICURSOR", 21),
	CONSTANT("RESOURCE_TYPE_ANIICON", 22),
	CONSTANT("RESOURCE_TYPE_BITMAP", 2),
	CONSTANT("RESOURCE_TYPE_CURSOR", 1),
	CONSTANT("RESOURCE_TYPE_DIALOG", 5),
	CONSTANT("RESOURCE_TYPE_DLGINCLUDE", 17),
	CONSTANT("RESOURCE_TYPE_FONT", 8),
	CONSTANT("RESOURCE_TYPE_FONTDIR", 7),
	CONSTANT("RESOURCE_TYPE_GROUP_CURSOR", 12),
	CONSTANT("RESOURCE_TYPE_GROUP_ICON", 14),
	CONSTANT("RESOURCE_TYPE_HTML", 23),
	CONSTANT("RESOURCE_TYPE_ICON", 3),
	CONSTANT("RESOURCE_TYPE_MANIFEST", 24),
	CONSTANT("RESOURCE_TYPE_MENU", 4),
	CONSTANT("RESOURCE_TYPE_MESSAGETABLE", 11),
	CONSTANT("RESOURCE_TYPE_PLUGPLAY", 19),
	CONSTANT("RESOURCE_TYPE_RCDATA", 10),
	CONSTANT("RESOURCE_TYPE_STRING", 6),
	CONSTANT("RESOURCE_TYPE_VERSION", 16),
	CONSTANT("RESOURCE_TYPE_VXD", 20),
	CONSTANT("SECTION_ALIGN_1024BYTES", 11534336),
	CONSTANT("SECTION_ALIGN_128BYTES", 8388608),
	CONSTANT("SECTION_ALIGN_16BYTES", 5242880),
	CONSTANT("SECTION_ALIGN_1BYTES", 1048576),
	CONSTANT("SECTION_ALIGN_2048BYTES", 12582912),
	CONSTANT("SECTION_ALIGN_256BYTES", 9437184),
	CONSTANT("SECTION_ALIGN_2BYTES", 2097152),
	CONSTANT("SECTION_ALIGN_32BYTES", 6291456),
	CONSTANT("SECTION_ALIGN_4096BYTES", 13631488),
	CONSTANT("SECTION_ALIGN_4BYTES", 3145728),
	CONSTANT("SECTION_ALIGN_512BYTES", 10485760),
	CONSTANT("SECTION_ALIGN_64BYTES", 7340032),
	CONSTANT("SECTION_ALIGN_8192BYTES", 14680064),
	CONSTANT("SECTION_ALIGN_8BYTES", 4194304),
	CONSTANT("SECTION_ALIGN_MASK", 15728640),
	CONSTANT("SECTION_CNT_CODE", 32),
	CONSTANT("SECTION_CNT_INITIALIZED_DATA", 64),
	CONSTANT("SECTION_CNT_UNINITIALIZED_DATA", 128),
	CONSTANT("SECTION_GPREL", 32768),
	CONSTANT("SECTION_LNK_COMDAT", 4096),
	CONSTANT("SECTION_LNK_INFO", 512),
	CONSTANT("SECTION_LNK_NRELOC_OVFL", 16777216),
	CONSTANT("SECTION_LNK_OTHER", 256),
	CONSTANT("SECTION_LNK_REMOVE", 2048),
	CONSTANT("SECTION_MEM_16BIT", 131072),
	CONSTANT("SECTION_MEM_DISCARDABLE", 33554432),
	CONSTANT("SECTION_MEM_EXECUTE", 536870912),
	CONSTANT("SECTION_MEM_FARDATA", 32768),
	CONSTANT("SECTION_MEM_LOCKED", 262144),
	CONSTANT("SECTION_MEM_NOT_CACHED", 67108864),
	CONSTANT("SECTION_MEM_NOT_PAGED", 134217728),
	CONSTANT("SECTION_MEM_PRELOAD", 524288),
	CONSTANT("SECTION_MEM_PURGEABLE", 131072),
	CONSTANT("SECTION_MEM_READ", 1073741824),
	CONSTANT("SECTION_MEM_SHARED", 268435456),
	CONSTANT("SECTION_MEM_WRITE", 2147483648),
	CONSTANT("SECTION_NO_DEFER_SPEC_EXC", 16384),
	CONSTANT("SECTION_NO_PAD", 8),
	CONSTANT("SECTION_SCALE_INDEX", 1),
	CONSTANT("SUBSYSTEM_EFI_APPLICATION", 10),
	CONSTANT("SUBSYSTEM_EFI_BOOT_SERVICE_DRIVER", 11),
	CONSTANT("SUBSYSTEM_EFI_ROM_IMAGE", 13),
	CONSTANT("SUBSYSTEM_EFI_RUNTIME_DRIVER", 12),
	CONSTANT("SUBSYSTEM_NATIVE", 1),
	CONSTANT("SUBSYSTEM_NATIVE_WINDOWS", 8),
	CONSTANT("SUBSYSTEM_OS2_CUI", 5),
	CONSTANT("SUBSYSTEM_POSIX_CUI", 7),
	CONSTANT("SUBSYSTEM_UNKNOWN", 0),
	CONSTANT("SUBSYSTEM_WINDOWS_BOOT_APPLICATION", 16),
	CONSTANT("SUBSYSTEM_WINDOWS_CE_GUI", 9),
	CONSTANT("SUBSYSTEM_WINDOWS_CUI", 3),
	CONSTANT("SUBSYSTEM_WINDOWS_GUI", 2),
	CONSTANT("SUBSYSTEM_XBOX", 14),
	CONSTANT("SYSTEM", 4096),
	CONSTANT("TERMINAL_SERVER_AWARE", 32768),
	CONSTANT("UP_SYSTEM_ONLY", 16384),
	CONSTANT("WDM_DRIVER", 8192),
	{0},
};
