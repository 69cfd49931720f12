/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/pack/pack.h"

#include <libfyaml.h>

#include "base/file/file.h"
#include "base/text/text.h"
#include "platform/pack/pack_internal.h"

#define DEPTH_MAX 32
#define NODES_MAX 1000000

/*
 * The tree is built from the library's events, not from its document: no alias
 * is ever expanded, its own comparison of keys (quadratic) never runs, and all
 * memory is counted by our arena.
 */
struct level {
	struct json *container;
	struct json **tail;
	struct str key; /* waiting for its value */
	size_t key_at;
	bool has_key;
};

struct anchor {
	struct str name;
	const struct json *node;
	struct anchor *next;
};

struct builder {
	struct arena *arena;
	bool foreign; /* written for other readers: anchors, aliases, numbers with leading zeros */
	struct anchor *anchors; /* of this document, newest first */
	struct err *err;
	struct pack_doc *doc;  /* the one being built */
	struct pack_doc *first;
	struct level levels[DEPTH_MAX];
	unsigned depth;
	size_t nodes;
};

static int refuse(struct builder *b, size_t at, int code)
{
	return err_negative(pack_error_at(b->doc, at, code, b->err));
}

static size_t token_at(struct fy_token *token)
{
	const struct fy_mark *mark = token != NULL ? fy_token_start_mark(token) : NULL;
	if (mark == NULL)
		return 0;
	/* The mark of a quoted scalar is behind its quote. */
	enum fy_scalar_style style = fy_token_scalar_style(token);
	bool quoted = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
	return quoted && mark->input_pos > 0 ? mark->input_pos - 1 : mark->input_pos;
}

static int token_text(struct builder *b, struct fy_token *token, struct str *ret)
{
	size_t n = 0;
	const char *text = token != NULL ? fy_token_get_text(token, &n) : NULL;
	if (text == NULL)
		n = 0;
	/* The library frees its text with the event. */
	char *copy = arena_try(b->arena, n + 1, 1);
	if (copy == NULL)
		return refuse(b, token_at(token), err_set(b->err, -E2BIG, "pack.too_large"));
	if (n > 0)
		(void)memcpy(copy, text, n);
	*ret = str_n(copy, n);
	return 0;
}

static int begin_document(struct builder *b, size_t at)
{
	struct pack_doc *doc = ARENA_ARRAY(b->arena, 1, struct pack_doc);
	struct json *root = ARENA_ARRAY(b->arena, 1, struct json);
	if (doc == NULL || root == NULL)
		return refuse(b, at, err_set(b->err, -E2BIG, "pack.too_large"));
	*doc = (struct pack_doc){.file = b->doc->file, .text = b->doc->text, .root = root, .at = at};
	root->at = at;
	if (b->first == NULL)
		b->first = doc;
	else
		b->doc->next = doc;
	b->doc = doc;
	b->depth = 0;
	b->anchors = NULL;
	return 0;
}

/* A node in its place below the innermost container, or as the root. */
static int add_node(struct builder *b, size_t at, struct json **ret)
{
	struct level *level = b->depth > 0 ? &b->levels[b->depth - 1] : NULL;
	struct json *node = ARENA_ARRAY(b->arena, 1, struct json);
	if (node == NULL)
		return refuse(b, at, err_set(b->err, -E2BIG, "pack.too_large"));
	if (++b->nodes > NODES_MAX)
		return refuse(b, at, err_set(b->err, -E2BIG, "pack.too_many", ARG_I64("limit", NODES_MAX)));
	node->at = at;
	if (level == NULL) {
		b->doc->root = node;
	} else {
		if (level->has_key) {
			node->name = level->key;
			node->at = level->key_at;
			level->has_key = false;
		}
		*level->tail = node;
		level->tail = &node->next;
		level->container->count++;
	}
	*ret = node;
	return 0;
}

static bool wants_key(const struct builder *b)
{
	const struct level *level = b->depth > 0 ? &b->levels[b->depth - 1] : NULL;
	return level != NULL && level->container->type == JSON_OBJECT && !level->has_key;
}

static int refuse_decorations(struct builder *b, struct fy_token *anchor, struct fy_token *tag)
{
	if (anchor != NULL && (!b->foreign || wants_key(b)))
		return refuse(b, token_at(anchor), err_set(b->err, -EINVAL, "pack.alias"));
	if (tag != NULL)
		return refuse(b, token_at(tag), err_set(b->err, -EINVAL, "pack.tag"));
	return 0;
}

static int remember_anchor(struct builder *b, struct fy_token *token, const struct json *node)
{
	if (token == NULL)
		return 0;
	struct anchor *anchor = ARENA_ARRAY(b->arena, 1, struct anchor);
	if (anchor == NULL)
		return refuse(b, token_at(token), err_set(b->err, -E2BIG, "pack.too_large"));
	*anchor = (struct anchor){.node = node, .next = b->anchors};
	b->anchors = anchor;
	return token_text(b, token, &anchor->name);
}

/* A copy below `to`, every node counted, so that aliases of aliases stop at the limit. Depth: that of the original. */
static int copy_children(struct builder *b, const struct json *from, struct json *to, unsigned depth)
{
	struct json **tail = &to->child;
	if (depth > DEPTH_MAX)
		return refuse(b, from->at, err_set(b->err, -E2BIG, "pack.too_deep", ARG_I64("limit", DEPTH_MAX)));
	for (const struct json *child = from->child; child != NULL; child = child->next) {
		struct json *copy = ARENA_ARRAY(b->arena, 1, struct json);
		if (copy == NULL)
			return refuse(b, from->at, err_set(b->err, -E2BIG, "pack.too_large"));
		if (++b->nodes > NODES_MAX)
			return refuse(b, from->at, err_set(b->err, -E2BIG, "pack.too_many", ARG_I64("limit", NODES_MAX)));
		*copy = *child;
		copy->next = copy->child = NULL;
		*tail = copy;
		tail = &copy->next;
		int r = copy_children(b, child, copy, depth + 1);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_open(const struct builder *b, const struct json *node)
{
	for (unsigned i = 0; i < b->depth; i++)
		if (b->levels[i].container == node)
			return true;
	return false;
}

static int take_alias(struct builder *b, struct fy_token *token)
{
	struct str name;
	struct json *node;
	size_t at = token_at(token);
	int r = token_text(b, token, &name);
	if (r < 0)
		return r;
	const struct anchor *anchor = b->anchors;
	while (anchor != NULL && !str_eq(anchor->name, name))
		anchor = anchor->next;
	if (!b->foreign || wants_key(b) || anchor == NULL || is_open(b, anchor->node))
		return refuse(b, at, err_set(b->err, -EINVAL, "pack.alias"));
	if ((r = add_node(b, at, &node)) < 0)
		return r;
	struct json copy = *anchor->node;
	copy.name = node->name;
	copy.at = node->at;
	copy.next = copy.child = NULL;
	*node = copy;
	return copy_children(b, anchor->node, node, b->depth + 1);
}

static int begin_container(struct builder *b, struct fy_token *token, struct fy_token *anchor, enum json_type type)
{
	struct json *node;
	size_t at = token_at(token);
	if (wants_key(b))
		return refuse(b, at, err_set(b->err, -EINVAL, "pack.key"));
	if (b->depth >= DEPTH_MAX)
		return refuse(b, at, err_set(b->err, -E2BIG, "pack.too_deep", ARG_I64("limit", DEPTH_MAX)));
	int r = add_node(b, at, &node);
	if (r < 0)
		return r;
	node->type = type;
	b->levels[b->depth++] = (struct level){.container = node, .tail = &node->child};
	return remember_anchor(b, anchor, node);
}

static int end_container(struct builder *b)
{
	if (b->depth == 0)
		return -EINVAL;
	const struct json *container = b->levels[--b->depth].container;
	const struct json *twin = NULL;
	if (container->type == JSON_OBJECT && json_duplicate_name(container, &twin) < 0)
		return refuse(b, container->at, err_set(b->err, -E2BIG, "pack.too_large"));
	if (twin != NULL)
		return refuse(b, twin->at, err_set(b->err, -EINVAL, "pack.duplicate_key", ARG_STR("name", twin->name)));
	return 0;
}

static int take_scalar(struct builder *b, struct fy_token *token, struct fy_token *anchor)
{
	struct str text;
	struct json *node;
	size_t at = token_at(token);
	int r = token_text(b, token, &text);
	if (r < 0)
		return r;
	if (wants_key(b)) {
		struct level *level = &b->levels[b->depth - 1];
		if (text.n == 0 || str_find_char(text, '\n') != SIZE_MAX || str_eq_c(text, "<<"))
			return refuse(b, at, err_set(b->err, -EINVAL, "pack.key"));
		level->key = text;
		level->key_at = at;
		level->has_key = true;
		return 0;
	}
	r = add_node(b, at, &node);
	if (r >= 0)
		r = remember_anchor(b, anchor, node);
	if (r < 0)
		return r;
	/* "0042": a number to YAML 1.2, octal or text to the YAML 1.1 that others write for. As text nothing is lost. */
	bool zeros = b->foreign && text.n > 1 && text.p[0] == '0' && text.p[1] >= '0' && text.p[1] <= '9';
	if (!zeros && (token == NULL || fy_token_scalar_style(token) == FYSS_PLAIN)) {
		r = pack_plain_scalar(b->arena, text, node, b->err);
		return r < 0 ? refuse(b, at, r) : 0;
	}
	node->type = JSON_STRING;
	node->text = text;
	return 0;
}

static int take_event(struct builder *b, const struct fy_event *event)
{
	int r = 0;
	switch (event->type) {
	case FYET_DOCUMENT_START:
		return begin_document(b, token_at(event->document_start.document_start));
	case FYET_MAPPING_START:
		r = refuse_decorations(b, event->mapping_start.anchor, event->mapping_start.tag);
		return r < 0 ? r : begin_container(b, event->mapping_start.mapping_start, event->mapping_start.anchor, JSON_OBJECT);
	case FYET_SEQUENCE_START:
		r = refuse_decorations(b, event->sequence_start.anchor, event->sequence_start.tag);
		return r < 0 ? r : begin_container(b, event->sequence_start.sequence_start, event->sequence_start.anchor, JSON_ARRAY);
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		return end_container(b);
	case FYET_SCALAR:
		r = refuse_decorations(b, event->scalar.anchor, event->scalar.tag);
		return r < 0 ? r : take_scalar(b, event->scalar.value, event->scalar.anchor);
	case FYET_ALIAS:
		return take_alias(b, event->alias.anchor);
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	case FYET_DOCUMENT_END:
		break;
	}
	return 0;
}

/* The library's first complaint, as an error with its place. */
static int syntax_error(struct builder *b, struct fy_diag *diag)
{
	void *previous = NULL;
	struct fy_diag_error *first = diag != NULL ? fy_diag_errors_iterate(diag, &previous) : NULL;
	struct str reason = first != NULL && first->msg != NULL ? str_trim(str_c(first->msg)) : STR("YAML");
	int r = err_set(b->err, -EINVAL, "pack.yaml", ARG_STR("reason", reason));
	if (first == NULL || b->err == NULL)
		return refuse(b, b->doc->at, r);
	struct buf place = BUF_FIXED(b->err->place, sizeof b->err->place);
	buf_printf(&place, "%s:%d:%d", b->doc->file, first->line, first->column);
	return r;
}

static void ignore_output(struct fy_diag *diag, void *user, const char *text, size_t n)
{
	(void)diag;
	(void)user;
	(void)text;
	(void)n;
}

static int build(struct builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
	int r = 0;
	struct fy_event *event;
	while (r >= 0 && (event = fy_parser_parse(parser)) != NULL) {
		r = take_event(b, event);
		fy_parser_event_free(parser, event);
	}
	return r >= 0 && (fy_parser_get_stream_error(parser) || b->depth > 0) ? syntax_error(b, diag) : r;
}

static int parse_text(struct builder *b, struct str text)
{
	/* Collected, the library neither prints nor draws the source line, where its out-of-bounds reads were. */
	struct fy_diag_cfg quiet;
	fy_diag_cfg_default(&quiet);
	quiet.fp = NULL;
	quiet.output_fn = ignore_output; /* a few complaints are printed even so */
	struct fy_diag *diag = fy_diag_create(&quiet);
	if (diag == NULL)
		return err_set(b->err, -E2BIG, "pack.too_large");
	fy_diag_set_collect_errors(diag, true);
	const struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE, .diag = diag};
	struct fy_parser *parser = fy_parser_create(&cfg);
	int r = parser == NULL ? err_set(b->err, -E2BIG, "pack.too_large") : 0;
	if (r >= 0)
		r = fy_parser_set_string(parser, text.p, text.n) == 0 ? build(b, parser, diag) : syntax_error(b, diag);
	if (parser != NULL)
		fy_parser_destroy(parser);
	fy_diag_destroy(diag);
	return r;
}

static int parse(struct arena *arena, const char *file, struct str text, bool foreign, const struct pack_doc **ret,
                 struct err *err)
{
	struct pack_doc outer = {.file = file, .text = text};
	struct builder b = {.arena = arena, .foreign = foreign, .err = err, .doc = &outer};
	if (text.n > PACK_MAX_BYTES)
		return pack_error_at(&outer, 0, err_set(err, -E2BIG, "pack.too_big", ARG_U64("limit", PACK_MAX_BYTES)), err);
	size_t bad = text_utf8_error(text);
	if (bad != SIZE_MAX)
		return pack_error_at(&outer, bad, err_set(err, -EINVAL, "pack.utf8"), err);
	outer.file = arena_cstr(arena, str_c(file));
	char *copy = arena_try(arena, text.n + 1, 1);
	if (copy == NULL)
		return err_set(err, -E2BIG, "pack.too_large");
	if (text.n > 0)
		(void)memcpy(copy, text.p, text.n);
	outer.text = str_n(copy, text.n);
	int r = text.n > 0 ? parse_text(&b, outer.text) : 0;
	if (r >= 0 && b.first == NULL)
		r = begin_document(&b, 0);
	if (r >= 0)
		*ret = b.first;
	return r;
}

int pack_parse(struct arena *arena, const char *file, struct str text, const struct pack_doc **ret, struct err *err)
{
	return parse(arena, file, text, false, ret, err);
}

int pack_parse_foreign(struct arena *arena, const char *file, struct str text, const struct pack_doc **ret, struct err *err)
{
	return parse(arena, file, text, true, ret, err);
}

int pack_load(struct arena *arena, const char *path, const struct pack_doc **ret, struct err *err)
{
	struct buf text cleanup_buf = BUF_INIT(PACK_MAX_BYTES);
	int r = file_read(path, PACK_MAX_BYTES, &text, err);
	return r < 0 ? r : pack_parse(arena, path, buf_str(&text), ret, err);
}
