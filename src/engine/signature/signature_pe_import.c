/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_module_internal.h"

#define DESCRIPTOR_SIZE       20
#define DELAY_DESCRIPTOR_SIZE 32
#define NAME_LIMIT            512
#define IMPORT_STANDARD       1
#define IMPORT_DELAYED        2

void signature_pe_imports_begin(struct pe_import_walk *w, bool delayed)
{
	*w = (struct pe_import_walk){.delayed = delayed};
}

static bool walk_start(const struct signature_module_state *s, struct pe_import_walk *w)
{
	uint32_t rva = 0, size = 0;

	w->begun = true;
	if (!signature_pe_directory(s, w->delayed ? PE_DIRECTORY_DELAY_IMPORT : PE_DIRECTORY_IMPORT, &rva, &size) || rva == 0)
		return false;
	const int64_t at = signature_pe_offset(s, rva);
	w->descriptor = (uint64_t)at;
	return at >= 0;
}

/* A library's name as Windows could open it: printable, none of "*<>?|, ended within the file. */
static bool valid_library(struct str name, bool ended)
{
	for (size_t i = 0; i < name.n; i++) {
		const unsigned char c = (unsigned char)name.p[i];
		if (c < ' ' || c == '"' || c == '*' || c == '<' || c == '>' || c == '?' || c == '|')
			return false;
	}
	return ended && name.n > 0;
}

static bool library_name(const struct signature_module_state *s, int64_t at, struct str *ret)
{
	bool ended = false;

	*ret = signature_cstring(s, (uint64_t)at, SIZE_MAX, &ended);
	return valid_library(*ret, ended);
}

static unsigned pointer_size(const struct signature_module_state *s)
{
	return s->pe.is_64 ? 8 : 4;
}

static uint64_t pointer_at(const struct signature_module_state *s, uint64_t at)
{
	return s->pe.is_64 ? signature_u64(s, at) : signature_u32(s, at);
}

static bool by_ordinal(const struct signature_module_state *s, uint64_t thunk)
{
	return (thunk >> (s->pe.is_64 ? 63 : 31) & 1) != 0;
}

static void ordinal_import(struct pe_import_walk *w, uint16_t ordinal, struct pe_import *ret)
{
	const char *known = signature_pe_ordinal_name(w->library_name, ordinal);

	*ret = (struct pe_import){.has_ordinal = true, .ordinal = ordinal, .name = str_c(known)};
	if (known != NULL)
		return;
	struct buf made = buf_fixed(w->made, sizeof(w->made));
	buf_printf(&made, "ord%u", ordinal);
	ret->name = buf_str(&made);
}

static bool standard_function(const struct signature_module_state *s, struct pe_import_walk *w, struct pe_import *ret)
{
	const unsigned width = pointer_size(s);
	bool ended = false;

	for (;;) {
		const uint64_t thunk = pointer_at(s, w->thunk);
		if (!signature_fits(s, w->thunk, width) || thunk == 0 || w->functions >= PE_IMPORTS_MAX)
			return false;
		w->thunk += width;
		w->functions++;
		if (by_ordinal(s, thunk)) {
			ordinal_import(w, (uint16_t)thunk, ret);
			return true;
		}
		const int64_t at = signature_pe_offset(s, thunk);
		if (at >= 0 && signature_fits(s, (uint64_t)at, 4)) {
			*ret = (struct pe_import){.name = signature_cstring(s, (uint64_t)at + 2, NAME_LIMIT, &ended)};
			return true;
		}
	}
}

static bool standard_library(const struct signature_module_state *s, struct pe_import_walk *w)
{
	for (;; w->descriptor += DESCRIPTOR_SIZE) {
		const uint64_t d = w->descriptor;
		if (!signature_fits(s, d, DESCRIPTOR_SIZE) || signature_u32(s, d + 12) == 0 || w->libraries >= PE_IMPORTS_MAX)
			return false;
		const int64_t name = signature_pe_offset(s, signature_u32(s, d + 12));
		if (name >= 0 && !library_name(s, name, &w->library_name))
			continue;
		w->libraries++;
		if (name < 0)
			continue;
		int64_t thunks = signature_pe_offset(s, signature_u32(s, d));
		if (thunks <= 0)
			thunks = signature_pe_offset(s, signature_u32(s, d + 16));
		if (thunks < 0)
			continue;
		w->thunk = (uint64_t)thunks;
		/* A library without a function is not kept, but what was tried counts. */
		struct pe_import_walk ahead = *w;
		struct pe_import first;
		if (standard_function(s, &ahead, &first)) {
			w->descriptor += DESCRIPTOR_SIZE;
			return true;
		}
		w->functions = ahead.functions;
	}
}

/* Old linkers wrote virtual addresses. */
static uint64_t normal(uint64_t base, uint64_t address)
{
	return address > base ? address - base : address;
}

static uint64_t image_base(const struct signature_module_state *s)
{
	return s->pe.is_64 ? signature_u64(s, s->pe.optional + 24) : signature_u32(s, s->pe.optional + 28);
}

static bool all_zero(const struct signature_module_state *s, uint64_t at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s->data[at + i] != 0)
			return false;
	return true;
}

static bool delayed_library(const struct signature_module_state *s, struct pe_import_walk *w)
{
	const uint64_t base = image_base(s), image_size = signature_u32(s, s->pe.optional + 56);

	for (; w->libraries < PE_IMPORTS_MAX; w->descriptor += DELAY_DESCRIPTOR_SIZE) {
		const uint64_t d = w->descriptor;
		if (!signature_fits(s, d, DELAY_DESCRIPTOR_SIZE) || all_zero(s, d, DELAY_DESCRIPTOR_SIZE))
			return false;
		const uint32_t attributes = signature_u32(s, d);
		uint32_t name = signature_u32(s, d + 4), addresses = signature_u32(s, d + 12), names = signature_u32(s, d + 16);
		if (attributes > 1)
			return false;
		w->old_style = attributes == 0;
		if (!s->pe.is_64 && w->old_style) {
			name = (uint32_t)normal(base, name);
			addresses = (uint32_t)normal(base, addresses);
			names = (uint32_t)normal(base, names);
		}
		if (names >= image_size || addresses >= image_size || name < 64 || names < 64)
			return false;
		const int64_t at = signature_pe_offset(s, name);
		if (at < 0 || !library_name(s, at, &w->library_name))
			continue;
		w->libraries++;
		w->thunk = names;
		w->address_thunk = addresses;
		w->descriptor += DELAY_DESCRIPTOR_SIZE;
		return true;
	}
	return false;
}

static bool delayed_pointer(const struct signature_module_state *s, uint64_t rva, uint64_t *ret)
{
	const int64_t at = signature_pe_offset(s, rva);

	if (at < 0 || !signature_fits(s, (uint64_t)at, pointer_size(s)))
		return false;
	*ret = pointer_at(s, (uint64_t)at);
	return *ret != 0;
}

static bool delayed_function(const struct signature_module_state *s, struct pe_import_walk *w, struct pe_import *ret)
{
	uint64_t name = 0, address = 0;
	bool ended = false;

	if (w->functions >= PE_IMPORTS_MAX || !delayed_pointer(s, w->thunk, &name) ||
	    !delayed_pointer(s, w->address_thunk, &address))
		return false;
	w->thunk += pointer_size(s);
	w->address_thunk += pointer_size(s);
	w->functions++;
	if (by_ordinal(s, name)) {
		ordinal_import(w, (uint16_t)name, ret);
		return true;
	}
	const int64_t at = signature_pe_offset(s, (w->old_style ? normal(image_base(s), name) : name) + 2);
	*ret = (struct pe_import){.name = at < 0 ? STR("") : signature_cstring(s, (uint64_t)at, NAME_LIMIT, &ended)};
	return true;
}

bool signature_pe_imports_library(const struct signature_module_state *s, struct pe_import_walk *w)
{
	if (w->finished || (!w->begun && !walk_start(s, w)) ||
	    !(w->delayed ? delayed_library(s, w) : standard_library(s, w))) {
		w->finished = true;
		return false;
	}
	w->library++;
	return true;
}

bool signature_pe_imports_function(const struct signature_module_state *s, struct pe_import_walk *w,
				   struct pe_import *ret)
{
	if (!(w->delayed ? delayed_function(s, w, ret) : standard_function(s, w, ret)))
		return false;
	w->function++;
	return true;
}

/* C strings compare up to a NUL and without regard to case. */
static bool same_name(struct str a, struct str b)
{
	const size_t na = str_find_char(a, '\0'), nb = str_find_char(b, '\0');

	return str_eq_nocase(str_sub(a, 0, na), str_sub(b, 0, nb));
}

struct query {
	bool any_function, with_ordinal;
	const struct signature_argument *library, *function;
};

static bool asked(const struct signature_argument *a, struct str text)
{
	return a->matches != NULL ? a->matches(a->regex, text) : same_name(a->value.text, text);
}

/* How many imported functions answer the query. */
static int64_t count_imports(const struct signature_module_state *s, bool delayed, const struct query *q)
{
	struct pe_import_walk w;
	struct pe_import import;
	int64_t count = 0;

	signature_pe_imports_begin(&w, delayed);
	while (signature_pe_imports_library(s, &w)) {
		const bool here = asked(q->library, w.library_name);
		while (signature_pe_imports_function(s, &w, &import)) {
			if (!here)
				continue;
			if (q->any_function)
				count++;
			else if (q->with_ordinal)
				count += import.has_ordinal && import.ordinal == q->function->value.integer;
			else
				count += asked(q->function, import.name);
		}
	}
	return count;
}

static void lower_into(struct signature_digest_state *d, struct str text)
{
	char lower[64];

	for (size_t at = 0; at < text.n;) {
		size_t n = 0;
		for (; n < sizeof(lower) && at < text.n; n++, at++)
			lower[n] = text.p[at] >= 'A' && text.p[at] <= 'Z' ? (char)(text.p[at] + 32) : text.p[at];
		signature_digest_update(d, str_n(lower, n));
	}
}

/* Without ".dll", ".ocx", ".sys" and what follows, where that is what the first dot begins. */
static struct str without_extension(struct str name)
{
	const size_t dot = str_find_char(name, '.');

	if (dot == SIZE_MAX)
		return name;
	const struct str extension = str_sub(name, dot, dot + 4);
	if (str_eq_nocase(extension, STR(".ocx")) || str_eq_nocase(extension, STR(".sys")) ||
	    str_eq_nocase(extension, STR(".dll")))
		return str_sub(name, 0, dot);
	return name;
}

/* "library.function,…" in lower case, under MD5 (Mandiant, "Tracking Malware with Import Hashing", 2014). */
static void imphash(struct signature_module_state *s)
{
	static const char digits[] = "0123456789abcdef";
	struct signature_digest_state d;
	uint8_t digest[SIGNATURE_DIGEST_MAX];
	struct pe_import_walk w;
	struct pe_import import;
	bool first = true;

	signature_digest_begin(&d, SIGNATURE_DIGEST_MD5);
	signature_pe_imports_begin(&w, false);
	while (signature_pe_imports_library(s, &w))
		while (signature_pe_imports_function(s, &w, &import)) {
			if (!first)
				signature_digest_update(&d, STR(","));
			first = false;
			lower_into(&d, without_extension(w.library_name));
			signature_digest_update(&d, STR("."));
			lower_into(&d, import.name);
		}
	signature_digest_final(&d, digest);
	for (unsigned i = 0; i < 16; i++) {
		s->pe.imphash[2 * i] = digits[digest[i] >> 4];
		s->pe.imphash[2 * i + 1] = digits[digest[i] & 15];
	}
	s->pe.imphash[32] = '\0';
	s->pe.has_imphash = true;
}

/* "ss" "si" "s" "rr", and the same behind an integer of flags. */
static void imports_call(const struct signature_module_state *s, unsigned overload, const struct signature_argument *a,
			 struct signature_value *ret)
{
	const bool with_flags = overload >= 4;
	const unsigned kind = overload % 4;
	const int64_t flags = with_flags ? a[0].value.integer : IMPORT_STANDARD;
	const struct signature_argument *names = with_flags ? a + 1 : a;
	const struct query q = {
		.library = &names[0], .function = &names[1], .any_function = kind == 2, .with_ordinal = kind == 1};
	int64_t count = 0;

	if ((flags & IMPORT_STANDARD) != 0)
		count += count_imports(s, false, &q);
	if ((flags & IMPORT_DELAYED) != 0)
		count += count_imports(s, true, &q);
	/* By name and by number it is a question of yes or no, else of how many. */
	signature_value_integer(ret, kind < 2 ? count > 0 : count);
}

void signature_pe_import_call(struct signature_module_state *s, unsigned id, unsigned overload,
			      const struct signature_argument *a, struct signature_value *ret)
{
	if (id == PE_IMPORTS) {
		imports_call(s, overload, a, ret);
		return;
	}
	if (!s->pe.has_imphash)
		imphash(s);
	signature_value_copy(s, ret, str_c(s->pe.imphash));
}

static void import_counts(const struct signature_module_state *s, bool delayed, struct pe_import_walk *ret)
{
	struct pe_import import;

	signature_pe_imports_begin(ret, delayed);
	while (signature_pe_imports_library(s, ret))
		while (signature_pe_imports_function(s, ret, &import))
			;
}

/* The library with this index; false: none. After it, w->function is the number of its first function. */
static bool to_library(const struct signature_module_state *s, int64_t index, struct pe_import_walk *w)
{
	struct pe_import import;

	signature_pe_imports_begin(w, false);
	while (signature_pe_imports_library(s, w)) {
		if ((int64_t)w->library == index + 1)
			return true;
		while (signature_pe_imports_function(s, w, &import))
			;
	}
	return false;
}

/* libyara 4.2 numbers functions through all libraries: a library's first is where the one before it ended, and its
 * number_of_functions is where it ends. Rules see those numbers, so they are kept. */
static bool to_function(struct signature_module_state *s, int64_t library, int64_t function)
{
	struct pe_import_walk *w = &s->pe.import_walk;

	if (!s->pe.has_import || (int64_t)w->library != library + 1 || (int64_t)w->function > function + 1) {
		s->pe.has_import = to_library(s, library, w);
		if (!s->pe.has_import || (int64_t)w->function > function) {
			s->pe.has_import = false;
			return false;
		}
	}
	while ((int64_t)w->function <= function)
		if (!signature_pe_imports_function(s, w, &s->pe.import)) {
			s->pe.has_import = false;
			return false;
		}
	return true;
}

static void details_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
			  unsigned key_count, struct signature_value *ret)
{
	struct pe_import_walk w;
	struct pe_import import;

	if (key_count == 0 || keys[0].index < 0)
		return;
	if (id == PE_IMPORT_FUNCTION_NAME || id == PE_IMPORT_FUNCTION_ORDINAL) {
		if (key_count != 2 || keys[1].index < 0 || !to_function(s, keys[0].index, keys[1].index))
			return;
		if (id == PE_IMPORT_FUNCTION_NAME)
			signature_value_copy(s, ret, s->pe.import.name);
		else if (s->pe.import.has_ordinal)
			signature_value_integer(ret, s->pe.import.ordinal);
		return;
	}
	if (!to_library(s, keys[0].index, &w))
		return;
	if (id == PE_IMPORT_LIBRARY_NAME) {
		signature_value_text(ret, w.library_name);
		return;
	}
	while (signature_pe_imports_function(s, &w, &import))
		;
	signature_value_integer(ret, w.function);
}

void signature_pe_import_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
			       unsigned key_count, struct signature_value *ret)
{
	struct pe_import_walk w;

	switch (id) {
	case PE_NUMBER_OF_IMPORTS:
		import_counts(s, false, &w);
		signature_value_integer(ret, w.libraries);
		break;
	case PE_NUMBER_OF_IMPORTED_FUNCTIONS:
		import_counts(s, false, &w);
		signature_value_integer(ret, w.functions);
		break;
	case PE_NUMBER_OF_DELAYED_IMPORTS:
		import_counts(s, true, &w);
		signature_value_integer(ret, w.libraries);
		break;
	case PE_NUMBER_OF_DELAYED_IMPORTED_FUNCTIONS:
		import_counts(s, true, &w);
		signature_value_integer(ret, w.functions);
		break;
	case PE_IMPORT_DETAILS:
		import_counts(s, false, &w);
		signature_value_integer(ret, w.library);
		break;
	case PE_DELAY_IMPORT_DETAILS:
		/* libyara 4.2 declares this array and fills one of another name: it is always empty. */
		signature_value_integer(ret, 0);
		break;
	default:
		if (id < PE_DELAY_IMPORT_DETAILS)
			details_value(s, id, keys, key_count, ret);
	}
}
