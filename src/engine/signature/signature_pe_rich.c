/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The linker's "Rich" record before the PE header, and the path of the debug file. */
#include "engine/signature/signature_module_internal.h"

#define RICH_MARK      0x68636952 /* "Rich" */
#define RICH_DANS      0x536e6144 /* "DanS", under the key */
#define RICH_HEADER    16         /* DanS and three times the key */
#define DEBUG_SIZE     28
#define DEBUG_CODEVIEW 2
#define PATH_LIMIT     1024

struct rich {
	uint64_t at;
	uint32_t length, key;
};

static bool rich_find(const struct signature_module_state *s, struct rich *ret)
{
	uint32_t key = 0;
	int64_t at = (int64_t)s->pe.nt - 4, mark = -1;

	for (; at >= 64; at -= 4)
		if (signature_u32(s, (uint64_t)at) == RICH_MARK) {
			mark = at;
			key = signature_u32(s, (uint64_t)at + 4);
			at -= 4;
			break;
		}
	if (mark < 0 || key == 0)
		return false;
	for (; at >= 64; at -= 4)
		if ((signature_u32(s, (uint64_t)at) ^ key) == RICH_DANS)
			break;
	if (at < 64)
		return false;
	const uint32_t first = signature_u32(s, (uint64_t)at + 4);
	if (first != signature_u32(s, (uint64_t)at + 8) || first != signature_u32(s, (uint64_t)at + 12) ||
	    (signature_u32(s, (uint64_t)at) ^ first) != RICH_DANS)
		return false;
	*ret = (struct rich){.at = (uint64_t)at, .length = (uint32_t)(mark - at), .key = first};
	return true;
}

static void clear_data(struct signature_module_state *s, const struct rich *r, struct signature_value *ret)
{
	char *clear = signature_module_text(s, r->length);

	if (clear == NULL)
		return;
	for (uint32_t i = 0; i < r->length; i++)
		clear[i] = (char)(s->data[r->at + i] ^ (uint8_t)(r->key >> (8 * (i % 4))));
	signature_value_text(ret, str_n(clear, r->length));
}

void signature_pe_rich_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
			     unsigned key_count, struct signature_value *ret)
{
	struct rich r;

	(void)keys;
	(void)key_count;
	if (!rich_find(s, &r))
		return;
	switch (id) {
	case PE_RICH_OFFSET:
		signature_value_integer(ret, (int64_t)r.at);
		break;
	case PE_RICH_LENGTH:
		signature_value_integer(ret, r.length);
		break;
	case PE_RICH_KEY:
		signature_value_integer(ret, r.key);
		break;
	case PE_RICH_RAW_DATA:
		signature_value_text(ret, str_n(s->data + r.at, r.length));
		break;
	case PE_RICH_CLEAR_DATA:
		clear_data(s, &r, ret);
		break;
	}
}

void signature_pe_rich_call(struct signature_module_state *s, unsigned id, unsigned overload,
			    const struct signature_argument *a, struct signature_value *ret)
{
	const bool version_first = id == PE_RICH_VERSION, both = overload == 1;
	struct rich r;
	int64_t times = 0;

	if (!rich_find(s, &r))
		return;
	for (uint64_t at = r.at + RICH_HEADER; at + 8 <= r.at + r.length; at += 8) {
		const uint32_t id_version = signature_u32(s, at) ^ r.key;
		const int64_t version = id_version & 0xffff, tool = id_version >> 16;
		if (a[0].value.integer == (version_first ? version : tool) &&
		    (!both || a[1].value.integer == (version_first ? tool : version)))
			times += signature_u32(s, at + 4) ^ r.key;
	}
	signature_value_integer(ret, times);
}

/* Where the path stands in a CodeView record, or 0: not one that we know. */
static unsigned path_at(uint32_t mark)
{
	switch (mark) {
	case 0x3031424e: /* NB10 */
		return 16;
	case 0x53445352: /* RSDS */
		return 24;
	case 0x434f544d: /* MTOC */
		return 20;
	default:
		return 0;
	}
}

void signature_pe_debug_value(struct signature_module_state *s, unsigned id, const struct signature_key *keys,
			      unsigned key_count, struct signature_value *ret)
{
	uint32_t rva = 0, size = 0;
	bool ended = false;

	(void)id;
	(void)keys;
	(void)key_count;
	if (!signature_pe_directory(s, PE_DIRECTORY_DEBUG, &rva, &size) || size == 0 || size % DEBUG_SIZE != 0 || rva == 0)
		return;
	const int64_t base = signature_pe_offset(s, rva);
	for (uint32_t i = 0; base >= 0 && i < size / DEBUG_SIZE; i++) {
		const uint64_t at = (uint64_t)base + DEBUG_SIZE * (uint64_t)i;
		if (!signature_fits(s, at, DEBUG_SIZE))
			break;
		if (signature_u32(s, at + 12) != DEBUG_CODEVIEW)
			continue;
		int64_t record = 0;
		if (signature_u32(s, at + 20) != 0)
			record = signature_pe_offset(s, signature_u32(s, at + 20));
		if (record <= 0 && signature_u32(s, at + 24) != 0)
			record = signature_u32(s, at + 24);
		if (record <= 0 || !signature_fits(s, (uint64_t)record, 8))
			continue;
		const unsigned path = path_at(signature_u32(s, (uint64_t)record));
		if (path == 0 || !signature_fits(s, (uint64_t)record, path + 1))
			continue;
		const struct str text = signature_cstring(s, (uint64_t)record + path, PATH_LIMIT, &ended);
		if (text.n > 0 && text.n < PATH_LIMIT) {
			signature_value_text(ret, text);
			break;
		}
	}
}
