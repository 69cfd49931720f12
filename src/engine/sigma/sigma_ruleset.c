/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "engine/sigma/sigma_run.h"

static void free_set(struct sigma_ruleset *set)
{
	sg_routes_done(set);
	for (size_t i = 0; i < set->image.databases_count && set->databases != NULL; i++)
		(void)hs_free_database(set->databases[i]);
	for (size_t i = 0; i < set->image.regexes_count && set->regexes != NULL; i++)
		sigma_regex_free(set->regexes[i]);
	(void)hs_free_scratch(set->scratch);
	mem_free(set->databases);
	mem_free(set->regexes);
	if (set->mapped != NULL)
		(void)munmap(set->mapped, set->mapped_bytes);
	else
		sg_image_done(&set->image);
	mem_free(set);
}

static int ready_databases(struct sigma_ruleset *set, struct err *err)
{
	const struct sg_image *image = &set->image;
	set->databases = mem_alloc_array(image->databases_count, sizeof(hs_database_t *));
	for (size_t i = 0; i < image->databases_count; i++) {
		const struct sg_database *row = &image->databases[i];
		if (row->n == 0)
			continue;
		if (row->at > image->database_bytes_count || row->n > image->database_bytes_count - row->at ||
		    hs_deserialize_database(image->database_bytes + row->at, row->n, &set->databases[i]) != HS_SUCCESS ||
		    hs_alloc_scratch(set->databases[i], &set->scratch) != HS_SUCCESS)
			return err_set(err, -EBADMSG, "sigma.cache");
	}
	return 0;
}

static int ready_regexes(struct sigma_ruleset *set, struct err *err)
{
	const struct sg_image *image = &set->image;
	set->regexes = mem_alloc_array(image->regexes_count, sizeof(struct sigma_regex *));
	for (size_t i = 0; i < image->regexes_count; i++) {
		int r = sigma_regex_new(sg_str(image, image->regexes[i].text), image->regexes[i].flags, &set->regexes[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The serialized databases are not needed any more: their pages go back. */
static void drop_bytes(struct sigma_ruleset *set)
{
	set->image_bytes = set->image.database_bytes_count;
#define X(type, name) set->image_bytes += set->image.name##_count * sizeof(type);
	SG_SECTIONS(X)
#undef X
	set->image_bytes -= set->image.database_bytes_count;
	if (set->mapped == NULL) {
		mem_free(set->image.database_bytes);
		set->image.database_bytes = NULL;
		return;
	}
	uintptr_t from = ((uintptr_t)set->image.database_bytes + 4095) & ~(uintptr_t)4095;
	uintptr_t to = ((uintptr_t)set->image.database_bytes + set->image.database_bytes_count) & ~(uintptr_t)4095;
	if (to > from)
		(void)madvise((void *)from, to - from, MADV_DONTNEED); /* NOLINT: an address of the mapping */
}

int sg_ruleset_new(struct sg_image *image, void *mapped, size_t mapped_bytes, struct sigma_ruleset **ret, struct err *err)
{
	struct sigma_ruleset *set = MEM_NEW(struct sigma_ruleset);
	atomic_init(&set->refs, 1);
	set->image = *image;
	set->mapped = mapped;
	set->mapped_bytes = mapped_bytes;
	*image = (struct sg_image){0};
	int r = ready_databases(set, err);
	if (r == 0)
		r = ready_regexes(set, err);
	if (r == 0)
		r = sg_routes_make(set);
	if (r < 0) {
		free_set(set);
		return r;
	}
	drop_bytes(set);
	*ret = set;
	return 0;
}

struct sigma_ruleset *sigma_ruleset_ref(struct sigma_ruleset *set)
{
	atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
	return set;
}

struct sigma_ruleset *sigma_ruleset_unref(struct sigma_ruleset *set)
{
	if (set != NULL && atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) == 1)
		free_set(set);
	return NULL;
}

size_t sigma_ruleset_count(const struct sigma_ruleset *set)
{
	return set->image.rules_count;
}

struct sigma_info sg_info(const struct sg_image *image, uint32_t rule)
{
	const struct sg_rule *r = &image->rules[rule];
	return (struct sigma_info){
		.id = sg_str(image, r->id), .title = sg_str(image, r->title), .name = sg_str(image, r->name),
		.level = sg_str(image, r->level), .status = sg_str(image, r->status), .author = sg_str(image, r->author),
		.description = sg_str(image, r->description), .date = sg_str(image, r->date), .tags = sg_str(image, r->tags),
		.falsepositives = sg_str(image, r->falsepositives), .file = sg_str(image, r->file),
		.category = sg_str(image, r->category), .product = sg_str(image, r->product), .service = sg_str(image, r->service),
		.line = r->line, .is_correlation = rule >= image->known[0].rule_count, .silent = r->silent,
	};
}

struct sigma_info sigma_ruleset_rule(const struct sigma_ruleset *set, uint32_t rule)
{
	return sg_info(&set->image, rule);
}

uint32_t sigma_ruleset_find(const struct sigma_ruleset *set, struct str reference)
{
	const struct sg_image *image = &set->image;
	for (int what = 0; what < 3; what++)
		for (uint32_t i = 0; i < image->rules_count; i++) {
			const struct sg_rule *r = &image->rules[i];
			struct str text = sg_str(image, what == 0 ? r->id : what == 1 ? r->name : r->title);
			if (text.n > 0 && str_eq_nocase(text, reference))
				return i;
		}
	return UINT32_MAX;
}

struct sigma_counts sigma_ruleset_counts(const struct sigma_ruleset *set)
{
	const struct sg_image *image = &set->image;
	const struct sg_known *known = &image->known[0];
	return (struct sigma_counts){
		.rules = known->rule_count, .correlations = image->correlations_count, .filters = known->filters,
		.exclusions = known->exclusions, .predicates = image->preds_count, .strings = known->string_count,
		.regexes = known->regex_count, .fields = image->fields_count, .sources = image->sources_count,
		.bytes = set->image_bytes, .from_cache = set->from_cache,
	};
}

bool sigma_ruleset_correlates(const struct sigma_ruleset *set)
{
	return set->image.correlations_count > 0;
}

struct sigma_current {
	pthread_mutex_t lock;
	struct sigma_ruleset *set; /* under lock */
};

struct sigma_current *sigma_current_new(void)
{
	struct sigma_current *current = MEM_NEW(struct sigma_current);
	(void)pthread_mutex_init(&current->lock, NULL);
	return current;
}

void sigma_current_free(struct sigma_current *current)
{
	if (current == NULL)
		return;
	(void)sigma_ruleset_unref(current->set);
	(void)pthread_mutex_destroy(&current->lock);
	mem_free(current);
}

void sigma_current_swap(struct sigma_current *current, struct sigma_ruleset *set)
{
	(void)pthread_mutex_lock(&current->lock);
	struct sigma_ruleset *old = current->set;
	current->set = set;
	(void)pthread_mutex_unlock(&current->lock);
	(void)sigma_ruleset_unref(old);
}

struct sigma_ruleset *sigma_current_get(struct sigma_current *current)
{
	(void)pthread_mutex_lock(&current->lock);
	struct sigma_ruleset *set = current->set != NULL ? sigma_ruleset_ref(current->set) : NULL;
	(void)pthread_mutex_unlock(&current->lock);
	return set;
}
