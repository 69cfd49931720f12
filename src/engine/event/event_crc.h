/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), with the processor's instruction where there is one. Portable. Threads: any. */
#pragma once
#include "base/str/str.h"

/* Continues `crc` (0 to begin) over bytes. */
uint32_t event_crc32c(uint32_t crc, struct str bytes);
