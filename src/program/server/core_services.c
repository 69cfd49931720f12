/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/core.h"

#define SERVICE(name) extern const struct service name##_service;
#include "service/service.def"
#undef SERVICE

const struct service *const core_services[] = {
#define SERVICE(name) &name##_service,
#include "service/service.def"
#undef SERVICE
};
const size_t core_service_count = ARRAY_LEN(core_services);
