/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/listen/listen_journal.h"

#include <pthread.h>
#include <stdlib.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "base/file/file.h"
#include "base/json/json.h"
#include "base/text/text.h"

#define ENTRIES_AT_ONCE 1000
#define ROUND_BYTES ((size_t)16 << 20)
#define FIELD_LIMIT ((size_t)64 << 10) /* of a field's value; longer ones are cut */
#define POLL_MS 500
#define CURSOR_LIMIT 1024
/* New files (rotation) are told by inotify, which the role may not use: the journal is opened anew instead. */
#define REOPEN_AFTER (5 * USEC_PER_SEC)

struct listen_journal {
	struct event_pipeline *events;
	char *state, *folder;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping; /* lock */
	/* the thread's */
	sd_journal *journal;
	usec_t opened;
	char cursor[CURSOR_LIMIT]; /* of the last entry that is in the spool; "" none */
	struct uuid epoch;         /* of the round */
	uint64_t last;             /* the last sequence of that epoch */
	struct buf bytes;
	size_t ends[ENTRIES_AT_ONCE];
	uint64_t sequences[ENTRIES_AT_ONCE];
	size_t count;
};

/* ---- an entry ---- */

/* As the dictionary of other forms calls them (ECS). */
static const struct {
	const char *name, *ecs;
	bool number;
} names[] = {
	{"MESSAGE", "message", false},
	{"_HOSTNAME", "host.name", false},
	{"_PID", "process.pid", true},
	{"_COMM", "process.name", false},
	{"_EXE", "process.executable", false},
	{"_CMDLINE", "process.command_line", false},
	{"_UID", "user.id", false},
	{"PRIORITY", "log.syslog.severity.code", true},
	{"SYSLOG_FACILITY", "log.syslog.facility.code", true},
	{"SYSLOG_IDENTIFIER", "log.syslog.appname", false},
	{"_SYSTEMD_UNIT", "systemd.unit", false},
};

static void write_text(struct json_writer *w, struct str value)
{
	cleanup_buf struct buf text = BUF_INIT(4 * FIELD_LIMIT);
	value = str_sub(value, 0, FIELD_LIMIT);
	if (text_is_utf8(value)) {
		json_str(w, value);
		return;
	}
	for (size_t at = 0; at < value.n;) {
		int32_t code = text_utf8_next(value, &at);
		text_append_code(&text, code > 0 ? code : 0xfffd);
	}
	json_str(w, buf_str(&text));
}

void listen_journal_field(struct json_writer *w, struct str data)
{
	struct str name;
	char other[80] = "journald.";
	uint64_t number;
	if (str_find_char(data, '=') == SIZE_MAX || !str_split(&data, '=', &name) || name.n == 0 || name.n > 64)
		return;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_c(name, names[i].name)) {
			json_name(w, names[i].ecs);
			if (names[i].number && str_parse_u64(data, 0, INT64_MAX, &number))
				json_u64(w, number);
			else
				write_text(w, data);
			return;
		}
	size_t n = strlen(other);
	for (size_t i = 0; i < name.n; i++)
		other[n++] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + ('a' - 'A') : name.p[i]);
	json_name_str(w, str_n(other, n));
	write_text(w, data);
}

static void write_entry(sd_journal *journal, struct buf *out)
{
	char at[CLOCK_ISO_SIZE];
	uint64_t when = 0;
	const void *data;
	size_t size;
	struct json_writer w = json_writer_init(out);
	json_object(&w);
	if (sd_journal_get_realtime_usec(journal, &when) >= 0)
		json_member_cstr(&w, "@timestamp", clock_iso((usec_t)when, at));
	sd_journal_restart_data(journal);
	while (sd_journal_enumerate_available_data(journal, &data, &size) > 0)
		listen_journal_field(&w, str_n(data, size));
	json_object_end(&w);
}

static bool parse_hex(struct str s, uint64_t *ret)
{
	char padded[17] = "0000000000000000";
	unsigned char bytes[8];
	if (s.n == 0 || s.n > 16)
		return false;
	memcpy(&padded[16 - s.n], s.p, s.n);
	if (!str_parse_hex(str_n(padded, 16), bytes, sizeof(bytes)))
		return false;
	*ret = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		*ret = *ret << 8 | bytes[i];
	return true;
}

bool listen_journal_cursor(struct str cursor, struct uuid *ret_epoch, uint64_t *ret_sequence)
{
	struct str part;
	bool epoch = false, sequence = false;
	while (str_split(&cursor, ';', &part)) {
		struct str value = str_sub(part, 2, part.n);
		if (str_starts_with(part, STR("s=")))
			epoch = str_parse_hex(value, ret_epoch->b, sizeof(ret_epoch->b)) && !uuid_is_null(ret_epoch);
		else if (str_starts_with(part, STR("i=")))
			sequence = parse_hex(value, ret_sequence) && *ret_sequence <= INT64_MAX;
	}
	return epoch && sequence;
}

/* ---- rounds ---- */

static const struct event_sender sender = {.id = {.b = "luytre-journal-"}, .source = "journal"};

static bool stopping(struct listen_journal *j)
{
	(void)pthread_mutex_lock(&j->lock);
	bool s = j->stopping;
	(void)pthread_mutex_unlock(&j->lock);
	return s;
}

static void wait_a_little(struct listen_journal *j)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += POLL_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	(void)pthread_mutex_lock(&j->lock);
	int r = 0;
	while (!j->stopping && r == 0)
		r = pthread_cond_timedwait(&j->changed, &j->lock, &until);
	(void)pthread_mutex_unlock(&j->lock);
}

/* What was collected goes to the spool, however long that takes; then the place is kept. `numbered` false: the order of
 * numbers is not the order of reading, and a number below the mark would be taken for a repetition. */
static void commit(struct listen_journal *j, const char *cursor, bool numbered)
{
	struct str texts[ENTRIES_AT_ONCE];
	struct event_ingested taken;
	size_t from = 0;
	for (size_t i = 0; i < j->count; from = j->ends[i++])
		texts[i] = str_sub(buf_str(&j->bytes), from, j->ends[i]);
	const struct event_messages m = {.format = EVENT_FORMAT_JSON, .texts = texts, .count = j->count, .epoch = j->epoch,
	                                 .sequences = numbered ? j->sequences : NULL};
	while (j->count > 0) {
		struct err err = {0};
		if (event_pipeline_accept_messages(j->events, &sender, &m, EVENT_VIA_JOURNAL, clock_now(), &taken, &err) == 0)
			break;
		if (stopping(j))
			return;
		wait_a_little(j);
	}
	j->count = 0;
	buf_clear(&j->bytes);
	str_copy_c(str_c(cursor), j->cursor, sizeof(j->cursor));
	(void)!file_write(j->state, str_c(cursor), 0600, NULL);
}

/* true: there was an entry. */
static bool take_next(struct listen_journal *j, char before[CURSOR_LIMIT])
{
	char *cursor = NULL;
	struct uuid epoch = {{0}};
	uint64_t sequence = 0;
	if (sd_journal_next(j->journal) <= 0)
		return false;
	if (sd_journal_get_cursor(j->journal, &cursor) < 0)
		return true;
	bool numbered = listen_journal_cursor(str_c(cursor), &epoch, &sequence);
	bool follows = numbered && uuid_eq(&epoch, &j->epoch) && sequence > j->last;
	if (!follows)
		commit(j, before, true);
	write_entry(j->journal, &j->bytes);
	j->ends[j->count] = j->bytes.n;
	j->sequences[j->count++] = sequence;
	str_copy_c(str_c(cursor), before, CURSOR_LIMIT);
	if (!numbered || (uuid_eq(&epoch, &j->epoch) && !follows)) {
		commit(j, before, false);
	} else {
		j->epoch = epoch;
		j->last = sequence;
	}
	if (j->count == ENTRIES_AT_ONCE || j->bytes.n > ROUND_BYTES / 2)
		commit(j, before, true);
	free(cursor);
	return true;
}

static int open_journal(const char *folder, sd_journal **ret)
{
	return folder != NULL ? sd_journal_open_directory(ret, folder, 0) : sd_journal_open(ret, SD_JOURNAL_LOCAL_ONLY);
}

static int reopen(struct listen_journal *j)
{
	sd_journal *fresh = NULL;
	int r = open_journal(j->folder, &fresh);
	if (r < 0)
		return r;
	if (j->journal != NULL)
		sd_journal_close(j->journal);
	j->journal = fresh;
	j->opened = clock_monotonic();
	if (j->cursor[0] == '\0')
		return sd_journal_seek_head(fresh);
	r = sd_journal_seek_cursor(fresh, j->cursor);
	/* The next one is the entry of the cursor itself, when it is there still. */
	if (r >= 0 && sd_journal_next(fresh) > 0 && sd_journal_test_cursor(fresh, j->cursor) <= 0)
		(void)sd_journal_previous(fresh);
	return r;
}

static void *journal_main(void *ctx)
{
	struct listen_journal *j = ctx;
	while (!stopping(j)) {
		char cursor[CURSOR_LIMIT];
		str_copy_c(str_c(j->cursor), cursor, sizeof(cursor));
		while (!stopping(j) && take_next(j, cursor))
			;
		if (j->count > 0)
			commit(j, cursor, true);
		wait_a_little(j);
		if (clock_monotonic() - j->opened > REOPEN_AFTER)
			(void)reopen(j);
	}
	return NULL;
}

/* ---- start and stop ---- */

/* systemd opens an empty set of files without a word. */
static int has_entries(sd_journal *journal, struct err *err)
{
	int r = sd_journal_seek_tail(journal);
	if (r >= 0)
		r = sd_journal_previous(journal);
	return r > 0 ? 0 : err_set(err, -ENOENT, "listen.no_journal", ARG_CSTR("reason", r < 0 ? strerror(-r) : "-"));
}

int listen_journal_check(const char *folder, struct err *err)
{
	sd_journal *journal = NULL;
	int r = open_journal(folder, &journal);
	if (r < 0)
		return err_set(err, -ENOENT, "listen.no_journal", ARG_CSTR("reason", strerror(-r)));
	r = has_entries(journal, err);
	sd_journal_close(journal);
	return r;
}

/* The first time: from the newest entry on, which itself is not taken. */
static void begin_now(struct listen_journal *j)
{
	char *cursor = NULL;
	if (sd_journal_get_cursor(j->journal, &cursor) >= 0)
		str_copy_c(str_c(cursor), j->cursor, sizeof(j->cursor));
	free(cursor);
}

static int begin(struct listen_journal *j, bool from_start, struct err *err)
{
	cleanup_buf struct buf kept = BUF_INIT(CURSOR_LIMIT);
	int r = reopen(j);
	if (r < 0)
		return err_set(err, -ENOENT, "listen.no_journal", ARG_CSTR("reason", strerror(-r)));
	if ((r = has_entries(j->journal, err)) < 0)
		return r;
	if (file_exists(j->state) && (r = file_read(j->state, CURSOR_LIMIT - 1, &kept, err)) < 0)
		return r;
	if (kept.n > 0)
		str_copy_c(buf_str(&kept), j->cursor, sizeof(j->cursor));
	else if (!from_start)
		begin_now(j);
	return reopen(j) < 0 ? err_set(err, -ENOENT, "listen.no_journal", ARG_CSTR("reason", "seek")) : 0;
}

int listen_journal_start(const struct listen_journal_config *config, struct listen_journal **ret, struct err *err)
{
	struct listen_journal *j = MEM_NEW(struct listen_journal);
	pthread_condattr_t attr;
	j->events = config->events;
	j->state = mem_strdup(str_c(config->state));
	j->folder = config->folder != NULL ? mem_strdup(str_c(config->folder)) : NULL;
	j->bytes = BUF_INIT(ROUND_BYTES);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&j->lock, NULL);
	(void)pthread_cond_init(&j->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	int r = begin(j, config->from_start, err);
	int e = r == 0 ? pthread_create(&j->thread, NULL, journal_main, j) : 0;
	j->started = r == 0 && e == 0;
	if (e != 0)
		r = err_errno(err, e, "pthread_create", STR_EMPTY);
	if (r < 0) {
		listen_journal_stop(j);
		return r;
	}
	*ret = j;
	return 0;
}

void listen_journal_stop(struct listen_journal *j)
{
	if (j == NULL)
		return;
	(void)pthread_mutex_lock(&j->lock);
	j->stopping = true;
	(void)pthread_cond_broadcast(&j->changed);
	(void)pthread_mutex_unlock(&j->lock);
	if (j->started)
		(void)pthread_join(j->thread, NULL);
	if (j->journal != NULL)
		sd_journal_close(j->journal);
	mem_free(j->state);
	mem_free(j->folder);
	buf_done(&j->bytes);
	(void)pthread_cond_destroy(&j->changed);
	(void)pthread_mutex_destroy(&j->lock);
	mem_free(j);
}
