/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * sample: the invented city that shows what the platform looks like in use.
 * Everything it makes carries the sample mark; loading it again changes nothing
 * but refreshes when the sample machines were last seen.
 *
 * Does not live here: the data (packs/vn/sample). Threads: one call at a time.
 */
#pragma once
#include "service/service.h"

/* `dir`: a folder such as packs/vn/sample/cantho. `password`: of every sample account. After the services' start. */
int sample_load(const struct service_context *sc, const char *dir, struct str password, struct err *err) WARN_UNUSED;
