/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Any line: parsed or refused, and normalised twice alike. */
#include "engine/indicator/indicator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct indicator_line line;
	(void)indicator_line_parse(str_n(data, size), &line);
	return 0;
}
