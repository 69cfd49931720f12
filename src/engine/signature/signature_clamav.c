/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_clamav.h"

#include "engine/signature/signature_build.h"
#include "engine/signature/signature_clamav_internal.h"

#define LINE_MAX_    ((size_t)256 << 10)
#define ARENA_MAX    ((size_t)64 << 20)
#define SAME_NAME    100 /* signatures of one name */
#define PDF_MARK     "25 50 44 46 2D ?? 2E"
#define LDB_FIELDS   4

struct clamav {
	struct signature_build *build;
	struct str space;
	struct arena *arena; /* of one signature */
	struct signature_clamav_result *result;
};

static bool no_rule(void *ctx, struct str name, uint32_t *ret)
{
	(void)ctx;
	(void)name;
	(void)ret;
	return false;
}
static bool no_rule_beginning(void *ctx, struct str prefix, size_t i, uint32_t *ret)
{
	(void)i;
	return no_rule(ctx, prefix, ret);
}
static bool none_refused(void *ctx, struct str name, bool beginning)
{
	(void)ctx;
	(void)name;
	(void)beginning;
	return false;
}
static bool no_external(void *ctx, struct str name, uint32_t *ret, enum signature_class *ret_class)
{
	(void)ret_class;
	return no_rule(ctx, name, ret);
}

static int add_rule(struct clamav *k, struct str name, struct signature_yara_rule *rule, struct err *err)
{
	char numbered[SIGNATURE_YARA_NAME_MAX + 16];

	rule->name = name;
	int r = signature_build_rule(k->build, k->space, rule, NULL, err);
	for (unsigned n = 2; r < 0 && n < SAME_NAME && strcmp(err->key, "signature.rule_twice") == 0; n++) {
		struct buf out = buf_fixed(numbered, sizeof(numbered));
		buf_printf(&out, "%.*s#%u", STR_FMT(str_sub(name, 0, SIGNATURE_YARA_NAME_MAX)), n);
		rule->name = buf_str(&out);
		err_clear(err);
		r = signature_build_rule(k->build, k->space, rule, NULL, err);
	}
	return r;
}

/* Target and logic as one condition over $s0 … and, for PDF, $target. */
static int take(struct clamav *k, struct str name, enum clamav_target target, struct clamav_sub *subs, unsigned count,
		struct str condition, struct err *err)
{
	const struct signature_yara_world world = {
		.rule = no_rule, .rule_beginning = no_rule_beginning, .refused = none_refused, .external = no_external};
	const bool is_pdf = target == CLAMAV_TARGET_PDF;
	struct signature_yara_string *strings = arena_alloc(k->arena, (count + 1) * sizeof(*strings));
	struct signature_yara_rule rule = {.strings = strings, .string_count = count + is_pdf};

	memset(strings, 0, (count + 1) * sizeof(*strings));
	for (unsigned i = 0; i < count; i++) {
		char text[16];
		struct buf out = buf_fixed(text, sizeof(text));
		buf_printf(&out, "s%u", i);
		strings[i].name = arena_str(k->arena, buf_str(&out));
		strings[i].pattern = subs[i].pattern;
	}
	strings[count].name = STR("target");
	strings[count].pattern = (struct signature_pattern){
		.kind = SIGNATURE_PATTERN_HEX, .text = (const uint8_t *)PDF_MARK, .text_len = sizeof(PDF_MARK) - 1};
	int r = signature_yara_parse_condition(k->arena, "", condition, &world, strings, rule.string_count, &rule.condition, err);
	return r < 0 ? r : add_rule(k, name, &rule, err);
}

/* false: meant for other releases of libclamav. */
static bool level_fits(struct str from, struct str to)
{
	uint64_t low = 0, high = UINT32_MAX;

	if (from.n > 0 && !str_parse_u64(from, 0, UINT32_MAX, &low))
		return false;
	if (to.n > 0 && !str_parse_u64(to, 0, UINT32_MAX, &high))
		return false;
	return low <= SIGNATURE_CLAMAV_LEVEL && high >= SIGNATURE_CLAMAV_LEVEL;
}

/* NAME:TARGET:OFFSET:BODY[:MINLEVEL[:MAXLEVEL]]. 1: left out. */
static int ndb_line(struct clamav *k, struct str line, struct str *ret_name, struct err *err)
{
	struct str fields[6] = {{0}}, rest = line;
	struct clamav_sub sub;
	enum clamav_target target = CLAMAV_TARGET_ANY;
	struct buf condition = BUF_INIT(4096);
	unsigned n = 0;

	while (n < 6 && str_split(&rest, ':', &fields[n]))
		n++;
	*ret_name = fields[0];
	if (n < 4 || fields[0].n == 0)
		return err_set(err, -EINVAL, "signature.clamav_line", ARG_STR("text", str_sub(line, 0, 60)));
	if (!level_fits(fields[4], fields[5]))
		return 1;
	int r = clamav_target(fields[1], &target, err);
	if (r == 0)
		r = clamav_place(fields[2], target, &sub.place, err);
	if (r == 0)
		r = clamav_pattern(k->arena, fields[3], STR_EMPTY, &sub.pattern, err);
	if (r == 0) {
		clamav_target_condition(target, &condition);
		buf_append_c(&condition, " and ");
		r = clamav_logic(STR("0"), &sub, 1, &condition, err);
	}
	if (r == 0)
		r = take(k, fields[0], target, &sub, 1, buf_str(&condition), err);
	buf_done(&condition);
	return r;
}

/* "12-40". */
static bool range(struct str text, uint64_t *ret_from, uint64_t *ret_to)
{
	struct str from, rest = text;

	return str_split(&rest, '-', &from) && str_parse_u64(from, 0, UINT32_MAX, ret_from) && str_parse_u64(rest, 0, UINT32_MAX, ret_to);
}

/* The target description block: "Engine:81-255,Target:1,FileSize:10-90". 1: another level. */
static int description(struct str block, enum clamav_target *ret_target, struct buf *condition, struct err *err)
{
	struct str rest = block, item, key;
	uint64_t from = 0, to = 0;
	int r = 0;

	while (r == 0 && str_split(&rest, ',', &item)) {
		struct str value = item;
		if (!str_split(&value, ':', &key))
			return err_set(err, -EINVAL, "signature.clamav_description", ARG_STR("text", block));
		if (str_eq_c(key, "Target")) {
			r = clamav_target(value, ret_target, err);
			continue;
		}
		const bool is_range = range(value, &from, &to);
		if (is_range && str_eq_c(key, "Engine"))
			r = from <= SIGNATURE_CLAMAV_LEVEL && to >= SIGNATURE_CLAMAV_LEVEL ? 0 : 1;
		else if (is_range && str_eq_c(key, "FileSize"))
			buf_printf(condition, "filesize>=%llu and filesize<=%llu and ", (unsigned long long)from, (unsigned long long)to);
		else if (is_range && str_eq_c(key, "EntryPoint"))
			buf_printf(condition, "pe.entry_point>=%llu and pe.entry_point<=%llu and ", (unsigned long long)from,
				   (unsigned long long)to);
		else if (is_range && str_eq_c(key, "NumberOfSections"))
			buf_printf(condition, "pe.number_of_sections>=%llu and pe.number_of_sections<=%llu and ", (unsigned long long)from,
				   (unsigned long long)to);
		else
			r = clamav_refuse(err, "signature.clamav_description", item);
	}
	return r;
}

/* [OFFSET:]BODY[::MODIFIERS]. */
static int sub_signature(struct clamav *k, struct str text, enum clamav_target target, struct clamav_sub *ret, struct err *err)
{
	const size_t double_colon = str_find(text, STR("::"));
	const struct str modifiers = double_colon == SIZE_MAX ? STR_EMPTY : str_sub(text, double_colon + 2, text.n);
	struct str body = double_colon == SIZE_MAX ? text : str_sub(text, 0, double_colon);
	const size_t colon = str_find_char(body, ':');
	struct str offset = STR_EMPTY;

	if (str_find_char(text, '/') != SIZE_MAX || str_find_char(text, '#') != SIZE_MAX || str_find_char(text, '$') != SIZE_MAX)
		return clamav_refuse(err, "signature.clamav_kind", text);
	if (colon != SIZE_MAX) {
		offset = str_sub(body, 0, colon);
		body = str_sub(body, colon + 1, body.n);
	}
	int r = clamav_place(offset, target, &ret->place, err);
	return r < 0 ? r : clamav_pattern(k->arena, body, modifiers, &ret->pattern, err);
}

/* NAME;DESCRIPTION;LOGIC;SUB0[;SUB1…]. 1: left out. */
static int ldb_line(struct clamav *k, struct str line, struct str *ret_name, struct err *err)
{
	struct str rest = line, name, block, logic, text;
	struct clamav_sub *subs = arena_alloc(k->arena, CLAMAV_SUBS_MAX * sizeof(*subs));
	struct buf condition = BUF_INIT(1 << 18);
	enum clamav_target target = CLAMAV_TARGET_ANY;
	unsigned count = 0;

	*ret_name = STR_EMPTY;
	if (!str_split(&rest, ';', &name) || name.n == 0)
		return err_set(err, -EINVAL, "signature.clamav_line", ARG_STR("text", str_sub(line, 0, 60)));
	*ret_name = name;
	if (!str_split(&rest, ';', &block) || !str_split(&rest, ';', &logic))
		return err_set(err, -EINVAL, "signature.clamav_line", ARG_STR("text", str_sub(line, 0, 60)));
	int r = description(block, &target, &condition, err);
	while (r == 0 && str_split(&rest, ';', &text)) {
		if (count == CLAMAV_SUBS_MAX)
			r = err_set(err, -EINVAL, "signature.clamav_line", ARG_STR("text", name));
		else
			r = sub_signature(k, text, target, &subs[count++], err);
	}
	if (r == 0) {
		clamav_target_condition(target, &condition);
		buf_append_c(&condition, " and ");
		r = clamav_logic(logic, subs, count, &condition, err);
	}
	if (r == 0)
		r = take(k, name, target, subs, count, buf_str(&condition), err);
	buf_done(&condition);
	return r;
}

static void one_line(struct clamav *k, bool logical, const char *file, unsigned number, struct str line)
{
	struct err err = {0};
	struct str name = STR_EMPTY;
	char place[ERR_PLACE_SIZE];
	struct buf at = buf_fixed(place, sizeof(place));

	arena_clear(k->arena);
	int r = line.n > LINE_MAX_ ? err_set(&err, -E2BIG, "signature.clamav_line", ARG_STR("text", str_sub(line, 0, 60)))
		: logical          ? ldb_line(k, line, &name, &err)
				   : ndb_line(k, line, &name, &err);
	if (r == 1) {
		k->result->other_level++;
		return;
	}
	if (r == 0) {
		k->result->taken++;
		return;
	}
	buf_printf(&at, "%s:%u", file, number);
	(void)err_at(&err, buf_str(&at));
	signature_build_refuse(k->build, k->space, name, &err, STR_EMPTY);
	k->result->refused++;
}

int signature_build_clamav(struct signature_build *build, struct str space, const char *file, struct str text,
			   struct signature_clamav_result *ret, struct err *err)
{
	const struct str name = str_c(file);
	const bool logical = str_ends_with(name, STR(".ldb")) || str_ends_with(name, STR(".ldu"));
	struct clamav k = {.build = build, .space = space, .result = ret};
	struct str line;

	*ret = (struct signature_clamav_result){0};
	if (!logical && !str_ends_with(name, STR(".ndb")) && !str_ends_with(name, STR(".ndu")))
		return err_set(err, -ENOTSUP, "signature.clamav_file", ARG_STR("name", name));
	k.arena = arena_new(ARENA_MAX);
	for (unsigned number = 1; str_split(&text, '\n', &line); number++) {
		line = str_trim(line);
		if (line.n > 0 && line.p[0] != '#')
			one_line(&k, logical, file, number, line);
	}
	arena_free(k.arena);
	return 0;
}
