/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Every field of libyara's module objects against signature_module_value, and functions through console.log. */
#include "differ.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yara.h>

#include "engine/signature/signature_module.h"

#define PATH_SIZE 200
#define SHOWN     20

static YR_RULES *rules;
static struct signature_module_state *state;
static unsigned differences;
static const char *sample_name;

static void differs(const char *path, const char *theirs, const char *ours)
{
	if (differences++ < SHOWN)
		printf("DIFFERS %s: %s: libyara %.300s, ours %.300s\n", sample_name, path, theirs, ours);
}

static void show(const struct signature_value *v, char *buf, size_t size)
{
	size_t n = 0;

	switch (v->type) {
	case SIGNATURE_TYPE_INTEGER:
		snprintf(buf, size, "%" PRIi64, v->integer);
		break;
	case SIGNATURE_TYPE_FLOAT:
		snprintf(buf, size, "%f", v->number);
		break;
	case SIGNATURE_TYPE_STRING:
		for (size_t i = 0; i < v->text.n && n + 5 < size; i++)
			n += (size_t)snprintf(buf + n, size - n, v->text.p[i] >= 32 && v->text.p[i] < 127 ? "%c" : "\\x%02x",
			                      (unsigned char)v->text.p[i]);
		buf[n] = '\0';
		break;
	default:
		snprintf(buf, size, "undefined");
	}
}

static bool equal(const struct signature_value *a, const struct signature_value *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == SIGNATURE_TYPE_INTEGER)
		return a->integer == b->integer;
	if (a->type == SIGNATURE_TYPE_STRING)
		return str_eq(a->text, b->text);
	return true;
}

static struct signature_value theirs_of(const YR_OBJECT *o)
{
	struct signature_value v = {.type = SIGNATURE_TYPE_UNDEFINED};

	if (o == NULL)
		return v;
	if (o->type == OBJECT_TYPE_INTEGER && o->value.i != (int64_t)YR_UNDEFINED)
		v = (struct signature_value){.type = SIGNATURE_TYPE_INTEGER, .integer = o->value.i};
	if (o->type == OBJECT_TYPE_STRING && o->value.ss != NULL)
		v = (struct signature_value){.type = SIGNATURE_TYPE_STRING,
		                             .text = str_n(o->value.ss->c_string, o->value.ss->length)};
	return v;
}

struct place {
	unsigned module;
	char path[PATH_SIZE];
	struct signature_key keys[SIGNATURE_MODULE_KEYS];
	unsigned key_count;
};

static void compare_leaf(const struct place *p, unsigned id, const YR_OBJECT *o)
{
	char a[400], b[400];
	struct signature_value ours;
	const struct signature_value theirs = theirs_of(o);

	signature_module_value(state, p->module, id, p->keys, p->key_count, &ours);
	if (equal(&ours, &theirs))
		return;
	show(&theirs, a, sizeof(a));
	show(&ours, b, sizeof(b));
	differs(p->path, a, b);
}

static void compare_members(const struct place *p, const struct signature_field *fields, const YR_OBJECT *o);

static void compare_length(const struct place *p, unsigned id, int64_t length)
{
	char a[40], b[400];
	struct signature_value ours;

	signature_module_value(state, p->module, id, p->keys, p->key_count, &ours);
	if (ours.type == SIGNATURE_TYPE_INTEGER ? ours.integer == length : length == 0)
		return;
	snprintf(a, sizeof(a), "length %" PRIi64, length);
	show(&ours, b, sizeof(b));
	differs(p->path, a, b);
}

static void compare_array(const struct place *p, const struct signature_field *f, YR_OBJECT *o)
{
	const YR_OBJECT_ARRAY *array = object_as_array(o);
	const int length = array->items != NULL ? array->items->length : 0;

	compare_length(p, f->id, length);
	/* One past the end too. */
	for (int i = 0; i <= length && p->key_count < SIGNATURE_MODULE_KEYS; i++) {
		struct place item = *p;
		snprintf(item.path + strlen(item.path), PATH_SIZE - strlen(item.path), "[%d]", i);
		item.keys[item.key_count++] = (struct signature_key){.index = i};
		compare_members(&item, f->members, i < length ? array->items->objects[i] : NULL);
	}
}

static void compare_dictionary(const struct place *p, const struct signature_field *f, YR_OBJECT *o)
{
	const YR_OBJECT_DICTIONARY *d = object_as_dictionary(o);
	const int length = d->items != NULL ? d->items->used : 0;

	compare_length(p, f->id, length);
	for (int i = 0; i < length; i++) {
		const SIZED_STRING *key = d->items->objects[i].key;
		struct place item = *p;
		snprintf(item.path + strlen(item.path), PATH_SIZE - strlen(item.path), "[\"%.60s\"]", key->c_string);
		item.keys[item.key_count++] = (struct signature_key){.text = str_n(key->c_string, key->length)};
		compare_leaf(&item, f->id, d->items->objects[i].obj);
		/* And the key by its number. */
		const YR_OBJECT named = {.type = OBJECT_TYPE_STRING, .value = {.ss = d->items->objects[i].key}};
		item.keys[item.key_count - 1] = (struct signature_key){.index = i};
		compare_leaf(&item, f->id, &named);
	}
}

static void compare_field(const struct place *p, const struct signature_field *f, YR_OBJECT *o)
{
	char b[400];

	switch (f->type) {
	case SIGNATURE_TYPE_STRUCT:
		compare_members(p, f->members, o);
		break;
	case SIGNATURE_TYPE_ARRAY:
		if (o != NULL)
			compare_array(p, f, o);
		break;
	case SIGNATURE_TYPE_DICTIONARY:
		if (o != NULL)
			compare_dictionary(p, f, o);
		break;
	case SIGNATURE_TYPE_FUNCTION:
		break;
	default:
		if (!f->is_constant) {
			compare_leaf(p, f->id, o);
		} else if (f->type == SIGNATURE_TYPE_INTEGER && o->value.i != f->constant) {
			snprintf(b, sizeof(b), "%" PRIi64, f->constant);
			differs(p->path, "another constant", b);
		}
	}
}

static YR_OBJECT *member(const YR_OBJECT *o, const char *name)
{
	if (o == NULL)
		return NULL;
	for (const YR_STRUCTURE_MEMBER *m = ((const YR_OBJECT_STRUCTURE *)o)->members; m != NULL; m = m->next)
		if (strcmp(m->object->identifier, name) == 0)
			return m->object;
	return NULL;
}

static void compare_members(const struct place *p, const struct signature_field *fields, const YR_OBJECT *o)
{
	for (const struct signature_field *f = fields; f->name != NULL; f++) {
		struct place inner = *p;
		snprintf(inner.path + strlen(inner.path), PATH_SIZE - strlen(inner.path), ".%s", f->name);
		YR_OBJECT *theirs = member(o, f->name);
		if (o != NULL && theirs == NULL)
			differs(inner.path, "no such name", "a field");
		else
			compare_field(&inner, f, theirs);
	}
	if (o == NULL)
		return;
	for (const YR_STRUCTURE_MEMBER *m = ((const YR_OBJECT_STRUCTURE *)o)->members; m != NULL; m = m->next)
		if (signature_field_find(fields, str_c(m->object->identifier)) == NULL)
			differs(m->object->identifier, "a field", "no such name");
}

/* Functions: what console.log prints of them. Arguments: i number, s text, r a text looked for in any case. */
struct expression {
	const char *module, *function, *types;
	const char *arguments[3];
};

/* clang-format off */
static const struct expression expressions[] = {
	{"pe", "imphash", ":s", {0}}, {"pe", "is_dll", ":i", {0}}, {"pe", "is_32bit", ":i", {0}}, {"pe", "is_64bit", ":i", {0}},
	{"pe", "calculate_checksum", ":i", {0}},
	{"pe", "rva_to_offset", "i:i", {"0"}}, {"pe", "rva_to_offset", "i:i", {"4096"}}, {"pe", "rva_to_offset", "i:i", {"8200"}},
	{"pe", "rva_to_offset", "i:i", {"65536"}}, {"pe", "rva_to_offset", "i:i", {"40970"}}, {"pe", "rva_to_offset", "i:i", {"1000000"}},
	{"pe", "section_index", "s:i", {".text"}}, {"pe", "section_index", "s:i", {".rsrc"}}, {"pe", "section_index", "s:i", {"/4"}},
	{"pe", "section_index", "i:i", {"0"}}, {"pe", "section_index", "i:i", {"1024"}}, {"pe", "section_index", "i:i", {"100000"}},
	{"pe", "exports", "s:i", {"DllMain"}}, {"pe", "exports", "s:i", {"__ATOMIC_load_8"}}, {"pe", "exports", "s:i", {"one"}},
	{"pe", "exports", "r:i", {"atomic"}}, {"pe", "exports", "r:i", {"alpha"}}, {"pe", "exports", "i:i", {"1"}}, {"pe", "exports", "i:i", {"7"}},
	{"pe", "exports", "i:i", {"300"}}, {"pe", "exports_index", "s:i", {"__atomic_load_8"}}, {"pe", "exports_index", "i:i", {"5"}},
	{"pe", "exports_index", "r:i", {"load"}}, {"pe", "exports_index", "s:i", {"alpha"}},
	{"pe", "imports", "ss:i", {"kernel32.DLL", "Sleep"}}, {"pe", "imports", "ss:i", {"ws2_32.dll", "socket"}}, {"pe", "imports", "s:i", {"kernel32.dll"}},
	{"pe", "imports", "si:i", {"ws2_32.dll", "23"}}, {"pe", "imports", "rr:i", {"kernel", "virtual"}}, {"pe", "imports", "rr:i", {"msvcrt", "e"}},
	{"pe", "imports", "iss:i", {"1", "kernel32.dll", "Sleep"}}, {"pe", "imports", "iss:i", {"2", "delayed.dll", "late"}},
	{"pe", "imports", "isi:i", {"3", "delayed.dll", "9"}}, {"pe", "imports", "is:i", {"2", "delayed.dll"}}, {"pe", "imports", "is:i", {"-1", "kernel32.dll"}},
	{"pe", "imports", "irr:i", {"3", "dll", "l"}}, {"pe", "imports", "iss:i", {"0", "kernel32.dll", "Sleep"}},
	{"pe", "locale", "i:i", {"1033"}}, {"pe", "locale", "i:i", {"0"}}, {"pe", "language", "i:i", {"9"}}, {"pe", "language", "i:i", {"0"}},
	{"math", "entropy", "ii:f", {"0", "100000"}}, {"math", "entropy", "s:f", {"hello world"}}, {"math", "mean", "ii:f", {"10", "1000"}},
	{"math", "mean", "s:f", {"\xc3\xa9t\xc3\xa9"}}, {"math", "serial_correlation", "ii:f", {"3", "5000"}}, {"math", "serial_correlation", "s:f", {"\xc3\xa9 abcabc"}},
	{"math", "monte_carlo_pi", "ii:f", {"0", "50000"}}, {"math", "monte_carlo_pi", "s:f", {"\xc3\xa9\xc3\xa9 abcdefghijkl"}}, {"math", "monte_carlo_pi", "ii:f", {"0", "5"}},
	{"math", "count", "i:i", {"0"}}, {"math", "count", "iii:i", {"65", "10", "4000"}}, {"math", "count", "i:i", {"300"}}, {"math", "count", "i:i", {"-1"}},
	{"math", "percentage", "i:f", {"0"}}, {"math", "percentage", "iii:f", {"65", "10", "4000"}}, {"math", "mode", ":i", {0}}, {"math", "mode", "ii:i", {"5", "900"}},
	{"math", "min", "ii:i", {"-1", "3"}}, {"math", "max", "ii:i", {"-1", "3"}}, {"math", "abs", "i:i", {"-9"}},
	{"hash", "md5", "ii:s", {"0", "1000000"}}, {"hash", "sha1", "ii:s", {"5", "100"}}, {"hash", "sha256", "ii:s", {"5", "0"}}, {"hash", "sha256", "s:s", {"text"}},
	{"hash", "md5", "ii:s", {"-1", "0"}}, {"hash", "md5", "ii:s", {"0", "-1"}}, {"hash", "checksum32", "ii:i", {"0", "70000"}}, {"hash", "crc32", "ii:i", {"0", "70000"}},
	{"hash", "checksum32", "s:i", {"\xc3\xa9"}}, {"hash", "crc32", "s:i", {"abc"}}, {"hash", "md5", "ii:s", {"99999999", "1"}},
};
/* clang-format on */
#define EXPRESSIONS (sizeof(expressions) / sizeof(expressions[0]))
static char answers[EXPRESSIONS + 1][400];

static bool find_text(const void *regex, struct str text)
{
	const char *needle = regex;

	for (size_t i = 0; i + strlen(needle) <= text.n; i++)
		if (strncasecmp(text.p + i, needle, strlen(needle)) == 0)
			return true;
	return false;
}

static struct signature_value integer(const char *text)
{
	struct signature_value v = {.type = SIGNATURE_TYPE_INTEGER};

	(void)str_parse_i64(str_c(text), INT64_MIN, INT64_MAX, &v.integer);
	return v;
}

static void compare_expressions(void)
{
	for (unsigned i = 0; i < EXPRESSIONS; i++) {
		const struct expression *e = &expressions[i];
		const struct signature_module *m = signature_module_find(str_c(e->module));
		const struct signature_field *f = signature_field_find(m->fields, str_c(e->function));
		struct signature_argument arguments[3] = {0};
		struct signature_value v;
		unsigned overload = 0, n = 0;
		char ours[400], name[100];
		while (strcmp(f->overloads[overload], e->types) != 0)
			overload++;
		for (; e->types[n] != ':'; n++) {
			if (e->types[n] == 'i')
				arguments[n].value = integer(e->arguments[n]);
			else if (e->types[n] == 's')
				arguments[n].value =
					(struct signature_value){.type = SIGNATURE_TYPE_STRING, .text = str_c(e->arguments[n])};
			else
				arguments[n] = (struct signature_argument){.matches = find_text, .regex = e->arguments[n]};
		}
		signature_module_call(state, m->id, f->id, overload, NULL, 0, arguments, n, &v);
		show(&v, ours, sizeof(ours));
		snprintf(name, sizeof(name), "%s.%s #%u", e->module, e->function, i);
		if (strcmp(answers[i], ours) != 0)
			differs(name, answers[i], ours);
	}
	struct signature_value entry = {.type = SIGNATURE_TYPE_UNDEFINED};
	uint64_t at = 0;
	char ours[40];
	if (signature_module_entrypoint(state, &at))
		entry = (struct signature_value){.type = SIGNATURE_TYPE_INTEGER, .integer = (int64_t)at};
	show(&entry, ours, sizeof(ours));
	if (strcmp(answers[EXPRESSIONS], ours) != 0)
		differs("entrypoint", answers[EXPRESSIONS], ours);
}

static int callback(YR_SCAN_CONTEXT *context, int message, void *data, void *user)
{
	(void)context;
	(void)user;
	if (message == CALLBACK_MSG_MODULE_IMPORTED) {
		const YR_OBJECT *o = data;
		const struct signature_module *m = signature_module_find(str_c(o->identifier));
		if (m != NULL && m->id != SIGNATURE_MODULE_MATH && m->id != SIGNATURE_MODULE_HASH) {
			struct place p = {.module = m->id};
			snprintf(p.path, sizeof(p.path), "%s", m->name);
			compare_members(&p, m->fields, o);
		}
	} else if (message == CALLBACK_MSG_CONSOLE_LOG) {
		const char *text = data, *equals = strchr(text, '=');
		uint64_t i = 0;
		if (equals != NULL && str_parse_u64(str_n(text, (size_t)(equals - text)), 0, EXPRESSIONS, &i))
			snprintf(answers[i], sizeof(answers[i]), "%s", equals + 1);
	}
	return CALLBACK_CONTINUE;
}

unsigned values_compare(const struct sample *s, const char *name)
{
	static void *memory;

	if (memory == NULL)
		memory = malloc(signature_module_state_size());
	for (unsigned i = 0; i <= EXPRESSIONS; i++)
		snprintf(answers[i], sizeof(answers[i]), "undefined");
	sample_name = name;
	differences = 0;
	state = signature_module_begin(memory, s->data, s->len);
	if (yr_rules_scan_mem(rules, s->data, s->len, 0, callback, NULL, 60) != ERROR_SUCCESS)
		return 0;
	compare_expressions();
	return differences;
}

static void compile_error(int level, const char *file, int line, const YR_RULE *rule, const char *message, void *user)
{
	(void)level;
	(void)file;
	(void)rule;
	(void)user;
	fprintf(stderr, "line %d: %s\n", line, message);
}

static size_t write_argument(char *out, size_t size, char type, const char *argument)
{
	return (size_t)snprintf(out, size, type == 'i' ? "%s" : type == 's' ? "\"%s\"" : "/%s/i", argument);
}

bool values_start(void)
{
	static char source[65536];
	size_t n = (size_t)snprintf(source, sizeof(source),
	                            "import \"pe\" import \"elf\" import \"math\" import \"hash\" import \"console\"\n");
	YR_COMPILER *compiler = NULL;

	for (unsigned i = 0; i < EXPRESSIONS; i++) {
		const struct expression *e = &expressions[i];
		n += (size_t)snprintf(source + n, sizeof(source) - n, "rule r%u { condition: console.log(\"%u=\", %s.%s(", i, i,
		                      e->module, e->function);
		for (unsigned k = 0; e->types[k] != ':'; k++) {
			if (k > 0)
				source[n++] = ',';
			n += write_argument(source + n, sizeof(source) - n, e->types[k], e->arguments[k]);
		}
		n += (size_t)snprintf(source + n, sizeof(source) - n, ")) }\n");
	}
	snprintf(source + n, sizeof(source) - n, "rule e { condition: console.log(\"%zu=\", entrypoint) }\n", EXPRESSIONS);
	if (yr_initialize() != ERROR_SUCCESS || yr_compiler_create(&compiler) != ERROR_SUCCESS)
		return false;
	yr_compiler_set_callback(compiler, compile_error, NULL);
	if (yr_compiler_add_string(compiler, source, NULL) != 0 || yr_compiler_get_rules(compiler, &rules) != ERROR_SUCCESS)
		return false;
	yr_compiler_destroy(compiler);
	return true;
}
