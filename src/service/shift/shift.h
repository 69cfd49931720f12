/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * shift: who is on duty when (roster, by hand or from a CSV file), who is now, and
 * the hand-over: a note generated from open alerts, promises (notes with a time)
 * and what is blind, edited and signed by the one who leaves, accepted by one
 * who comes. A signature is a name, a time, the factor of the session and the text's
 * SHA-256 in the audit log; it is no PKI signature.
 *
 * Does not live here: alerts (service/alert), what is blind (service/status).
 * Threads: any; state is in the database.
 */
#pragma once
#include "service/service.h"

extern const struct service shift_service;
