/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Private to engine/recurrence. */
#pragma once
#include "engine/recurrence/recurrence.h"

/* month in 1..12 */
unsigned recurrence_month_days(int year, unsigned month);
