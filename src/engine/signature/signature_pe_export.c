/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_module_internal.h"

#define EXPORT_DIRECTORY_SIZE 40

struct exports {
	int64_t start;       /* of the directory */
	uint32_t size;       /* of the directory: what points into it is a forwarder */
	uint32_t base;       /* of the ordinals */
	uint32_t count;      /* functions; 0 where the tables do not fit the file */
	uint32_t name_count; /* 0: no names */
	uint64_t names, ordinals, functions;
	bool has_directory;
	uint32_t timestamp;
	struct str dll_name; /* p == NULL: none */
};

static struct str text_at(const struct signature_module_state *s, int64_t at, size_t max)
{
	bool ended = false;

	return signature_cstring(s, (uint64_t)at, max, &ended);
}

static bool tables_fit(const struct signature_module_state *s, struct exports *e, int64_t name_at, uint32_t count)
{
	const uint64_t at = (uint64_t)e->start;
	const uint32_t names = signature_u32(s, at + 24);

	/* libyara measures from wherever the library's name is. */
	if (name_at >= 0 && (uint64_t)count * 4 > s->len - (uint64_t)name_at)
		return false;
	if (names > 0) {
		const int64_t names_at = signature_pe_offset(s, signature_u32(s, at + 32));
		if (names_at < 0 || (uint64_t)names * 4 > s->len - (uint64_t)names_at)
			return false;
		e->names = (uint64_t)names_at;
	}
	const int64_t ordinals = signature_pe_offset(s, signature_u32(s, at + 36));
	if (ordinals < 0 || s->len - (uint64_t)ordinals < (uint64_t)count * 2)
		return false;
	const int64_t functions = signature_pe_offset(s, signature_u32(s, at + 28));
	if (functions < 0 || s->len - (uint64_t)functions < (uint64_t)count * 4)
		return false;
	e->ordinals = (uint64_t)ordinals;
	e->functions = (uint64_t)functions;
	e->count = count;
	e->name_count = names < count ? names : count;
	return true;
}

static void exports_of(const struct signature_module_state *s, struct exports *e)
{
	uint32_t rva = 0;

	*e = (struct exports){.start = -1};
	if (!signature_pe_directory(s, PE_DIRECTORY_EXPORT, &rva, &e->size) || rva == 0)
		return;
	e->start = signature_pe_offset(s, rva);
	if (e->start < 0 || !signature_fits(s, (uint64_t)e->start, EXPORT_DIRECTORY_SIZE))
		return;
	const uint64_t at = (uint64_t)e->start;
	const int64_t name_at = signature_pe_offset(s, signature_u32(s, at + 12));
	uint32_t count = signature_u32(s, at + 20);

	e->has_directory = true;
	e->base = signature_u32(s, at + 16);
	e->timestamp = signature_u32(s, at + 4);
	if (name_at > 0)
		e->dll_name = text_at(s, name_at, SIZE_MAX);
	if (count > PE_EXPORTS_MAX)
		count = PE_EXPORTS_MAX;
	(void)tables_fit(s, e, name_at, count);
}

/* The j-th name names function ordinals[j], unless an earlier one did; names past name_count are none. */
static bool is_first_name(const struct signature_module_state *s, const struct exports *e, uint32_t j)
{
	const uint16_t function = signature_u16(s, e->ordinals + 2 * (uint64_t)j);

	if (function >= e->count)
		return false;
	for (uint32_t i = 0; i < j; i++)
		if (signature_u16(s, e->ordinals + 2 * (uint64_t)i) == function)
			return false;
	return true;
}

static bool name_of(const struct signature_module_state *s, const struct exports *e, uint32_t j, struct str *ret)
{
	const int64_t at = signature_pe_offset(s, signature_u32(s, e->names + 4 * (uint64_t)j));

	if (at <= 0)
		return false;
	*ret = text_at(s, at, PE_EXPORT_NAME_MAX);
	return true;
}

static void name_of_function(const struct signature_module_state *s, const struct exports *e, uint32_t i,
			     struct signature_value *ret)
{
	struct str name;

	for (uint32_t j = 0; j < e->name_count; j++)
		if (signature_u16(s, e->ordinals + 2 * (uint64_t)j) == i) {
			if (name_of(s, e, j, &name))
				signature_value_text(ret, name);
			return;
		}
}

static void detail_value(const struct signature_module_state *s, const struct exports *e, unsigned id, int64_t index,
			 struct signature_value *ret)
{
	const uint32_t i = (uint32_t)index;
	const int64_t at = signature_pe_offset(s, signature_u32(s, e->functions + 4 * (uint64_t)i));
	const bool forwarded = at > e->start && at < e->start + (int64_t)e->size;

	switch (id) {
	case PE_EXPORT_ORDINAL:
		signature_value_integer(ret, (int64_t)(uint32_t)(e->base + i));
		break;
	case PE_EXPORT_OFFSET:
		if (!forwarded)
			signature_value_integer(ret, at);
		break;
	case PE_EXPORT_FORWARD_NAME:
		if (forwarded)
			signature_value_text(ret, text_at(s, at, PE_EXPORT_NAME_MAX));
		break;
	case PE_EXPORT_NAME:
		name_of_function(s, e, i, ret);
		break;
	}
}

void signature_pe_export_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
			       unsigned key_count, struct signature_value *ret)
{
	struct exports e;

	exports_of(s, &e);
	switch (id) {
	case PE_NUMBER_OF_EXPORTS:
	case PE_EXPORT_DETAILS:
		signature_value_integer(ret, e.count);
		break;
	case PE_EXPORT_TIMESTAMP:
		if (e.has_directory)
			signature_value_integer(ret, e.timestamp);
		break;
	case PE_DLL_NAME:
		if (e.dll_name.p != NULL)
			signature_value_text(ret, e.dll_name);
		break;
	default:
		if (key_count == 1 && keys[0].index >= 0 && keys[0].index < e.count)
			detail_value(s, &e, id, keys[0].index, ret);
	}
}

/* The lowest index of a function with such a name, or -1. Names are looked at before who they belong to: most differ. */
static int64_t index_by_name(const struct signature_module_state *s, const struct exports *e,
			     const struct signature_argument *a)
{
	int64_t lowest = -1;
	struct str name;

	for (uint32_t j = 0; j < e->name_count; j++) {
		const int64_t index = signature_u16(s, e->ordinals + 2 * (uint64_t)j);
		if ((lowest >= 0 && index >= lowest) || !name_of(s, e, j, &name))
			continue;
		if (a->matches != NULL ? !a->matches(a->regex, name) : !str_eq_nocase(a->value.text, name))
			continue;
		if (is_first_name(s, e, j))
			lowest = index;
	}
	return lowest;
}

static int64_t index_by_ordinal(const struct exports *e, int64_t ordinal)
{
	if (ordinal == 0 || ordinal > e->count)
		return -1;
	for (uint32_t i = 0; i < e->count; i++)
		if ((int64_t)(uint32_t)(e->base + i) == ordinal)
			return i;
	return -1;
}

void signature_pe_export_call(struct signature_module_state *s, unsigned id, unsigned overload,
			      const struct signature_argument *a, struct signature_value *ret)
{
	const unsigned by_ordinal = id == PE_EXPORTS ? 2 : 1;
	struct exports e;

	exports_of(s, &e);
	const int64_t index = overload == by_ordinal ? index_by_ordinal(&e, a[0].value.integer) : index_by_name(s, &e, &a[0]);
	if (id == PE_EXPORTS)
		signature_value_integer(ret, index >= 0);
	else if (index >= 0)
		signature_value_integer(ret, index);
}
