/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/server_config.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <unistd.h>

#include "base/cursor/cursor.h"
#include "base/file/file.h"
#include "base/text/text.h"

#define FILE_LIMIT ((size_t)64 << 10)
/* A host name. */
#define ITEM_LIMIT    253
#define OWN_NAMES_MAX 12

enum setting_type { TEXT, NUMBER, LIST, CHOICE };
enum setting_change { RESTART, RELOAD };

struct setting {
	const char *name;
	enum setting_type type;
	size_t offset;
	const char *fallback;
	int64_t min, max;
	enum setting_change change;
	const char *choices; /* of CHOICE: words in order of their numbers */
	const char *help;    /* message key */
};

/* The union lets one row serve members of three types. */
#define SETTING(name_, type_, default_, min_, max_, change_, choices_)                                                 \
	{#name_, type_,   offsetof(struct server_config, name_), default_, min_, max_,                                 \
	 change_, choices_, "setting." #name_},
static const struct setting settings[] = {
#include "program/server/server_settings.def"
};
#undef SETTING

static const char *const *setting_names(void)
{
#define SETTING(name_, type_, default_, min_, max_, change_, choices_) #name_,
	static const char *const names[] = {
#include "program/server/server_settings.def"
	    NULL};
#undef SETTING
	return names;
}

static void *member(struct server_config *config, const struct setting *s)
{
	return (char *)config + s->offset;
}

static int bad_value(const struct setting *s, struct str value, struct err *err)
{
	static const char *const keys[] = {[TEXT] = "server.config_text",
					   [NUMBER] = "server.config_number",
					   [LIST] = "server.config_list"};
	if (s->type == CHOICE)
		return err_set(err, -EINVAL, "server.config_choice", ARG_CSTR("name", s->name), ARG_STR("value", value),
			       ARG_CSTR("choices", s->choices));
	return err_set(err, -EINVAL, keys[s->type], ARG_CSTR("name", s->name), ARG_STR("value", value),
		       ARG_I64("min", s->min), ARG_I64("max", s->max));
}

static int set_list(struct arena *arena, const struct setting *s, struct str value, const char *const **ret,
		    struct err *err)
{
	const char **items = arena_alloc(arena, ((size_t)s->max + 1) * sizeof(*items));
	int64_t n = 0;
	struct cursor c = cursor_of(value);
	for (;;) {
		(void)cursor_while(&c, " \t,");
		size_t from = c.at;
		while (!cursor_at_end(&c) && strchr(" \t,", cursor_peek(&c)) == NULL)
			(void)cursor_next(&c);
		if (c.at == from)
			break;
		if (n == s->max || c.at - from > ITEM_LIMIT)
			return bad_value(s, value, err);
		items[n++] = arena_cstr(arena, str_sub(value, from, c.at));
	}
	*ret = items;
	return n >= s->min ? 0 : bad_value(s, value, err);
}

static int set_choice(const struct setting *s, struct str value, int64_t *ret, struct err *err)
{
	struct str rest = str_c(s->choices), word;
	for (int64_t i = 0; str_split(&rest, ' ', &word); i++)
		if (str_eq(value, word)) {
			*ret = i;
			return 0;
		}
	return bad_value(s, value, err);
}

static int set_value(struct arena *arena, const struct setting *s, struct str value, struct server_config *config,
		     struct err *err)
{
	switch (s->type) {
	case TEXT:
		if ((int64_t)value.n < s->min || (int64_t)value.n > s->max)
			return bad_value(s, value, err);
		*(const char **)member(config, s) = arena_cstr(arena, value);
		return 0;
	case NUMBER:
		return str_parse_i64(value, s->min, s->max, member(config, s)) ? 0 : bad_value(s, value, err);
	case LIST:
		return set_list(arena, s, value, member(config, s), err);
	case CHOICE:
		return set_choice(s, value, member(config, s), err);
	}
	return bad_value(s, value, err);
}

static const struct setting *find_setting(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (str_eq_c(name, settings[i].name))
			return &settings[i];
	return NULL;
}

static int set_line(struct arena *arena, struct str line, bool *seen, struct server_config *config, struct err *err)
{
	size_t equals = str_find_char(line, '=');
	if (equals == SIZE_MAX)
		return err_set(err, -EINVAL, "server.config_syntax");
	struct str name = str_trim(str_sub(line, 0, equals)), value = str_trim(str_sub(line, equals + 1, line.n));
	const struct setting *s = find_setting(name);
	if (s == NULL) {
		const char *nearest = str_closest(name, setting_names());
		return nearest != NULL ? err_set(err, -EINVAL, "server.config_unknown_near", ARG_STR("name", name),
						 ARG_CSTR("nearest", nearest))
				       : err_set(err, -EINVAL, "server.config_unknown", ARG_STR("name", name));
	}
	if (seen[s - settings])
		return err_set(err, -EINVAL, "server.config_twice", ARG_STR("name", name));
	seen[s - settings] = true;
	return set_value(arena, s, value, config, err);
}

int server_config_parse(struct arena *arena, struct str text, struct server_config *config, struct err *err)
{
	bool seen[ARRAY_LEN(settings)] = {0};
	struct str line;
	unsigned number = 0;
	while (str_split(&text, '\n', &line)) {
		char place[24];
		struct buf b = BUF_FIXED(place, sizeof(place));
		number++;
		line = str_trim(line);
		int r = 0;
		if (!text_is_utf8(line))
			r = err_set(err, -EINVAL, "server.config_syntax");
		else if (line.n > 0 && line.p[0] != '#')
			r = set_line(arena, line, seen, config, err);
		buf_printf(&b, "%u", number);
		if (r < 0)
			return err_at(err, buf_str(&b)), r;
	}
	return 0;
}

static int set_defaults(struct arena *arena, struct server_config *config, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		int r = set_value(arena, &settings[i], str_c(settings[i].fallback), config, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What people may call this machine: its addresses, as far as other machines can use them. */
static size_t own_addresses(struct arena *arena, const char **names, size_t n, size_t max)
{
	struct ifaddrs *list = NULL;
	if (getifaddrs(&list) < 0)
		return n;
	for (const struct ifaddrs *i = list; i != NULL && n < max; i = i->ifa_next) {
		char text[INET6_ADDRSTRLEN];
		if (i->ifa_addr == NULL || (i->ifa_flags & IFF_LOOPBACK) != 0 || i->ifa_addr->sa_family != AF_INET)
			continue;
		const struct sockaddr_in *in = (const void *)i->ifa_addr;
		if (inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text)) != NULL)
			names[n++] = arena_cstr(arena, str_c(text));
	}
	freeifaddrs(list);
	return n;
}

/* Without names of its own the server answers for this machine's. */
static const char *const *own_names(struct arena *arena)
{
	char host[HOST_NAME_MAX + 1] = "";
	const char **names = arena_alloc(arena, (OWN_NAMES_MAX + 1) * sizeof(*names));
	size_t n = 0;
	if (gethostname(host, sizeof(host) - 1) == 0 && host[0] != '\0' && strcmp(host, "localhost") != 0)
		names[n++] = arena_cstr(arena, str_c(host));
	names[n++] = "localhost";
	names[n++] = "127.0.0.1";
	names[n++] = "::1";
	n = own_addresses(arena, names, n, OWN_NAMES_MAX);
	names[n] = NULL;
	return names;
}

/* The values that depend on others or on this machine. */
static void complete(struct arena *arena, struct server_config *config)
{
	if (config->public_names[0] == NULL)
		config->public_names = own_names(arena);
	if (config->database[0] == '\0')
		config->database = arena_printf(arena, "sqlite:%s/core/state.db", config->data_dir).p;
}

int server_config_from_text(struct arena *arena, struct str text, const char *file, struct server_config *ret,
			    struct err *err)
{
	struct server_config config = {.file = file};
	int r = set_defaults(arena, &config, err);
	if (r < 0)
		return r;
	r = server_config_parse(arena, text, &config, err);
	if (r < 0)
		return file != NULL ? (err_at(err, str_c(file)), r) : r;
	*ret = config;
	return 0;
}

int server_config_load(struct arena *arena, const char *file, const char *data_dir, struct server_config *ret,
		       struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(FILE_LIMIT);
	int r = file != NULL ? file_read(file, FILE_LIMIT, &text, err) : 0;
	if (r == 0)
		r = server_config_from_text(arena, buf_str(&text), file, ret, err);
	if (r < 0)
		return r;
	if (data_dir != NULL)
		ret->data_dir = data_dir;
	complete(arena, ret);
	return 0;
}

int server_config_read_fd(struct arena *arena, int fd, const char *file, struct server_config *ret, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(FILE_LIMIT);
	char part[4096];
	ssize_t n = 0;
	/* Every process reads from the start: the position is shared by all of them. */
	while (!text.overflow && (n = pread(fd, part, sizeof(part), (off_t)text.n)) > 0)
		buf_append(&text, str_n(part, (size_t)n));
	if (text.overflow || n < 0)
		return err_errno(err, text.overflow ? EFBIG : errno, "pread", str_c(file != NULL ? file : ""));
	return server_config_from_text(arena, buf_str(&text), file, ret, err);
}

static void write_value(const struct setting *s, const struct server_config *config, struct buf *out)
{
	const void *value = (const char *)config + s->offset;
	struct str rest = str_c(s->choices), word = STR_EMPTY;
	switch (s->type) {
	case TEXT:
		buf_append_c(out, *(const char *const *)value);
		break;
	case NUMBER:
		buf_printf(out, "%lld", (long long)*(const int64_t *)value);
		break;
	case LIST:
		for (const char *const *item = *(const char *const *const *)value; *item != NULL; item++)
			buf_printf(out, "%s ", *item);
		break;
	case CHOICE:
		for (int64_t i = 0; i <= *(const int64_t *)value && str_split(&rest, ' ', &word); i++)
			;
		buf_append(out, word);
		break;
	}
}

void server_config_write(const struct server_config *config, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		buf_printf(out, "%s = ", settings[i].name);
		write_value(&settings[i], config, out);
		buf_append_char(out, '\n');
	}
}

void server_config_changes(const struct server_config *old, const struct server_config *new, bool reloadable,
			   struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		const struct setting *s = &settings[i];
		cleanup_buf_secret struct buf a = BUF_INIT(FILE_LIMIT), b = BUF_INIT(FILE_LIMIT);
		if ((s->change == RELOAD) != reloadable)
			continue;
		write_value(s, old, &a);
		write_value(s, new, &b);
		if (!str_eq(buf_str(&a), buf_str(&b)))
			buf_printf(out, "%s%s", out->n > 0 ? ", " : "", s->name);
	}
}

static size_t size_of(const struct setting *s)
{
	switch (s->type) {
	case TEXT:
	case LIST:
		return sizeof(void *);
	case NUMBER:
	case CHOICE:
		return sizeof(int64_t);
	}
	return 0;
}

void server_config_take_reloadable(struct server_config *into, const struct server_config *from)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (settings[i].change == RELOAD)
			memcpy(member(into, &settings[i]), (const char *)from + settings[i].offset, size_of(&settings[i]));
}

void server_config_help(const struct msg_catalogue *messages, enum msg_lang lang, struct buf *out)
{
	msg_append(messages, lang, "server.usage", NULL, out);
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		const struct setting *s = &settings[i];
		buf_printf(out, "\n  %s = %s\n      ", s->name, s->fallback);
		msg_append(messages, lang, s->help, NULL, out);
		if (s->type == NUMBER)
			buf_printf(out, " (%lld-%lld)", (long long)s->min, (long long)s->max);
		if (s->type == CHOICE)
			buf_printf(out, " (%s)", s->choices);
		if (s->change == RELOAD) {
			buf_append_char(out, ' ');
			msg_append(messages, lang, "server.reloadable", NULL, out);
		}
	}
	buf_append_char(out, '\n');
}

const char *server_path(struct arena *arena, const struct server_config *config, const char *part)
{
	cleanup_buf struct buf b = BUF_INIT(4096);
	file_join(&b, str_c(config->data_dir), str_c(part));
	return arena_cstr(arena, buf_str(&b));
}
