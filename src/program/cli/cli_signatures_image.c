/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <fts.h>
#include <sys/stat.h>

#include "base/file/file.h"
#include "base/file/file_map.h"
#include "engine/signature/signature.h"
#include "engine/signature/signature_clamav.h"
#include "program/cli/cli_signatures_image.h"

static bool is_rule_file(struct str name)
{
	return str_ends_with(name, STR(".yar")) || str_ends_with(name, STR(".yara"));
}

static int add_file(struct signature_build *build, const char *path, const char *name, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(SIGNATURE_TEXT_MAX + 1);
	int r = file_read(path, SIGNATURE_TEXT_MAX, &text, err);
	return r < 0 ? r : signature_build_yara(build, str_c(name), name, buf_str(&text), err);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int add_folder(struct signature_build *build, const char *path, struct err *err)
{
	char *copy = mem_strdup(str_c(path));
	char *const paths[] = {copy, NULL};
	int r = 0;
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	if (fts == NULL)
		r = err_errno(err, errno, "fts_open", str_c(path));
	for (FTSENT *e; r == 0 && fts != NULL && (e = fts_read(fts)) != NULL;) {
		if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS)
			r = err_errno(err, e->fts_errno, "fts_read", str_c(e->fts_path));
		else if (e->fts_info == FTS_F && is_rule_file(str_c(e->fts_name)))
			r = add_file(build, e->fts_accpath, e->fts_path, err);
	}
	if (fts != NULL)
		(void)fts_close(fts);
	mem_free(copy);
	return r;
}

static bool is_body_file(struct str name)
{
	return str_ends_with(name, STR(".ndb")) || str_ends_with(name, STR(".ndu")) || str_ends_with(name, STR(".ldb")) || str_ends_with(name, STR(".ldu"));
}

static int add_clamav(struct signature_build *build, const char *path, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(SIGNATURE_TEXT_MAX + 1);
	struct signature_clamav_result result;
	/* Hashes have their own place in a bundle; other databases are for libclamav alone. */
	if (!is_body_file(str_c(path)))
		return 0;
	int r = file_read(path, SIGNATURE_TEXT_MAX, &text, err);
	return r < 0 ? r : signature_build_clamav(build, str_c(path), path, buf_str(&text), &result, err);
}

static int add_path(struct signature_build *build, const char *path, struct err *err)
{
	struct stat st;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return add_folder(build, path, err);
	return add_file(build, path, path, err);
}

static void count_refused(struct cli *cli, const struct signature_build *build, bool tell, struct cli_signatures_sum *sum)
{
	for (size_t i = 0; i < signature_build_refused_count(build); i++) {
		const struct signature_refused *refused = signature_build_refused(build, i);
		const bool left = refused->err.code != -EINVAL;
		sum->left += left;
		sum->faulty += !left;
		if (!tell)
			continue;
		cleanup_buf struct buf text = BUF_INIT(1 << 16);
		msg_append_err(cli->messages, cli->lang, &refused->err, &text);
		if (refused->rule.n > 0)
			buf_printf(&text, "  [%.*s]", STR_FMT(refused->rule));
		cli_put(cli, stdout, buf_str(&text));
		(void)fputc('\n', stdout);
	}
}

int cli_signatures_compile(struct cli *cli, const struct cli_list *yara, const struct cli_list *clamav, bool tell, struct buf *out,
                           struct cli_signatures_sum *ret, struct err *err)
{
	const struct signature_build_options options = {.externals = signature_externals_usual, .external_count = SIGNATURE_EXTERNALS_USUAL};
	struct signature_build *build cleanup(signature_build) = signature_build_new(&options);
	struct signature_image *image cleanup(signature_image) = NULL;
	struct signature_image_info info;
	int r = 0;
	*ret = (struct cli_signatures_sum){0};
	for (size_t i = 0; i < yara->count && r == 0; i++)
		r = add_path(build, yara->items[i], err);
	for (size_t i = 0; i < clamav->count && r == 0; i++)
		r = add_clamav(build, clamav->items[i], err);
	if (r == 0)
		r = signature_build_finish(build, out, err);
	if (r == 0)
		r = signature_image_open(out->p, out->n, &image, err);
	if (r < 0)
		return r;
	signature_image_info(image, &info);
	ret->rules = info.rules;
	ret->size_bytes = info.size_bytes;
	count_refused(cli, build, tell, ret);
	return 0;
}

void cli_signatures_say_sum(struct cli *cli, const struct cli_signatures_sum *sum)
{
	cli_say(cli, stdout, "cli.signatures.image", ARG_U64("rules", sum->rules), ARG_U64("left", sum->left), ARG_U64("faulty", sum->faulty),
	        ARG_U64("size", sum->size_bytes));
}

static struct str last_part(struct str path, char sep)
{
	for (size_t i = path.n; i > 0; i--)
		if (path.p[i - 1] == sep)
			return str_sub(path, i, path.n);
	return path;
}

static int explain(struct cli *cli, const struct signature_image *image, const char *rule, const char *file, struct err *err)
{
	struct signature_scanner *scanner cleanup(signature_scanner) = signature_scanner_new(image);
	const struct str path = str_c(file), name = last_part(path, '/'), extension = last_part(name, '.');
	const struct signature_given given[SIGNATURE_EXTERNALS_USUAL] = {
		{.text = name}, {.text = path}, {.text = extension.n < name.n ? str_sub(name, name.n - extension.n - 1, name.n) : STR_EMPTY}};
	const struct str whole = str_c(rule), own = last_part(whole, ':');
	const struct str space = own.n < whole.n ? str_sub(whole, 0, whole.n - own.n - 1) : STR_EMPTY;
	cleanup_buf struct buf text = BUF_INIT((size_t)16 << 20);
	struct file_map map = {0};
	uint32_t number = signature_image_find(image, space.n > 0 ? space : STR_EMPTY, own);
	if (number == UINT32_MAX)
		return err_set(err, -ENOENT, "signature.no_rule", ARG_CSTR("name", rule));
	int r = file_map(file, SIZE_MAX / 2, &map, err);
	if (r == 0)
		r = signature_explain(scanner, number, (const uint8_t *)map.bytes.p, map.bytes.n, given, SIGNATURE_EXTERNALS_USUAL, &text, err);
	/* Line by line: what is a control character within one is none of ours. */
	struct str rest = buf_str(&text), line;
	while (r == 0 && str_split(&rest, '\n', &line)) {
		cli_put(cli, stdout, line);
		if (rest.p != NULL)
			(void)fputc('\n', stdout);
	}
	file_unmap(&map);
	return r;
}

int cli_signatures_explain(struct cli *cli, const char *image_path, const struct cli_list *yara, const struct cli_list *clamav, const char *rule,
                           const char *file, struct err *err)
{
	struct signature_image *image cleanup(signature_image) = NULL;
	cleanup_buf struct buf bytes = BUF_INIT(SIGNATURE_IMAGE_MAX);
	struct cli_signatures_sum sum;
	int r;
	if (image_path != NULL) {
		r = signature_image_map(image_path, &image, err);
	} else {
		r = cli_signatures_compile(cli, yara, clamav, true, &bytes, &sum, err);
		if (r == 0)
			r = signature_image_open(bytes.p, bytes.n, &image, err);
	}
	if (r == 0)
		r = explain(cli, image, rule, file, err);
	/* The image goes before the bytes that it stands on. */
	signature_image_free(TAKE(image));
	return r;
}
