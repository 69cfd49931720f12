/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * eventdb_sandbox: what the engine may touch: its data folder, the folder of
 * its socket, and what it reads of itself. A statement that gets past every
 * check of the HTTP interface still finds no foreign file, no network, no
 * program to run.
 */
#pragma once
#include "base/err/err.h"

struct eventdb_sandbox {
	const char *data_dir, *socket, *library;
};

/* Before the engine starts its threads. Makes the data folder. */
int eventdb_sandbox_enter_files(const struct eventdb_sandbox *box, struct err *err) WARN_UNUSED;
/* When it listens. */
int eventdb_sandbox_enter_calls(struct err *err) WARN_UNUSED;
