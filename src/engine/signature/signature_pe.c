/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_pe.h"

#include "engine/signature/signature_module_internal.h"

#define DOS_HEADER_SIZE      64
#define FILE_HEADER_SIZE     20
#define OPTIONAL_32_SIZE     224
#define OPTIONAL_64_SIZE     240
#define SECTION_SIZE         40
#define SYMBOL_SIZE          18
#define MAGIC_64             0x20b
#define CHARACTERISTIC_DLL   0x2000
#define DIRECTORIES_32       96 /* in the optional header */
#define DIRECTORIES_64       112
#define ENTRY_POINT_AT       16
#define FILE_ALIGNMENT_AT    36
#define CHECKSUM_AT          64
#define NUMBER_OF_RVAS_AT_32 92
#define NUMBER_OF_RVAS_AT_64 108

static bool look(struct signature_module_state *s)
{
	struct signature_pe *pe = &s->pe;

	if (s->len < DOS_HEADER_SIZE || signature_u16(s, 0) != 0x5a4d)
		return false;
	pe->nt = signature_u32(s, 0x3c);
	if (pe->nt > INT32_MAX || !signature_fits(s, pe->nt, 4 + FILE_HEADER_SIZE + OPTIONAL_32_SIZE) ||
	    signature_u32(s, pe->nt) != 0x4550)
		return false;
	pe->optional = (uint64_t)pe->nt + 4 + FILE_HEADER_SIZE;
	pe->is_64 = signature_u16(s, pe->optional) == MAGIC_64;
	if (pe->is_64 && !signature_fits(s, pe->optional, OPTIONAL_64_SIZE))
		return false;
	pe->section_count = signature_u16(s, (uint64_t)pe->nt + 6);
	if (pe->section_count > PE_SECTIONS_MAX)
		pe->section_count = PE_SECTIONS_MAX;
	pe->section_at = pe->optional + signature_u16(s, (uint64_t)pe->nt + 20);
	return true;
}

struct signature_pe *signature_pe_of(struct signature_module_state *s)
{
	struct signature_pe *pe = &s->pe;

	if (!pe->looked) {
		pe->looked = true;
		pe->has_imphash = pe->has_resource_count = pe->has_version_count = false;
		pe->has_resource = pe->has_import = pe->has_certificates = false;
		pe->is_pe = look(s);
	}
	return pe->is_pe ? pe : NULL;
}

static uint64_t directories_at(const struct signature_pe *pe)
{
	return pe->optional + (pe->is_64 ? DIRECTORIES_64 : DIRECTORIES_32);
}

bool signature_pe_directory(const struct signature_module_state *s, enum pe_directory which, uint32_t *ret_rva,
			    uint32_t *ret_size)
{
	const struct signature_pe *pe = &s->pe;
	const uint64_t at = directories_at(pe) + 8 * (uint64_t)which;

	/* One more than there are, as libyara. All of them lie in the header that was looked at. */
	if ((uint32_t)which > signature_u32(s, pe->optional + (pe->is_64 ? NUMBER_OF_RVAS_AT_64 : NUMBER_OF_RVAS_AT_32)))
		return false;
	*ret_rva = signature_u32(s, at);
	*ret_size = signature_u32(s, at + 4);
	return true;
}

int64_t signature_pe_offset(const struct signature_module_state *s, uint64_t rva)
{
	const struct signature_pe *pe = &s->pe;
	uint32_t lowest = UINT32_MAX, section_rva = 0, raw_at = 0, raw_size = 0;
	uint32_t alignment = signature_u32(s, pe->optional + FILE_ALIGNMENT_AT);

	if (alignment > 0x200)
		alignment = 0x200;
	for (unsigned i = 0; i < pe->section_count; i++) {
		const uint64_t at = pe->section_at + SECTION_SIZE * (uint64_t)i;
		if (!signature_fits(s, at, SECTION_SIZE))
			return -1;
		const uint32_t address = signature_u32(s, at + 12);
		if (address < lowest)
			lowest = address;
		if (rva >= address && rva - address < signature_u32(s, at + 8) && section_rva <= address) {
			section_rva = address;
			raw_at = signature_u32(s, at + 20);
			raw_size = signature_u32(s, at + 16);
			if (alignment != 0)
				raw_at -= raw_at % alignment;
		}
	}
	if (rva < lowest) { /* the headers are mapped as they are */
		section_rva = raw_at = 0;
		raw_size = (uint32_t)s->len;
	}
	if (rva - section_rva >= raw_size || raw_at + (rva - section_rva) >= s->len)
		return -1;
	return (int64_t)(raw_at + (rva - section_rva));
}

/* Header fields that are nothing but a number at a place. */
struct header_field {
	uint8_t at_32, at_64;       /* from the file header (FILE) or optional header */
	uint8_t width_32, width_64; /* bytes; 0: not there */
};

/* clang-format off */
static const struct header_field file_fields[] = {
	[PE_MACHINE] = {0, 0, 2, 2},
	[PE_NUMBER_OF_SECTIONS] = {2, 2, 2, 2},
	[PE_TIMESTAMP] = {4, 4, 4, 4},
	[PE_POINTER_TO_SYMBOL_TABLE] = {8, 8, 4, 4},
	[PE_NUMBER_OF_SYMBOLS] = {12, 12, 4, 4},
	[PE_SIZE_OF_OPTIONAL_HEADER] = {16, 16, 2, 2},
	[PE_CHARACTERISTICS] = {18, 18, 2, 2},
};
static const struct header_field optional_fields[PE_HEADER__END] = {
	[PE_ENTRY_POINT_RAW] = {ENTRY_POINT_AT, ENTRY_POINT_AT, 4, 4},
	[PE_IMAGE_BASE] = {28, 24, 4, 8},
	[PE_NUMBER_OF_RVA_AND_SIZES] = {NUMBER_OF_RVAS_AT_32, NUMBER_OF_RVAS_AT_64, 4, 4},
	[PE_OPTHDR_MAGIC] = {0, 0, 2, 2},
	[PE_LINKER_MAJOR] = {2, 2, 1, 1},
	[PE_LINKER_MINOR] = {3, 3, 1, 1},
	[PE_SIZE_OF_CODE] = {4, 4, 4, 4},
	[PE_SIZE_OF_INITIALIZED_DATA] = {8, 8, 4, 4},
	[PE_SIZE_OF_UNINITIALIZED_DATA] = {12, 12, 4, 4},
	[PE_BASE_OF_CODE] = {20, 20, 4, 4},
	[PE_BASE_OF_DATA] = {24, 24, 4, 0},
	[PE_SECTION_ALIGNMENT] = {32, 32, 4, 4},
	[PE_FILE_ALIGNMENT] = {FILE_ALIGNMENT_AT, FILE_ALIGNMENT_AT, 4, 4},
	[PE_OS_MAJOR] = {40, 40, 2, 2},
	[PE_OS_MINOR] = {42, 42, 2, 2},
	[PE_IMAGE_MAJOR] = {44, 44, 2, 2},
	[PE_IMAGE_MINOR] = {46, 46, 2, 2},
	[PE_SUBSYSTEM_MAJOR] = {48, 48, 2, 2},
	[PE_SUBSYSTEM_MINOR] = {50, 50, 2, 2},
	[PE_WIN32_VERSION_VALUE] = {52, 52, 4, 4},
	[PE_SIZE_OF_IMAGE] = {56, 56, 4, 4},
	[PE_SIZE_OF_HEADERS] = {60, 60, 4, 4},
	[PE_CHECKSUM] = {CHECKSUM_AT, CHECKSUM_AT, 4, 4},
	[PE_SUBSYSTEM] = {68, 68, 2, 2},
	[PE_DLL_CHARACTERISTICS] = {70, 70, 2, 2},
	[PE_SIZE_OF_STACK_RESERVE] = {72, 72, 4, 8},
	[PE_SIZE_OF_STACK_COMMIT] = {76, 80, 4, 8},
	[PE_SIZE_OF_HEAP_RESERVE] = {80, 88, 4, 8},
	[PE_SIZE_OF_HEAP_COMMIT] = {84, 96, 4, 8},
	[PE_LOADER_FLAGS] = {88, 104, 4, 4},
};
static const struct header_field section_fields[] = {
	[PE_SECTION_CHARACTERISTICS - PE_SECTIONS] = {36, 36, 4, 4},
	[PE_SECTION_VIRTUAL_ADDRESS - PE_SECTIONS] = {12, 12, 4, 4},
	[PE_SECTION_VIRTUAL_SIZE - PE_SECTIONS] = {8, 8, 4, 4},
	[PE_SECTION_RAW_DATA_OFFSET - PE_SECTIONS] = {20, 20, 4, 4},
	[PE_SECTION_RAW_DATA_SIZE - PE_SECTIONS] = {16, 16, 4, 4},
	[PE_SECTION_POINTER_TO_RELOCATIONS - PE_SECTIONS] = {24, 24, 4, 4},
	[PE_SECTION_POINTER_TO_LINE_NUMBERS - PE_SECTIONS] = {28, 28, 4, 4},
	[PE_SECTION_NUMBER_OF_RELOCATIONS - PE_SECTIONS] = {32, 32, 2, 2},
	[PE_SECTION_NUMBER_OF_LINE_NUMBERS - PE_SECTIONS] = {34, 34, 2, 2},
};
/* clang-format on */

static void read_field(const struct signature_module_state *s, uint64_t base, const struct header_field *f,
		       struct signature_value *ret)
{
	const uint64_t at = base + (s->pe.is_64 ? f->at_64 : f->at_32);

	switch (s->pe.is_64 ? f->width_64 : f->width_32) {
	case 1:
		signature_value_integer(ret, s->data[at]);
		break;
	case 2:
		signature_value_integer(ret, signature_u16(s, at));
		break;
	case 4:
		signature_value_integer(ret, signature_u32(s, at));
		break;
	case 8:
		signature_value_integer(ret, (int64_t)signature_u64(s, at));
		break;
	default:
		break;
	}
}

static void header_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
			 unsigned key_count, struct signature_value *ret)
{
	(void)keys;
	(void)key_count;
	const struct signature_pe *pe = &s->pe;

	if (id == PE_IS_PE)
		signature_value_integer(ret, 1);
	else if (id == PE_ENTRY_POINT)
		signature_value_integer(ret, signature_pe_offset(s, signature_u32(s, pe->optional + ENTRY_POINT_AT)));
	else if (id <= PE_CHARACTERISTICS)
		read_field(s, (uint64_t)pe->nt + 4, &file_fields[id], ret);
	else
		read_field(s, pe->optional, &optional_fields[id], ret);
}

static unsigned directory_count(const struct signature_module_state *s)
{
	const struct signature_pe *pe = &s->pe;
	const int32_t count =
		(int32_t)signature_u32(s, pe->optional + (pe->is_64 ? NUMBER_OF_RVAS_AT_64 : NUMBER_OF_RVAS_AT_32));
	const uint64_t at = directories_at(pe);
	unsigned n = 0;

	while ((int32_t)n < count && n < PE_DIRECTORIES && signature_fits(s, at + 8 * (uint64_t)n, 8))
		n++;
	return n;
}

static unsigned sections_readable(const struct signature_module_state *s)
{
	unsigned n = 0;

	while (n < s->pe.section_count && signature_fits(s, s->pe.section_at + SECTION_SIZE * (uint64_t)n, SECTION_SIZE))
		n++;
	return n;
}

static struct str section_name(const struct signature_module_state *s, unsigned i)
{
	const uint8_t *name = s->data + s->pe.section_at + SECTION_SIZE * (uint64_t)i;
	size_t n = 8;

	while (n > 0 && name[n - 1] == 0)
		n--;
	return str_n(name, n);
}

/* "/123" is a place in the string table behind the COFF symbols. */
static void section_full_name(const struct signature_module_state *s, unsigned i, struct signature_value *ret)
{
	const uint64_t file_header = (uint64_t)s->pe.nt + 4;
	const uint64_t symbols = signature_u32(s, file_header + 8), count = signature_u32(s, file_header + 12);
	const struct str name = section_name(s, i);
	const char *const eight = (const char *)s->data + s->pe.section_at + SECTION_SIZE * (uint64_t)i;
	uint64_t index = 0;
	bool ended = false;

	if (symbols == 0 || eight[0] != '/') {
		signature_value_text(ret, name);
		return;
	}
	for (unsigned d = 1; d < 8 && eight[d] >= '0' && eight[d] <= '9'; d++)
		index = index * 10 + (uint64_t)(eight[d] - '0');
	const struct str full = signature_cstring(s, symbols + count * SYMBOL_SIZE + index, SIZE_MAX, &ended);
	for (size_t k = 0; k < full.n; k++)
		if (full.p[k] < ' ' || full.p[k] > '~')
			return;
	if (ended)
		signature_value_text(ret, full);
}

static void section_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
			  unsigned key_count, struct signature_value *ret)
{
	const unsigned count = sections_readable(s);

	if (id == PE_SECTIONS) {
		signature_value_integer(ret, count);
		return;
	}
	if (key_count != 1 || keys[0].index < 0 || keys[0].index >= count)
		return;
	const unsigned i = (unsigned)keys[0].index;
	if (id == PE_SECTION_NAME)
		signature_value_text(ret, section_name(s, i));
	else if (id == PE_SECTION_FULL_NAME)
		section_full_name(s, i, ret);
	else
		read_field(s, s->pe.section_at + SECTION_SIZE * (uint64_t)i, &section_fields[id - PE_SECTIONS], ret);
}

static void overlay_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
			  unsigned key_count, struct signature_value *ret)
{
	(void)keys;
	(void)key_count;
	uint64_t end = 0;

	for (unsigned i = 0; i < sections_readable(s); i++) {
		const uint64_t at = s->pe.section_at + SECTION_SIZE * (uint64_t)i;
		/* In 32 bits, as libyara adds them; what it keeps is added in 64. */
		const uint32_t raw_at = signature_u32(s, at + 20), raw_size = signature_u32(s, at + 16);
		if ((uint32_t)(raw_at + raw_size) > end)
			end = (uint64_t)raw_at + raw_size;
	}
	const bool there = end != 0 && s->len > end;
	if (id == PE_OVERLAY_OFFSET)
		signature_value_integer(ret, there ? (int64_t)end : 0);
	else
		signature_value_integer(ret, there ? (int64_t)(s->len - end) : 0);
}

static void directory_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
			    unsigned key_count, struct signature_value *ret)
{
	const unsigned count = directory_count(s);

	if (id == PE_DATA_DIRECTORIES)
		signature_value_integer(ret, count);
	else if (key_count == 1 && keys[0].index >= 0 && keys[0].index < count)
		signature_value_integer(ret, signature_u32(s, directories_at(&s->pe) + 8 * (uint64_t)keys[0].index +
								      (id == PE_DATA_DIRECTORY_SIZE ? 4 : 0)));
}

/* Which part answers which ids. */
static const struct {
	unsigned first, last;
	void (*value)(struct signature_module_state *s, unsigned id, const struct signature_key *keys, unsigned key_count,
		      struct signature_value *ret);
} parts[] = {
	{PE_IS_PE, PE_HEADER__END - 1, header_value},
	{PE_DATA_DIRECTORIES, PE_DATA_DIRECTORY_SIZE, directory_value},
	{PE_SECTIONS, PE_SECTION_NUMBER_OF_LINE_NUMBERS, section_value},
	{PE_OVERLAY_OFFSET, PE_OVERLAY_SIZE, overlay_value},
	{PE_RICH_OFFSET, PE_RICH_CLEAR_DATA, signature_pe_rich_value},
	{PE_PDB_PATH, PE_PDB_PATH, signature_pe_debug_value},
	{PE_NUMBER_OF_IMPORTS, PE_DELAY_IMPORT_FUNCTION_ORDINAL, signature_pe_import_value},
	{PE_NUMBER_OF_EXPORTS, PE_EXPORT_ORDINAL, signature_pe_export_value},
	{PE_NUMBER_OF_RESOURCES, PE_VERSION_INFO_VALUE, signature_pe_resource_value},
	{PE_NUMBER_OF_SIGNATURES, PE_SIGNATURE_NOT_AFTER, signature_pe_certificate_value},
};

static void value(struct signature_module_state *s, unsigned id, const struct signature_key *keys, unsigned key_count,
		  struct signature_value *ret)
{
	if (signature_pe_of(s) == NULL) {
		if (id == PE_IS_PE)
			signature_value_integer(ret, 0);
		return;
	}
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (id >= parts[i].first && id <= parts[i].last)
			parts[i].value(s, id, keys, key_count, ret);
}

/* Up to a NUL, as C compares. */
static struct str c_part(struct str text)
{
	const size_t end = str_find_char(text, '\0');

	return end == SIZE_MAX ? text : str_sub(text, 0, end);
}

static void section_index(const struct signature_module_state *s, bool by_name, const struct signature_argument *a,
			  struct signature_value *ret)
{
	for (unsigned i = 0; i < sections_readable(s); i++) {
		const uint64_t at = s->pe.section_at + SECTION_SIZE * (uint64_t)i;
		const int64_t raw_at = signature_u32(s, at + 20), raw_size = signature_u32(s, at + 16);
		const int64_t wanted = a[0].value.integer;
		if (by_name ? str_eq(c_part(section_name(s, i)), c_part(a[0].value.text))
			    : wanted >= raw_at && wanted < raw_at + raw_size) {
			signature_value_integer(ret, i);
			return;
		}
	}
}

static void checksum(const struct signature_module_state *s, struct signature_value *ret)
{
	const uint64_t checksum_at = s->pe.optional + CHECKSUM_AT;
	uint64_t sum = 0;

	for (size_t at = 0; at < s->len; at += 4) {
		if (at == checksum_at)
			continue;
		if (s->len - at >= 4)
			sum += signature_u32(s, at);
		else
			for (size_t i = at; i < s->len; i++)
				sum += (uint64_t)s->data[i] << (8 * (i - at));
		if (sum > 0xffffffff)
			sum = (sum & 0xffffffff) + (sum >> 32);
	}
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	signature_value_integer(ret, (int64_t)((sum & 0xffff) + s->len));
}

static void small_call(struct signature_module_state *s, unsigned id, unsigned overload,
		       const struct signature_argument *a, struct signature_value *ret)
{
	int64_t offset = -1;

	switch (id) {
	case PE_SECTION_INDEX:
		section_index(s, overload == 0, a, ret);
		break;
	case PE_IS_DLL:
		signature_value_integer(ret, signature_u16(s, (uint64_t)s->pe.nt + 22) & CHARACTERISTIC_DLL);
		break;
	case PE_IS_32BIT:
		signature_value_integer(ret, !s->pe.is_64);
		break;
	case PE_IS_64BIT:
		signature_value_integer(ret, s->pe.is_64);
		break;
	case PE_CALCULATE_CHECKSUM:
		checksum(s, ret);
		break;
	case PE_RVA_TO_OFFSET:
		offset = signature_pe_offset(s, (uint64_t)a[0].value.integer);
		if (offset >= 0)
			signature_value_integer(ret, offset);
		break;
	}
}

static void call(struct signature_module_state *s, unsigned id, unsigned overload, const struct signature_key *keys,
		 unsigned key_count, const struct signature_argument *a, struct signature_value *ret)
{
	if (signature_pe_of(s) == NULL)
		return;
	switch (id) {
	case PE_RICH_VERSION:
	case PE_RICH_TOOLID:
		signature_pe_rich_call(s, id, overload, a, ret);
		break;
	case PE_IMPORTS:
	case PE_IMPHASH:
		signature_pe_import_call(s, id, overload, a, ret);
		break;
	case PE_EXPORTS:
	case PE_EXPORTS_INDEX:
		signature_pe_export_call(s, id, overload, a, ret);
		break;
	case PE_LOCALE:
	case PE_LANGUAGE:
		signature_pe_resource_call(s, id, a, ret);
		break;
	case PE_SIGNATURE_VALID_ON:
		signature_pe_certificate_valid_on(s, keys, key_count, a[0].value.integer, ret);
		break;
	default:
		small_call(s, id, overload, a, ret);
	}
}

const struct signature_module_driver signature_pe_module = {
	.module = {.name = "pe", .id = SIGNATURE_MODULE_PE, .fields = signature_pe_fields},
	.value = value,
	.call = call,
};
