/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Any bytes as an image: refused, or safe to ask. */
#include "engine/indicator/indicator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(indicator_set) struct indicator_set *s = NULL;
	struct indicator_hit hit;
	if (indicator_set_parse(str_n(data, size), &s, NULL) < 0)
		return 0;
	(void)indicator_find(s, INDICATOR_DOMAIN, STR("a.b.xn--x.vn"), 1, &hit);
	(void)indicator_find(s, INDICATOR_IP, STR("10.1.2.3"), 1, &hit);
	(void)indicator_find(s, INDICATOR_FILE_NAME, STR("mimikatz.exe"), 1, &hit);
	return 0;
}
