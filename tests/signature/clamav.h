/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#pragma once

/* Databases (.ndb, .ldb) first, then files. */
int clamav_scan(char **paths, int count);
