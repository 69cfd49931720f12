/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/log/log.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock/clock.h"
#include "base/json/json.h"
#include "base/mem/mem.h"

#define LINE_MAX_BYTES ((size_t)128 << 10)
/* Leaves room for one more value with every byte escaped. */
#define LINE_FULL ((size_t)64 << 10)
#define VALUE_MAX_BYTES 4096

#define REPEAT_WINDOW (10 * USEC_PER_SEC)
#define REPEAT_MAX 20
#define REPEAT_SLOTS 256

/* The one mutable global below the programs: a log that had to be passed around would not be used. */
static struct {
	const char *program;
	_Atomic enum log_level least;
	_Atomic bool json;
	log_tap tap;
	void *tap_ctx;
} settings = {.program = "luytre", .least = LOG_LEVEL_INFO, .json = false};

static const char *const level_names[LOG_LEVEL__COUNT] = {
	[LOG_LEVEL_DEBUG] = "debug",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_ERROR] = "error",
};

void log_setup(const char *program, enum log_level least, bool json)
{
	settings.program = program;
	settings.least = least;
	settings.json = json || isatty(STDERR_FILENO) == 0;
}

void log_set(enum log_level least, bool json)
{
	settings.least = least;
	settings.json = json;
}

void log_set_tap(log_tap tap, void *ctx)
{
	settings.tap = tap;
	settings.tap_ctx = ctx;
}

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

/* Sentences are static strings, so their address tells them apart. */
struct repeat {
	const char *sentence;
	usec_t since;
	unsigned seen;
	uint64_t suppressed;
};

static struct repeat repeats[REPEAT_SLOTS]; /* under repeats_lock, held for a few instructions */
static atomic_flag repeats_lock = ATOMIC_FLAG_INIT;

/* Whether the line is written; *ret_suppressed counts those swallowed in the sentence's last window. */
static bool admit(const char *sentence, usec_t now, uint64_t *ret_suppressed)
{
	struct repeat *r = &repeats[((uintptr_t)sentence * 0x9E3779B97F4A7C15U) >> 56];
	while (atomic_flag_test_and_set_explicit(&repeats_lock, memory_order_acquire))
		;
	bool admitted = true;
	*ret_suppressed = 0;
	if (r->sentence != sentence || now - r->since >= REPEAT_WINDOW) {
		/* Two sentences that share a slot reset each other: they are then logged too often, never too seldom. */
		*ret_suppressed = r->sentence == sentence ? r->suppressed : 0;
		*r = (struct repeat){.sentence = sentence, .since = now, .seen = 1};
	} else if (++r->seen > REPEAT_MAX) {
		r->suppressed++;
		admitted = false;
	}
	atomic_flag_clear_explicit(&repeats_lock, memory_order_release);
	return admitted;
}

static struct str shortened(struct str s)
{
	if (s.n <= VALUE_MAX_BYTES)
		return s;
	size_t n = VALUE_MAX_BYTES;
	while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
		n--;
	return str_sub(s, 0, n);
}

static void append_json_args(struct json_writer *w, const struct arg *args)
{
	for (; args != NULL && args->name != NULL && w->out->n < LINE_FULL; args++) {
		json_name(w, args->name);
		switch (args->type) {
		case ARG_TYPE_STR:
			json_str(w, shortened(args->s));
			break;
		case ARG_TYPE_I64:
			json_int(w, args->i64);
			break;
		case ARG_TYPE_U64:
			json_u64(w, args->u64);
			break;
		case ARG_TYPE_END:
			json_null(w);
			break;
		}
	}
}

static void append_json_err(struct json_writer *w, const struct err *err)
{
	json_name(w, "error");
	json_object(w);
	json_member_int(w, "code", err->code);
	json_member_cstr(w, "key", err->key);
	if (err->place[0] != '\0')
		json_member_cstr(w, "place", err->place);
	for (unsigned i = 0; i < err->arg_count; i++)
		json_member_cstr(w, err->args[i].name, err->args[i].value);
	json_object_end(w);
}

static void json_line(struct buf *out, enum log_level level, const char *sentence, const struct err *err,
                      const struct arg *args, uint64_t suppressed)
{
	char now[CLOCK_ISO_SIZE];
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	json_member_cstr(&w, "time", clock_iso(clock_now(), now));
	json_member_cstr(&w, "level", level_names[level]);
	json_member_cstr(&w, "program", settings.program);
	json_member_int(&w, "pid", getpid());
	json_member_cstr(&w, "message", sentence);
	append_json_args(&w, args);
	if (err != NULL)
		append_json_err(&w, err);
	if (suppressed > 0) {
		json_name(&w, "suppressed");
		json_u64(&w, suppressed);
	}
	json_object_end(&w);
}

/* Quoted as in JSON unless plain: a value must not be able to fake a line or move the cursor. */
static void append_value(struct buf *out, struct str s)
{
	bool plain = s.n > 0;
	for (size_t i = 0; plain && i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		plain = c > ' ' && c < 0x7F && c != '"' && c != '\\' && c != '=';
	}
	if (plain) {
		buf_append(out, s);
		return;
	}
	struct json_writer w = json_writer_init(out);
	json_str(&w, s);
}

static void text_line(struct buf *out, enum log_level level, const char *sentence, const struct err *err,
                      const struct arg *args, uint64_t suppressed)
{
	char now[CLOCK_ISO_SIZE], number[32];
	/* Whole seconds are enough for a person. */
	usec_t t = clock_now();
	buf_printf(out, "%s %s %s: %s", clock_iso(t - t % USEC_PER_SEC, now), settings.program, level_names[level], sentence);
	for (; args != NULL && args->name != NULL && out->n < LINE_FULL; args++) {
		buf_printf(out, " %s=", args->name);
		append_value(out, args->type == ARG_TYPE_STR ? shortened(args->s)
		                                             : str_c(arg_text(args, number, sizeof number)));
	}
	if (err != NULL) {
		buf_printf(out, " error=%s", err->key);
		if (err->place[0] != '\0') {
			buf_append_c(out, " place=");
			append_value(out, str_c(err->place));
		}
		for (unsigned i = 0; i < err->arg_count; i++) {
			buf_printf(out, " %s=", err->args[i].name);
			append_value(out, str_c(err->args[i].value));
		}
	}
	if (suppressed > 0)
		buf_printf(out, " suppressed=%" PRIu64, suppressed);
}

void log_write(enum log_level level, const char *sentence, const struct err *err, const struct arg *args)
{
	uint64_t suppressed;
	if (level < settings.least || !admit(sentence, clock_monotonic(), &suppressed))
		return;
	int saved_errno = errno;
	struct buf out cleanup_buf = BUF_INIT(LINE_MAX_BYTES);
	if (settings.json)
		json_line(&out, level, sentence, err, args, suppressed);
	else
		text_line(&out, level, sentence, err, args, suppressed);
	buf_append_char(&out, '\n');
	/* There is nobody to tell when the log itself cannot be written. */
	ssize_t put = write(STDERR_FILENO, out.p, (unsigned)out.n);
	(void)put;
	if (settings.tap != NULL && level >= LOG_LEVEL_INFO) {
		buf_clear(&out);
		json_line(&out, level, sentence, err, args, suppressed);
		settings.tap(settings.tap_ctx, level, sentence, buf_str(&out));
	}
	errno = saved_errno;
}
