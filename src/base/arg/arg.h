/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * arg: a named, typed value. Errors, log lines and messages carry their
 * parameters as lists of these instead of built strings, so that one fixed
 * sentence can be counted, translated and searched.
 *
 * Does not live here: formatting into sentences (base/msg), log output (base/log).
 * Threads: values only, no state.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/str/str.h"

enum arg_type { ARG_TYPE_END, ARG_TYPE_STR, ARG_TYPE_I64, ARG_TYPE_U64 };

struct arg {
	const char *name; /* static string */
	enum arg_type type;
	struct str s;
	union {
		int64_t i64;
		uint64_t u64;
	};
};

#define ARG_STR(name_, str_) ((struct arg){.name = (name_), .type = ARG_TYPE_STR, .s = (str_)})
#define ARG_CSTR(name_, cstr_) ((struct arg){.name = (name_), .type = ARG_TYPE_STR, .s = str_c(cstr_)})
#define ARG_I64(name_, v_) ((struct arg){.name = (name_), .type = ARG_TYPE_I64, .i64 = (int64_t)(v_)})
#define ARG_U64(name_, v_) ((struct arg){.name = (name_), .type = ARG_TYPE_U64, .u64 = (uint64_t)(v_)})

/* Builds the terminated list that functions with `const struct arg *args` take. */
#define ARGS(...) ((const struct arg[]){__VA_ARGS__ __VA_OPT__(, ) {.name = NULL}})

/* The value as text, cut to `size` bytes including the terminator (never in the
 * middle of a UTF-8 character). Returns buf. */
const char *arg_text(const struct arg *arg, char *buf, size_t size);
