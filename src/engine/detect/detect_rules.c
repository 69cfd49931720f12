/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* From the set file to what is matched. */
#include "engine/detect/detect_rules.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock/clock.h"
#include "base/file/file.h"
#include "platform/crypto/crypto.h"

#define PATH_SIZE 4096
#define CACHED_KEPT 2 /* compiled forms: this one and the one before */
#define REFUSED_KEPT 500

static const char canary_rule[] =
	"title: Canary\n"
	"id: " DETECT_CANARY_ID "\n"
	"level: informational\n"
	"logsource: {product: luytre, service: canary}\n"
	"detection: {canary: {event.dataset: luytre.canary}, condition: canary}\n";

struct text_hash {
	struct str name;
	char hash[65];
};

struct building {
	const struct detect_set *set;
	const char *dir;
	struct detect_rules *rules;
	struct sigma_loader *loader;
	struct text_hash *hashes; /* by name */
	size_t hash_count;
};

static int compare_hashes(const void *a, const void *b)
{
	return str_cmp(((const struct text_hash *)a)->name, ((const struct text_hash *)b)->name);
}

static int write_text(const struct building *b, enum detect_set_kind kind, const char *name, char path[PATH_SIZE], struct err *err)
{
	path[0] = '\0';
	for (size_t i = 0; b->set != NULL && i < detect_set_count(b->set); i++) {
		struct detect_set_entry e = detect_set_entry(b->set, i);
		if (e.kind != kind || str_trim(e.body).n == 0)
			continue;
		(void)snprintf(path, PATH_SIZE, "%s/%s", b->dir, name);
		return file_write(path, e.body, 0600, err);
	}
	return 0;
}

static int add_texts(struct building *b, struct err *err)
{
	int r = sigma_loader_add_text(b->loader, "luytre/canary.yml", STR(canary_rule), err);
	size_t count = b->set != NULL ? detect_set_count(b->set) : 0;
	b->hashes = mem_alloc_array(count + 1, sizeof *b->hashes);
	for (size_t i = 0; r == 0 && i < count; i++) {
		unsigned char sum[SHA256_SIZE];
		struct detect_set_entry e = detect_set_entry(b->set, i);
		if (e.kind != DETECT_SET_RULE)
			continue;
		const char *name = arena_cstr(b->rules->arena, e.name);
		struct text_hash *h = &b->hashes[b->hash_count++];
		h->name = str_c(name);
		sha256(e.body, sum);
		(void)sha256_hex(sum, h->hash);
		r = sigma_loader_add_text(b->loader, name, e.body, err);
	}
	qsort(b->hashes, b->hash_count, sizeof *b->hashes, compare_hashes);
	return r;
}

static struct str severity_of(struct str level)
{
	static const char *const names[] = {"critical", "high", "medium"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_c(level, names[i]))
			return str_c(names[i]);
	return STR("low");
}

static void describe(struct building *b)
{
	struct detect_rules *rules = b->rules;
	rules->count = sigma_ruleset_count(rules->sigma);
	rules->rules = mem_alloc_array(rules->count + 1, sizeof *rules->rules);
	for (size_t i = 0; i < rules->count; i++) {
		struct detect_rule *rule = &rules->rules[i];
		rule->info = sigma_ruleset_rule(rules->sigma, (uint32_t)i);
		rule->severity = severity_of(rule->info.level);
		const struct text_hash key = {.name = rule->info.file};
		const struct text_hash *h = bsearch(&key, b->hashes, b->hash_count, sizeof key, compare_hashes);
		if (h != NULL)
			(void)memcpy(rule->hash, h->hash, sizeof rule->hash);
		bool canary = str_eq_c(rule->info.id, DETECT_CANARY_ID) && h == NULL;
		if (canary)
			rules->canary = (uint32_t)i;
		rule->quiet = canary || rule->info.silent;
		/* Alerts need a name that stays. */
		if (rule->info.id.n == 0)
			rule->info.id = arena_printf(rules->arena, "sigma-%.16s-%.*s", rule->hash, STR_FMT(str_sub(rule->info.title, 0, 60)));
	}
	rules->counts = sigma_ruleset_counts(rules->sigma);
}

static void keep_refusals(struct building *b)
{
	struct detect_rules *rules = b->rules;
	rules->refused_count = sigma_loader_refused_count(b->loader);
	size_t kept = rules->refused_count < REFUSED_KEPT ? rules->refused_count : REFUSED_KEPT;
	rules->refused = mem_alloc_array(kept + 1, sizeof *rules->refused);
	for (size_t i = 0; i < kept; i++) {
		const struct sigma_refusal *from = sigma_loader_refused(b->loader, i);
		rules->refused[i] = (struct detect_refused){
			.file = arena_str(rules->arena, str_c(from->file)), .title = arena_str(rules->arena, from->title),
			.id = arena_str(rules->arena, from->id), .key = arena_str(rules->arena, str_c(from->err.key)),
			.place = arena_str(rules->arena, str_c(from->err.place))};
	}
}

/* ---- compiled forms on disk ---- */

struct cached {
	char path[PATH_SIZE];
	struct timespec at;
};

static int compare_cached(const void *a, const void *b)
{
	const struct timespec *x = &((const struct cached *)a)->at, *y = &((const struct cached *)b)->at;
	if (x->tv_sec != y->tv_sec)
		return x->tv_sec > y->tv_sec ? -1 : 1;
	return x->tv_nsec > y->tv_nsec ? -1 : x->tv_nsec < y->tv_nsec;
}

/* Each change of a rule leaves a compiled form of some 20 MB: the newest stay. */
static void trim_cache(const char *dir)
{
	struct cached *list = NULL;
	size_t count = 0;
	DIR *d = opendir(dir);
	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL && count < 1000;) {
		struct stat st;
		struct cached c;
		(void)snprintf(c.path, sizeof c.path, "%s/%s", dir, e->d_name);
		if (lstat(c.path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		c.at = st.st_mtim;
		list = mem_realloc_array(list, count + 1, sizeof *list);
		list[count++] = c;
	}
	if (d != NULL)
		(void)closedir(d);
	if (count > 1)
		qsort(list, count, sizeof *list, compare_cached);
	for (size_t i = CACHED_KEPT; i < count; i++)
		(void)unlink(list[i].path);
	mem_free(list);
}

static int compile(struct building *b, struct err *err)
{
	char cache[PATH_SIZE], exclusions[PATH_SIZE] = "", placeholders[PATH_SIZE] = "";
	(void)snprintf(cache, sizeof cache, "%s/compiled", b->dir);
	int r = file_make_dirs(cache, 0700, err);
	if (r == 0)
		r = write_text(b, DETECT_SET_EXCLUSIONS, "exclusions.yml", exclusions, err);
	if (r == 0)
		r = write_text(b, DETECT_SET_PLACEHOLDERS, "placeholders.yml", placeholders, err);
	if (r < 0)
		return r;
	const usec_t now = clock_now();
	const struct sigma_options options = {.cache_dir = cache,
	                                      .now_usec = now,
	                                      .exclusions = exclusions[0] != '\0' ? exclusions : NULL,
	                                      .placeholders = placeholders[0] != '\0' ? placeholders : NULL};
	b->rules->has_exclusions = options.exclusions != NULL;
	b->rules->day = now / USEC_PER_DAY;
	b->loader = sigma_loader_new(&options);
	r = add_texts(b, err);
	if (r == 0)
		r = sigma_loader_compile(b->loader, &b->rules->sigma, err);
	if (r == 0) {
		describe(b);
		keep_refusals(b);
		trim_cache(cache);
	}
	return r;
}

/* ---- indicators ---- */

static int build_image(const struct detect_set *set, const char *path, size_t most, struct err *err)
{
	struct indicator_builder *builder;
	struct indicator_built built;
	int r = indicator_builder_new(path, most, &builder, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < detect_set_count(set); i++) {
		struct detect_set_entry e = detect_set_entry(set, i);
		if (e.kind == DETECT_SET_INDICATORS)
			r = indicator_builder_add(builder, e.name, e.body, err);
	}
	if (r == 0)
		return indicator_builder_commit(builder, &built, err);
	indicator_builder_abandon(builder);
	return r;
}

/* The image is named by the digest of its lists, so that a change of a rule does not build it anew. */
static int load_indicators(const struct building *b, struct err *err)
{
	unsigned char sum[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE], dir[PATH_SIZE - 128], path[PATH_SIZE];
	size_t most = 0;
	if (b->set == NULL || detect_set_count_of(b->set, DETECT_SET_INDICATORS) == 0)
		return 0;
	struct sha256 *h = sha256_new();
	for (size_t i = 0; i < detect_set_count(b->set); i++) {
		struct detect_set_entry e = detect_set_entry(b->set, i);
		if (e.kind != DETECT_SET_INDICATORS)
			continue;
		sha256_update(h, e.name);
		sha256_update(h, STR("\n"));
		sha256_update(h, e.body);
		most += indicator_count_lines(e.body);
	}
	sha256_final(h, sum);
	(void)snprintf(dir, sizeof dir, "%.3900s/indicators", b->dir);
	(void)snprintf(path, sizeof path, "%s/%s.image", dir, sha256_hex(sum, hex));
	int r = file_make_dirs(dir, 0700, err);
	if (r == 0)
		r = indicator_set_open(path, &b->rules->indicators, err);
	if (r == -ENOENT || r == -EBADMSG) {
		r = build_image(b->set, path, most, err);
		if (r == 0)
			r = indicator_set_open(path, &b->rules->indicators, err);
	}
	/* One that is still mapped by the set before lives on without its name. */
	if (r == 0)
		trim_cache(dir);
	return r;
}

static void make_key(struct detect_rules *rules)
{
	char text[DETECT_DIGEST_SIZE + 32];
	unsigned char sum[SHA256_SIZE];
	(void)snprintf(text, sizeof text, "%s %lld", rules->digest, rules->has_exclusions ? (long long)rules->day : 0);
	sha256(str_c(text), sum);
	(void)sha256_hex(sum, rules->key);
}

int detect_rules_build(const struct detect_set *set, const char *dir, struct detect_rules **ret, struct err *err)
{
	struct detect_rules *rules = MEM_NEW(struct detect_rules);
	struct building b = {.set = set, .dir = dir, .rules = rules};
	atomic_store(&rules->references, 1);
	rules->arena = arena_new(0);
	rules->canary = UINT32_MAX;
	if (set != NULL)
		str_copy_c(str_c(detect_set_digest(set)), rules->digest, sizeof rules->digest);
	int r = compile(&b, err);
	if (r == 0)
		r = load_indicators(&b, err);
	make_key(rules);
	rules->loaded_at = clock_now();
	sigma_loader_free(b.loader);
	mem_free(b.hashes);
	if (r < 0)
		detect_rules_unref(rules);
	else
		*ret = rules;
	return r < 0 ? r : 0;
}

struct detect_rules *detect_rules_ref(struct detect_rules *r)
{
	(void)atomic_fetch_add(&r->references, 1);
	return r;
}

void detect_rules_unref(struct detect_rules *r)
{
	if (r == NULL || atomic_fetch_sub(&r->references, 1) != 1)
		return;
	indicator_set_free(r->indicators);
	(void)sigma_ruleset_unref(r->sigma);
	mem_free(r->rules);
	mem_free(r->refused);
	arena_free(r->arena);
	mem_free(r);
}
