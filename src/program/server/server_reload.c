/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/server_reload.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file/file.h"
#include "base/log/log.h"

#define SETTINGS_LIMIT ((size_t)48 << 10)
#define NAMES_LIMIT    ((size_t)4096)

static void apply_log(const struct server_config *config)
{
	log_set((enum log_level)config->log_level, config->log == SERVER_LOG_JSON || isatty(STDERR_FILENO) == 0);
}

static int publish(const struct server_config *config, int *fd, struct buf *out, struct err *err)
{
	server_config_write(config, out);
	if (out->overflow)
		return err_set(err, -E2BIG, "server.config_too_big", ARG_U64("limit", SETTINGS_LIMIT));
	cleanup_fd int fresh = memfd_create("luytre-settings", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fresh < 0)
		return err_errno(err, errno, "memfd_create", STR_EMPTY);
	int r = file_write_all(fresh, buf_str(out), err);
	if (r < 0)
		return r;
	/* A role cannot change what the next one reads. */
	if (fcntl(fresh, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_errno(err, errno, "fcntl", STR_EMPTY);
	file_close(fd);
	*fd = file_take(&fresh);
	return 0;
}

int server_settings_init(struct server_settings *s, const struct server_config *config, const char *data_dir,
			 struct err *err)
{
	cleanup_buf_secret struct buf text = BUF_INIT(SETTINGS_LIMIT);
	*s = (struct server_settings){.data_dir = data_dir, .in_force = *config, .fd = -1};
	int r = publish(config, &s->fd, &text, err);
	if (r == 0)
		s->arena = arena_new(0);
	return r;
}

void server_settings_done(struct server_settings *s)
{
	file_close(&s->fd);
	arena_free(s->arena);
}

static void tell_changes(const struct server_config *old, const struct server_config *new, struct buf *status)
{
	cleanup_buf struct buf applied = BUF_INIT(NAMES_LIMIT), waiting = BUF_INIT(NAMES_LIMIT);
	server_config_changes(old, new, true, &applied);
	server_config_changes(old, new, false, &waiting);
	log_info("settings were read again", ARG_STR("applied", buf_str(&applied)));
	if (waiting.n > 0)
		log_warn("settings wait for a restart", ARG_STR("settings", buf_str(&waiting)));
	buf_printf(status, "settings: applied %s; waiting for a restart: %s", applied.n > 0 ? applied.p : "none",
		   waiting.n > 0 ? waiting.p : "none");
}

static void tell_refusal(const struct err *err, struct buf *status)
{
	log_err(LOG_LEVEL_ERROR, "the settings were refused; those before them stay in force", err);
	buf_append_c(status, "settings refused, the old ones stay in force: ");
	msg_append_err(&msg_catalogue_all, MSG_LANG_VI, err, status);
}

bool server_settings_reload(struct buf *settings, struct buf *status, void *ctx)
{
	struct server_settings *s = ctx;
	struct server_config fresh, next = s->in_force;
	struct err err = {0};
	int r = server_config_load(s->arena, s->in_force.file, s->data_dir, &fresh, &err);
	if (r == 0) {
		server_config_take_reloadable(&next, &fresh);
		r = publish(&next, &s->fd, settings, &err);
	}
	if (r < 0) {
		tell_refusal(&err, status);
		return false;
	}
	tell_changes(&s->in_force, &fresh, status);
	s->in_force = next;
	apply_log(&next);
	return true;
}

void server_live_init(struct server_live *l, const struct server_config *config)
{
	atomic_init(&l->now, config);
	l->arena = arena_new(0);
}

void server_live_done(struct server_live *l)
{
	arena_free(l->arena);
}

const struct server_config *server_live_now(struct server_live *l)
{
	return atomic_load(&l->now);
}

int server_live_take(struct server_live *l, struct str settings, struct err *err)
{
	struct server_config fresh, *next = ARENA_NEW(l->arena, struct server_config);
	int r = server_config_from_text(l->arena, settings, server_live_now(l)->file, &fresh, err);
	if (r < 0)
		return r;
	*next = *server_live_now(l);
	server_config_take_reloadable(next, &fresh);
	atomic_store(&l->now, next);
	apply_log(next);
	return 0;
}
