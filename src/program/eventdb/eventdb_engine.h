/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * eventdb_engine: libchdb as the executor of the HTTP interface.
 *
 * The library runs one process-wide engine over one data folder; a connection
 * is a session in it and costs half a millisecond. So every query gets a fresh
 * session (settings, current database and readonly cannot leak from one
 * request into the next) and lanes limit how many run at a time.
 *
 * At start a configuration file with memory limits is written and then read
 * back from system.server_settings: the library ignores some options silently,
 * and an unlimited query takes all memory of the machine.
 */
#pragma once
#include "program/eventdb/chdb.h"
#include "program/eventdb/eventdb_http.h"

struct eventdb_engine;

struct eventdb_engine_config {
	const char *library;    /* chdb_find says where */
	const char *data_dir;   /* made when missing */
	uint64_t memory_bytes;  /* 0: a quarter of the machine's, 512 MiB to 8 GiB */
};

/* One engine a process. Errors: eventdb.no_library, .wrong_library, .engine, .setting_ignored. */
int eventdb_engine_start(const struct eventdb_engine_config *config, struct eventdb_engine **ret,
                         struct err *err) WARN_UNUSED;
struct eventdb_executor eventdb_engine_executor(struct eventdb_engine *e);
/* Asks running queries to stop; new ones are refused. */
void eventdb_engine_cancel(struct eventdb_engine *e);
/* Closes the last session, which writes out and ends the engine. No query may be running. */
void eventdb_engine_stop(struct eventdb_engine *e);
