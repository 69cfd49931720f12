/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <yara.h>

#include "base/mem/mem.h"
#include "program/scand/scand.h"

/* What LOKI and signature-base expect to be defined; all are texts. */
enum { FILENAME, FILEPATH, EXTENSION, FILETYPE, OWNER, EXTERNALS };
static const char *const external_names[EXTERNALS] = {"filename", "filepath", "extension", "filetype", "owner"};

#define NAME_MAX_BYTES 512

struct scand_yara {
	YR_COMPILER *compiler;
	YR_RULES *rules;
	YR_SCANNER *scanner;
	scand_problem problem;
	void *ctx;
	struct str current; /* name of the file being compiled */
	bool bad;
	bool found;
	int64_t score; /* of the best match so far */
	char threat[NAME_MAX_BYTES];
	char rule[2 * NAME_MAX_BYTES];
};

static void on_message(int level, const char *file, int line, const YR_RULE *rule, const char *message, void *ctx)
{
	(void)file;
	(void)rule;
	struct scand_yara *y = ctx;
	if (level == YARA_ERROR_LEVEL_ERROR)
		y->problem(y->ctx, y->current, line > 0 ? (unsigned)line : 0, str_c(message));
}

static int new_compiler(struct scand_yara *y, YR_COMPILER **ret)
{
	YR_COMPILER *c = NULL;
	int r = yr_compiler_create(&c);
	if (r != ERROR_SUCCESS)
		return r;
	yr_compiler_set_callback(c, on_message, y);
	/* A rule file must not be able to read other files. */
	yr_compiler_set_include_callback(c, NULL, NULL, NULL);
	for (unsigned i = 0; i < EXTERNALS && r == ERROR_SUCCESS; i++)
		r = yr_compiler_define_string_variable(c, external_names[i], "");
	if (r != ERROR_SUCCESS) {
		yr_compiler_destroy(c);
		return r;
	}
	*ret = c;
	return ERROR_SUCCESS;
}

static int yara_failed(struct err *err, const char *call, int code)
{
	return err_set(err, -EIO, "malware.yara_failed", ARG_CSTR("call", call), ARG_I64("code", code));
}

int scand_yara_new(struct scand_yara **ret, scand_problem problem, void *ctx, struct err *err)
{
	int r = yr_initialize();
	if (r != ERROR_SUCCESS)
		return yara_failed(err, "yr_initialize", r);
	struct scand_yara *y = MEM_NEW(struct scand_yara);
	y->problem = problem;
	y->ctx = ctx;
	r = new_compiler(y, &y->compiler);
	if (r != ERROR_SUCCESS) {
		mem_free(y);
		return yara_failed(err, "yr_compiler_create", r);
	}
	*ret = y;
	return 0;
}

/* Each file is a namespace, so that two files may use one rule name. A compiler that saw an error is spent: from
 * then on files are compiled alone, to tell all that is wrong in one go. */
void scand_yara_add(struct scand_yara *y, struct str text, struct str name)
{
	char *space = mem_strdup(name), *copy = mem_strdup(text);
	y->current = str_c(space);
	YR_COMPILER *compiler = y->compiler;
	if (y->bad && new_compiler(y, &compiler) != ERROR_SUCCESS) {
		y->problem(y->ctx, name, 0, STR("out of memory"));
	} else {
		int errors = str_find_char(text, '\0') == SIZE_MAX ? yr_compiler_add_string(compiler, copy, space) : 1;
		if (str_find_char(text, '\0') != SIZE_MAX)
			y->problem(y->ctx, name, 0, STR("a zero byte"));
		if (y->bad)
			yr_compiler_destroy(compiler);
		if (errors != 0)
			y->bad = true;
	}
	y->current = STR_EMPTY;
	mem_free(copy);
	mem_free(space);
}

int scand_yara_load(struct scand_yara *y, uint64_t *ret_rules, struct err *err)
{
	if (y->bad)
		return err_set(err, -EINVAL, "malware.rule_syntax");
	int r = yr_compiler_get_rules(y->compiler, &y->rules);
	if (r != ERROR_SUCCESS)
		return yara_failed(err, "yr_compiler_get_rules", r);
	yr_compiler_destroy(y->compiler);
	y->compiler = NULL;
	YR_RULE *rule;
	uint64_t count = 0;
	yr_rules_foreach(y->rules, rule)
		count += !RULE_IS_PRIVATE(rule);
	*ret_rules += count;
	return 0;
}

/* The rule's "score" (LOKI: 0 to 100), 50 when it has none: of several matches the weightiest names the file. */
static int64_t score_of(const YR_RULE *rule)
{
	YR_META *meta;
	yr_rule_metas_foreach(rule, meta)
	{
		if (meta->type == META_TYPE_INTEGER && str_eq_c(str_c(meta->identifier), "score"))
			return meta->integer;
	}
	return 50;
}

/* The rule's meta "threat" where it has one, so that one threat has one name whichever engine tells it; else its own name. */
static const char *threat_of(const YR_RULE *rule)
{
	YR_META *meta;
	yr_rule_metas_foreach(rule, meta)
	{
		if (meta->type == META_TYPE_STRING && str_eq_c(str_c(meta->identifier), "threat") && meta->string[0] != '\0')
			return meta->string;
	}
	return rule->identifier;
}

static int on_match(YR_SCAN_CONTEXT *context, int message, void *data, void *user)
{
	(void)context;
	if (message != CALLBACK_MSG_RULE_MATCHING)
		return CALLBACK_CONTINUE;
	struct scand_yara *y = user;
	const YR_RULE *rule = data;
	int64_t score = score_of(rule);
	if (y->found && score <= y->score)
		return CALLBACK_CONTINUE;
	y->found = true;
	y->score = score;
	str_copy_c(str_c(threat_of(rule)), y->threat, sizeof(y->threat));
	struct buf b = BUF_FIXED(y->rule, sizeof(y->rule));
	buf_append(&b, str_c(rule->ns->name));
	buf_append_char(&b, ':');
	buf_append(&b, str_c(rule->identifier));
	return CALLBACK_CONTINUE;
}

int scand_yara_prepare(struct scand_yara *y, unsigned time_limit_s, struct err *err)
{
	int r = yr_scanner_create(y->rules, &y->scanner);
	if (r != ERROR_SUCCESS)
		return yara_failed(err, "yr_scanner_create", r);
	yr_scanner_set_callback(y->scanner, on_match, y);
	yr_scanner_set_flags(y->scanner, SCAN_FLAGS_FAST_MODE | SCAN_FLAGS_REPORT_RULES_MATCHING);
	yr_scanner_set_timeout(y->scanner, (int)time_limit_s);
	return 0;
}

static int define(struct scand_yara *y, unsigned which, struct str value)
{
	char *text = mem_strdup(value);
	int r = yr_scanner_define_string_variable(y->scanner, external_names[which], text);
	mem_free(text);
	return r;
}

static int define_all(struct scand_yara *y, const struct scand_names *names)
{
	const struct str values[EXTERNALS] = {names->filename, names->filepath, names->extension, names->filetype, names->owner};
	int r = ERROR_SUCCESS;
	for (unsigned i = 0; i < EXTERNALS && r == ERROR_SUCCESS; i++)
		r = define(y, i, values[i]);
	return r;
}

static const char *reason_of(int code)
{
	switch (code) {
	case ERROR_SCAN_TIMEOUT:
		return "malware.timeout";
	case ERROR_INSUFFICIENT_MEMORY:
		return "malware.memory";
	case ERROR_COULD_NOT_MAP_FILE:
	case ERROR_COULD_NOT_OPEN_FILE:
		return "malware.unreadable";
	default:
		return "malware.engine_failed";
	}
}

void scand_yara_scan(struct scand_yara *y, const uint8_t *data, size_t len, const struct scand_names *names, struct malware_wire *verdict)
{
	y->found = false;
	int r = define_all(y, names);
	if (r == ERROR_SUCCESS)
		r = yr_scanner_scan_mem(y->scanner, data, len);
	if (y->found) {
		verdict->numbers[0] = MALWARE_WIRE_FOUND;
		verdict->numbers[1] = MALWARE_WIRE_YARA;
		verdict->texts[0] = str_c(y->threat);
		verdict->texts[1] = str_c(y->rule);
	} else if (r != ERROR_SUCCESS) {
		verdict->numbers[0] = MALWARE_WIRE_ERROR;
		verdict->texts[2] = str_c(reason_of(r));
	}
}
