/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#pragma once
#include "program/cli/cli.h"

/* `state`: the agent's folder; NULL: where packages put it. */
int cli_signatures_export(struct cli *cli, const char *state, const char *out, struct err *err) WARN_UNUSED;
int cli_signatures_import(struct cli *cli, const char *state, const char *file, struct err *err) WARN_UNUSED;
