/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* luytre-eventdb: the embedded event store. Hosts libchdb and speaks the ClickHouse HTTP interface on a Unix socket. */
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "base/log/log.h"
#include "base/msg/msg.h"
#include "program/eventdb/eventdb_engine.h"
#include "program/eventdb/eventdb_sandbox.h"

struct options {
	const char *socket;
	bool check;
	struct eventdb_engine_config engine;
};

static int usage(void)
{
	(void)fputs("luytre-eventdb --data-dir DIR --socket PATH [--chdb-lib FILE] [--memory-limit BYTES] [--with-parent]\n"
	            "luytre-eventdb --check [--chdb-lib FILE]    can the library be loaded?\n", stderr);
	return 2;
}

static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
		{"data-dir", required_argument, NULL, 'd'}, {"socket", required_argument, NULL, 's'},
		{"chdb-lib", required_argument, NULL, 'l'}, {"memory-limit", required_argument, NULL, 'm'},
		{"with-parent", no_argument, NULL, 'p'},    {"check", no_argument, NULL, 'c'},
		{NULL, 0, NULL, 0},
	};
	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		if (c == 'd')
			o->engine.data_dir = optarg;
		else if (c == 's')
			o->socket = optarg;
		else if (c == 'l')
			o->engine.library = optarg;
		else if (c == 'c')
			o->check = true;
		else if (c == 'p')
			(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		else if (c != 'm' || !str_parse_u64(str_c(optarg), (uint64_t)256 << 20, UINT64_MAX, &o->engine.memory_bytes))
			return usage();
	}
	return optind < argc || (!o->check && (o->engine.data_dir == NULL || o->socket == NULL)) ? usage() : 0;
}

/* Serves until a signal asks to stop. */
static int serve(struct eventdb_engine *engine, const struct options *o, const sigset_t *stop_signals, struct err *err)
{
	struct eventdb_executor executor = eventdb_engine_executor(engine);
	struct http_config config = {
		.unix_path = o->socket,
		.unix_mode = 0600,
		.routes = eventdb_routes,
		.context = &executor,
		.fallback = eventdb_fallback,
		.loop_threads = 1,
		/* Far more than queries run at once, so that a ping never waits behind those that wait for their lane. */
		.worker_threads = 32,
		.max_connections = 64,
		.idle_timeout_s = 3600,
		.request_timeout_s = 300,
	};
	struct http_server *server = NULL;
	int r = http_server_start(&config, &server, err);
	if (r < 0)
		return r;
	r = eventdb_sandbox_enter_calls(err);
	if (r < 0) {
		http_server_stop(server);
		return r;
	}
	log_info("event store is ready", ARG_CSTR("socket", o->socket), ARG_CSTR("data_dir", o->engine.data_dir));
	int number = 0;
	(void)sigwait(stop_signals, &number);
	log_info("event store is stopping", ARG_I64("signal", number));
	eventdb_engine_cancel(engine);
	http_server_stop(server);
	return 0;
}

/* For luytre-server --check-config, which shows what stands on standard error. */
static int check_library(const struct options *o)
{
	cleanup_buf struct buf text = BUF_INIT(4096);
	struct chdb library;
	struct err err = {0};
	const char *path = o->engine.library;
	char found[PATH_MAX];
	if (chdb_find(&path, found, &err) == 0 && chdb_load(path, &library, &err) == 0)
		return 0;
	msg_append_err(&msg_catalogue_all, msg_lang_of_environment(), &err, &text);
	(void)fprintf(stderr, "%s\n", text.p);
	return 1;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct err err = {0};
	if (read_options(argc, argv, &o) != 0)
		return 2;
	if (o.check)
		return check_library(&o);
	log_setup("luytre-eventdb", LOG_LEVEL_INFO, false);
	/* Before threads exist: all of them inherit the mask, sigwait below is the only receiver. */
	sigset_t stop_signals;
	(void)sigemptyset(&stop_signals);
	(void)sigaddset(&stop_signals, SIGTERM);
	(void)sigaddset(&stop_signals, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &stop_signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	struct eventdb_engine *engine = NULL;
	char library[PATH_MAX];
	int r = chdb_find(&o.engine.library, library, &err);
	if (r == 0)
		r = eventdb_sandbox_enter_files(
			&(struct eventdb_sandbox){.data_dir = o.engine.data_dir, .socket = o.socket, .library = o.engine.library}, &err);
	if (r == 0)
		r = eventdb_engine_start(&o.engine, &engine, &err);
	if (r == 0) {
		r = serve(engine, &o, &stop_signals, &err);
		eventdb_engine_stop(engine);
	}
	if (r < 0)
		log_err(LOG_LEVEL_ERROR, "event store cannot run", &err);
	return r < 0 ? 1 : 0;
}
