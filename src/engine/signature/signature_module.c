/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_module.h"

#include <assert.h>
#include <string.h>

#include "engine/signature/signature_module_internal.h"

static const struct signature_module_driver *const drivers[SIGNATURE_MODULE__COUNT] = {
	[SIGNATURE_MODULE_PE] = &signature_pe_module,
	[SIGNATURE_MODULE_ELF] = &signature_elf_module,
	[SIGNATURE_MODULE_MATH] = &signature_math_module,
	[SIGNATURE_MODULE_HASH] = &signature_hash_module,
};

const struct signature_module *signature_module_find(struct str name)
{
	for (unsigned i = 0; i < SIGNATURE_MODULE__COUNT; i++)
		if (str_eq_c(name, drivers[i]->module.name))
			return &drivers[i]->module;
	return NULL;
}

const struct signature_module *signature_module_at(unsigned id)
{
	return id < SIGNATURE_MODULE__COUNT ? &drivers[id]->module : NULL;
}

const struct signature_field *signature_field_find(const struct signature_field *fields, struct str name)
{
	for (const struct signature_field *f = fields; f != NULL && f->name != NULL; f++)
		if (str_eq_c(name, f->name))
			return f;
	return NULL;
}

unsigned signature_field_overloads(const struct signature_field *f)
{
	unsigned n = 0;

	if (f->type == SIGNATURE_TYPE_FUNCTION)
		while (f->overloads[n] != NULL)
			n++;
	return n;
}

static bool subscripted(const struct signature_field *f)
{
	return f->type == SIGNATURE_TYPE_ARRAY || f->type == SIGNATURE_TYPE_DICTIONARY;
}

static const struct signature_field *by_id(const struct signature_field *fields, unsigned id, unsigned keys,
					   unsigned *ret_keys)
{
	for (const struct signature_field *f = fields; f != NULL && f->name != NULL; f++) {
		/* An array of plain values takes one more subscript for the value than for its length. */
		if (f->id == id && !f->is_constant && f->type != SIGNATURE_TYPE_STRUCT) {
			*ret_keys = keys + (subscripted(f) && f->element != SIGNATURE_TYPE_STRUCT);
			return f;
		}
		const struct signature_field *found = by_id(f->members, id, keys + subscripted(f), ret_keys);
		if (found != NULL)
			return found;
	}
	return NULL;
}

const struct signature_field *signature_field_by_id(unsigned module, unsigned id, unsigned *ret_keys)
{
	const struct signature_module *m = signature_module_at(module);

	return m != NULL && id != 0 ? by_id(m->fields, id, 0, ret_keys) : NULL;
}

size_t signature_module_state_size(void)
{
	return (sizeof(struct signature_module_state) + 7) & ~(size_t)7;
}

struct signature_module_state *signature_module_begin(void *memory, const uint8_t *data, size_t len)
{
	struct signature_module_state *s = memory;

	s->data = data;
	s->len = len;
	s->text_at = 0;
	s->digest_next = 0;
	for (unsigned i = 0; i < SIGNATURE_DIGEST_CACHE; i++)
		s->digests[i].used = false;
	signature_pe_begin(&s->pe);
	signature_elf_begin(&s->elf);
	return s;
}

void signature_module_value(struct signature_module_state *s, unsigned module, unsigned id,
			    const struct signature_key *keys, unsigned key_count, struct signature_value *ret)
{
	*ret = (struct signature_value){.type = SIGNATURE_TYPE_UNDEFINED};
	if (signature_module_at(module) != NULL && drivers[module]->value != NULL && key_count <= SIGNATURE_MODULE_KEYS)
		drivers[module]->value(s, id, keys, key_count, ret);
}

static bool argument_fits(char type, const struct signature_argument *a)
{
	switch (type) {
	case 'i':
	case 'b':
		return a->value.type == SIGNATURE_TYPE_INTEGER;
	case 'f':
		return a->value.type == SIGNATURE_TYPE_FLOAT;
	case 's':
		return a->value.type == SIGNATURE_TYPE_STRING;
	default:
		return a->matches != NULL;
	}
}

void signature_module_call(struct signature_module_state *s, unsigned module, unsigned id, unsigned overload,
			   const struct signature_key *keys, unsigned key_count,
			   const struct signature_argument *arguments, unsigned count, struct signature_value *ret)
{
	unsigned wanted_keys = 0;

	*ret = (struct signature_value){.type = SIGNATURE_TYPE_UNDEFINED};
	const struct signature_field *f = signature_field_by_id(module, id, &wanted_keys);
	if (f == NULL || drivers[module]->call == NULL || key_count > SIGNATURE_MODULE_KEYS ||
	    overload >= signature_field_overloads(f))
		return;
	const char *types = f->overloads[overload];
	for (unsigned i = 0; types[i] != ':'; i++)
		if (i >= count || !argument_fits(types[i], &arguments[i]))
			return;
	drivers[module]->call(s, id, overload, keys, key_count, arguments, ret);
}

char *signature_module_text(struct signature_module_state *s, size_t n)
{
	if (n > sizeof(s->texts))
		return NULL;
	if (n > sizeof(s->texts) - s->text_at)
		s->text_at = 0;
	char *at = &s->texts[s->text_at];
	s->text_at += n;
	return at;
}

void signature_value_copy(struct signature_module_state *s, struct signature_value *ret, struct str text)
{
	char *copy = signature_module_text(s, text.n);

	if (copy == NULL)
		return;
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	signature_value_text(ret, str_n(copy, text.n));
}

void signature_value_hex(struct signature_module_state *s, struct signature_value *ret, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = signature_module_text(s, 2 * n);

	if (hex == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	signature_value_text(ret, str_n(hex, 2 * n));
}

uint16_t signature_u16(const struct signature_module_state *s, uint64_t offset)
{
	if (!signature_fits(s, offset, 2))
		return 0;
	return (uint16_t)(s->data[offset] | s->data[offset + 1] << 8);
}

uint32_t signature_u32(const struct signature_module_state *s, uint64_t offset)
{
	if (!signature_fits(s, offset, 4))
		return 0;
	return (uint32_t)signature_u16(s, offset) | (uint32_t)signature_u16(s, offset + 2) << 16;
}

uint64_t signature_u64(const struct signature_module_state *s, uint64_t offset)
{
	if (!signature_fits(s, offset, 8))
		return 0;
	return (uint64_t)signature_u32(s, offset) | (uint64_t)signature_u32(s, offset + 4) << 32;
}

struct str signature_cstring(const struct signature_module_state *s, uint64_t offset, size_t max, bool *ret_ended)
{
	*ret_ended = false;
	if (offset >= s->len)
		return STR_EMPTY;
	size_t left = s->len - (size_t)offset;
	if (left > max)
		left = max;
	const uint8_t *end = memchr(s->data + offset, 0, left);
	*ret_ended = end != NULL;
	return str_n(s->data + offset, end != NULL ? (size_t)(end - (s->data + offset)) : left);
}
