/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * pipe_senders: the last snapshot of senders on the pipeline's disk, so that it
 * takes events again after a restart even while core is away. Holds digests,
 * no secrets.
 * Threads: one at a time.
 */
#pragma once
#include "program/server/pipe_protocol.h"

int pipe_senders_save(const char *path, const struct pipe_snapshot *s, struct err *err) WARN_UNUSED;
/* -ENOENT when there is none, -EBADMSG (server.pipe_malformed) when it is not whole. */
int pipe_senders_load(const char *path, struct pipe_snapshot *ret, struct err *err) WARN_UNUSED;
