/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event/event_zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_zone *z;
	if (event_zone_read(str_n(data, size), &z, NULL) < 0)
		return 0;
	for (usec_t t = 0; t < 150 * 365 * USEC_PER_DAY; t += 99 * USEC_PER_DAY)
		(void)event_zone_instant(z, t, t);
	event_zone_free(z);
	return 0;
}
