/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_scan.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/json/json.h"
#include "base/log/log.h"
#include "program/agent/agent_report.h"
#include "program/agent/agent_walk.h"

#define JOBS_MAX 32
#define THREADS_MAX 8
#define PAUSE (USEC_PER_SEC)

enum job_state_ { JOB_STATE_FREE, JOB_STATE_WAITING, JOB_STATE_RUNNING, JOB_STATE_ENDED };

struct scan_job {
	enum job_state_ state;
	struct agent_scan_status status;
	char *path;
	bool has_command;
	struct uuid command_id;
	bool cancel;
};

struct agent_scan {
	struct agent_protect *protect;
	struct agent_spool *spool;
	struct agent_queue *queue;
	pthread_t threads[THREADS_MAX], folder_thread, job_thread;
	unsigned thread_count;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* All below: lock. */
	bool stopping;
	struct agent_paths watched, excluded;
	struct scan_job jobs[JOBS_MAX];
	usec_t last;
	agent_scan_done on_done;
	void *on_done_ctx;
};

static bool is_stopping(struct agent_scan *s)
{
	(void)pthread_mutex_lock(&s->lock);
	bool stopping = s->stopping;
	(void)pthread_mutex_unlock(&s->lock);
	return stopping;
}

/* ---- files of the watch ---- */

static void *file_main(void *arg)
{
	struct agent_scan *s = arg;
	while (!is_stopping(s)) {
		/* Without a scanner the files wait; what does not fit is looked through later by its folder. */
		if (!agent_protect_wait_ready(s->protect, PAUSE))
			continue;
		char *path = agent_queue_pop(s->queue, PAUSE);
		if (path != NULL)
			(void)agent_protect_file(s->protect, path, NULL);
		mem_free(path);
	}
	return NULL;
}

/* ---- walks ---- */

struct walk {
	struct agent_scan *scan;
	struct scan_job *job; /* NULL: a folder whose events were lost */
	struct agent_paths excluded;
	const char *command_id;
};

static bool exclude(void *ctx, struct str path)
{
	const struct walk *w = ctx;
	return agent_paths_above(&w->excluded, path) != NULL;
}

static void on_found(void *ctx, const char *path)
{
	const struct walk *w = ctx;
	(void)agent_protect_file(w->scan->protect, path, w->command_id);
}

static bool on_progress(void *ctx, uint64_t done, uint64_t listed, struct str path)
{
	const struct walk *w = ctx;
	struct agent_scan *s = w->scan;
	(void)pthread_mutex_lock(&s->lock);
	bool go_on = !s->stopping && (w->job == NULL || !w->job->cancel);
	if (w->job != NULL) {
		w->job->status.done = done;
		w->job->status.listed = listed;
		str_copy_c(path, w->job->status.current, sizeof w->job->status.current);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return go_on;
}

static void copy_paths(struct agent_paths *to, const struct agent_paths *from)
{
	to->items = mem_alloc_array(from->count + 1, sizeof *to->items);
	to->count = from->count;
	for (size_t i = 0; i < from->count; i++)
		to->items[i] = mem_strdup(str_c(from->items[i]));
}

static int walk_one(struct walk *w, const char *path, struct agent_walk_totals *totals, struct err *err)
{
	struct agent_walk_options options = {exclude, on_found, on_progress, w};
	struct malware_scanner *scanner = agent_protect_scanner(w->scan->protect);
	*totals = (struct agent_walk_totals){0};
	if (scanner == NULL)
		return err_set(err, -EAGAIN, "agent.no_signatures");
	return agent_walk(scanner, path, &options, totals, err);
}

static void look_through(struct agent_scan *s, const char *folder)
{
	struct walk w = {.scan = s};
	struct agent_paths roots;
	(void)pthread_mutex_lock(&s->lock);
	copy_paths(&w.excluded, &s->excluded);
	copy_paths(&roots, &s->watched);
	(void)pthread_mutex_unlock(&s->lock);
	struct agent_walk_totals totals;
	struct err err = {0};
	if (folder[0] != '\0' && walk_one(&w, folder, &totals, &err) < 0)
		log_err(LOG_LEVEL_DEBUG, "a folder could not be looked through", &err);
	for (size_t i = 0; folder[0] == '\0' && i < roots.count; i++)
		if (walk_one(&w, roots.items[i], &totals, &err) < 0)
			log_err(LOG_LEVEL_DEBUG, "a folder could not be looked through", &err);
	agent_paths_done(&roots);
	agent_paths_done(&w.excluded);
}

static void *folder_main(void *arg)
{
	struct agent_scan *s = arg;
	while (!is_stopping(s)) {
		if (!agent_protect_wait_ready(s->protect, PAUSE))
			continue;
		char *folder = agent_queue_pop_folder(s->queue, PAUSE);
		if (folder != NULL)
			look_through(s, folder);
		mem_free(folder);
	}
	return NULL;
}

/* ---- scans that were asked for ---- */

static void finish_job(struct agent_scan *s, struct scan_job *job, int r, const struct agent_walk_totals *totals,
                       const struct err *err)
{
	struct buf json = BUF_INIT(2048);
	struct json_writer w = json_writer_init(&json);
	char command[UUID_TEXT_SIZE] = "";
	json_object(&w);
	json_member_int(&w, "files", (int64_t)totals->files);
	json_member_int(&w, "found", (int64_t)totals->found);
	json_member_int(&w, "errors", (int64_t)totals->errors);
	if (r < 0)
		json_member_cstr(&w, "key", err->key);
	json_object_end(&w);
	(void)pthread_mutex_lock(&s->lock);
	job->status.state = r >= 0 ? "done" : r == -ECANCELED ? "cancelled" : "failed";
	job->status.done = job->status.listed = totals->files;
	job->status.found = totals->found;
	job->status.errors = totals->errors;
	job->status.ended_at = clock_now();
	str_copy_c(str_c(err->key), job->status.problem, sizeof job->status.problem);
	job->state = JOB_STATE_ENDED;
	if (r >= 0)
		s->last = job->status.ended_at;
	agent_scan_done fn = job->has_command ? s->on_done : NULL;
	void *ctx = s->on_done_ctx;
	struct uuid command_id = job->command_id;
	bool has_command = job->has_command;
	(void)pthread_mutex_unlock(&s->lock);
	struct agent_report report = {
		.kind = "event",
		.action = "scan_finished",
		.path = str_c(job->path),
		.command_id = has_command ? uuid_text(&command_id, command) : NULL,
		.problem = r < 0 ? err : NULL,
		.has_counts = true,
		.files = totals->files,
		.found = totals->found,
		.errors = totals->errors,
	};
	struct err problem = {0};
	if (agent_report_add(s->spool, &report, &problem) < 0)
		log_err(LOG_LEVEL_ERROR, "a report could not be stored", &problem);
	if (fn != NULL)
		fn(ctx, &command_id, r >= 0, buf_str(&json));
	buf_done(&json);
}

static void run_job(struct agent_scan *s, struct scan_job *job)
{
	struct walk w = {.scan = s, .job = job};
	struct agent_walk_totals totals = {0};
	struct err err = {0};
	char command[UUID_TEXT_SIZE];
	(void)pthread_mutex_lock(&s->lock);
	copy_paths(&w.excluded, &s->excluded);
	(void)pthread_mutex_unlock(&s->lock);
	w.command_id = job->has_command ? uuid_text(&job->command_id, command) : NULL;
	while (!agent_protect_wait_ready(s->protect, PAUSE) && !is_stopping(s))
		;
	int r = walk_one(&w, job->path, &totals, &err);
	agent_paths_done(&w.excluded);
	/* Ended by our own stop: the command is not answered, so it is done again after the start. */
	if (r == -ECANCELED && is_stopping(s))
		return;
	finish_job(s, job, r, &totals, &err);
}

static struct scan_job *next_job(struct agent_scan *s)
{
	struct scan_job *next = NULL;
	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct scan_job *j = &s->jobs[i];
		if (j->state == JOB_STATE_WAITING && (next == NULL || memcmp(j->status.id.b, next->status.id.b, 16) < 0))
			next = j;
	}
	return next;
}

static void *job_main(void *arg)
{
	struct agent_scan *s = arg;
	(void)pthread_mutex_lock(&s->lock);
	while (!s->stopping) {
		struct scan_job *job = next_job(s);
		if (job == NULL) {
			(void)pthread_cond_wait(&s->wake, &s->lock);
			continue;
		}
		job->state = JOB_STATE_RUNNING;
		job->status.state = "running";
		job->status.started_at = clock_now();
		(void)pthread_mutex_unlock(&s->lock);
		run_job(s, job);
		(void)pthread_mutex_lock(&s->lock);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* The oldest that has ended gives its place away. Lock held. */
static struct scan_job *free_job(struct agent_scan *s)
{
	struct scan_job *oldest = NULL;
	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct scan_job *j = &s->jobs[i];
		if (j->state == JOB_STATE_FREE)
			return j;
		if (j->state == JOB_STATE_ENDED && (oldest == NULL || j->status.ended_at < oldest->status.ended_at))
			oldest = j;
	}
	return oldest;
}

int agent_scan_start(struct agent_scan *s, struct str path, const struct uuid *command_id, struct uuid *ret_id,
                     struct err *err)
{
	if (path.n == 0 || str_find_char(path, '\0') != SIZE_MAX)
		return err_set(err, -EINVAL, "agent.scan_missing", ARG_STR("path", path));
	(void)pthread_mutex_lock(&s->lock);
	struct scan_job *job = free_job(s);
	if (job != NULL) {
		mem_free(job->path);
		*job = (struct scan_job){.state = JOB_STATE_WAITING, .path = mem_strdup(path), .has_command = command_id != NULL};
		if (command_id != NULL)
			job->command_id = *command_id;
		job->status.id = uuid_new();
		job->status.state = "waiting";
		str_copy_c(path, job->status.path, sizeof job->status.path);
		*ret_id = job->status.id;
		(void)pthread_cond_broadcast(&s->wake);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return job != NULL ? 0 : err_set(err, -EBUSY, "agent.too_many_scans");
}

bool agent_scan_get(struct agent_scan *s, const struct uuid *id, struct agent_scan_status *ret)
{
	bool found = false;
	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < JOBS_MAX && !found; i++) {
		found = s->jobs[i].state != JOB_STATE_FREE && uuid_eq(&s->jobs[i].status.id, id);
		if (found)
			*ret = s->jobs[i].status;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return found;
}

size_t agent_scan_list(struct agent_scan *s, struct agent_scan_status *ret, size_t max)
{
	size_t n = 0;
	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < JOBS_MAX && n < max; i++)
		if (s->jobs[i].state != JOB_STATE_FREE)
			ret[n++] = s->jobs[i].status;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

bool agent_scan_cancel(struct agent_scan *s, const struct uuid *id)
{
	bool found = false;
	(void)pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < JOBS_MAX && !found; i++) {
		struct scan_job *j = &s->jobs[i];
		found = (j->state == JOB_STATE_WAITING || j->state == JOB_STATE_RUNNING) && uuid_eq(&j->status.id, id);
		if (found)
			j->cancel = true;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return found;
}

usec_t agent_scan_last(struct agent_scan *s)
{
	(void)pthread_mutex_lock(&s->lock);
	usec_t t = s->last;
	(void)pthread_mutex_unlock(&s->lock);
	return t;
}

void agent_scan_on_done(struct agent_scan *s, agent_scan_done fn, void *ctx)
{
	(void)pthread_mutex_lock(&s->lock);
	s->on_done = fn;
	s->on_done_ctx = ctx;
	(void)pthread_mutex_unlock(&s->lock);
}

void agent_scan_set_paths(struct agent_scan *s, const struct agent_paths *watched, const struct agent_paths *excluded)
{
	(void)pthread_mutex_lock(&s->lock);
	agent_paths_done(&s->watched);
	agent_paths_done(&s->excluded);
	copy_paths(&s->watched, watched);
	copy_paths(&s->excluded, excluded);
	(void)pthread_mutex_unlock(&s->lock);
}

struct agent_scan *agent_scan_new(struct agent_protect *protect, struct agent_spool *spool, struct agent_queue *queue,
                                  unsigned threads)
{
	struct agent_scan *s = MEM_NEW(struct agent_scan);
	s->protect = protect;
	s->spool = spool;
	s->queue = queue;
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->wake, NULL);
	bool ok = pthread_create(&s->folder_thread, NULL, folder_main, s) == 0 &&
	          pthread_create(&s->job_thread, NULL, job_main, s) == 0;
	while (ok && s->thread_count < threads && s->thread_count < THREADS_MAX &&
	       pthread_create(&s->threads[s->thread_count], NULL, file_main, s) == 0)
		s->thread_count++;
	if (!ok || s->thread_count == 0)
		abort();
	return s;
}

void agent_scan_free(struct agent_scan *s)
{
	if (s == NULL)
		return;
	(void)pthread_mutex_lock(&s->lock);
	s->stopping = true;
	(void)pthread_cond_broadcast(&s->wake);
	(void)pthread_mutex_unlock(&s->lock);
	agent_queue_stop(s->queue);
	for (unsigned i = 0; i < s->thread_count; i++)
		(void)pthread_join(s->threads[i], NULL);
	(void)pthread_join(s->folder_thread, NULL);
	(void)pthread_join(s->job_thread, NULL);
	for (size_t i = 0; i < JOBS_MAX; i++)
		mem_free(s->jobs[i].path);
	agent_paths_done(&s->watched);
	agent_paths_done(&s->excluded);
	(void)pthread_cond_destroy(&s->wake);
	(void)pthread_mutex_destroy(&s->lock);
	mem_free(s);
}
