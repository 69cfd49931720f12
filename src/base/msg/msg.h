/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * msg: the texts a person sees. Each room keeps a file <room>_messages.yaml
 * (key: {vi: …, en: …}; {name} is replaced by the argument; an English text may
 * be {one: …, other: …} chosen by the argument "count"). tools/gen_messages.py
 * turns all of them into messages.gen.c and into web/messages/{vi,en}.json.
 *
 * Threads: tables are constant.
 */
#pragma once
#include "base/err/err.h"

enum msg_lang { MSG_LANG_VI, MSG_LANG_EN, MSG_LANG__COUNT };

struct msg_entry {
	const char *key;
	const char *text[MSG_LANG__COUNT];     /* the "other" form */
	const char *text_one[MSG_LANG__COUNT]; /* NULL: same as other */
};

/* Sorted by key; linked from the generated file of the program. */
struct msg_catalogue {
	const struct msg_entry *entries;
	size_t count;
};

/* Every text of the project; defined in messages.gen.c (meson: messages_dep). Only programs and tests name it. */
extern const struct msg_catalogue msg_catalogue_all;

/* First supported language of an Accept-Language value or "vi"/"en"; Vietnamese otherwise. */
enum msg_lang msg_lang_parse(struct str s);
/* The reader's of a command line: LUYTRE_LANG, else the locale of the environment. */
enum msg_lang msg_lang_of_environment(void);
const char *msg_lang_code(enum msg_lang lang);
/* NULL when there is no such key. */
const struct msg_entry *msg_find(const struct msg_catalogue *c, const char *key);
/* Appends the text with arguments put in; the key itself when unknown. `args` ends with a NULL name; may be NULL. */
void msg_append(const struct msg_catalogue *c, enum msg_lang lang, const char *key, const struct arg *args,
                struct buf *out);
/* Appends "place: text" of an error. */
void msg_append_err(const struct msg_catalogue *c, enum msg_lang lang, const struct err *err, struct buf *out);
