/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * worker_exchange: the memory through which a job gets its input and leaves its
 * output: head, input, output. Its size is sealed, so that neither end can
 * take the ground from under the other or fill the machine. What a job leaves
 * is as hostile as its input: the reader copies first, then looks.
 *
 * Threads: one object belongs to one thread.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"

/* A new exchange with this input, as a descriptor that is the caller's; -E2BIG worker.too_big. */
int worker_exchange_new(struct str input, size_t output_max, int *ret_fd, struct err *err) WARN_UNUSED;

struct worker_exchange {
	char *bytes;
	size_t size, input_n, output_max;
};
/* In the worker. -EINVAL worker.malformed: the sizes do not fit. */
int worker_exchange_map(int fd, uint64_t input_n, uint64_t output_max, struct worker_exchange *ret,
			struct err *err) WARN_UNUSED;
void worker_exchange_unmap(struct worker_exchange *x);
struct str worker_exchange_input(const struct worker_exchange *x);
/* `result`: 0 or a negative class, with what err says. */
void worker_exchange_leave(struct worker_exchange *x, int result, const struct err *err, struct str output);

/* In core, when the job is over: appends the output, or becomes the error that was left. */
int worker_exchange_take(int fd, size_t input_n, size_t output_max, struct buf *ret, struct err *err) WARN_UNUSED;
