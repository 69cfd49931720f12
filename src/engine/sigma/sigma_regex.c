/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/sigma/sigma_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* A search that needs more steps is given up and counted; ordinary rules need a few hundred. */
#define STEPS_MAX 200000
#define HEAP_KIB_MAX 4096
#define NESTING_MAX 50

struct sigma_regex {
	pcre2_code *code;
};

struct sigma_regex_scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
};

static pcre2_code *compile(struct str pattern, unsigned flags, struct err *err, int *ret)
{
	int code;
	PCRE2_SIZE at;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	uint32_t options = flags & SIGMA_RE_BYTES ? 0 : PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_NEVER_BACKSLASH_C;
	options |= flags & SIGMA_RE_CASELESS ? PCRE2_CASELESS : 0;
	options |= flags & SIGMA_RE_MULTILINE ? PCRE2_MULTILINE : 0;
	options |= flags & SIGMA_RE_DOTALL ? PCRE2_DOTALL : 0;
	(void)pcre2_set_parens_nest_limit(context, NESTING_MAX);
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, options, &code, &at, context);
	pcre2_compile_context_free(context);
	if (re == NULL) {
		char reason[128] = "";
		(void)pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof reason);
		*ret = err_set(err, -EINVAL, "sigma.regex", ARG_CSTR("reason", reason), ARG_U64("byte", at));
	}
	return re;
}

int sigma_regex_check(struct str pattern, unsigned flags, struct err *err)
{
	struct sigma_regex *re cleanup(sigma_regex) = NULL;
	return sigma_regex_new(pattern, flags, &re, err);
}

int sigma_regex_new(struct str pattern, unsigned flags, struct sigma_regex **ret, struct err *err)
{
	int r = 0;
	size_t size = 0;
	pcre2_code *code = compile(pattern, flags, err, &r);
	if (code == NULL)
		return r;
	(void)pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
	if (size > 256 << 10) {
		pcre2_code_free(code);
		return err_set(err, -E2BIG, "sigma.regex_size", ARG_U64("limit", 256 << 10));
	}
	*ret = MEM_NEW(struct sigma_regex);
	(*ret)->code = code;
	return 0;
}

void sigma_regex_free(struct sigma_regex *re)
{
	if (re == NULL)
		return;
	pcre2_code_free(re->code);
	mem_free(re);
}

struct sigma_regex_scratch *sigma_regex_scratch_new(void)
{
	struct sigma_regex_scratch *s = MEM_NEW(struct sigma_regex_scratch);
	s->data = pcre2_match_data_create(1, NULL);
	s->context = pcre2_match_context_create(NULL);
	(void)pcre2_set_match_limit(s->context, STEPS_MAX);
	(void)pcre2_set_depth_limit(s->context, STEPS_MAX);
	(void)pcre2_set_heap_limit(s->context, HEAP_KIB_MAX);
	return s;
}

void sigma_regex_scratch_free(struct sigma_regex_scratch *scratch)
{
	if (scratch == NULL)
		return;
	pcre2_match_data_free(scratch->data);
	pcre2_match_context_free(scratch->context);
	mem_free(scratch);
}

int sigma_regex_match(const struct sigma_regex *re, struct str text, struct sigma_regex_scratch *scratch)
{
	int n = pcre2_match(re->code, (PCRE2_SPTR)(text.p != NULL ? text.p : ""), text.n, 0, PCRE2_NO_UTF_CHECK, scratch->data, scratch->context);
	if (n == PCRE2_ERROR_NOMATCH)
		return 0;
	return n >= 0 ? 1 : -E2BIG;
}
