/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/listen/listen_tail.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/log/log.h"
#include "engine/listen/listen_join.h"
#include "engine/listen/listen_tail_internal.h"

#define POLL_MS 250
#define READ_BYTES ((size_t)2 << 20) /* more than the longest line */
#define LINES_AT_ONCE 10000
#define SAVE_EVERY USEC_PER_SEC
/* Who writes a record of several lines is done with it after that. */
#define JOIN_WAIT USEC_PER_SEC
/* A file that was renamed away may still be written to by who has it open. */
#define LEAVE_AFTER (30 * USEC_PER_SEC)

struct listen_tail {
	struct event_pipeline *events;
	char **paths;
	size_t path_count, plain_count; /* the plain ones first, then the joined */
	bool joined;                    /* what is looked at now */
	struct listen_join *join;
	char *state;
	unsigned poll_ms;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping; /* lock */
	/* the thread's */
	struct listen_tail_files files;
	struct buf in;
	struct str *lines;
	uint64_t *places;
	bool dirty, failing;
	usec_t saved;
};

/* ---- which files ---- */

static void save(struct listen_tail *t)
{
	struct err err = {0};
	bool failed = listen_tail_save(t->state, &t->files, &err) < 0;
	if (failed && !t->failing)
		log_err(LOG_LEVEL_DEBUG, "the places in log files could not be kept", &err);
	t->failing = failed;
	t->dirty = failed;
	t->saved = clock_monotonic();
}

static struct listen_tailed *find(struct listen_tail *t, const struct stat *st)
{
	for (size_t i = 0; i < t->files.count; i++)
		if (t->files.list[i].device == st->st_dev && t->files.list[i].inode == st->st_ino)
			return &t->files.list[i];
	return NULL;
}

/* Another file with the same name: its lines are numbered from nought under an epoch of their own. */
static void begin(struct listen_tail *t, struct listen_tailed *f, const char *path, const struct stat *st)
{
	int fd = f->fd;
	*f = (struct listen_tailed){.fd = fd, .there = true, .joined = t->joined, .epoch = uuid_new(), .device = st->st_dev, .inode = st->st_ino};
	str_copy_c(str_c(path), f->path, sizeof(f->path));
	f->sender = listen_tail_sender(path);
	f->quiet_since = clock_monotonic();
	listen_tail_print(f, fd);
	save(t);
}

static void see(struct listen_tail *t, const char *path)
{
	struct stat st;
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	struct listen_tailed *f = find(t, &st);
	if (f == NULL && t->files.count == LISTEN_TAIL_FILES)
		return;
	if (f != NULL && f->fd >= 0) {
		/* Named twice, the first word counts. */
		f->joined = f->there ? f->joined : t->joined;
		f->there = true;
		return;
	}
	if (f != NULL && (uint64_t)st.st_size >= f->offset && listen_tail_same(f, fd)) {
		f->fd = file_take(&fd);
		f->there = true;
		f->joined = t->joined;
		f->quiet_since = clock_monotonic();
		return;
	}
	f = f != NULL ? f : &t->files.list[t->files.count++];
	f->fd = file_take(&fd);
	begin(t, f, path, &st);
}

static bool is_packed(struct str name)
{
	return str_ends_with(name, STR(".gz")) || str_ends_with(name, STR(".xz")) || str_ends_with(name, STR(".zst")) ||
	       str_ends_with(name, STR(".bz2"));
}

/* Calls fn for each regular file of a folder. false: it is none. */
static bool each_in(struct listen_tail *t, const char *folder, void (*fn)(struct listen_tail *t, const char *path))
{
	DIR *dir = opendir(folder);
	if (dir == NULL)
		return false;
	for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
		char path[1024];
		if (e->d_name[0] == '.' || is_packed(str_c(e->d_name)) ||
		    snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) >= (int)sizeof(path))
			continue;
		fn(t, path);
	}
	(void)closedir(dir);
	return true;
}

/* After a restart: a file that was renamed meanwhile is read to its end. */
static void see_again(struct listen_tail *t, const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return;
	struct listen_tailed *f = find(t, &st);
	if (f == NULL || f->fd >= 0)
		return;
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && (uint64_t)st.st_size >= f->offset && f->print_size > 0 && listen_tail_same(f, fd)) {
		f->fd = file_take(&fd);
		f->quiet_since = clock_monotonic();
	}
}

static void find_renamed(struct listen_tail *t)
{
	for (size_t i = 0; i < t->files.count; i++) {
		char folder[1024];
		if (t->files.list[i].fd >= 0)
			continue;
		str_copy_c(str_c(t->files.list[i].path), folder, sizeof(folder));
		size_t end = strlen(folder);
		while (end > 0 && folder[end] != '/')
			end--;
		folder[end] = '\0';
		(void)each_in(t, end > 0 ? folder : "/", see_again);
	}
}

/* ---- reading ---- */

/* Whole lines of what was read at `from`; returns how many bytes they and what is passed over take. */
static size_t split(struct listen_tail *t, struct listen_tailed *f, uint64_t from, bool last, size_t *ret_count)
{
	struct str rest = buf_str(&t->in);
	size_t at = 0, n = 0;
	while (at < rest.n && n < LINES_AT_ONCE) {
		struct str s = str_sub(rest, at, rest.n);
		size_t end = str_find_char(s, '\n'), size = end != SIZE_MAX ? end : s.n;
		if (end == SIZE_MAX && size <= EVENT_LINE_LIMIT && !last)
			break;
		struct str line = str_sub(s, 0, size);
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (!f->skip_line && size > EVENT_LINE_LIMIT)
			event_sources_rejected(event_pipeline_sources(t->events), &f->sender.id, "event.line_too_long", 1);
		else if (!f->skip_line && line.n > 0) {
			t->lines[n] = line;
			t->places[n++] = from + at;
		}
		f->skip_line = end == SIZE_MAX && (f->skip_line || size > EVENT_LINE_LIMIT);
		at += end != SIZE_MAX ? end + 1 : size;
	}
	*ret_count = n;
	return at;
}

/* The same of a file whose lines are joined. Negative: what has to be on disk first cannot be written. */
static ssize_t split_joined(struct listen_tail *t, struct listen_tailed *f, bool last, size_t *ret_count)
{
	uint64_t end = f->offset + t->in.n;
	usec_t now = clock_monotonic();
	if (end != f->seen_end) {
		f->seen_end = end;
		f->grew_at = now;
	}
	const struct listen_join_text in = {.text = buf_str(&t->in), .from = f->offset, .boundary = f->boundary, .line_limit = EVENT_LINE_LIMIT,
	                                    .flush = t->in.n < READ_BYTES && now - f->grew_at >= JOIN_WAIT, .last = last};
	struct listen_join_records out = {.texts = t->lines, .places = t->places, .room = LINES_AT_ONCE, .skip_line = f->skip_line};
	listen_join_split(t->join, &in, &out);
	if (out.flushed) {
		f->boundary = f->offset + out.used;
		save(t);
		if (t->failing)
			return -1;
	}
	if (out.overlong > 0)
		event_sources_rejected(event_pipeline_sources(t->events), &f->sender.id, "event.line_too_long", out.overlong);
	f->skip_line = out.skip_line;
	*ret_count = out.count;
	return (ssize_t)out.used;
}

/* Nothing more will come: it was renamed or removed and has been quiet. */
static bool is_over(const struct listen_tailed *f)
{
	return !f->there && clock_monotonic() - f->quiet_since > LEAVE_AFTER;
}

/* > 0: there may be more; 0: not now; negative: the spool is full. */
static int read_on(struct listen_tail *t, struct listen_tailed *f)
{
	struct event_ingested taken;
	struct err err = {0};
	size_t count;
	bool was_skipping = f->skip_line;
	buf_clear(&t->in);
	ssize_t n = pread(f->fd, t->in.p, READ_BYTES, (off_t)f->offset);
	if (n <= 0)
		return 0;
	t->in.n = (size_t)n;
	ssize_t used = f->joined ? split_joined(t, f, is_over(f), &count) : (ssize_t)split(t, f, f->offset, is_over(f), &count);
	if (used < 0)
		return 0;
	const struct event_messages m = {
		.format = EVENT_FORMAT_TEXT, .texts = t->lines, .count = count, .epoch = f->epoch, .sequences = t->places};
	int r = count > 0 ? event_pipeline_accept_messages(t->events, &f->sender, &m, EVENT_VIA_FILE, clock_now(), &taken, &err) : 0;
	if (r < 0) {
		f->skip_line = was_skipping;
		return r;
	}
	f->offset += (uint64_t)used;
	if (used > 0) {
		f->quiet_since = clock_monotonic();
		t->dirty = true;
	}
	return used > 0 ? 1 : 0;
}

static void check(struct listen_tail *t, struct listen_tailed *f)
{
	struct stat st;
	if (fstat(f->fd, &st) < 0)
		return;
	if ((uint64_t)st.st_size < f->offset || !listen_tail_same(f, f->fd)) {
		char path[1024];
		str_copy_c(str_c(f->path), path, sizeof(path));
		t->joined = f->joined;
		begin(t, f, path, &st);
		return;
	}
	uint32_t had = f->print_size;
	listen_tail_print(f, f->fd);
	t->dirty = t->dirty || had != f->print_size;
}

static bool stopping(struct listen_tail *t)
{
	(void)pthread_mutex_lock(&t->lock);
	bool s = t->stopping;
	(void)pthread_mutex_unlock(&t->lock);
	return s;
}

static void forget_old(struct listen_tail *t)
{
	for (size_t i = 0; i < t->files.count; i++) {
		struct listen_tailed *f = &t->files.list[i];
		if (f->fd < 0 ? f->there : !is_over(f))
			continue;
		file_close(&f->fd);
		*f = t->files.list[--t->files.count];
		t->dirty = true;
		i--;
	}
}

static void look(struct listen_tail *t)
{
	for (size_t i = 0; i < t->files.count; i++)
		t->files.list[i].there = false;
	for (size_t i = 0; i < t->path_count; i++) {
		t->joined = i >= t->plain_count;
		if (!each_in(t, t->paths[i], see))
			see(t, t->paths[i]);
	}
	for (size_t i = 0; i < t->files.count && !stopping(t); i++) {
		struct listen_tailed *f = &t->files.list[i];
		if (f->fd < 0)
			continue;
		check(t, f);
		/* One that is written to fast must not starve the others. */
		for (unsigned turns = 0; turns < 16 && read_on(t, f) > 0 && !stopping(t); turns++)
			;
	}
	forget_old(t);
	if (t->dirty && clock_monotonic() - t->saved >= SAVE_EVERY)
		save(t);
}

static void wait_a_little(struct listen_tail *t)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)t->poll_ms * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	(void)pthread_mutex_lock(&t->lock);
	int r = 0;
	while (!t->stopping && r == 0)
		r = pthread_cond_timedwait(&t->changed, &t->lock, &until);
	(void)pthread_mutex_unlock(&t->lock);
}

static void *tail_main(void *ctx)
{
	struct listen_tail *t = ctx;
	bool first = true;
	while (!stopping(t)) {
		if (first)
			find_renamed(t);
		first = false;
		look(t);
		wait_a_little(t);
	}
	if (t->dirty)
		save(t);
	return NULL;
}

static void copy_paths(struct listen_tail *t, const struct listen_tail_config *config)
{
	static const char *const none[] = {NULL};
	const char *const *lists[] = {config->paths, config->joined_paths != NULL ? config->joined_paths : none};
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		for (const char *const *path = lists[l]; *path != NULL; path++) {
			t->paths = mem_realloc_array(t->paths, t->path_count + 1, sizeof(*t->paths));
			t->paths[t->path_count++] = mem_strdup(str_c(*path));
		}
		if (l == 0)
			t->plain_count = t->path_count;
	}
}

int listen_tail_start(const struct listen_tail_config *config, struct listen_tail **ret, struct err *err)
{
	struct listen_tail *t = MEM_NEW(struct listen_tail);
	pthread_condattr_t attr;
	t->events = config->events;
	t->state = mem_strdup(str_c(config->state));
	t->poll_ms = config->poll_ms > 0 ? config->poll_ms : POLL_MS;
	copy_paths(t, config);
	t->files.list = mem_alloc_array(LISTEN_TAIL_FILES, sizeof(*t->files.list));
	t->lines = mem_alloc_array(LINES_AT_ONCE, sizeof(*t->lines));
	t->places = mem_alloc_array(LINES_AT_ONCE, sizeof(*t->places));
	t->in = BUF_INIT(2 * READ_BYTES);
	(void)buf_reserve(&t->in, READ_BYTES);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&t->lock, NULL);
	(void)pthread_cond_init(&t->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	int r = listen_join_new(config->begin != NULL ? config->begin : "", &t->join, err);
	if (r == 0)
		r = listen_tail_load(t->state, &t->files, err);
	int e = r == 0 ? pthread_create(&t->thread, NULL, tail_main, t) : 0;
	t->started = r == 0 && e == 0;
	if (e != 0)
		r = err_errno(err, e, "pthread_create", STR_EMPTY);
	if (r < 0) {
		listen_tail_stop(t);
		return r;
	}
	*ret = t;
	return 0;
}

void listen_tail_stop(struct listen_tail *t)
{
	if (t == NULL)
		return;
	(void)pthread_mutex_lock(&t->lock);
	t->stopping = true;
	(void)pthread_cond_broadcast(&t->changed);
	(void)pthread_mutex_unlock(&t->lock);
	if (t->started)
		(void)pthread_join(t->thread, NULL);
	for (size_t i = 0; i < t->files.count; i++)
		file_close(&t->files.list[i].fd);
	for (size_t i = 0; i < t->path_count; i++)
		mem_free(t->paths[i]);
	mem_free(t->paths);
	listen_join_free(t->join);
	mem_free(t->files.list);
	mem_free(t->lines);
	mem_free(t->places);
	mem_free(t->state);
	buf_done(&t->in);
	(void)pthread_cond_destroy(&t->changed);
	(void)pthread_mutex_destroy(&t->lock);
	mem_free(t);
}
