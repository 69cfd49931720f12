/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/file/file.h"
#include "program/agent/agent_watch_internal.h"

struct agent_watch {
	struct agent_watch_source *fanotify;
	struct agent_inotify *inotify;
	const char *reason;
	int stop_fd;
	bool running;
	pthread_t thread;
};

static void *watch_main(void *arg)
{
	struct agent_watch *w = arg;
	struct pollfd fds[2] = {{.fd = w->stop_fd, .events = POLLIN}, {.events = POLLIN}};
	fds[1].fd = w->fanotify != NULL ? agent_fanotify_fd(w->fanotify) : agent_inotify_fd(w->inotify);
	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents != 0)
			break;
		if (fds[1].revents == 0)
			continue;
		if (w->fanotify != NULL)
			agent_fanotify_read(w->fanotify);
		else
			agent_inotify_read(w->inotify);
	}
	return NULL;
}

struct agent_watch *agent_watch_start(const struct agent_watch_config *config)
{
	struct agent_watch *w = MEM_NEW(struct agent_watch);
	const char *first = "", *second = "";
	w->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (config->watched->count == 0) {
		w->reason = "no_paths";
		return w;
	}
	if (!config->inotify_only)
		w->fanotify = agent_fanotify_new(config, &first);
	if (w->fanotify == NULL)
		w->inotify = agent_inotify_new(config, &second);
	/* What inotify cannot do matters more than why it is used. */
	w->reason = second[0] != '\0' ? second : first;
	if (w->fanotify != NULL || w->inotify != NULL)
		w->running = pthread_create(&w->thread, NULL, watch_main, w) == 0;
	return w;
}

void agent_watch_stop(struct agent_watch *w)
{
	if (w == NULL)
		return;
	if (w->running) {
		uint64_t one = 1;
		while (write(w->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
			;
		(void)pthread_join(w->thread, NULL);
	}
	agent_fanotify_free(w->fanotify);
	agent_inotify_free(w->inotify);
	file_close(&w->stop_fd);
	mem_free(w);
}

const char *agent_watch_mode(const struct agent_watch *w)
{
	if (!w->running)
		return "none";
	return w->fanotify != NULL ? "fanotify" : "inotify";
}

const char *agent_watch_reason(const struct agent_watch *w)
{
	return w->reason;
}
