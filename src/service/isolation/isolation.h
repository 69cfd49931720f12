/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * isolation: cutting a machine off from the network and taking that back: who
 * may, for which cause, for how long, what the person at the machine is told,
 * and when it takes two persons. Data: packs/vn/isolation.yaml.
 *
 * Permission "endpoint.isolate" over the machine's unit, for both directions: whoever may cut off may lift. The officer of the
 * unit sees it and the text, and asks by telephone: who is under pressure to work on must not be the one who decides.
 *
 * Does not live here: the order on its way and what the machine says of it (service/endpoint/endpoint_isolation.h).
 * Threads: any; the pack's data is in the database.
 */
#pragma once
#include "service/service.h"

extern const struct service isolation_service;
