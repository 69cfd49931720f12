/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * luytre: the command line. Verbs are listed in verb.def; each is one file.
 *
 * Exit codes: 0 fine, 1 found something or not in order, 2 could not do it.
 */
#pragma once
#include <stdio.h>

#include "base/err/err.h"
#include "base/mem/mem.h"
#include "base/msg/msg.h"
#include "platform/crypto/crypto.h"

enum { CLI_OK = 0, CLI_FOUND = 1, CLI_ERROR = 2, CLI_INTERRUPTED = 130 };

struct cli {
	const struct msg_catalogue *messages;
	enum msg_lang lang;
	const char *verb;
	bool out_is_terminal, err_is_terminal;
};

/* "luytre: text" on standard error, in the person's language. Returns CLI_ERROR. */
int cli_fail(struct cli *cli, const struct err *err);
/* A text of the catalogue with arguments and a line break, on `to`. */
void cli_say_args(struct cli *cli, FILE *to, const char *key, const struct arg *args);
#define cli_say(cli, to, key, ...) cli_say_args((cli), (to), (key), ARGS(__VA_ARGS__))
/* The verb's help on standard output: CLI_OK. */
int cli_help(struct cli *cli);
/* What getopt_long did not know: a line on standard error, CLI_ERROR. */
int cli_bad_option(struct cli *cli, char **argv);
/* An operand is missing or one too many. */
int cli_bad_use(struct cli *cli);
/* Bytes of others on a terminal: control characters become "?". */
void cli_put(struct cli *cli, FILE *to, struct str bytes);

/* A list of option values, NULL-terminated for whoever takes it. */
struct cli_list {
	const char **items; /* NULL: none */
	size_t count;
};
void cli_list_add(struct cli_list *list, const char *value);
void cli_list_done(struct cli_list *list);
#define cleanup_cli_list __attribute__((__cleanup__(cli_list_done)))

/* A PEM key from a file; several files for the list form. */
int cli_read_key(const char *path, struct crypto_key **ret, struct err *err) WARN_UNUSED;

/* The public keys that bundles are trusted by: the files given, or else the agent's. */
#define CLI_BUNDLE_KEY_DEFAULT "/etc/luytre/bundle.pem"
#define CLI_KEYS_MAX 8
struct cli_keys {
	const struct crypto_key *keys[CLI_KEYS_MAX];
	struct crypto_key *owned[CLI_KEYS_MAX];
	size_t count;
};
int cli_keys_read(struct cli_keys *keys, const struct cli_list *paths, struct err *err) WARN_UNUSED;
void cli_keys_done(struct cli_keys *keys);
#define cleanup_cli_keys __attribute__((__cleanup__(cli_keys_done)))

/* luytre verify */
struct cli_verify {
	const char *path;
	struct str bytes;
	const struct cli_list *keys; /* files of --key */
	const struct cli_list *government, *public_ca, *other_ca, *crls; /* of --ca-government, --ca-public, --ca, --crl */
};
/* UNKNOWN: not a file of this kind. FAILED: of this kind, but it could not be checked (no key). */
enum cli_verified { CLI_VERIFY_UNKNOWN, CLI_VERIFY_GOOD, CLI_VERIFY_BAD, CLI_VERIFY_FAILED };
#define VERIFIER(name) enum cli_verified cli_verify_##name(struct cli *cli, const struct cli_verify *v);
#include "program/cli/verify.def"
#undef VERIFIER

#define VERB(name) int cli_##name(struct cli *cli, int argc, char **argv);
#include "program/cli/verb.def"
#undef VERB
