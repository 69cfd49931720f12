/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * chdb: the part of libchdb.so that we use, loaded at run time so that the
 * program starts with a clear message where the library is absent. The npm
 * package has no header: these are the names and types that the library
 * exports and documents (chDB 26.5).
 *
 * Of a failed result only the error may be asked for: the counters of one hold garbage.
 * Threads: connections are independent; one connection serves one thread at a time.
 */
#pragma once
#include <limits.h>

#include "base/err/err.h"

struct chdb_connection; /* its handle: a pointer to a pointer in the library's interface */
struct chdb_result;

/* clang-format off */
#define CHDB_FUNCTIONS(F) \
	F(struct chdb_connection **, chdb_connect, (int argc, char **argv)) \
	F(void, chdb_close_conn, (struct chdb_connection **connection)) \
	F(struct chdb_result *, chdb_query_n, (struct chdb_connection *connection, const char *query, size_t query_len, \
	                                       const char *format, size_t format_len)) \
	F(struct chdb_result *, chdb_query_with_params_n, (struct chdb_connection *connection, const char *query, size_t query_len, \
	                                       const char *format, size_t format_len, const char *const *names, \
	                                       const size_t *name_lens, const char *const *values, const size_t *value_lens, \
	                                       size_t count)) \
	F(void, chdb_destroy_query_result, (struct chdb_result *result)) \
	F(char *, chdb_result_buffer, (struct chdb_result *result)) \
	F(size_t, chdb_result_length, (struct chdb_result *result)) \
	F(const char *, chdb_result_error, (struct chdb_result *result)) \
	F(uint64_t, chdb_result_rows_read, (struct chdb_result *result)) \
	F(uint64_t, chdb_result_storage_rows_read, (struct chdb_result *result)) \
	F(uint64_t, chdb_result_storage_bytes_read, (struct chdb_result *result)) \
	F(uint64_t, chdb_result_rows_written, (struct chdb_result *result)) \
	F(uint64_t, chdb_result_bytes_written, (struct chdb_result *result)) \
	F(void, chdb_set_signal_handlers_enabled, (int enabled))
/* clang-format on */

struct chdb {
#define CHDB_MEMBER(type, name, args) type(*name) args;
	CHDB_FUNCTIONS(CHDB_MEMBER)
#undef CHDB_MEMBER
	void *library;
};

/* Where *path is NULL: makes it the first of: beside the executable, node_modules/@chdb/lib-linux-x64-gnu/ beside the
 * executable or in a folder above it, /usr/lib/luytre/; written to `found`. -ENOENT (eventdb.no_library). */
int chdb_find(const char **path, char found[PATH_MAX], struct err *err) WARN_UNUSED;
/* Loads `path`; signal handlers of the library are switched off.
 * -ENOENT (eventdb.no_library), -ENOTSUP (eventdb.wrong_library: a function is missing). */
int chdb_load(const char *path, struct chdb *ret, struct err *err) WARN_UNUSED;
