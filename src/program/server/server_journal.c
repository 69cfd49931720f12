/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/server_journal.h"

#include <pthread.h>

#include "base/clock/clock.h"
#include "base/json/json.h"
#include "base/log/log.h"
#include "base/mem/mem.h"

#define QUEUE_BYTES ((size_t)1 << 20)
#define LINE_BYTES  ((size_t)256 << 10)

struct server_journal {
	pthread_mutex_t lock;
	struct buf lines; /* lock; whole lines */
	uint64_t lost;    /* lock; not told yet */
};

static void write_event(struct buf *out, const char *level, const char *sentence, struct str json)
{
	char at[CLOCK_ISO_SIZE];
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	json_member_cstr(&w, "@timestamp", clock_iso(clock_now(), at));
	json_member_cstr(&w, "event.kind", "event");
	json_member_cstr(&w, "event.dataset", "luytre.log");
	json_member_cstr(&w, "event.provider", "luytre-server");
	json_member_cstr(&w, "luytre.log", "server"); /* tells rules of product luytre that the event is theirs */
	json_member_cstr(&w, "log.level", level);
	json_member_cstr(&w, "message", sentence);
	json_name(&w, "luytre");
	json_raw(&w, json);
	json_object_end(&w);
	buf_append_char(out, '\n');
}

static bool add_line(struct server_journal *l, struct str line)
{
	if (l->lines.n + line.n > QUEUE_BYTES)
		return false;
	buf_append(&l->lines, line);
	return true;
}

static void on_line(void *ctx, enum log_level level, const char *sentence, struct str json)
{
	struct server_journal *l = ctx;
	cleanup_buf struct buf line = BUF_INIT(LINE_BYTES);
	write_event(&line, log_level_name(level), sentence, json);
	(void)pthread_mutex_lock(&l->lock);
	if (line.overflow || !add_line(l, buf_str(&line)))
		l->lost++;
	(void)pthread_mutex_unlock(&l->lock);
}

struct server_journal *server_journal_new(void)
{
	struct server_journal *l = MEM_NEW(struct server_journal);
	(void)pthread_mutex_init(&l->lock, NULL);
	l->lines = BUF_INIT(QUEUE_BYTES + 1);
	log_set_tap(on_line, l);
	return l;
}

void server_journal_free(struct server_journal *l)
{
	if (l == NULL)
		return;
	log_set_tap(NULL, NULL);
	(void)pthread_mutex_destroy(&l->lock);
	buf_done(&l->lines);
	mem_free(l);
}

void server_journal_add(struct server_journal *l, struct str lines)
{
	struct str line;
	(void)pthread_mutex_lock(&l->lock);
	while (str_split(&lines, '\n', &line)) {
		if (line.n == 0)
			continue;
		if (l->lines.n + line.n + 1 > QUEUE_BYTES) {
			l->lost++;
			continue;
		}
		buf_append(&l->lines, line);
		buf_append_char(&l->lines, '\n');
	}
	(void)pthread_mutex_unlock(&l->lock);
}

static void append_lost(struct buf *out, uint64_t lost)
{
	char json[64];
	struct buf b = BUF_FIXED(json, sizeof(json));
	buf_printf(&b, "{\"lost\":%llu}", (unsigned long long)lost);
	write_event(out, "warn", "log lines were lost on their way to the event store", buf_str(&b));
}

size_t server_journal_take(struct server_journal *l, size_t max_bytes, struct buf *out)
{
	size_t events = 0, taken = 0;
	struct str rest, line;
	(void)pthread_mutex_lock(&l->lock);
	rest = buf_str(&l->lines);
	while (str_split(&rest, '\n', &line) && line.n > 0 && taken + line.n + 1 <= max_bytes) {
		taken += line.n + 1;
		events++;
	}
	buf_append(out, str_sub(buf_str(&l->lines), 0, taken));
	buf_consume(&l->lines, taken);
	if (l->lost > 0) {
		append_lost(out, l->lost);
		l->lost = 0;
		events++;
	}
	(void)pthread_mutex_unlock(&l->lock);
	return events;
}

void server_journal_lost(struct server_journal *l, size_t events)
{
	(void)pthread_mutex_lock(&l->lock);
	l->lost += events;
	(void)pthread_mutex_unlock(&l->lock);
}
