/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Hyperscan databases: patterns as expressions, compiled side by side by some threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/sigma/sigma_build.h"
#include "engine/sigma/sigma_regex.h"

/* Larger ones go to PCRE2, whose compile time is bounded. */
#define HS_PATTERN_MAX 2048
#define HS_REPEATS_MAX 10000
/* With many more, a pattern of a few hundred bytes takes it minutes. */
#define HS_WILDCARDS_MAX 12
/* In keyword sets all values of an event lie in one buffer, parted by this byte, which no UTF-8 text has. */
#define SEPARATOR "\\xff"
/* Fewer patterns than this compile sooner than threads start. */
#define THREADED_MIN 500
#define THREADS_MAX 8

/* One database to come. */
struct sg_job {
	uint32_t database;
	struct str name;
	char **texts;
	unsigned *flags, *ids;
	size_t count, text_capacity, flag_capacity, id_capacity;
	struct sg_uses refused; /* predicates that the library finds too large after all */
	char *bytes;            /* serialized */
	size_t n;
	int r;
	struct err err;
};

static void job_pattern(struct sg_job *job, struct str text, unsigned flags, uint32_t id)
{
	job->texts = sg_grow(job->texts, &job->text_capacity, job->count, sizeof *job->texts);
	job->flags = sg_grow(job->flags, &job->flag_capacity, job->count, sizeof *job->flags);
	job->ids = sg_grow(job->ids, &job->id_capacity, job->count, sizeof *job->ids);
	job->texts[job->count] = mem_strdup(text);
	job->flags[job->count] = flags;
	job->ids[job->count++] = id;
}

static void job_done(struct sg_job *job)
{
	for (size_t i = 0; i < job->count; i++)
		mem_free(job->texts[i]);
	mem_free(job->texts);
	mem_free(job->flags);
	mem_free(job->ids);
	mem_free(job->refused.items);
	free(job->bytes);
}

static void put_literal(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (plain)
			buf_append_char(out, (char)c);
		else
			buf_printf(out, "\\x%02x", c);
	}
}

/* One code point by its bytes: the pattern runs on valid UTF-8. */
#define ONE_CHARACTER "(?:[\\x00-\\x7f]|[\\xc0-\\xf7][\\x80-\\xbf]{1,3})"
#define ONE_DASH "(?:[\\x2d\\x2f]|\\xe2\\x80[\\x93-\\x95])"

static void put_pattern(struct buf *out, const struct sigma_pattern *p, bool keyword)
{
	const struct sigma_piece *piece = p->first;
	if (piece == NULL || piece->kind != SIGMA_PIECE_ANY_RUN)
		buf_append_c(out, keyword ? SEPARATOR : "^");
	for (; piece != NULL; piece = piece->next) {
		bool outer = piece == p->first || piece->next == NULL;
		switch (piece->kind) {
		case SIGMA_PIECE_TEXT:
			put_literal(out, piece->text);
			break;
		case SIGMA_PIECE_ANY_RUN:
			if (!outer)
				buf_append_c(out, keyword ? "[^" SEPARATOR "]*" : ".*");
			break;
		case SIGMA_PIECE_ANY_ONE:
			buf_append_c(out, ONE_CHARACTER);
			break;
		case SIGMA_PIECE_DASH:
			buf_append_c(out, ONE_DASH);
			break;
		}
		if (piece->next == NULL && piece->kind != SIGMA_PIECE_ANY_RUN)
			buf_append_c(out, keyword ? SEPARATOR : "\\z");
	}
	if (p->first == NULL)
		buf_append_c(out, keyword ? SEPARATOR : "\\z");
}

/*
 * The same for PCRE2, without going back: what stands between two "*" is best taken where it is first found, so that an
 * atomic group may hold it. The last part is tried from the end.
 */
static void put_atomic(struct buf *out, const struct sigma_pattern *p)
{
	bool open = false;
	buf_append_c(out, "^");
	for (const struct sigma_piece *piece = p->first; piece != NULL; piece = piece->next) {
		const struct sigma_piece *later = piece->next;
		if (piece->kind == SIGMA_PIECE_TEXT)
			put_literal(out, piece->text);
		else if (piece->kind == SIGMA_PIECE_ANY_ONE)
			buf_append_c(out, ONE_CHARACTER);
		else if (piece->kind == SIGMA_PIECE_DASH)
			buf_append_c(out, ONE_DASH);
		else {
			while (later != NULL && later->kind != SIGMA_PIECE_ANY_RUN)
				later = later->next;
			buf_append_c(out, open ? ")" : "");
			open = later != NULL;
			buf_append_c(out, open ? "(?>.*?" : ".*");
		}
	}
	buf_append_c(out, open ? ")\\z" : "\\z");
}

/* Too much for Hyperscan: tested alone, when a condition asks. */
static void use_pcre(struct sg_builder *b, uint32_t pred)
{
	const struct sigma_pred *p = b->plans[pred].pred;
	struct sg_regex row = {.text = sg_text_add(b, p->text), .flags = p->re_flags};
	struct buf text cleanup_buf = BUF_INIT(1 << 20);
	if (p->op != SIGMA_OP_REGEX) {
		put_atomic(&text, &p->pattern);
		row = (struct sg_regex){.text = sg_text_add(b, buf_str(&text)), .flags = SIGMA_RE_BYTES | SIGMA_RE_DOTALL};
	}
	b->image.preds[pred].engine = 0;
	b->image.preds[pred].arg = SG_PUSH(b, regexes, row);
}

/* Repeats may stand inside each other: the product of their counts bounds how often Hyperscan writes a part out. */
static bool repeats_are_few(struct str s)
{
	uint64_t product = 1, n = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		n = c >= '0' && c <= '9' && n <= HS_REPEATS_MAX ? n * 10 + (c - '0') : c >= '0' && c <= '9' ? n : 0;
		bool ends = i + 1 == s.n || s.p[i + 1] < '0' || s.p[i + 1] > '9';
		if (ends && n > 1 && i + 1 < s.n && (s.p[i + 1] == '}' || s.p[i + 1] == ','))
			product *= n;
		if (product > HS_REPEATS_MAX)
			return false;
	}
	return true;
}

/* Whether Hyperscan can take the expression: no look-around, no back-references, not too large. */
static bool hs_takes(const struct sigma_pred *p, unsigned flags)
{
	hs_expr_info_t *info = NULL;
	hs_compile_error_t *error = NULL;
	char *text = mem_strdup(p->text);
	bool fine = p->text.n <= HS_PATTERN_MAX && repeats_are_few(p->text) && memchr(p->text.p, '\0', p->text.n) == NULL &&
	            hs_expression_info(text, flags, &info, &error) == HS_SUCCESS;
	(void)hs_free_compile_error(error);
	free(info);
	mem_free(text);
	return fine;
}

static void add_regex(struct sg_builder *b, struct sg_job *job, uint32_t pred)
{
	const struct sigma_pred *re = b->plans[pred].pred;
	unsigned flags = HS_FLAG_UTF8 | HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY;
	flags |= re->re_flags & SIGMA_RE_CASELESS ? HS_FLAG_CASELESS : 0;
	flags |= re->re_flags & SIGMA_RE_MULTILINE ? HS_FLAG_MULTILINE : 0;
	flags |= re->re_flags & SIGMA_RE_DOTALL ? HS_FLAG_DOTALL : 0;
	if (hs_takes(re, flags))
		job_pattern(job, re->text, flags, pred);
	else
		use_pcre(b, pred);
}

uint32_t sg_patterns_add(struct sg_builder *b, const struct sg_uses *preds, bool keyword, struct str name)
{
	struct sg_job job = {.name = name};
	struct buf text cleanup_buf = BUF_INIT(1 << 20);
	for (size_t i = 0; i < preds->count; i++) {
		uint32_t id = preds->items[i];
		if (b->image.preds[id].op == SIGMA_OP_REGEX) {
			add_regex(b, &job, id);
			continue;
		}
		if (sigma_text_wildcards(&b->plans[id].pred->pattern) > HS_WILDCARDS_MAX) {
			use_pcre(b, id);
			continue;
		}
		buf_clear(&text);
		put_pattern(&text, &b->plans[id].pred->pattern, keyword);
		job_pattern(&job, buf_str(&text), HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH, id);
	}
	if (job.count == 0)
		return SG_NONE;
	job.database = SG_PUSH(b, databases, (struct sg_database){.n = 0});
	b->jobs = sg_grow(b->jobs, &b->job_capacity, b->job_count, sizeof *b->jobs);
	b->jobs[b->job_count++] = job;
	return job.database;
}

static void refuse(struct sg_job *job, size_t at)
{
	sg_uses_add(&job->refused, job->ids[at]);
	mem_free(job->texts[at]);
	job->count--;
	job->texts[at] = job->texts[job->count];
	job->flags[at] = job->flags[job->count];
	job->ids[at] = job->ids[job->count];
}

/* Until the library has no objection to a pattern any more; without patterns there is no database. */
static void compile(struct sg_job *job)
{
	hs_database_t *db = NULL;
	while (job->count > 0) {
		hs_compile_error_t *error = NULL;
		const char *const *texts = (const char *const *)job->texts;
		if (hs_compile_multi(texts, job->flags, job->ids, (unsigned)job->count, HS_MODE_BLOCK, NULL, &db, &error) == HS_SUCCESS)
			break;
		int at = error != NULL ? error->expression : -1;
		if (at >= 0)
			refuse(job, (size_t)at);
		else
			job->r = err_set(&job->err, -EINVAL, "sigma.compile", ARG_STR("name", job->name),
			                 ARG_CSTR("reason", error != NULL ? error->message : ""));
		(void)hs_free_compile_error(error);
		if (job->r < 0)
			return;
	}
	if (db != NULL && hs_serialize_database(db, &job->bytes, &job->n) != HS_SUCCESS)
		job->r = err_set(&job->err, -EIO, "sigma.compile", ARG_STR("name", job->name), ARG_CSTR("reason", "serialize"));
	(void)hs_free_database(db);
}

struct shared_work {
	struct sg_job **jobs;
	size_t count;
	_Atomic size_t next;
};

static void *work_through(void *arg)
{
	struct shared_work *work = arg;
	for (size_t i; (i = atomic_fetch_add(&work->next, 1)) < work->count;)
		compile(work->jobs[i]);
	return NULL;
}

static int compare_jobs(const void *a, const void *b)
{
	const struct sg_job *x = *(struct sg_job *const *)a, *y = *(struct sg_job *const *)b;
	return (x->count < y->count) - (x->count > y->count);
}

/* The largest first, or else the last thread has one of them when all others have ended. */
static void compile_all(struct sg_job *jobs, size_t count)
{
	struct shared_work work = {.jobs = mem_alloc_array(count, sizeof *work.jobs), .count = count};
	pthread_t threads[THREADS_MAX];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t patterns = 0, started = 0;
	for (size_t i = 0; i < count; i++) {
		work.jobs[i] = &jobs[i];
		patterns += jobs[i].count;
	}
	qsort(work.jobs, count, sizeof(struct sg_job *), compare_jobs);
	for (long i = 1; i < cores && i < THREADS_MAX && patterns >= THREADED_MIN; i++)
		if (pthread_create(&threads[started], NULL, work_through, &work) == 0)
			started++;
	(void)work_through(&work);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	mem_free(work.jobs);
}

static void append(struct sg_builder *b, const struct sg_job *job)
{
	struct sg_image *image = &b->image;
	size_t at = (image->database_bytes_count + 63) / 64 * 64;
	for (size_t i = 0; i < job->refused.count; i++)
		use_pcre(b, job->refused.items[i]);
	if (job->n == 0)
		return;
	image->database_bytes = mem_realloc_array(image->database_bytes, at + job->n, 1);
	(void)memset(image->database_bytes + image->database_bytes_count, 0, at - image->database_bytes_count);
	(void)memcpy(image->database_bytes + at, job->bytes, job->n);
	image->database_bytes_count = at + job->n;
	image->databases[job->database] = (struct sg_database){at, job->n};
}

int sg_patterns_compile(struct sg_builder *b, struct err *err)
{
	int r = b->job_count > 0 ? sg_library_check(err) : 0;
	if (r == 0 && b->job_count > 0)
		compile_all(b->jobs, b->job_count);
	for (size_t i = 0; i < b->job_count; i++) {
		if (r == 0 && b->jobs[i].r < 0) {
			r = b->jobs[i].r;
			if (err != NULL)
				*err = b->jobs[i].err;
		}
		if (r == 0)
			append(b, &b->jobs[i]);
		job_done(&b->jobs[i]);
	}
	mem_free(b->jobs);
	b->jobs = NULL;
	b->job_count = b->job_capacity = 0;
	return r;
}
