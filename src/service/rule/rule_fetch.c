/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Archives from an address: https through whoever may reach out, or a file that an administrator put beside the server's data. */
#include "base/file/file.h"
#include "service/rule/rule_archive.h"

/* "file:NAME": <data>/core/rule-import/NAME */
static bool is_file(struct str url)
{
	return str_starts_with(url, STR("file:"));
}

static bool good_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '/' || (unsigned char)name.p[i] < 0x20)
			return false;
	return name.n > 0 && name.n < 200 && name.p[0] != '.';
}

int rule_url_check(struct str url, struct err *err)
{
	bool good = is_file(url) ? good_name(str_sub(url, 5, url.n)) : str_starts_with(url, STR("https://")) && url.n > 12;
	for (size_t i = 0; i < url.n; i++)
		good = good && (unsigned char)url.p[i] > 0x20 && (unsigned char)url.p[i] < 0x7f;
	/* A password in an address would stand in the list for everybody. */
	good = good && str_find_char(url, '@') == SIZE_MAX;
	return good ? 0 : err_set(err, -EINVAL, "rule.url");
}

static int read_file(const struct service_context *sc, struct str name, struct buf *bytes, struct err *err)
{
	cleanup_buf struct buf path = BUF_INIT(4096);
	buf_printf(&path, "%s/rule-import/%.*s", sc->data_dir, STR_FMT(name));
	return file_read(path.p, RULEBOOK_FILE_MAX, bytes, err);
}

int rule_fetch(const struct service_context *sc, struct arena *arena, struct str url, struct str etag, struct buf *bytes, struct str *ret_etag,
               bool *ret_unchanged, struct err *err)
{
	int r = rule_url_check(url, err);
	*ret_unchanged = false;
	if (r < 0)
		return r;
	if (is_file(url))
		return read_file(sc, str_sub(url, 5, url.n), bytes, err);
	if (sc->fetcher == NULL)
		return err_set(err, -ENOTSUP, "rule.no_network");
	char tag[SERVICE_ETAG_SIZE] = "";
	r = sc->fetcher->fetch(sc->fetcher->ctx, arena_cstr(arena, url), arena_cstr(arena, etag), RULEBOOK_FILE_MAX, bytes, tag, err);
	if (r < 0)
		return r;
	*ret_unchanged = r == 0;
	*ret_etag = arena_str(arena, str_c(tag));
	return 0;
}

struct unchanged {
	const struct service_context *sc;
	const struct uuid *id;
};

static int note(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct unchanged *u = ctx;
	int r = rule_db_archive_problem(tx, u->id, STR(""), u->sc->now(), err);
	return r < 0 ? r : rule_emit(tx, "archive", err);
}

int rule_archive_unchanged(const struct service_context *sc, const struct uuid *archive_id, struct err *err)
{
	return db_write(sc->db, note, &(struct unchanged){sc, archive_id}, err);
}
