/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#pragma once
#include "service/metrics/metrics.h"

void metrics_meter_write(struct metrics_meter *m, struct buf *out);
