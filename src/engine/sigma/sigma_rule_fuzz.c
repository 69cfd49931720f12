/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Parsing and compiling of one file, with a mapping of two lines: with the whole one a run is mostly its tree of keys. */
#include <assert.h>

#include "engine/sigma/sigma_image.h"
#include "engine/sigma/sigma_mapping.h"
#include "platform/pack/pack_fuzz_support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sigma_prefix nested = {.path = {"a.b", 3}}, flat = {.next = &nested};
	static const struct sigma_mapping mapping = {.prefixes = &flat};
	struct arena *arena cleanup(arena) = arena_new((size_t)256 << 20);
	const struct pack_doc *doc;
	struct sigma_parsed parsed;
	struct sg_image image = {0};
	sigma_parsed_init(&parsed, arena);
	if (pack_parse_foreign(arena, "x", str_n(data, size), &doc, NULL) < 0)
		return 0;
	for (; doc != NULL; doc = doc->next)
		(void)!sigma_parse_doc(&parsed, doc, NULL);
	if (parsed.rule_count + parsed.correlation_count > 0 && sigma_compile(&parsed, &mapping, NULL, false, &image, NULL) == 0)
		assert(image.rules_count <= parsed.rule_count + parsed.correlation_count);
	sg_image_done(&image);
	return 0;
}
