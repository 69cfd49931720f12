/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A spool in a fresh folder for fuzz targets. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file/file.h"
#include "engine/event_pipeline/event_ingest.h"

static inline const char *fuzz_dir(void)
{
	static char dir[] = "/tmp/event-fuzz-XXXXXX";
	static bool made;
	if (!made && mkdtemp(dir) == NULL)
		abort();
	made = true;
	return dir;
}

/* Its disk swallows everything, so that runs stay quick and the folder small. */
static inline ssize_t fuzz_write_at(int fd, const void *p, size_t n, off_t at)
{
	(void)fd;
	(void)p;
	(void)at;
	return (ssize_t)n;
}

static inline struct event_ingest *fuzz_ingest(void)
{
	static struct event_ingest *in;
	static struct event_spool *spool;
	if (in != NULL)
		return in;
	struct event_spool_config c = {.dir = fuzz_dir(), .limit_bytes = UINT64_MAX, .segment_bytes = UINT64_MAX, .write_at = fuzz_write_at};
	struct event_spool_position none = {0};
	if (event_spool_open(&c, &spool, NULL) < 0 || event_ingest_open(spool, fuzz_dir(), none, &in, NULL) < 0)
		abort();
	return in;
}
