/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* A segment file of any bytes: what is acknowledged is through, nothing waits unread, and a new report comes out behind it. */
#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cursor/cursor.h"
#include "base/file/file.h"
#include "program/agent/agent_spool.h"

static char dir[] = "/tmp/agent-spool-fuzz-XXXXXX", path[100];

static void empty_dir(void)
{
	DIR *d = opendir(dir);
	for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
		(void)snprintf(path, sizeof path, "%s/%.30s", dir, e->d_name);
		(void)unlink(path);
	}
	(void)closedir(d);
}

/* Right check sums, which no mutation finds by itself. */
static void mend(char *p, size_t size)
{
	struct cursor c = cursor_of(str_n(p, size));
	(void)cursor_take(&c, 24);
	for (size_t at = c.at; !c.failed; at = c.at) {
		uint32_t length = cursor_u32_le(&c);
		(void)cursor_u32_le(&c);
		(void)cursor_take(&c, 8 + (size_t)length);
		uint32_t crc = c.failed ? 0 : (uint32_t)crc32(0, (const Bytef *)p + at + 8, 8 + length);
		for (unsigned i = 0; i < 4 && !c.failed; i++)
			p[at + 4 + i] = (char)(crc >> (8 * i));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct agent_spool_config config = {.dir = dir, .max_bytes = 1 << 20};
	struct agent_spool *s = NULL;
	struct agent_spool_batch b;
	cleanup_buf struct buf bytes = BUF_INIT(1 << 20);
	buf_append(&bytes, str_n(data, size));
	mend(bytes.p, bytes.n);
	static bool made;
	if (!made && mkdtemp(dir) == NULL)
		abort();
	made = true;
	(void)snprintf(path, sizeof path, "%s/00000000000000000001.seg", dir);
	if (file_write(path, buf_str(&bytes), 0600, NULL) < 0 || agent_spool_open(&config, &s, NULL) < 0)
		abort();
	bool added = agent_spool_append(s, STR("{\"new\":1}"), NULL, NULL) == 0, seen = false;
	for (unsigned tries = 0; agent_spool_read(s, 100, 10000, &b, NULL) > 0; tries++, agent_spool_batch_done(&b)) {
		assert(b.count > 0 && b.last - b.first == b.count - 1 && tries < 100000);
		seen = seen || str_find(buf_str(&b.ndjson), STR("\"new\":1}\n")) != SIZE_MAX;
		assert(agent_spool_ack(s, b.last, NULL) == 0);
	}
	assert((seen || !added) && agent_spool_state(s).waiting == 0);
	agent_spool_free(s);
	empty_dir();
	return 0;
}
