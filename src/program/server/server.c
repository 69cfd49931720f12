/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/server.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log/log.h"
#include "program/server/server_check.h"
#include "program/server/server_privilege.h"

/* Opened without being asked for, when it is there. */
#define DEFAULT_CONFIG "/etc/luytre/server.conf"

static const struct server_role roles[] = {
    {"key", "luytre-server/key", role_key_run},
    {"core", "luytre-server/core", role_core_run, .confines_files = true},
    {"pipeline", "luytre-server/pipeline", role_pipeline_run},
    {"worker", "luytre-server/worker", role_worker_run},
};

struct options {
	const char *called, *config, *data_dir, *role;
	uint64_t settings_fd; /* 0: read the file */
	bool check, print_settings, help, version, wrong;
};

static struct options read_options(int argc, char **argv)
{
	static const struct option names[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"data", required_argument, NULL, 'd'},
	    {"role", required_argument, NULL, 'r'},
	    {"settings-fd", required_argument, NULL, 's'},
	    {"check-config", no_argument, NULL, 'k'},
	    {"print-settings", no_argument, NULL, 'p'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'v'},
	    {NULL, 0, NULL, 0},
	};
	struct options o = {.called = argc > 0 ? argv[0] : ""};
	for (int c; (c = getopt_long(argc, argv, "h", names, NULL)) != -1;)
		switch (c) {
		case 'c':
			o.config = optarg;
			break;
		case 'd':
			o.data_dir = optarg;
			break;
		case 'r':
			o.role = optarg;
			break;
		case 's':
			o.wrong = !str_parse_u64(str_c(optarg), 1, 1023, &o.settings_fd);
			break;
		case 'k':
			o.check = true;
			break;
		case 'p':
			o.print_settings = true;
			break;
		case 'h':
			o.help = true;
			break;
		case 'v':
			o.version = true;
			break;
		default:
			o.wrong = true;
			break;
		}
	o.wrong = o.wrong || optind < argc;
	if (o.config == NULL && access(DEFAULT_CONFIG, F_OK) == 0)
		o.config = DEFAULT_CONFIG;
	return o;
}

static int print(FILE *to, struct buf *text, int result)
{
	(void)fwrite(text->p, 1, text->n, to);
	buf_done(text);
	return result;
}

static int print_help(int result)
{
	struct buf text = BUF_INIT(65536);
	server_config_help(&msg_catalogue_all, msg_lang_of_environment(), &text);
	return print(result == 0 ? stdout : stderr, &text, result);
}

static int print_error(const struct err *err, int result)
{
	struct buf text = BUF_INIT(65536);
	msg_append_err(&msg_catalogue_all, msg_lang_of_environment(), err, &text);
	buf_append_char(&text, '\n');
	return print(stderr, &text, result);
}

/* For luytre backup and restore, which run beside us: what the file says and the defaults, "name = value" a line. */
static int print_settings(const struct server_config *config)
{
	struct buf text = BUF_INIT((size_t)1 << 20);
	server_config_write(config, &text);
	if (config->file != NULL)
		buf_printf(&text, "# %s\n", config->file);
	return print(stdout, &text, 0);
}

static int run_role(const struct server_role *role, const struct server_config *config, struct err *err)
{
	struct server_user user;
	bool is_key = strcmp(role->name, "key") == 0 && config->key_user[0] != '\0';
	log_setup(role->log_name, (enum log_level)config->log_level, config->log == SERVER_LOG_JSON);
	int r = server_user_find(is_key ? config->key_user : config->user, &user, err);
	if (r == 0)
		r = server_user_become(&user, err);
	if (r == 0 && !role->confines_files)
		r = server_confine_files(role->name, config, err);
	return r < 0 ? r : role->run(config, err);
}

static int run(const struct options *o, const struct server_config *config, struct err *err)
{
	(void)signal(SIGPIPE, SIG_IGN);
	if (o->role == NULL) {
		log_setup("luytre-server", (enum log_level)config->log_level, config->log == SERVER_LOG_JSON);
		return server_supervise(config, o->called, o->data_dir, err);
	}
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if (strcmp(o->role, roles[i].name) == 0)
			return run_role(&roles[i], config, err);
	return err_set(err, -EINVAL, "server.no_role", ARG_CSTR("name", o->role));
}

int main(int argc, char **argv)
{
	struct options o = read_options(argc, argv);
	struct server_config config;
	struct err err = {0};
	cleanup(arena) struct arena *arena = arena_new(0);
	if (o.help || o.wrong)
		return print_help(o.wrong ? SERVER_EXIT_USAGE : 0);
	if (o.version)
		return puts("luytre-server " LUYTRE_VERSION) < 0;
	int r = o.settings_fd > 0 ? server_config_read_fd(arena, (int)o.settings_fd, o.config, &config, &err)
				  : server_config_load(arena, o.config, o.data_dir, &config, &err);
	if (r < 0)
		return print_error(&err, SERVER_EXIT_USAGE);
	if (o.print_settings)
		return print_settings(&config);
	if (o.check)
		return server_check(&config, o.called, stdout) == 0 ? 0 : SERVER_EXIT_FAILED;
	if (run(&o, &config, &err) == 0)
		return 0;
	log_err(LOG_LEVEL_ERROR, "cannot run", &err);
	return SERVER_EXIT_FAILED;
}
