/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#pragma once
#include "program/cli/cli.h"

/* `state`: the agent's folder; NULL: where packages put it. */
int cli_signatures_export(struct cli *cli, const char *state, const char *out, struct err *err) WARN_UNUSED;
int cli_signatures_import(struct cli *cli, const char *state, const char *file, struct err *err) WARN_UNUSED;
/* The next list of keys that may sign bundles: `trusted` are PEM files (NULL-terminated), `key` one of the list before. */
int cli_signatures_keys(uint64_t number, const char *const *trusted, const char *key, const char *out, struct err *err) WARN_UNUSED;
