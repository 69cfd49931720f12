/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What an image of ClamAV databases finds, a line "FILE NAME" for each finding: compared with clamscan --allmatch by clamav.py. */
#include "clamav.h"

#include <stdio.h>
#include <string.h>

#include "base/err/err.h"
#include "differ.h"
#include "engine/signature/signature_clamav.h"

static bool say(void *ctx, const struct signature_hit *hit)
{
	struct signature_rule rule;

	(void)signature_image_rule(hit->image, hit->rule, &rule);
	printf("%s %.*s\n", (const char *)ctx, STR_FMT(rule.name));
	return true;
}

static bool add_database(struct signature_build *build, const char *path)
{
	struct sample s;
	struct signature_clamav_result result;
	struct err err = {0};

	if (!sample_load(&s, path))
		return false;
	const int r = signature_build_clamav(build, STR("clamav"), path, str_n(s.data, s.len), &result, &err);
	sample_free(&s);
	fprintf(stderr, "%s: %u taken, %u refused, %u for other releases\n", path, result.taken, result.refused, result.other_level);
	return r >= 0;
}

static bool is_database(const char *path)
{
	const struct str p = str_c(path);

	return str_ends_with(p, STR(".ndb")) || str_ends_with(p, STR(".ldb"));
}

int clamav_scan(char **paths, int count)
{
	const struct signature_build_options options = {0};
	struct signature_build *build = signature_build_new(&options);
	struct signature_image *image = NULL;
	struct buf bytes = BUF_INIT((size_t)1 << 30);
	struct err err = {0};
	int first = 0;

	for (; first < count && is_database(paths[first]); first++)
		if (!add_database(build, paths[first]))
			return 2;
	for (size_t i = 0; i < signature_build_refused_count(build); i++) {
		char line[400];
		const struct signature_refused *r = signature_build_refused(build, i);
		fprintf(stderr, "not taken: %.*s %s\n", STR_FMT(r->rule), err_line(&r->err, line, sizeof(line)));
	}
	if (signature_build_finish(build, &bytes, &err) < 0 || signature_image_open(bytes.p, bytes.n, &image, &err) < 0)
		return 2;
	struct signature_scanner *scanner = signature_scanner_new(image);
	for (int i = first; i < count; i++) {
		struct sample s;
		if (!sample_load(&s, paths[i]))
			continue;
		if (signature_scan(scanner, s.data, s.len, NULL, 0, say, paths[i]) != SIGNATURE_DONE)
			printf("%s UNDECIDED\n", paths[i]);
		sample_free(&s);
	}
	signature_scanner_free(scanner);
	signature_image_free(image);
	signature_build_free(build);
	buf_done(&bytes);
	return 0;
}
