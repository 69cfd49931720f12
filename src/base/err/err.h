/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * err: what went wrong, where, and with which values. Filled by the first
 * function that knows; callers add the place. Fixed size, lives on the
 * caller's stack, owns nothing.
 *
 * Every function that can fail returns int (0 or positive: fine, negative: an
 * errno class) and takes `struct err *err` last; NULL is allowed. The text a
 * person sees comes from the message catalogue (base/msg) under `key`.
 *
 * Classes in use: -EINVAL bad input, -ENOENT not there, -EEXIST already there,
 * -EACCES not allowed, -EPERM not authenticated, -ESTALE changed meanwhile,
 * -E2BIG over a limit, -EAGAIN try later, -ETIMEDOUT, -EIO, -EPROTO peer broke
 * the protocol, -EBADMSG signature or integrity failure, -ENOTSUP, -EBUSY.
 * Threads: a value; no shared state.
 */
#pragma once
#include <errno.h>
#include <stdbool.h>

#include "base/arg/arg.h"

#ifndef ESTALE /* Windows has no such class */
#define ESTALE 116
#endif

#define WARN_UNUSED __attribute__((warn_unused_result))

#define ERR_KEY_SIZE 64
#define ERR_PLACE_SIZE 256
#define ERR_ARGS 4
#define ERR_ARG_NAME_SIZE 24
#define ERR_ARG_VALUE_SIZE 256

struct err {
	int code;                   /* negative errno; 0: nothing recorded */
	char key[ERR_KEY_SIZE];     /* message key, "room.what" */
	char place[ERR_PLACE_SIZE]; /* "file:line:col", JSON pointer, field; may be "" */
	unsigned arg_count;
	struct {
		char name[ERR_ARG_NAME_SIZE];
		char value[ERR_ARG_VALUE_SIZE];
	} args[ERR_ARGS];
};

/* Records an error and returns `code` (must be negative). `args` ends with a NULL name. */
int err_set_args(struct err *err, int code, const char *key, const struct arg *args);
#define err_set(err, code, key, ...) err_negative(err_set_args((err), (code), (key), ARGS(__VA_ARGS__)))

/* Tells the compiler and its analysers what err_set_args asserts. */
static inline int err_negative(int code)
{
	if (code >= 0)
		__builtin_unreachable();
	return code;
}

/* Puts a place in front of what is already recorded: "pack.yaml" + "12:3" becomes
 * "pack.yaml:12:3". Returns err's code (or -EINVAL when err is NULL). */
int err_at(struct err *err, struct str place);

/* Records a failed system call: key "system.call" with call and reason. `number` is a positive errno. */
int err_errno(struct err *err, int number, const char *call, struct str object);

void err_clear(struct err *err);

/* "place: key name=value …" for logs and terminals without a catalogue. Returns buf. */
const char *err_line(const struct err *err, char *buf, size_t size);

/* The value of one argument, or "". */
const char *err_arg(const struct err *err, const char *name);
