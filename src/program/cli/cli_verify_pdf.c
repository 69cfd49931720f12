/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* luytre verify FILE.pdf: its signatures, who made them, and whether the file changed afterwards. */
#include "base/file/file.h"
#include "engine/pades/pades.h"
#include "program/cli/cli.h"

#define INDENT "     "
#define PEM_LIMIT ((size_t)8 << 20)

static const char *const chains[PADES_CHAIN__COUNT] = {"pades.chain_unknown", "pades.chain_good", "pades.chain_expired",
						       "pades.chain_not_yet", "pades.chain_revoked", "pades.chain_bad"};
static const char *const issuers[PADES_ISSUER__COUNT] = {"pades.issuer_unknown", "pades.issuer_government", "pades.issuer_public", "pades.issuer_other"};
static const char *const changes[PADES_CHANGE__COUNT] = {"pades.change_none", "pades.change_signed", "pades.change_other"};

/* What is read of a text of others on a terminal: no control characters. */
static struct str clean(struct arena *arena, struct str text)
{
	struct buf b = BUF_INIT(4096);
	for (size_t i = 0; i < text.n && i < 400; i++)
		buf_append_char(&b, (unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f ? '?' : text.p[i]);
	struct str s = arena_str(arena, buf_str(&b));
	buf_done(&b);
	return s.n > 0 ? s : STR("–");
}

static struct str text_of(const struct cli *cli, struct arena *arena, const char *key)
{
	struct buf b = BUF_INIT(1024);
	msg_append(cli->messages, cli->lang, key, NULL, &b);
	struct str s = arena_str(arena, buf_str(&b));
	buf_done(&b);
	return s;
}

static void tell(struct cli *cli, struct arena *arena, const struct pades_signature *s, size_t number)
{
	char claimed[CLOCK_VN_SIZE], until[CLOCK_VN_SIZE];
	usec_t when = s->stamped > 0 ? s->stamped : s->claimed;
	(void)fputs("  ", stdout);
	cli_say(cli, stdout, "cli.verify.pdf_signer", ARG_U64("number", number), ARG_STR("signer", clean(arena, s->signer)),
		ARG_STR("organisation", clean(arena, s->organisation)), ARG_STR("state", text_of(cli, arena, pades_is_good(s) ? "cli.verify.pdf_good" : "cli.verify.pdf_bad")));
	(void)fputs(INDENT, stdout);
	cli_say(cli, stdout, "cli.verify.pdf_content", ARG_STR("content", text_of(cli, arena, s->intact ? "cli.verify.pdf_intact" : s->fault)),
		ARG_STR("change", text_of(cli, arena, changes[s->change])));
	if (s->not_after > 0) {
		(void)fputs(INDENT, stdout);
		cli_say(cli, stdout, "cli.verify.pdf_certificate", ARG_STR("chain", text_of(cli, arena, chains[s->chain])), ARG_STR("issuer", clean(arena, s->issuer)),
			ARG_STR("class", text_of(cli, arena, issuers[s->issuer_class])), ARG_CSTR("until", clock_vn(s->not_after, until)),
			ARG_STR("revocation", text_of(cli, arena, s->revocation_known ? "cli.verify.pdf_listed" : "cli.verify.pdf_unlisted")));
	}
	if (when == 0)
		return;
	(void)fputs(INDENT, stdout);
	cli_say(cli, stdout, s->stamped > 0 ? "cli.verify.pdf_stamped" : "cli.verify.pdf_claimed", ARG_CSTR("time", clock_vn(when, claimed)));
}

struct anchors {
	struct pades_anchor list[16];
	struct buf pems[16];
	size_t count;
};

static int add(struct anchors *a, const struct cli_list *paths, enum pades_issuer issuer, struct err *err)
{
	for (size_t i = 0; paths != NULL && i < paths->count && a->count < ARRAY_LEN(a->list); i++) {
		a->pems[a->count] = BUF_INIT(PEM_LIMIT + 1);
		int r = file_read(paths->items[i], PEM_LIMIT, &a->pems[a->count], err);
		a->list[a->count] = (struct pades_anchor){.pem = buf_str(&a->pems[a->count]), .issuer = issuer};
		a->count++;
		if (r < 0)
			return r;
	}
	return 0;
}

static enum cli_verified verify(struct cli *cli, const struct cli_verify *v, struct anchors *a, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)1 << 30);
	cleanup_buf struct buf crls = BUF_INIT(PEM_LIMIT + 1);
	struct pades_report report;
	bool good = true;
	if (add(a, v->government, PADES_ISSUER_GOVERNMENT, err) < 0 || add(a, v->public_ca, PADES_ISSUER_PUBLIC, err) < 0 || add(a, v->other_ca, PADES_ISSUER_OTHER, err) < 0)
		return CLI_VERIFY_FAILED;
	for (size_t i = 0; i < v->crls->count; i++)
		if (file_read(v->crls->items[i], PEM_LIMIT, &crls, err) < 0)
			return CLI_VERIFY_FAILED;
	const struct pades_trust trust = {.anchors = a->list, .anchor_count = a->count, .crls_pem = buf_str(&crls), .now = clock_now()};
	if (pades_verify(arena, v->bytes, &trust, &report, err) < 0)
		return CLI_VERIFY_FAILED;
	cli_say(cli, stdout, "cli.verify.pdf", ARG_CSTR("path", v->path), ARG_U64("count", report.count));
	for (size_t i = 0; i < report.count; i++) {
		tell(cli, arena, &report.signatures[i], i + 1);
		good = good && pades_is_good(&report.signatures[i]);
	}
	return good && report.count > 0 ? CLI_VERIFY_GOOD : CLI_VERIFY_BAD;
}

enum cli_verified cli_verify_pdf(struct cli *cli, const struct cli_verify *v)
{
	struct anchors a = {.count = 0};
	struct err err = {0};
	if (!str_starts_with(v->bytes, STR("%PDF-")))
		return CLI_VERIFY_UNKNOWN;
	enum cli_verified r = verify(cli, v, &a, &err);
	for (size_t i = 0; i < a.count; i++)
		buf_done(&a.pems[i]);
	if (r == CLI_VERIFY_FAILED) {
		(void)err_at(&err, str_c(v->path));
		(void)cli_fail(cli, &err);
	}
	return r;
}
