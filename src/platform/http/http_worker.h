/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The threads that run handlers. Private to platform/http. Threads: submit from any. */
#pragma once
#include "base/err/err.h"

struct http_work {
	struct http_work *next;
	void (*run)(struct http_work *work);
};

struct http_workers;
struct http_workers *http_workers_new(unsigned threads);
void http_workers_submit(struct http_workers *w, struct http_work *work);
/* Runs what is queued, then ends the threads and frees. */
void http_workers_free(struct http_workers *w);
