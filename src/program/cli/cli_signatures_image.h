/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* luytre signatures: what concerns the signature image (engine/signature). */
#pragma once
#include "program/cli/cli.h"

struct cli_signatures_sum {
	uint64_t rules, left; /* taken; left to libyara */
	uint64_t faulty;      /* wrong for libyara too */
	uint64_t size_bytes;
};

/* Compiles YARA rules (files, or folders with .yar and .yara) and those of the ClamAV files that are .ndb or .ldb into an image.
 * With `tell`, what could not be taken is printed, a line each, with its place and reason. */
int cli_signatures_compile(struct cli *cli, const struct cli_list *yara, const struct cli_list *clamav, bool tell, struct buf *out, struct cli_signatures_sum *ret,
                           struct err *err) WARN_UNUSED;
/* "N rules, of which …" */
void cli_signatures_say_sum(struct cli *cli, const struct cli_signatures_sum *sum);
/* Why `rule` (NAME or SPACE:NAME) of an image, or of rules, matches a file or not. */
int cli_signatures_explain(struct cli *cli, const char *image, const struct cli_list *yara, const struct cli_list *clamav, const char *rule, const char *file,
                           struct err *err) WARN_UNUSED;
