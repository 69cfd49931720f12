/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>

#include "base/clock/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	usec_t t, again;
	char text[CLOCK_ISO_SIZE];
	if (clock_parse_iso(str_n(data, size), &t, NULL) == 0)
		assert(clock_parse_iso(str_c(clock_iso(t, text)), &again, NULL) == 0 && again == t);
	if (clock_parse_duration(str_n(data, size), &t, NULL) == 0)
		assert(t >= 0);
	return 0;
}
