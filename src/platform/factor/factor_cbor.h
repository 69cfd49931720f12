/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* factor_cbor: are these CBOR items (RFC 8949) what an authenticator may send, before a library decodes them? */
#pragma once
#include "base/str/str.h"

/* One item after the other to the end: each length fits into what is there, at most four levels, nothing of indefinite
 * length (CTAP 2.1 section 8). No bytes: true. */
bool factor_cbor_is_sound(struct str items);
