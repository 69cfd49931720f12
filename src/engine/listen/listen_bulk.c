/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/listen/listen_bulk.h"

#include "base/json/json.h"
#include "engine/event_pipeline/event_ingest.h"

#define ACTION_LINE_LIMIT ((size_t)64 << 10)
#define SCRATCH_CLEAR ((size_t)1 << 20)
#define SCRATCH_LIMIT ((size_t)64 << 20)
#define NAME_LIMIT 512 /* as Elasticsearch's own of an _id */

static const char *const names[LISTEN_BULK__COUNT] = {"index", "create", "update", "delete"};

const char *listen_bulk_action_name(enum listen_bulk_action action)
{
	return action < LISTEN_BULK__COUNT ? names[action] : "";
}

static bool next_line(struct str *rest, uint64_t *number, struct str *ret)
{
	while (str_split(rest, '\n', ret)) {
		++*number;
		*ret = str_trim(*ret);
		if (ret->n > 0)
			return true;
	}
	return false;
}

static int parse_action(struct arena *arena, struct arena *scratch, struct str line, struct str index, struct listen_bulk_item *ret)
{
	const struct json *j = NULL;
	const struct json_limits limits = {.depth = 4, .nodes = 100};
	if (line.n > ACTION_LINE_LIMIT || json_parse(scratch, line, &limits, &j, NULL) < 0 || j->type != JSON_OBJECT || j->count != 1 ||
	    j->child->type != JSON_OBJECT)
		return -EINVAL;
	for (enum listen_bulk_action a = 0; a < LISTEN_BULK__COUNT; a++)
		if (str_eq_c(j->child->name, names[a])) {
			struct str id = json_get_str(j->child, "_id", STR_EMPTY), to = json_get_str(j->child, "_index", index);
			*ret = (struct listen_bulk_item){.action = a, .id = arena_str(arena, str_sub(id, 0, NAME_LIMIT)),
			                                 .index = arena_str(arena, str_sub(to, 0, NAME_LIMIT))};
			/* Cut, two would be one. */
			return id.n > NAME_LIMIT || to.n > NAME_LIMIT ? -EINVAL : 0;
		}
	return -EINVAL;
}

static void judge(struct arena *scratch, struct listen_bulk_item *item)
{
	struct err why = {0};
	struct event e;
	if (item->action != LISTEN_BULK_INDEX && item->action != LISTEN_BULK_CREATE)
		item->refused = "listen.bulk_action";
	else if (item->document.n > EVENT_LINE_LIMIT)
		item->refused = "event.line_too_long";
	else if (event_flatten(scratch, item->document, NULL, &e, &why) == -E2BIG)
		item->refused = "listen.bulk_document_big";
	else if (why.code != 0)
		item->refused = "listen.bulk_document";
}

static int parse(struct arena *arena, struct arena *scratch, struct str body, struct str index, struct listen_bulk *ret, struct err *err)
{
	struct str line;
	size_t capacity = 0;
	for (uint64_t number = 0; next_line(&body, &number, &line);) {
		if (ret->count == EVENT_BATCH_LINES)
			return err_set(err, -E2BIG, "event.too_many_lines", ARG_U64("limit", EVENT_BATCH_LINES));
		if (ret->count == capacity) {
			capacity = capacity > 0 ? 2 * capacity : 64;
			struct listen_bulk_item *more = arena_alloc(arena, capacity * sizeof(*more));
			if (ret->count > 0)
				memcpy(more, ret->items, ret->count * sizeof(*more));
			ret->items = more;
		}
		struct listen_bulk_item *item = &ret->items[ret->count];
		if (parse_action(arena, scratch, line, index, item) < 0 ||
		    (item->action != LISTEN_BULK_DELETE && !next_line(&body, &number, &item->document)))
			return err_set(err, -EINVAL, "listen.bad_bulk", ARG_U64("line", number));
		judge(scratch, item);
		ret->good += item->refused == NULL ? 1 : 0;
		ret->count++;
		if (arena_used(scratch) > SCRATCH_CLEAR)
			arena_clear(scratch);
	}
	return 0;
}

int listen_bulk_parse(struct arena *arena, struct str body, struct str index, struct listen_bulk *ret, struct err *err)
{
	cleanup(arena) struct arena *scratch = arena_new(SCRATCH_LIMIT);
	*ret = (struct listen_bulk){0};
	return parse(arena, scratch, body, index, ret, err);
}
