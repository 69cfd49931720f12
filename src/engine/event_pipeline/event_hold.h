/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_hold: a pause between two blocks of the store stage. While another
 * process holds it, nothing is put into the event store, so that the cursor
 * "stored" says exactly what the store has; events are taken and kept in the
 * spool as ever. A lock (flock) on a file of the pipeline's folder: it ends with
 * whoever holds it.
 *
 * Used by a backup. Threads: one descriptor belongs to one thread. Linux only.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"

/* `dir`: the pipeline's folder. The file is made when missing. Close the descriptor with file_close. */
int event_hold_open(const char *dir, int *ret_fd, struct err *err) WARN_UNUSED;
/* The pipeline's side, around each block. false: held, try later. */
bool event_hold_enter(int fd);
void event_hold_leave(int fd);
/* The other side. -ETIMEDOUT (event.hold_timeout): a block took longer than that. */
int event_hold_take(int fd, unsigned timeout_ms, struct err *err) WARN_UNUSED;
void event_hold_release(int fd);
