/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_commands.h"

#include <pthread.h>

#include "base/file/file.h"
#include "base/log/log.h"
#include "base/mem/mem.h"

#define FILE_LIMIT ((size_t)8 << 20)

enum entry_state { ENTRY_BEGUN, ENTRY_ANSWERED, ENTRY_DELIVERED };

struct entry {
	struct uuid id;
	enum entry_state state;
	bool here;    /* begun by this process */
	bool written; /* in the check-in under way */
	bool ok;
	char *result;
};

struct agent_commands {
	char *path;
	pthread_mutex_t lock;
	struct entry entries[AGENT_COMMANDS_KEPT]; /* lock; oldest first */
	size_t count;                              /* lock */
};

static struct entry *find(struct agent_commands *c, const struct uuid *id)
{
	for (size_t i = 0; i < c->count; i++)
		if (uuid_eq(&c->entries[i].id, id))
			return &c->entries[i];
	return NULL;
}

static struct entry *add(struct agent_commands *c, const struct uuid *id)
{
	if (c->count == AGENT_COMMANDS_KEPT) {
		mem_free(c->entries[0].result);
		memmove(c->entries, c->entries + 1, (AGENT_COMMANDS_KEPT - 1) * sizeof *c->entries);
		c->count--;
	}
	struct entry *e = &c->entries[c->count++];
	*e = (struct entry){.id = *id};
	return e;
}

static int store(struct agent_commands *c, struct err *err)
{
	struct buf text = BUF_INIT(FILE_LIMIT);
	struct json_writer w = json_writer_init(&text);
	json_array(&w);
	for (size_t i = 0; i < c->count; i++) {
		const struct entry *e = &c->entries[i];
		char id[UUID_TEXT_SIZE];
		json_object(&w);
		json_member_cstr(&w, "id", uuid_text(&e->id, id));
		json_member_int(&w, "state", e->state);
		json_member_bool(&w, "ok", e->ok);
		json_member_cstr(&w, "result", e->result != NULL ? e->result : "{}");
		json_object_end(&w);
	}
	json_array_end(&w);
	int r = file_write(c->path, buf_str(&text), 0600, err);
	buf_done(&text);
	return r;
}

static int load(struct agent_commands *c, struct err *err)
{
	struct buf text = BUF_INIT(FILE_LIMIT);
	struct arena *arena = arena_new((size_t)64 << 20);
	const struct json *j = NULL;
	int r = file_read(c->path, FILE_LIMIT, &text, err);
	if (r == -ENOENT) {
		err_clear(err);
		r = 0;
	} else if (r >= 0) {
		r = json_parse(arena, buf_str(&text), NULL, &j, err);
	}
	json_each(item, j) {
		struct uuid id;
		if (!uuid_parse(json_get_str(item, "id", STR_EMPTY), &id))
			continue;
		struct entry *e = add(c, &id);
		int64_t state = json_get_int(item, "state", ENTRY_BEGUN);
		e->state = state == ENTRY_ANSWERED ? ENTRY_ANSWERED : state == ENTRY_DELIVERED ? ENTRY_DELIVERED : ENTRY_BEGUN;
		e->ok = json_get_bool(item, "ok", false);
		e->result = mem_strdup(json_get_str(item, "result", STR("{}")));
	}
	arena_free(arena);
	buf_done(&text);
	return r;
}

int agent_commands_open(const char *state_dir, struct agent_commands **ret, struct err *err)
{
	struct agent_commands *c = MEM_NEW(struct agent_commands);
	struct buf path = BUF_INIT(4096);
	file_join(&path, str_c(state_dir), STR("commands.json"));
	c->path = mem_strdup(buf_str(&path));
	buf_done(&path);
	(void)pthread_mutex_init(&c->lock, NULL);
	int r = load(c, err);
	if (r < 0) {
		agent_commands_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void agent_commands_free(struct agent_commands *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->count; i++)
		mem_free(c->entries[i].result);
	(void)pthread_mutex_destroy(&c->lock);
	mem_free(c->path);
	mem_free(c);
}

int agent_commands_begin(struct agent_commands *c, const struct uuid *id, enum agent_command_begin *ret,
                         struct err *err)
{
	int r = 0;
	(void)pthread_mutex_lock(&c->lock);
	struct entry *e = find(c, id);
	if (e == NULL) {
		e = add(c, id);
		*ret = AGENT_COMMAND_NEW;
		r = store(c, err);
		if (r < 0)
			c->count--;
	} else if (e->state == ENTRY_BEGUN) {
		*ret = e->here ? AGENT_COMMAND_RUNNING : AGENT_COMMAND_AGAIN;
	} else {
		*ret = AGENT_COMMAND_ANSWERED;
		e->state = ENTRY_ANSWERED; /* the server asks, so it does not have the answer */
	}
	if (r >= 0)
		e->here = true;
	(void)pthread_mutex_unlock(&c->lock);
	return r;
}

int agent_commands_answer(struct agent_commands *c, const struct uuid *id, bool ok, struct str result, struct err *err)
{
	(void)pthread_mutex_lock(&c->lock);
	struct entry *e = find(c, id);
	if (e == NULL)
		e = add(c, id);
	mem_free(e->result);
	e->result = mem_strdup(result.n <= AGENT_COMMAND_RESULT_MAX ? result : STR("{}"));
	e->ok = ok;
	e->state = ENTRY_ANSWERED;
	int r = store(c, err);
	(void)pthread_mutex_unlock(&c->lock);
	return r;
}

void agent_commands_write(struct agent_commands *c, struct json_writer *w)
{
	json_array(w);
	(void)pthread_mutex_lock(&c->lock);
	unsigned written = 0;
	for (size_t i = 0; i < c->count; i++) {
		struct entry *e = &c->entries[i];
		char id[UUID_TEXT_SIZE];
		e->written = e->state == ENTRY_ANSWERED && written < 100;
		if (!e->written)
			continue;
		written++;
		json_object(w);
		json_member_cstr(w, "command_id", uuid_text(&e->id, id));
		json_member_bool(w, "ok", e->ok);
		json_name(w, "result");
		json_raw(w, str_c(e->result));
		json_object_end(w);
	}
	(void)pthread_mutex_unlock(&c->lock);
	json_array_end(w);
}

void agent_commands_delivered(struct agent_commands *c)
{
	struct err err = {0};
	bool changed = false;
	(void)pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->count; i++) {
		struct entry *e = &c->entries[i];
		if (e->written && e->state == ENTRY_ANSWERED) {
			e->state = ENTRY_DELIVERED;
			changed = true;
		}
		e->written = false;
	}
	if (changed && store(c, &err) < 0)
		log_err(LOG_LEVEL_WARN, "answers that were delivered will be sent again", &err);
	(void)pthread_mutex_unlock(&c->lock);
}
