/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The project's own rules: packs/sigma/own, read as an archive is, when the pack is another one than the last time. */
#include <dirent.h>
#include <stdlib.h>

#include "base/file/file.h"
#include "base/log/log.h"
#include "platform/crypto/crypto.h"
#include "service/rule/rule_internal.h"

#define FILES_MAX 500

struct own {
	const struct service_context *sc;
	struct arena *arena;
	struct str names[FILES_MAX], texts[FILES_MAX];
	size_t count;
	char version[65]; /* hash of it all */
	bool same;
	struct rule_file files[FILES_MAX];
};

static int by_name(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int read_folder(struct own *own, const char *folder, struct err *err)
{
	DIR *dir = opendir(folder);
	if (dir == NULL)
		return errno == ENOENT ? 0 : err_errno(err, errno, "opendir", str_c(folder));
	for (struct dirent *e; (e = readdir(dir)) != NULL && own->count < FILES_MAX;)
		if (e->d_name[0] != '.' && str_ends_with(str_c(e->d_name), STR(".yml")))
			own->names[own->count++] = arena_str(own->arena, str_c(e->d_name));
	(void)closedir(dir);
	if (own->count > 1)
		qsort(own->names, own->count, sizeof own->names[0], by_name);
	struct sha256 *hash = sha256_new();
	unsigned char digest[SHA256_SIZE];
	int r = 0;
	for (size_t i = 0; i < own->count && r >= 0; i++) {
		cleanup_buf struct buf text = BUF_INIT(RULEBOOK_RULE_MAX);
		r = file_read(arena_printf(own->arena, "%s/%.*s", folder, STR_FMT(own->names[i])).p, RULEBOOK_RULE_MAX, &text, err);
		own->texts[i] = arena_str(own->arena, buf_str(&text));
		sha256_update(hash, own->names[i]);
		sha256_update(hash, own->texts[i]);
	}
	sha256_final(hash, digest);
	(void)sha256_hex(digest, own->version);
	return r;
}

static int look(struct db_tx *tx, void *ctx, struct err *err)
{
	struct own *own = ctx;
	struct rule_set_state state;
	int r = rule_db_state(tx, &state, err);
	own->same = r >= 0 && strcmp(state.own_version, own->version) == 0;
	return r;
}

/* Own files are as trusted as the program, so no worker is needed to read them (and at the first start there may be none yet). */
static int read_file(struct own *own, size_t i, struct err *err)
{
	cleanup_buf struct buf input = BUF_INIT(RULEBOOK_RULE_MAX * 2), out = BUF_INIT((size_t)16 << 20);
	buf_printf(&input, "{\"name\":\"%.*s\"}\n", STR_FMT(own->names[i]));
	buf_append(&input, own->texts[i]);
	int r = rulebook_run(RULEBOOK_READ, buf_str(&input), &out, err);
	if (r < 0)
		return err_at(err, own->names[i]);
	struct str rest = arena_str(own->arena, buf_str(&out)), line;
	(void)str_split(&rest, '\n', &line);
	(void)str_split(&rest, '\n', &line);
	return rule_file_parse(own->arena, line, &own->files[i], err);
}

static int put(struct db_tx *tx, void *ctx, struct err *err)
{
	struct own *own = ctx;
	struct rule_place place = {.origin = RULE_ORIGIN_OWN, .edition_id = uuid_new(), .by = STR("luytre"), .now = own->sc->now()};
	int r = 0;
	for (size_t i = 0; i < own->count && r >= 0; i++)
		r = rule_db_put(tx, &place, &own->files[i], err);
	if (r >= 0)
		r = rule_db_sweep(tx, &place, err);
	if (r >= 0)
		r = rule_db_own_version(tx, str_c(own->version), err);
	return r < 0 ? r : rule_db_touch(tx, place.now, err);
}

int rule_own_load(const struct service_context *sc, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new(0);
	struct own *own = ARENA_NEW(arena, struct own);
	own->sc = sc;
	own->arena = arena;
	int r = read_folder(own, arena_printf(arena, "%s/sigma/own", sc->packs_dir).p, err);
	if (r >= 0)
		r = db_read(sc->db, look, own, err);
	if (r < 0 || own->same)
		return r;
	for (size_t i = 0; i < own->count && r >= 0; i++)
		r = read_file(own, i, err);
	if (r >= 0)
		r = db_write(sc->db, put, own, err);
	if (r >= 0)
		log_info("own rules loaded", ARG_U64("files", own->count), ARG_CSTR("version", own->version));
	return r;
}
