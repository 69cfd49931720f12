/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * event_dictionary: what the fields and messages of known senders mean, as data (packs/events/dictionary.yaml; its head
 * explains the keys, docs/formats.md how a province adds to it).
 *
 * Ownership: a dictionary is made once and never changed. Threads: may be shared.
 */
#pragma once
#include "base/err/err.h"
#include "base/mem/mem.h"

struct event_dictionary;

/* Of a YAML text; `extra` (may be empty) is a second one whose shapes and messages come before those of the first.
 * `file` and `extra_file` are for messages. -EINVAL event.dictionary (name), and pack's. */
int event_dictionary_new(const char *file, struct str text, const char *extra_file, struct str extra,
                         struct event_dictionary **ret, struct err *err) WARN_UNUSED;
void event_dictionary_free(struct event_dictionary *d);
DEFINE_CLEANUP(event_dictionary)

/* The one in use by event_parse: the built-in one until another is set, which is at start, before any thread parses. */
const struct event_dictionary *event_dictionary_current(void);
void event_dictionary_use(const struct event_dictionary *d);
/* The built-in one with the file at `path` before it, in use until the process ends. */
int event_dictionary_use_file(const char *path, struct err *err) WARN_UNUSED;
