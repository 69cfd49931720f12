/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The parts of the verb `document`. */
#pragma once
#include "program/cli/cli.h"

int cli_document_sign(struct cli *cli, int argc, char **argv);
