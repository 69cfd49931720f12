/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/cli/cli.h"

#include <getopt.h>
#include <unistd.h>

#include "base/file/file.h"

static const struct verb {
	const char *name;
	int (*run)(struct cli *cli, int argc, char **argv);
} verbs[] = {
#define VERB(name) {#name, cli_##name},
#include "program/cli/verb.def"
#undef VERB
};

void cli_say_args(struct cli *cli, FILE *to, const char *key, const struct arg *args)
{
	cleanup_buf struct buf text = BUF_INIT(BUF_DEFAULT_MAX);
	msg_append(cli->messages, cli->lang, key, args, &text);
	buf_append_char(&text, '\n');
	(void)fwrite(text.p, 1, text.n, to);
}

int cli_fail(struct cli *cli, const struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(BUF_DEFAULT_MAX);
	msg_append_err(cli->messages, cli->lang, err, &text);
	(void)fputs("luytre: ", stderr);
	cli_put(cli, stderr, buf_str(&text));
	(void)fputc('\n', stderr);
	return CLI_ERROR;
}

void cli_put(struct cli *cli, FILE *to, struct str bytes)
{
	bool terminal = to == stderr ? cli->err_is_terminal : cli->out_is_terminal;
	for (size_t i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];
		(void)putc(terminal && (c < 0x20 || c == 0x7f) ? '?' : c, to);
	}
}

int cli_help(struct cli *cli)
{
	char key[ERR_KEY_SIZE];
	(void)snprintf(key, sizeof(key), "cli.%s.help", cli->verb);
	cli_say(cli, stdout, key);
	return CLI_OK;
}

int cli_bad_use(struct cli *cli)
{
	cli_say(cli, stderr, "cli.bad_use", ARG_CSTR("verb", cli->verb));
	return CLI_ERROR;
}

int cli_bad_option(struct cli *cli, char **argv)
{
	cli_say(cli, stderr, "cli.bad_option", ARG_CSTR("option", argv[optind > 0 ? optind - 1 : 0]), ARG_CSTR("verb", cli->verb));
	return CLI_ERROR;
}

void cli_list_add(struct cli_list *list, const char *value)
{
	list->items = mem_realloc_array(list->items, list->count + 2, sizeof(*list->items));
	list->items[list->count++] = value;
	list->items[list->count] = NULL;
}

void cli_list_done(struct cli_list *list)
{
	mem_free(list->items);
	*list = (struct cli_list){0};
}

int cli_read_key(const char *path, struct crypto_key **ret, struct err *err)
{
	cleanup_buf_secret struct buf pem = BUF_INIT(1 << 16);
	int r = file_read(path, 1 << 15, &pem, err);
	if (r == 0)
		r = crypto_key_from_pem(buf_str(&pem), ret, err);
	if (r < 0 && err != NULL && err->place[0] == '\0')
		(void)err_at(err, str_c(path));
	return r;
}

int cli_keys_read(struct cli_keys *keys, const struct cli_list *paths, struct err *err)
{
	static const char *const usual[] = {CLI_BUNDLE_KEY_DEFAULT, NULL};
	const char *const *items = paths->items != NULL ? paths->items : usual;
	if (paths->items == NULL && !file_exists(CLI_BUNDLE_KEY_DEFAULT))
		return err_set(err, -ENOENT, "cli.no_key", ARG_CSTR("path", CLI_BUNDLE_KEY_DEFAULT));
	for (size_t i = 0; items[i] != NULL && keys->count < CLI_KEYS_MAX; i++) {
		int r = cli_read_key(items[i], &keys->owned[keys->count], err);
		if (r < 0)
			return r;
		keys->keys[keys->count] = keys->owned[keys->count];
		keys->count++;
	}
	return 0;
}

void cli_keys_done(struct cli_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		crypto_key_free(keys->owned[i]);
}

static void usage(struct cli *cli, FILE *to)
{
	cli_say(cli, to, "cli.usage");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		char key[ERR_KEY_SIZE];
		(void)snprintf(key, sizeof(key), "cli.%s.summary", verbs[i].name);
		(void)fprintf(to, "  %-12s ", verbs[i].name);
		cli_say(cli, to, key);
	}
}

int main(int argc, char **argv)
{
	struct cli cli = {.messages = &msg_catalogue_all, .lang = msg_lang_of_environment(), .out_is_terminal = isatty(STDOUT_FILENO) == 1,
	                  .err_is_terminal = isatty(STDERR_FILENO) == 1};
	struct str name = str_c(argc > 1 ? argv[1] : "");
	if (str_eq_c(name, "--help") || str_eq_c(name, "-h") || str_eq_c(name, "help")) {
		usage(&cli, stdout);
		return CLI_OK;
	}
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq_c(name, verbs[i].name)) {
			cli.verb = verbs[i].name;
			return verbs[i].run(&cli, argc - 1, argv + 1);
		}
	if (name.n > 0)
		cli_say(&cli, stderr, "cli.no_verb", ARG_STR("verb", name));
	usage(&cli, stderr);
	return CLI_ERROR;
}
