/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* luytre document sign: a PAdES signature by a key file or a token. */
#include <getopt.h>

#include "base/file/file.h"
#include "engine/pades/pades.h"
#include "platform/http/http_client.h"
#include "program/cli/cli.h"
#include "program/cli/cli_document.h"

#define SECRET_LIMIT 256
#define KEY_LIMIT ((size_t)1 << 20)
#define CRL_LIMIT ((size_t)8 << 20)

enum option_id { OPT_PKCS12 = 256, OPT_MODULE, OPT_TOKEN, OPT_KEY, OPT_SECRET, OPT_REASON, OPT_PLACE, OPT_CRL, OPT_STAMP, OPT_IMAGE, OPT_SEAL };

static const struct option options[] = {
	{"help", no_argument, NULL, 'h'},
	{"output", required_argument, NULL, 'o'},
	{"pkcs12", required_argument, NULL, OPT_PKCS12},
	{"module", required_argument, NULL, OPT_MODULE},
	{"token", required_argument, NULL, OPT_TOKEN},
	{"key", required_argument, NULL, OPT_KEY},
	{"pin-file", required_argument, NULL, OPT_SECRET},
	{"reason", required_argument, NULL, OPT_REASON},
	{"place", required_argument, NULL, OPT_PLACE},
	{"crl", required_argument, NULL, OPT_CRL},
	{"timestamp", required_argument, NULL, OPT_STAMP},
	{"image", required_argument, NULL, OPT_IMAGE},
	{"seal", required_argument, NULL, OPT_SEAL},
	{0},
};

struct sign {
	const char *input, *output, *pkcs12, *secret, *crl, *stamp, *image;
	struct pades_token token;
	struct pades_sign how;
};

/* The secret comes from a file: a command line is no place for it. */
static int open_key(struct sign *s, struct err *err)
{
	cleanup_buf_secret struct buf secret = BUF_INIT(SECRET_LIMIT + 1), file = BUF_INIT(KEY_LIMIT + 1);
	int r = file_read(s->secret, SECRET_LIMIT, &secret, err);
	struct str text = buf_str(&secret);
	while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	if (r < 0)
		return r;
	if (s->pkcs12 == NULL) {
		s->token.pin = text;
		return pades_key_pkcs11(&s->token, &s->how.key, err);
	}
	r = file_read(s->pkcs12, KEY_LIMIT, &file, err);
	return r < 0 ? r : pades_key_pkcs12(buf_str(&file), text, &s->how.key, err);
}

/* RFC 3161, 3.4: over HTTP. */
static int ask_time(void *ctx, struct str request, struct buf *ret_answer, struct err *err)
{
	struct str url = str_c(ctx), rest = url;
	size_t scheme = str_find(url, STR("://"));
	size_t slash = scheme == SIZE_MAX ? SIZE_MAX : str_find_char(str_sub(url, scheme + 3, url.n), '/');
	char base[512], path[512] = "/";
	str_copy_c(slash == SIZE_MAX ? url : str_sub(rest, 0, scheme + 3 + slash), base, sizeof(base));
	if (slash != SIZE_MAX)
		str_copy_c(str_sub(rest, scheme + 3 + slash, rest.n), path, sizeof(path));
	const struct http_client_config config = {.base_url = base, .timeout_s = 30, .response_limit_bytes = 65536};
	const struct http_client_request ask = {.path = path, .body = request, .content_type = "application/timestamp-query"};
	struct http_client_response answer = {0};
	__attribute__((__cleanup__(http_client_freep))) struct http_client *client = NULL;
	int r = http_client_new(&config, &client, err);
	if (r == 0)
		r = http_client_do(client, &ask, &answer, err);
	if (r >= 0 && answer.status != 200)
		r = err_set(err, -EPROTO, "pades.stamp");
	if (r >= 0)
		buf_append(ret_answer, buf_str(&answer.body));
	http_client_response_done(&answer);
	return r;
}

static int sign_file(struct sign *s, struct err *err)
{
	cleanup_buf struct buf pdf = BUF_INIT(PADES_FILE_MAX + 1), crl = BUF_INIT(CRL_LIMIT + 1), image = BUF_INIT(KEY_LIMIT + 1), out = BUF_INIT(2 * PADES_FILE_MAX);
	int r = file_read(s->input, PADES_FILE_MAX, &pdf, err);
	if (r == 0 && s->crl != NULL)
		r = file_read(s->crl, CRL_LIMIT, &crl, err);
	if (r == 0 && s->image != NULL)
		r = file_read(s->image, KEY_LIMIT, &image, err);
	if (r == 0)
		r = open_key(s, err);
	if (r < 0)
		return r;
	s->how.now = clock_now();
	s->how.crls_pem = buf_str(&crl);
	s->how.image_png = buf_str(&image);
	if (s->stamp != NULL) {
		s->how.stamp = ask_time;
		s->how.stamp_ctx = mem_strdup(str_c(s->stamp));
	}
	r = pades_sign(buf_str(&pdf), &s->how, &out, err);
	mem_free(s->how.stamp_ctx);
	return r < 0 ? r : file_write(s->output, buf_str(&out), 0644, err);
}

static bool take(struct sign *s, int option)
{
	switch (option) {
	case 'o':
		s->output = optarg;
		return true;
	case OPT_PKCS12:
		s->pkcs12 = optarg;
		return true;
	case OPT_MODULE:
		s->token.module = optarg;
		return true;
	case OPT_TOKEN:
		s->token.label = optarg;
		return true;
	case OPT_KEY:
		s->token.key = optarg;
		return true;
	case OPT_SECRET:
		s->secret = optarg;
		return true;
	case OPT_REASON:
		s->how.reason = str_c(optarg);
		return true;
	case OPT_PLACE:
		s->how.place = str_c(optarg);
		return true;
	case OPT_CRL:
		s->crl = optarg;
		return true;
	case OPT_IMAGE:
	case OPT_SEAL:
		s->image = optarg;
		s->how.seal = option == OPT_SEAL;
		return true;
	case OPT_STAMP:
		s->stamp = optarg;
		return true;
	default:
		return false;
	}
}

int cli_document_sign(struct cli *cli, int argc, char **argv)
{
	struct sign s = {0};
	struct err err = {0};
	int c;
	while ((c = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
		if (c == 'h')
			return cli_help(cli);
		if (!take(&s, c))
			return cli_bad_option(cli, argv);
	}
	if (s.output == NULL || s.secret == NULL || (s.pkcs12 == NULL) == (s.token.module == NULL) || optind + 1 != argc)
		return cli_bad_use(cli);
	s.input = argv[optind];
	int r = sign_file(&s, &err);
	pades_key_free(s.how.key);
	return r < 0 ? cli_fail(cli, &err) : CLI_OK;
}
