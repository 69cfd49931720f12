/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Signature images (engine/signature): the bundle's, mapped as it came and shared by all workers, and one of our own, compiled
 * here from the rule texts that came, with the canary's rule beside them. What neither can take goes to libyara.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem/mem.h"
#include "engine/malware/malware_canary.h"
#include "engine/signature/signature.h"
#include "program/scand/scand.h"

#define NAME_MAX_BYTES 512
#define CANARY_SPACE "luytre"
#define IMAGES 2

/* Ours beside theirs. The whole file must have the sample's form: nothing can hide behind it. */
static const char canary_rule[] = "rule luytre_canary { meta: score = 0 strings: $a = /" MALWARE_CANARY_PREFIX
				  "[0-9a-f]{32}\\n/ condition: filesize == 47 and $a at 0 }";
_Static_assert(MALWARE_CANARY_SIZE == 47, "as the rule says");

struct scand_image {
	struct signature_build *build;            /* NULL once finished */
	struct buf own;                           /* the bytes of our own image */
	struct signature_image *images[IMAGES];   /* mapped, own; NULL: none */
	struct signature_scanner *scanners[IMAGES];
	bool found;
	int64_t score; /* of the best match so far */
	char threat[NAME_MAX_BYTES];
	char rule[2 * NAME_MAX_BYTES];
};

static const struct signature_build_options options = {.externals = signature_externals_usual, .external_count = SIGNATURE_EXTERNALS_USUAL};

struct scand_image *scand_image_new(void)
{
	struct scand_image *s = MEM_NEW(struct scand_image);
	s->build = signature_build_new(&options);
	s->own = BUF_INIT(SIGNATURE_IMAGE_MAX);
	return s;
}

int scand_image_map(struct scand_image *s, int fd, struct err *err)
{
	char path[32];
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (s->images[0] != NULL)
		return err_set(err, -EPROTO, "malware.wire_broken", ARG_CSTR("what", "image"));
	return signature_image_map(path, &s->images[0], err);
}

bool scand_image_add(struct scand_image *s, struct str name, struct str text)
{
	char *file = mem_strdup(name);
	struct err err = {0};
	int r = signature_build_yara(s->build, name, file, text, &err);
	mem_free(file);
	size_t refused = signature_build_refused_count(s->build);
	for (size_t i = 0; r == 0 && i < refused; i++) {
		const struct signature_refused *one = signature_build_refused(s->build, i);
		/* Of what is no rule (an include) libyara says why it is refused. */
		if (one->err.code != -ENOTSUP || one->rule.n == 0)
			r = -EINVAL;
	}
	return r == 0;
}

int scand_image_finish(struct scand_image *s, bool own, uint64_t *ret_rules, struct err *err)
{
	struct signature_image_info info;
	int r = 0;
	if (!own) {
		/* libyara runs the texts; the canary's rule stays alone. */
		signature_build_free(s->build);
		s->build = signature_build_new(&options);
	}
	r = signature_build_yara(s->build, STR(CANARY_SPACE), CANARY_SPACE, str_c(canary_rule), err);
	if (r == 0)
		r = signature_build_finish(s->build, &s->own, err);
	signature_build_free(s->build);
	s->build = NULL;
	if (r == 0)
		r = signature_image_open(s->own.p, s->own.n, &s->images[1], err);
	for (unsigned i = 0; r == 0 && i < IMAGES; i++)
		if (s->images[i] != NULL) {
			signature_image_info(s->images[i], &info);
			*ret_rules += info.rules - (i == 1 ? 1 : 0);
		}
	return r;
}

bool scand_image_fallback(const struct scand_image *s, unsigned *at, struct str *ret_space, struct str *ret_text)
{
	/* The lower bits count within an image, the highest tells which. */
	for (unsigned i = *at >> 24; i < IMAGES; i++) {
		uint32_t n = i == *at >> 24 ? *at & 0xffffff : 0;
		if (s->images[i] != NULL && signature_image_fallback(s->images[i], n, ret_space, ret_text)) {
			*at = i << 24 | (n + 1);
			return true;
		}
	}
	return false;
}

void scand_image_prepare(struct scand_image *s)
{
	for (unsigned i = 0; i < IMAGES; i++)
		if (s->images[i] != NULL)
			s->scanners[i] = signature_scanner_new(s->images[i]);
}

/* The rule's "score" (LOKI: 0 to 100), 50 when it has none, and its "threat", else its own name. */
static int64_t describe(const struct signature_hit *hit, const struct signature_rule *rule, struct str *ret_threat)
{
	struct signature_meta meta;
	int64_t score = 50;
	*ret_threat = rule->name;
	for (uint32_t i = 0; i < rule->metas && signature_image_meta(hit->image, hit->rule, i, &meta); i++) {
		if (meta.kind == SIGNATURE_META_KIND_INTEGER && str_eq_c(meta.name, "score"))
			score = meta.integer;
		if (meta.kind == SIGNATURE_META_KIND_STRING && str_eq_c(meta.name, "threat") && meta.text.n > 0)
			*ret_threat = meta.text;
	}
	return score;
}

/* Of several matches the weightiest names the file. */
static bool on_hit(void *ctx, const struct signature_hit *hit)
{
	struct scand_image *s = ctx;
	struct signature_rule rule;
	struct str threat;
	if (!signature_image_rule(hit->image, hit->rule, &rule))
		return true;
	int64_t score = describe(hit, &rule, &threat);
	if (s->found && score <= s->score)
		return true;
	struct buf b = BUF_FIXED(s->rule, sizeof(s->rule));
	s->found = true;
	s->score = score;
	str_copy_c(threat, s->threat, sizeof(s->threat));
	buf_append(&b, rule.space);
	buf_append_char(&b, ':');
	buf_append(&b, rule.name);
	return true;
}

/* A mapped file that is cut off under our eyes raises SIGBUS: that is no crash of ours, the file is merely unreadable. */
static sigjmp_buf cut_off;

static void on_bus(int number)
{
	(void)number;
	siglongjmp(cut_off, 1);
}

static const char *scan_bytes(struct scand_image *s, const uint8_t *data, size_t len, const struct signature_given *given)
{
	struct sigaction action = {.sa_handler = on_bus, .sa_flags = SA_NODEFER}, before;
	const char *volatile problem = NULL;
	(void)sigaction(SIGBUS, &action, &before);
	if (sigsetjmp(cut_off, 1) != 0) {
		problem = "malware.unreadable";
		/* What the engine was doing is unknown: its memory is made anew. */
		for (unsigned i = 0; i < IMAGES; i++)
			signature_scanner_free(s->scanners[i]);
		scand_image_prepare(s);
	} else {
		for (unsigned i = 0; i < IMAGES; i++)
			if (s->scanners[i] != NULL && signature_scan(s->scanners[i], data, len, given, SIGNATURE_EXTERNALS_USUAL, on_hit, s) == SIGNATURE_UNDECIDED)
				problem = "malware.timeout";
	}
	(void)sigaction(SIGBUS, &before, NULL);
	return problem;
}

void scand_image_scan(struct scand_image *s, const uint8_t *data, size_t len, const struct scand_names *names, struct malware_wire *verdict)
{
	const struct signature_given given[SIGNATURE_EXTERNALS_USUAL] = {
		{.text = names->filename}, {.text = names->filepath}, {.text = names->extension}, {.text = names->filetype}, {.text = names->owner}};
	s->found = false;
	const char *problem = scan_bytes(s, data, len, given);
	if (s->found) {
		verdict->numbers[0] = MALWARE_WIRE_FOUND;
		verdict->numbers[1] = MALWARE_WIRE_YARA;
		verdict->texts[0] = str_c(s->threat);
		verdict->texts[1] = str_c(s->rule);
	} else if (problem != NULL) {
		verdict->numbers[0] = MALWARE_WIRE_ERROR;
		verdict->texts[2] = str_c(problem);
	}
}
