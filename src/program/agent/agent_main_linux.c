/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <stdio.h>

#include "base/file/file.h"
#include "base/log/log.h"
#include "base/msg/msg.h"
#include "platform/http/http_client.h"
#include "program/agent/agent_args.h"
#include "program/agent/agent_notice.h"
#include "program/agent/agent_os.h"
#include "program/agent/agent_run.h"

static int print_status(const struct agent_args *args, struct err *err)
{
	struct buf socket_path = BUF_INIT(4096);
	struct http_client *client = NULL;
	struct http_client_response res = {0};
	file_join(&socket_path, str_c(args->state_dir), STR("control.sock"));
	struct http_client_config config = {.base_url = "http://localhost", .unix_path = socket_path.p};
	int r = http_client_new(&config, &client, err);
	if (r >= 0)
		r = http_client_do(client, &(struct http_client_request){.path = "/status"}, &res, err);
	if (r < 0)
		r = err_set(err, r, "agent.not_running", ARG_CSTR("dir", args->state_dir));
	else
		(void)printf("%.*s\n", STR_FMT(buf_str(&res.body)));
	http_client_response_done(&res);
	http_client_free(client);
	buf_done(&socket_path);
	return r;
}

static int run(const struct agent_args *args, struct err *err)
{
	agent_os_wait_setup();
	return agent_run(&(struct agent_core_options){
	                         .state_dir = args->state_dir,
	                         .scand_path = args->scand_path,
	                         .inotify_only = args->inotify_only,
	                         .wake = agent_os_wake,
	                         .site_sharing = true,
	                         .notice = agent_notice,
	                 },
	                 err);
}

/* For a person at a terminal; the service's log is for programs. */
static void say(const char *key, const struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(16384);
	if (err != NULL)
		msg_append_err(&msg_catalogue_all, msg_lang_of_environment(), err, &text);
	else
		msg_append(&msg_catalogue_all, msg_lang_of_environment(), key, NULL, &text);
	(void)fprintf(err != NULL ? stderr : stdout, "%s\n", text.p);
}

int main(int argc, char **argv)
{
	struct agent_args args;
	struct err err = {0};
	if (!agent_args_parse(argc, argv, &args)) {
		agent_args_usage(stderr);
		return 2;
	}
	log_setup("luytre-agent", args.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, false);
	int r = 0;
	switch (args.verb) {
	case AGENT_VERB_ENROL:
		r = agent_enrol(&args.enrol, &err);
		if (r >= 0)
			say("agent.enrolled", NULL);
		break;
	case AGENT_VERB_RUN:
		r = run(&args, &err);
		break;
	case AGENT_VERB_STATUS:
		r = print_status(&args, &err);
		break;
	case AGENT_VERB_RESTORE_ISOLATION:
		r = agent_isolation_restore(args.state_dir, &err);
		break;
	case AGENT_VERB_LIFT_ISOLATION:
		r = agent_os_lock(args.state_dir, &err); /* a running agent would put it back */
		if (r >= 0)
			r = agent_isolation_release(args.state_dir, &err);
		if (r >= 0)
			say("agent.isolation_lifted", NULL);
		break;
	case AGENT_VERB_VERSION:
		(void)printf("%s\n", AGENT_VERSION);
		break;
	}
	if (r < 0 && args.verb != AGENT_VERB_RUN)
		say(NULL, &err);
	else if (r < 0)
		log_err(LOG_LEVEL_ERROR, "luytre-agent failed", &err);
	return r < 0 ? 1 : 0;
}
