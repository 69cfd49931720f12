/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file/file.h"
#include "program/server/core.h"
#include "program/server/server_check.h"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

/* Nothing is signed while looking; the steps of a start that are run here ask for none. */
static int no_key(struct err *err)
{
	return err_set(err, -EAGAIN, "server.key_away");
}
static int no_csr(void *ctx, struct str csr, const char *name, bool client, const char *const *names, usec_t not_after,
		  struct buf *ret, struct err *err)
{
	(void)ctx, (void)csr, (void)name, (void)client, (void)names, (void)not_after, (void)ret;
	return no_key(err);
}
static int no_bundle(void *ctx, struct str manifest, struct buf *ret, struct err *err)
{
	(void)ctx, (void)manifest, (void)ret;
	return no_key(err);
}
static int no_text(void *ctx, struct buf *ret, struct err *err)
{
	(void)ctx, (void)ret;
	return no_key(err);
}

static int start_there(struct server_config *config, const char *dir, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	config->data_dir = dir;
	config->database = arena_printf(arena, "sqlite:%s/core/state.db", dir).p;
	struct core core = {
	    .config = config, .arena = arena, .keys = {NULL, no_csr, no_bundle, no_text, no_text}, .lock = PTHREAD_MUTEX_INITIALIZER};
	server_certificate_init(&core.certificate);
	server_live_init(&core.live, config);
	int r = file_make_dirs(server_path(arena, config, "core"), 0700, err);
	if (r == 0)
		r = db_open(config->database, 1, &core.db, err);
	if (r == 0)
		r = core_start_services(&core, err);
	core_stop(&core);
	return r;
}

int server_check_services(const struct server_config *config, struct server_check_note *ret_note, struct err *err)
{
	struct server_config there = *config;
	const char *base = getenv("TMPDIR");
	char dir[PATH_MAX];
	(void)ret_note;
	(void)snprintf(dir, sizeof(dir), "%s/luytre-check-XXXXXX", base != NULL ? base : "/tmp");
	if (mkdtemp(dir) == NULL)
		return err_errno(err, errno, "mkdtemp", str_c(dir));
	int r = start_there(&there, dir, err);
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return r;
}

static size_t list_migrations(struct db_migration *ret)
{
	size_t n = 0;
	for (size_t i = 0; i < core_service_count; i++)
		for (size_t k = 0; k < core_services[i]->migration_count; k++, n++)
			if (ret != NULL)
				ret[n] = core_services[i]->migrations[k];
	return n;
}

int server_check_database(const struct server_config *config, struct server_check_note *ret_note, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	cleanup(db) struct db *db = NULL;
	size_t missing = 0, count = list_migrations(NULL);
	struct str url = str_c(config->database);
	if (str_starts_with(url, STR("sqlite:")) && access(config->database + strlen("sqlite:"), F_OK) < 0 && errno == ENOENT) {
		ret_note->key = "server.check.note_first";
		return 1;
	}
	struct db_migration *list = arena_alloc(arena, count * sizeof(*list));
	(void)list_migrations(list);
	int r = db_open_read(config->database, &db, err);
	if (r == 0)
		r = db_migrations_missing(db, list, count, &missing, err);
	if (r < 0 || missing == 0)
		return r;
	*ret_note = (struct server_check_note){"server.check.note_migrations", (int64_t)missing};
	return 1;
}

int server_check_web(const struct server_config *config, struct server_check_note *ret_note, struct err *err)
{
	const char *const files[][2] = {
	    {config->web_dir, "index.html"}, {config->web_dir, "app.js"}, {config->web_dir, "vendor/preact.mjs"},
	    {config->messages_dir, "vi.json"}, {config->messages_dir, "en.json"}};
	(void)ret_note;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		cleanup_buf struct buf path = BUF_INIT(4096);
		file_join(&path, str_c(files[i][0]), str_c(files[i][1]));
		if (access(path.p, R_OK) < 0)
			return err_errno(err, errno, "open", buf_str(&path));
	}
	return 0;
}
