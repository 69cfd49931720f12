/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* luytre document: a template with data as PDF, DOCX or HTML; signatures on a PDF. */
#include <getopt.h>

#include "base/file/file.h"
#include "base/json/json.h"
#include "engine/document/document.h"
#include "program/cli/cli_document.h"

#define DATA_LIMIT ((size_t)32 << 20)

enum option_id { OPT_DATA = 256 };

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{"data", required_argument, NULL, OPT_DATA},
	{"output", required_argument, NULL, 'o'},
	{0},
};

struct render {
	const char *template, *data, *output;
};

static int render_file(const struct render *r, enum document_format format, struct err *err)
{
	cleanup_buf struct buf template = BUF_INIT(DOCUMENT_TEMPLATE_MAX + 1), data = BUF_INIT(DATA_LIMIT + 1), file = BUF_INIT(DOCUMENT_FILE_MAX);
	cleanup(arena) struct arena *arena = arena_new((size_t)512 << 20);
	const struct json *tree = NULL;
	const struct document *d = NULL;
	if (file_read(r->template, DOCUMENT_TEMPLATE_MAX, &template, err) < 0 || file_read(r->data, DATA_LIMIT, &data, err) < 0)
		return -EIO;
	if (json_parse(arena, buf_str(&data), NULL, &tree, err) < 0)
		return err_at(err, str_c(r->data));
	if (document_new(arena, buf_str(&template), tree, &d, err) < 0)
		return err_at(err, str_c(r->template));
	int n = document_write(d, format, &file, err);
	return n < 0 ? n : file_write(r->output, buf_str(&file), 0644, err);
}

static int render(struct cli *cli, int argc, char **argv)
{
	struct render r = {0};
	enum document_format format;
	struct err err = {0};
	int c;
	while ((c = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
		if (c == 'h')
			return cli_help(cli);
		if (c == 'o')
			r.output = optarg;
		else if (c == OPT_DATA)
			r.data = optarg;
		else
			return cli_bad_option(cli, argv);
	}
	if (r.data == NULL || r.output == NULL || optind + 1 != argc)
		return cli_bad_use(cli);
	r.template = argv[optind];
	if (!document_format_of(str_c(r.output), &format)) {
		(void)err_set(&err, -EINVAL, "cli.document.ending", ARG_CSTR("path", r.output));
		return cli_fail(cli, &err);
	}
	return render_file(&r, format, &err) < 0 ? cli_fail(cli, &err) : CLI_OK;
}

int cli_document(struct cli *cli, int argc, char **argv)
{
	opterr = 0;
	if (argc > 1 && str_eq_c(str_c(argv[1]), "render"))
		return render(cli, argc - 1, argv + 1);
	if (argc > 1 && str_eq_c(str_c(argv[1]), "sign"))
		return cli_document_sign(cli, argc - 1, argv + 1);
	if (argc > 1 && (str_eq_c(str_c(argv[1]), "--help") || str_eq_c(str_c(argv[1]), "-h")))
		return cli_help(cli);
	return cli_bad_use(cli);
}
