/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What core may ask of the worker role: bytes to bytes.
 *
 *   RUN   u64 job (enum worker_job), u64 input bytes, u64 limit of the output, descriptor: the exchange
 *
 * Answers: DONE (the exchange says what came of it), or FAILED with u64 why (enum worker_why).
 * The exchange (worker_exchange.h) is memory that core made, of a size that cannot change.
 */
#pragma once

enum worker_message {
	WORKER_RUN = 0x300,
	WORKER_DONE,
	WORKER_FAILED,
};

/* TABLE_READ: a CSV or XLSX file to packed rows (engine/table); TABLE_WRITE: packed rows to XLSX; RULES_…: engine/rulebook. */
enum worker_job {
	WORKER_TABLE_READ,
	WORKER_TABLE_WRITE,
	WORKER_RULES_READ,
	WORKER_RULES_CHECK,
	WORKER_RULES_REPLAY,
	WORKER_RULES_INDICATORS,
	WORKER_JOB__COUNT
};

enum worker_why {
	WORKER_MALFORMED, /* the message or its exchange */
	WORKER_BUSY,      /* too many jobs wait */
	WORKER_TOO_SLOW,  /* past its time, and killed */
	WORKER_DIED,      /* past its memory, or worse */
	WORKER_WHY__COUNT,
};

#define WORKER_INPUT_MAX  ((size_t)128 << 20)
#define WORKER_OUTPUT_MAX ((size_t)128 << 20)
#define WORKER_MESSAGE_LIMIT ((size_t)4 << 10)
