/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The pack's figures and texts in the database, where every core process sees them. */
#include <stdio.h>

#include "service/isolation/isolation_internal.h"

static int put(struct db_tx *tx, const char *name, struct str value, struct err *err)
{
	return db_exec(tx, err, "INSERT INTO isolation_setting (name, value) VALUES ($1, $2)", DB_CSTR(name), DB_TEXT(value));
}

static int put_number(struct db_tx *tx, const char *name, int64_t value, struct err *err)
{
	char text[24];
	(void)snprintf(text, sizeof text, "%lld", (long long)value);
	return put(tx, name, str_c(text), err);
}

static int put_settings(struct db_tx *tx, const struct isolation_policy *p, struct err *err)
{
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {{"longest", p->longest}, {"many_within", p->many_within}, {"two_from_level", p->two_from_level},
	               {"two_from_machines", p->two_from_machines}};
	const struct {
		const char *name;
		struct str value;
	} texts[] = {{"message_vi", p->message.vi}, {"message_en", p->message.en}, {"hotline_vi", p->hotline.vi}, {"hotline_en", p->hotline.en}};
	int r = 0;
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(numbers); i++)
		r = put_number(tx, numbers[i].name, numbers[i].value, err);
	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(texts); i++)
		r = put(tx, texts[i].name, texts[i].value, err);
	for (size_t i = 0; r >= 0 && i < p->duration_count; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "duration.%zu", i);
		r = put_number(tx, name, p->durations[i], err);
	}
	return r;
}

int isolation_db_store(struct db_tx *tx, const struct isolation_policy *p, struct err *err)
{
	int r = db_exec(tx, err, "DELETE FROM isolation_setting");
	if (r >= 0)
		r = db_exec(tx, err, "DELETE FROM isolation_cause");
	if (r >= 0)
		r = put_settings(tx, p, err);
	for (size_t i = 0; r >= 0 && i < p->cause_count; i++) {
		const struct isolation_cause *c = &p->causes[i];
		r = db_exec(tx, err,
		            "INSERT INTO isolation_cause (position, id, label_vi, label_en, sentence_vi, sentence_en)"
		            " VALUES ($1, $2, $3, $4, $5, $6)",
		            DB_INT(i), DB_TEXT(c->id), DB_TEXT(c->label.vi), DB_TEXT(c->label.en), DB_TEXT(c->sentence.vi),
		            DB_TEXT(c->sentence.en));
	}
	return r < 0 ? r : 0;
}

static void take_setting(struct arena *arena, struct str name, struct str value, struct isolation_policy *p)
{
	const struct {
		const char *name;
		int64_t *number;
		struct str *text;
	} fields[] = {{"longest", &p->longest, NULL},
	              {"many_within", &p->many_within, NULL},
	              {"two_from_level", &p->two_from_level, NULL},
	              {"two_from_machines", &p->two_from_machines, NULL},
	              {"message_vi", NULL, &p->message.vi},
	              {"message_en", NULL, &p->message.en},
	              {"hotline_vi", NULL, &p->hotline.vi},
	              {"hotline_en", NULL, &p->hotline.en}};
	int64_t duration;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (!str_eq_c(name, fields[i].name))
			continue;
		if (fields[i].text != NULL)
			*fields[i].text = arena_str(arena, value);
		else
			(void)str_parse_i64(value, 0, INT64_MAX, fields[i].number);
		return;
	}
	if (str_starts_with(name, STR("duration.")) && p->duration_count < ISOLATION_DURATIONS &&
	    str_parse_i64(value, 1, INT64_MAX, &duration))
		p->durations[p->duration_count++] = duration;
}

int isolation_db_policy(struct db_tx *tx, struct arena *arena, struct isolation_policy *ret, struct err *err)
{
	struct isolation_policy p = {.cause_count = 0};
	cleanup_rows struct db_rows *rows = NULL, *causes = NULL;
	int r = db_query(tx, &rows, err, "SELECT name, value FROM isolation_setting ORDER BY name");
	while (r >= 0 && (r = db_next(rows, err)) > 0)
		take_setting(arena, db_text(rows, 0), db_text(rows, 1), &p);
	if (r >= 0)
		r = db_query(tx, &causes, err, "SELECT id, label_vi, label_en, sentence_vi, sentence_en FROM isolation_cause ORDER BY position");
	while (r >= 0 && p.cause_count < ISOLATION_CAUSES && (r = db_next(causes, err)) > 0) {
		p.causes[p.cause_count++] = (struct isolation_cause){
			arena_str(arena, db_text(causes, 0)),
			{arena_str(arena, db_text(causes, 1)), arena_str(arena, db_text(causes, 2))},
			{arena_str(arena, db_text(causes, 3)), arena_str(arena, db_text(causes, 4))}};
	}
	if (r < 0)
		return r;
	if (p.longest == 0 || p.cause_count == 0)
		return err_set(err, -EAGAIN, "isolation.no_settings");
	*ret = p;
	return 0;
}
