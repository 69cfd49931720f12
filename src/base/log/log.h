/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * log: one fixed English sentence with typed fields. Text on a terminal, one
 * JSON object a line otherwise. Libraries (base, platform, engine) log at debug
 * only; services and programs log once, at the top.
 *
 * Secrets are never fields. Repeats of one sentence past 20 in 10 s are
 * swallowed and counted ("suppressed").
 * Threads: any; a line is written with one write(2).
 */
#pragma once
#include "base/err/err.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR, LOG_LEVEL__COUNT };

/* Called once, in main, before threads. `program` is a static string. json: force JSON lines. */
void log_setup(const char *program, enum log_level least, bool json);
/* Another least level or form, while threads log. A terminal is no longer looked at: json false means text. */
void log_set(enum log_level least, bool json);
/* Called for every line of level info and above that is written, with the line as a JSON object: from any thread, at any
 * time, so it must be quick, never block and never log. NULL: nobody. Set before threads and after them. */
typedef void (*log_tap)(void *ctx, enum log_level level, const char *sentence, struct str json);
void log_set_tap(log_tap tap, void *ctx);
const char *log_level_name(enum log_level level);
void log_write(enum log_level level, const char *sentence, const struct err *err, const struct arg *args);

#define log_debug(sentence, ...) log_write(LOG_LEVEL_DEBUG, (sentence), NULL, ARGS(__VA_ARGS__))
#define log_info(sentence, ...) log_write(LOG_LEVEL_INFO, (sentence), NULL, ARGS(__VA_ARGS__))
#define log_warn(sentence, ...) log_write(LOG_LEVEL_WARN, (sentence), NULL, ARGS(__VA_ARGS__))
#define log_error(sentence, ...) log_write(LOG_LEVEL_ERROR, (sentence), NULL, ARGS(__VA_ARGS__))
/* With an error's key, place and arguments as further fields. */
#define log_err(level, sentence, err, ...) log_write((level), (sentence), (err), ARGS(__VA_ARGS__))
