/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Reads the packs' texts, and fills the blanks of a sentence. */
#include "service/alert/alert_text.h"

const char *const alert_blank_names[ALERT_BLANK__COUNT + 1] = {
	[ALERT_BLANK_HOST] = "host",       [ALERT_BLANK_USER] = "user",       [ALERT_BLANK_UNIT] = "unit",
	[ALERT_BLANK_PROCESS] = "process", [ALERT_BLANK_PARENT] = "parent",   [ALERT_BLANK_COMMAND] = "command",
	[ALERT_BLANK_FILE] = "file",       [ALERT_BLANK_SOURCE] = "source",   [ALERT_BLANK_DESTINATION] = "destination",
	[ALERT_BLANK_DOMAIN] = "domain",   [ALERT_BLANK_SERVICE] = "service", [ALERT_BLANK_REGISTRY] = "registry",
	[ALERT_BLANK_THREAT] = "threat",
};

struct both {
	struct str vi, en;
};

#define BOTH_FIELDS(most)                                                                   \
	{                                                                                       \
		{"vi", JSON_FIELD_STR, offsetof(struct both, vi), true, 1, most},                   \
			{"en", JSON_FIELD_STR, offsetof(struct both, en), true, 1, most}, {.name = NULL}, \
	}
static const struct json_field title_fields[] = BOTH_FIELDS(200);
/* In bytes: a Vietnamese letter takes up to three. */
static const struct json_field sentence_fields[] = BOTH_FIELDS(1000);

struct entry {
	struct str id, incident;
	const struct json *title, *happened, *matters, *steps;
};

#define ENTRY_FIELDS(whole)                                                          \
	{                                                                                \
		{"id", JSON_FIELD_STR, offsetof(struct entry, id), true, 1, 200},            \
			{"title", JSON_FIELD_ANY, offsetof(struct entry, title), whole},         \
			{"happened", JSON_FIELD_ANY, offsetof(struct entry, happened), true},    \
			{"matters", JSON_FIELD_ANY, offsetof(struct entry, matters), whole},     \
			{"steps", JSON_FIELD_ANY, offsetof(struct entry, steps), whole},         \
			{"incident", JSON_FIELD_STR, offsetof(struct entry, incident), false, 1, 60}, {.name = NULL}, \
	}
static const struct json_field technique_fields[] = ENTRY_FIELDS(true);
static const struct json_field rule_fields[] = ENTRY_FIELDS(false);

struct file {
	struct str version, source, confidence;
	const struct json *entries;
};
#define FILE_FIELDS(entries_name)                                                      \
	{                                                                                  \
		{"version", JSON_FIELD_STR, offsetof(struct file, version), true, 1, 40},      \
			{"source", JSON_FIELD_STR, offsetof(struct file, source), true, 1, 300},   \
			{"confidence", JSON_FIELD_STR, offsetof(struct file, confidence), true, 1, 20}, \
			{entries_name, JSON_FIELD_ANY, offsetof(struct file, entries), true}, {.name = NULL}, \
	}
static const struct json_field attack_file_fields[] = FILE_FIELDS("techniques");
static const struct json_field rules_file_fields[] = FILE_FIELDS("rules");

/* The blank at the brace *at, which is moved behind it; ALERT_BLANK__COUNT: none of ours. */
static enum alert_blank blank_at(struct str s, size_t at, size_t *ret_end)
{
	size_t length = str_find_char(str_sub(s, at, s.n), '}');
	if (length == SIZE_MAX)
		return ALERT_BLANK__COUNT;
	*ret_end = at + length + 1;
	struct str name = str_sub(s, at + 1, at + length);
	for (int i = 0; i < ALERT_BLANK__COUNT; i++) {
		if (str_eq_c(name, alert_blank_names[i]))
			return (enum alert_blank)i;
	}
	return ALERT_BLANK__COUNT;
}

/* The set of the blanks in a text, checked. */
static int blanks_of(struct str text, uint32_t *ret, struct err *err)
{
	uint32_t set = 0;
	for (size_t i = 0, end = 0; i < text.n; i++) {
		if (text.p[i] == '}')
			return err_set(err, -EINVAL, "alert.text_brace");
		if (text.p[i] != '{')
			continue;
		enum alert_blank blank = blank_at(text, i, &end);
		if (blank == ALERT_BLANK__COUNT) {
			size_t length = str_find_char(str_sub(text, i, text.n), '}');
			return err_set(err, -EINVAL, "alert.text_blank", ARG_STR("blank", str_sub(text, i, length == SIZE_MAX ? i + 20 : i + length + 1)));
		}
		set |= 1U << blank;
		i = end - 1;
	}
	*ret = set;
	return 0;
}

struct reader {
	struct arena *arena;
	const struct pack_doc *doc;
};

static int read_both(const struct reader *r, const struct json *node, const char *name, const struct json_field *fields,
                     struct str ret[MSG_LANG__COUNT], struct err *err)
{
	struct both b = {.vi = STR_EMPTY};
	uint32_t vi = 0, en = 0;
	if (node == NULL)
		return 0;
	int e = pack_decode(r->arena, r->doc, node, fields, &b, err);
	if (e < 0)
		return e;
	e = blanks_of(b.vi, &vi, err);
	if (e >= 0)
		e = blanks_of(b.en, &en, err);
	if (e >= 0 && vi != en)
		e = err_set(err, -EINVAL, "alert.text_blanks_differ", ARG_CSTR("field", name));
	if (e < 0)
		return pack_error(r->doc, node, e, err);
	ret[MSG_LANG_VI] = b.vi;
	ret[MSG_LANG_EN] = b.en;
	return 0;
}

static int read_steps(const struct reader *r, const struct json *list, struct alert_text *text, struct err *err)
{
	if (list != NULL && (list->type != JSON_ARRAY || list->count == 0 || list->count > ALERT_TEXT_STEPS_MAX))
		return pack_error(r->doc, list, err_set(err, -EINVAL, "alert.text_steps", ARG_I64("most", ALERT_TEXT_STEPS_MAX)), err);
	json_each(node, list) {
		struct str step[MSG_LANG__COUNT];
		int e = read_both(r, node, "steps", sentence_fields, step, err);
		if (e < 0)
			return e;
		for (int lang = 0; lang < MSG_LANG__COUNT; lang++)
			text->steps[lang][text->step_count] = step[lang];
		text->step_count++;
	}
	return 0;
}

/* "T" and four digits, perhaps "." and three more. */
static bool is_technique(struct str id)
{
	if ((id.n != 5 && id.n != 9) || id.p[0] != 'T' || (id.n == 9 && id.p[5] != '.'))
		return false;
	for (size_t i = 1; i < id.n; i++) {
		if (i != 5 && (id.p[i] < '0' || id.p[i] > '9'))
			return false;
	}
	return true;
}

static int read_entry(const struct reader *r, const struct json *node, enum alert_text_kind kind, struct alert_text *ret,
                      struct err *err)
{
	struct entry n = {.title = NULL};
	int e = pack_decode(r->arena, r->doc, node, kind == ALERT_TEXT_TECHNIQUE ? technique_fields : rule_fields, &n, err);
	if (e < 0)
		return e;
	if (kind == ALERT_TEXT_TECHNIQUE && !is_technique(n.id))
		return pack_error(r->doc, node, err_set(err, -EINVAL, "alert.text_id", ARG_STR("id", n.id)), err);
	*ret = (struct alert_text){.id = n.id, .incident = n.incident};
	e = read_both(r, n.title, "title", title_fields, ret->title, err);
	if (e >= 0)
		e = read_both(r, n.happened, "happened", sentence_fields, ret->happened, err);
	if (e >= 0)
		e = read_both(r, n.matters, "matters", sentence_fields, ret->matters, err);
	return e < 0 ? e : read_steps(r, n.steps, ret, err);
}

int alert_text_read(struct arena *arena, const struct pack_doc *doc, enum alert_text_kind kind,
                    const struct alert_text **ret, size_t *ret_count, struct err *err)
{
	struct reader r = {.arena = arena, .doc = doc};
	struct file file = {.entries = NULL};
	size_t count = 0;
	int e = pack_decode(arena, doc, doc->root, kind == ALERT_TEXT_TECHNIQUE ? attack_file_fields : rules_file_fields, &file, err);
	if (e < 0)
		return e;
	if (file.entries->type != JSON_ARRAY || file.entries->count > ALERT_TEXT_ENTRIES_MAX)
		return pack_error(doc, file.entries, err_set(err, -E2BIG, "alert.text_too_many", ARG_I64("most", ALERT_TEXT_ENTRIES_MAX)), err);
	struct alert_text *all = arena_alloc(arena, (file.entries->count + 1) * sizeof *all);
	json_each(node, file.entries) {
		e = read_entry(&r, node, kind, &all[count], err);
		for (size_t i = 0; e >= 0 && i < count; i++) {
			if (str_eq(all[i].id, all[count].id))
				e = pack_error(doc, node, err_set(err, -EINVAL, "alert.text_twice", ARG_STR("id", all[count].id)), err);
		}
		if (e < 0)
			return e;
		count++;
	}
	*ret = all;
	*ret_count = count;
	return 0;
}

/* Longer values would bury the sentence; the whole stands in the raw event. */
#define VALUE_MAX 160

static void put_value(struct str value, struct buf *out)
{
	if (value.n <= VALUE_MAX) {
		buf_append(out, value);
		return;
	}
	size_t head = VALUE_MAX / 2, tail = value.n - VALUE_MAX / 2;
	while (head > 0 && (value.p[head] & 0xC0) == 0x80)
		head--;
	while (tail < value.n && (value.p[tail] & 0xC0) == 0x80)
		tail++;
	buf_append(out, str_sub(value, 0, head));
	buf_append_c(out, "…");
	buf_append(out, str_sub(value, tail, value.n));
}

static bool begins_sentence(struct str s, size_t at)
{
	return at == 0 || (at >= 2 && s.p[at - 1] == ' ' && strchr(".?!", s.p[at - 2]) != NULL);
}

/* The words for what is not known, which the catalogue has as they stand within a sentence. */
static void put_unknown(enum alert_blank blank, bool begins, const struct msg_catalogue *messages, enum msg_lang lang, struct buf *out)
{
	char key[64];
	struct buf name = BUF_FIXED(key, sizeof key);
	size_t at = out->n;
	buf_printf(&name, "alert.blank_%s", alert_blank_names[blank]);
	msg_append(messages, lang, key, NULL, out);
	if (!begins || out->n < at + 2)
		return;
	if (out->p[at] >= 'a' && out->p[at] <= 'z')
		out->p[at] = (char)(out->p[at] - 'a' + 'A');
	else if (memcmp(out->p + at, "đ", 2) == 0)
		(void)memcpy(out->p + at, "Đ", 2);
}

void alert_text_fill(struct str sentence, const struct str values[ALERT_BLANK__COUNT], const struct msg_catalogue *messages,
                     enum msg_lang lang, struct buf *out)
{
	size_t i = 0;
	while (i < sentence.n) {
		size_t end = i;
		enum alert_blank blank = sentence.p[i] == '{' ? blank_at(sentence, i, &end) : ALERT_BLANK__COUNT;
		if (blank == ALERT_BLANK__COUNT) {
			buf_append_char(out, sentence.p[i++]);
			continue;
		}
		if (values[blank].n > 0)
			put_value(values[blank], out);
		else
			put_unknown(blank, begins_sentence(sentence, i), messages, lang, out);
		i = end;
	}
}
