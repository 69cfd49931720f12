/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* From files to a compiled set, or to the cached form of the same files. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock/clock.h"
#include "base/file/file.h"
#include "engine/sigma/sigma_cache.h"
#include "engine/sigma/sigma_exclusion.h"
#include "engine/sigma/sigma_mapping.h"
#include "engine/sigma/sigma_run.h"

#define TEXT_BYTES_MAX ((size_t)256 << 20)
#define FOLDER_DEPTH_MAX 32

extern const unsigned char sigma_mapping_data[];
extern const size_t sigma_mapping_data_size;

struct source_file {
	const char *name;
	struct str text;
};

struct sigma_loader {
	struct sigma_options options;
	struct arena *arena;
	struct source_file *files;
	size_t file_count, file_capacity, bytes;
	struct sigma_refused *refused, **refused_tail;
	struct sigma_refusal *refusals;
	size_t refusal_count;
	struct sigma_ruleset *set; /* refusals borrow from it */
	struct sg_image looked;    /* or from this */
};

struct sigma_loader *sigma_loader_new(const struct sigma_options *options)
{
	struct sigma_loader *l = MEM_NEW(struct sigma_loader);
	if (options != NULL)
		l->options = *options;
	l->arena = arena_new((size_t)8 << 30);
	l->refused_tail = &l->refused;
	return l;
}

void sigma_loader_free(struct sigma_loader *l)
{
	if (l == NULL)
		return;
	arena_free(l->arena);
	mem_free(l->files);
	mem_free(l->refusals);
	(void)sigma_ruleset_unref(l->set);
	sg_image_done(&l->looked);
	mem_free(l);
}

int sigma_loader_add_text(struct sigma_loader *l, const char *name, struct str text, struct err *err)
{
	if (text.n > TEXT_BYTES_MAX - l->bytes)
		return err_set(err, -E2BIG, "sigma.too_large", ARG_U64("limit", TEXT_BYTES_MAX));
	if (l->file_count == l->file_capacity) {
		l->file_capacity = l->file_capacity > 0 ? l->file_capacity * 2 : 256;
		l->files = mem_realloc_array(l->files, l->file_capacity, sizeof *l->files);
	}
	l->bytes += text.n;
	l->files[l->file_count++] = (struct source_file){arena_cstr(l->arena, str_c(name)), arena_str(l->arena, text)};
	return 0;
}

static void refuse(struct sigma_loader *l, const struct sigma_meta *meta, const struct err *err)
{
	struct sigma_refused *row = *l->refused_tail = ARENA_NEW(l->arena, struct sigma_refused);
	*row = (struct sigma_refused){.meta = *meta, .err = *err};
	l->refused_tail = &row->next;
}

static int add_file(struct sigma_loader *l, const char *path, struct err *err)
{
	struct buf text cleanup_buf = BUF_INIT(PACK_MAX_BYTES);
	struct err own = {0};
	int r = file_read(path, PACK_MAX_BYTES, &text, &own);
	if (r == -E2BIG) {
		/* One file too large is refused like one that is wrong. */
		(void)err_at(&own, str_c(path));
		refuse(l, &(struct sigma_meta){.file = arena_cstr(l->arena, str_c(path))}, &own);
		return 0;
	}
	if (r < 0) {
		if (err != NULL)
			*err = own;
		return r;
	}
	return sigma_loader_add_text(l, path, buf_str(&text), err);
}

static bool is_rule_file(struct str name)
{
	return str_ends_with(name, STR(".yml")) || str_ends_with(name, STR(".yaml"));
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_folder(struct sigma_loader *l, const char *path, unsigned depth, struct err *err);

static int add_entry(struct sigma_loader *l, const char *path, unsigned depth, bool named, struct err *err)
{
	struct stat st;
	/* A link is followed when the caller names it, not when a folder holds it: no cycles. */
	if ((named ? stat(path, &st) : lstat(path, &st)) < 0)
		return err_errno(err, errno, "stat", str_c(path));
	if (S_ISDIR(st.st_mode))
		return depth < FOLDER_DEPTH_MAX ? add_folder(l, path, depth + 1, err) : 0;
	if (named || (S_ISREG(st.st_mode) && is_rule_file(str_c(path))))
		return add_file(l, path, err);
	return 0;
}

static int add_folder(struct sigma_loader *l, const char *path, unsigned depth, struct err *err)
{
	char **names = NULL;
	size_t count = 0, capacity = 0;
	int r = 0;
	DIR *dir = opendir(path);
	if (dir == NULL)
		return err_errno(err, errno, "opendir", str_c(path));
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		if (count == capacity) {
			capacity = capacity > 0 ? capacity * 2 : 64;
			names = mem_realloc_array(names, capacity, sizeof *names);
		}
		names[count++] = mem_strdup(str_c(e->d_name));
	}
	(void)closedir(dir);
	if (count > 1)
		qsort(names, count, sizeof *names, compare_names);
	for (size_t i = 0; i < count; i++) {
		struct buf full cleanup_buf = BUF_INIT(1 << 16);
		file_join(&full, str_c(path), str_c(names[i]));
		if (r == 0)
			r = add_entry(l, full.p, depth, false, err);
		mem_free(names[i]);
	}
	mem_free(names);
	return r;
}

int sigma_loader_add_path(struct sigma_loader *l, const char *path, struct err *err)
{
	return add_entry(l, path, 0, true, err);
}

/* ---- compiling ---- */

static void parse_file(struct sigma_loader *l, struct sigma_parsed *parsed, const struct source_file *file)
{
	struct arena *arena cleanup(arena) = arena_new((size_t)1 << 30);
	const struct pack_doc *doc = NULL;
	struct err err = {0};
	if (pack_parse_foreign(arena, file->name, file->text, &doc, &err) < 0) {
		refuse(l, &(struct sigma_meta){.file = file->name}, &err);
		return;
	}
	for (; doc != NULL; doc = doc->next) {
		struct sigma_meta meta = {.file = file->name};
		if (sigma_parse_doc(parsed, doc, &err) == 0)
			continue;
		meta.title = arena_str(l->arena, json_get_str(doc->root, "title", STR("")));
		meta.id = arena_str(l->arena, json_get_str(doc->root, "id", STR("")));
		refuse(l, &meta, &err);
		err_clear(&err);
	}
}

static int read_mapping(struct sigma_loader *l, struct buf *text, struct sigma_mapping *ret, struct err *err)
{
	const char *path = l->options.mapping;
	const struct pack_doc *doc;
	if (path == NULL)
		buf_append(text, str_n(sigma_mapping_data, sigma_mapping_data_size));
	int r = path != NULL ? file_read(path, PACK_MAX_BYTES, text, err) : 0;
	if (r == 0)
		r = pack_parse(l->arena, path != NULL ? path : "mapping.yaml", buf_str(text), &doc, err);
	return r == 0 ? sigma_mapping_parse(l->arena, doc, ret, err) : r;
}

static int read_placeholders(struct sigma_loader *l, struct buf *text, struct sigma_placeholder **tail, struct err *err)
{
	const struct pack_doc *doc;
	if (l->options.placeholders == NULL)
		return 0;
	int r = file_read(l->options.placeholders, PACK_MAX_BYTES, text, err);
	if (r == 0)
		r = pack_parse(l->arena, l->options.placeholders, buf_str(text), &doc, err);
	if (r != 0)
		return r;
	json_each(member, doc->root) {
		struct str *values = arena_alloc(l->arena, (member->count + 1) * sizeof *values);
		struct sigma_placeholder *p = *tail = ARENA_NEW(l->arena, struct sigma_placeholder);
		*p = (struct sigma_placeholder){.name = member->name, .values = values};
		tail = &p->next;
		if (member->type != JSON_ARRAY)
			return pack_error(doc, member, err_set(err, -EINVAL, "sigma.names", ARG_STR("name", member->name)), err);
		json_each(item, member)
			values[p->count++] = item->text;
	}
	return 0;
}

static void load_refusals(struct sigma_loader *l, const struct sg_image *image)
{
	l->refusal_count = image->refusals_count;
	l->refusals = mem_alloc_array(l->refusal_count, sizeof *l->refusals);
	for (size_t i = 0; i < l->refusal_count; i++) {
		const struct sg_refusal *row = &image->refusals[i];
		struct sigma_refusal *out = &l->refusals[i];
		out->file = arena_cstr(l->arena, sg_str(image, row->file));
		out->title = sg_str(image, row->title);
		out->id = sg_str(image, row->id);
		out->err.code = row->code;
		str_copy_c(sg_str(image, row->key), out->err.key, sizeof out->err.key);
		str_copy_c(sg_str(image, row->place), out->err.place, sizeof out->err.place);
		out->err.arg_count = row->arg_count < ERR_ARGS ? row->arg_count : ERR_ARGS;
		for (unsigned k = 0; k < out->err.arg_count; k++) {
			str_copy_c(sg_str(image, row->args[k].name), out->err.args[k].name, ERR_ARG_NAME_SIZE);
			str_copy_c(sg_str(image, row->args[k].value), out->err.args[k].value, ERR_ARG_VALUE_SIZE);
		}
	}
}

struct inputs {
	struct buf mapping_text, placeholder_text;
	struct sigma_mapping mapping;
	struct sigma_placeholder *placeholders;
	struct sigma_exclusions exclusions;
};

static int compile_fresh(struct sigma_loader *l, const struct inputs *in, struct sigma_cache_key *key, struct sigma_ruleset **ret,
                         struct err *err)
{
	struct sigma_parsed parsed;
	struct sg_image image = {0};
	sigma_parsed_init(&parsed, l->arena);
	parsed.placeholders = in->placeholders;
	for (size_t i = 0; i < l->file_count; i++)
		parse_file(l, &parsed, &l->files[i]);
	int r = sigma_exclusions_apply(&in->exclusions, &parsed, err);
	if (r == 0)
		r = sigma_compile(&parsed, &in->mapping, l->refused, false, &image, err);
	if (r != 0)
		return r;
	image.known[0].exclusions = (uint32_t)in->exclusions.active;
	if (l->options.cache_dir != NULL)
		sigma_cache_write(l->options.cache_dir, key, &image);
	return sg_ruleset_new(&image, NULL, 0, ret, err);
}

static void cache_key(const struct sigma_loader *l, const struct inputs *in, struct sigma_cache_key *ret)
{
	struct sigma_cache_hash *hash = sigma_cache_begin();
	sigma_cache_add(hash, buf_str(&in->mapping_text));
	sigma_cache_add(hash, buf_str(&in->placeholder_text));
	sigma_cache_add(hash, in->exclusions.fingerprint);
	for (size_t i = 0; i < l->file_count; i++) {
		sigma_cache_add(hash, str_c(l->files[i].name));
		sigma_cache_add(hash, l->files[i].text);
	}
	sigma_cache_end(hash, ret);
}

int sigma_loader_compile(struct sigma_loader *l, struct sigma_ruleset **ret, struct err *err)
{
	struct inputs in = {.mapping_text = BUF_INIT(PACK_MAX_BYTES), .placeholder_text = BUF_INIT(PACK_MAX_BYTES)};
	struct sigma_cache_key key;
	struct sigma_ruleset *set = NULL;
	int64_t now = l->options.now_usec != 0 ? l->options.now_usec : clock_now();
	int r = read_mapping(l, &in.mapping_text, &in.mapping, err);
	if (r == 0)
		r = read_placeholders(l, &in.placeholder_text, &in.placeholders, err);
	if (r == 0)
		r = sigma_exclusions_read(l->arena, l->options.exclusions, now, &in.exclusions, err);
	if (r == 0) {
		cache_key(l, &in, &key);
		if (l->options.cache_dir != NULL)
			set = sigma_cache_read(l->options.cache_dir, &key);
		if (set == NULL)
			r = compile_fresh(l, &in, &key, &set, err);
	}
	buf_done(&in.mapping_text);
	buf_done(&in.placeholder_text);
	if (r != 0)
		return r;
	load_refusals(l, &set->image);
	l->set = sigma_ruleset_ref(set);
	*ret = set;
	return 0;
}

int sigma_loader_look(struct sigma_loader *l, void (*each)(void *ctx, const struct sigma_info *info), void *ctx, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(PACK_MAX_BYTES);
	struct sigma_mapping mapping;
	struct sigma_parsed parsed;
	int r = read_mapping(l, &text, &mapping, err);
	if (r < 0)
		return r;
	sigma_parsed_init(&parsed, l->arena);
	for (size_t i = 0; i < l->file_count; i++)
		parse_file(l, &parsed, &l->files[i]);
	r = sigma_compile(&parsed, &mapping, l->refused, true, &l->looked, err);
	if (r < 0)
		return r;
	load_refusals(l, &l->looked);
	for (uint32_t i = 0; i < l->looked.rules_count; i++) {
		const struct sigma_info info = sg_info(&l->looked, i);
		each(ctx, &info);
	}
	return 0;
}

size_t sigma_loader_refused_count(const struct sigma_loader *l)
{
	return l->refusal_count;
}

const struct sigma_refusal *sigma_loader_refused(const struct sigma_loader *l, size_t i)
{
	return &l->refusals[i];
}
