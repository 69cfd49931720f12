/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The two ways of watching on Linux, behind agent_watch.h. */
#pragma once
#include "program/agent/agent_watch.h"

struct agent_watch_source; /* a way, set up */
/* NULL: not possible here, *ret_reason says why. A way may have a reason although it works. */
struct agent_watch_source *agent_fanotify_new(const struct agent_watch_config *config, const char **ret_reason);
void agent_fanotify_free(struct agent_watch_source *s);
int agent_fanotify_fd(const struct agent_watch_source *s);
/* Reads what is there and calls back. */
void agent_fanotify_read(struct agent_watch_source *s);

struct agent_inotify;
struct agent_inotify *agent_inotify_new(const struct agent_watch_config *config, const char **ret_reason);
void agent_inotify_free(struct agent_inotify *s);
int agent_inotify_fd(const struct agent_inotify *s);
void agent_inotify_read(struct agent_inotify *s);
