/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * server_check: --check-config. Runs what a start runs, as the users who would run it, over
 * folders that it makes and removes again: nothing of the installation changes, and a server may be running on the same
 * data meanwhile. One line a step on `out`: whether it is well, and if not, what to do.
 * Threads: one; it forks.
 */
#pragma once
#include <stdio.h>

#include "program/server/server_config.h"

/* How many steps failed. `called`: argv[0]. */
int server_check(const struct server_config *config, const char *called, FILE *out);

/* server_check_core.c: the steps that need the whole of core. 1: fine, and *ret_note says more; 0; negative. */
struct server_check_note {
	const char *key; /* message */
	int64_t count;
};
int server_check_services(const struct server_config *config, struct server_check_note *ret_note,
			  struct err *err) WARN_UNUSED;
int server_check_database(const struct server_config *config, struct server_check_note *ret_note,
			  struct err *err) WARN_UNUSED;
int server_check_web(const struct server_config *config, struct server_check_note *ret_note, struct err *err) WARN_UNUSED;
