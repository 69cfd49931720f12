/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The packs' texts in the database, where every core process sees them. */
#include "service/alert/alert_internal.h"
#include "service/alert/alert_text.h"

static struct str steps_json(struct arena *arena, const struct alert_text *t, enum msg_lang lang)
{
	cleanup_buf struct buf out = BUF_INIT((size_t)64 << 10);
	struct json_writer w = json_writer_init(&out);
	json_array(&w);
	for (size_t i = 0; i < t->step_count; i++)
		json_str(&w, t->steps[lang][i]);
	json_array_end(&w);
	return arena_str(arena, buf_str(&out));
}

int alert_db_clear_texts(struct db_tx *tx, struct err *err)
{
	int r = db_exec(tx, err, "DELETE FROM alert_text");
	return r < 0 ? r : 0;
}

int alert_db_put_text(struct db_tx *tx, struct arena *arena, enum alert_text_kind kind, const struct alert_text *t,
                      struct err *err)
{
	int r = db_exec(tx, err,
	                "INSERT INTO alert_text (kind, id, incident, title_vi, title_en, happened_vi, happened_en, matters_vi,"
	                " matters_en, steps_vi, steps_en) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
	                DB_INT(kind), DB_TEXT(t->id), DB_TEXT(t->incident), DB_TEXT(t->title[MSG_LANG_VI]),
	                DB_TEXT(t->title[MSG_LANG_EN]), DB_TEXT(t->happened[MSG_LANG_VI]), DB_TEXT(t->happened[MSG_LANG_EN]),
	                DB_TEXT(t->matters[MSG_LANG_VI]), DB_TEXT(t->matters[MSG_LANG_EN]),
	                DB_TEXT(steps_json(arena, t, MSG_LANG_VI)), DB_TEXT(steps_json(arena, t, MSG_LANG_EN)));
	return r < 0 ? r : 0;
}
