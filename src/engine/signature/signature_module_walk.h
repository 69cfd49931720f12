/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* For fuzz targets: asks a module for everything it can say of these bytes. */
#pragma once
#include <stdlib.h>

#include "engine/signature/signature_module.h"

#define WALK_LENGTH 40 /* elements looked at of each array */

static bool walk_matches(const void *regex, struct str text)
{
	volatile size_t sum = 0;

	(void)regex;
	for (size_t i = 0; i < text.n; i++)
		sum += (unsigned char)text.p[i];
	return sum % 2 != 0;
}

static void walk_touch(const struct signature_value *v)
{
	if (v->type == SIGNATURE_TYPE_STRING)
		(void)walk_matches(NULL, v->text);
}

static void walk_fields(struct signature_module_state *s, unsigned module, const struct signature_field *fields,
			struct signature_key *keys, unsigned key_count);

static void walk_call(struct signature_module_state *s, unsigned module, const struct signature_field *f,
		      const struct signature_key *keys, unsigned key_count)
{
	struct signature_argument a[SIGNATURE_MODULE_ARGUMENTS] = {0};
	struct signature_value v;

	for (unsigned o = 0; f->overloads[o] != NULL; o++) {
		unsigned n = 0;
		for (; f->overloads[o][n] != ':'; n++)
			switch (f->overloads[o][n]) {
			case 's':
				a[n].value = (struct signature_value){.type = SIGNATURE_TYPE_STRING, .text = STR("kernel32.dll")};
				break;
			case 'f':
				a[n].value = (struct signature_value){.type = SIGNATURE_TYPE_FLOAT, .number = 100.0};
				break;
			case 'r':
				a[n] = (struct signature_argument){.matches = walk_matches};
				break;
			default:
				a[n].value = (struct signature_value){.type = SIGNATURE_TYPE_INTEGER, .integer = 3};
			}
		signature_module_call(s, module, f->id, o, keys, key_count, a, n, &v);
		walk_touch(&v);
	}
}

static void walk_array(struct signature_module_state *s, unsigned module, const struct signature_field *f,
		       struct signature_key *keys, unsigned key_count)
{
	struct signature_value v;

	signature_module_value(s, module, f->id, keys, key_count, &v);
	for (int64_t i = -1; key_count < SIGNATURE_MODULE_KEYS && i <= v.integer && i < WALK_LENGTH; i++) {
		keys[key_count] = (struct signature_key){.index = i};
		if (f->members != NULL) {
			walk_fields(s, module, f->members, keys, key_count + 1);
			continue;
		}
		struct signature_value element;
		signature_module_value(s, module, f->id, keys, key_count + 1, &element);
		walk_touch(&element);
		keys[key_count].text = STR("CompanyName");
		signature_module_value(s, module, f->id, keys, key_count + 1, &element);
		walk_touch(&element);
	}
}

static void walk_fields(struct signature_module_state *s, unsigned module, const struct signature_field *fields,
			struct signature_key *keys, unsigned key_count)
{
	struct signature_value v;

	for (const struct signature_field *f = fields; f->name != NULL; f++) {
		if (f->type == SIGNATURE_TYPE_STRUCT) {
			walk_fields(s, module, f->members, keys, key_count);
		} else if (f->type == SIGNATURE_TYPE_FUNCTION) {
			walk_call(s, module, f, keys, key_count);
		} else if (f->type == SIGNATURE_TYPE_ARRAY || f->type == SIGNATURE_TYPE_DICTIONARY) {
			walk_array(s, module, f, keys, key_count);
		} else {
			signature_module_value(s, module, f->id, keys, key_count, &v);
			walk_touch(&v);
		}
	}
}

static void signature_module_walk(unsigned module, const uint8_t *data, size_t size)
{
	struct signature_key keys[SIGNATURE_MODULE_KEYS];
	uint64_t entry = 0;
	/* Of its own size, so that a read behind the end is seen. */
	uint8_t *copy = malloc(size > 0 ? size : 1);
	void *memory = malloc(signature_module_state_size());

	if (copy != NULL && memory != NULL) {
		if (size > 0)
			memcpy(copy, data, size);
		struct signature_module_state *s = signature_module_begin(memory, copy, size);
		walk_fields(s, module, signature_module_at(module)->fields, keys, 0);
		(void)signature_module_entrypoint(s, &entry);
	}
	free(memory);
	free(copy);
}
