/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Whether the pattern library is to be trusted on this processor. Vectorscan 5.4.9 (Debian 12) on AVX-512 misses matches near
 * the end of a text: of single bytes, of accelerated automata, of a text alone in its database. Hyperscan 5.4.0 has the same
 * interface and the same name of its file, and finds them (docs/decisions/0009-hyperscan.md). A missed match is a missed attack.
 */
#include <pthread.h>

#include "engine/sigma/sigma_build.h"

static const struct {
	const char *expression, *text;
} known_cases[] = {{"\\.", "."}, {"a[a-c]", "ab"}, {"a.?b", "ab"}, {"B\\xc3\\x89", "B\xc3\x89"}, {"ab", "ab"}};

static int on_found(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *user)
{
	(void)id;
	(void)from;
	(void)to;
	(void)flags;
	*(bool *)user = true;
	return 0;
}

/* At every place of texts of every length around a vector's. */
static bool finds(const char *wanted, const hs_database_t *db, hs_scratch_t *scratch)
{
	char text[200];
	size_t n = strlen(wanted);
	for (size_t length = n; length <= sizeof text; length++)
		for (size_t at = 0; at + n <= length; at++) {
			bool found = false;
			(void)memset(text, 'q', sizeof text);
			(void)memcpy(text + at, wanted, n);
			(void)hs_scan(db, text, (unsigned)length, 0, scratch, on_found, &found);
			if (!found)
				return false;
		}
	return true;
}

static bool solves(const char *expression, const char *text)
{
	hs_database_t *db = NULL;
	hs_scratch_t *scratch = NULL;
	hs_compile_error_t *error = NULL;
	bool fine = hs_compile(expression, HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH, HS_MODE_BLOCK, NULL, &db, &error) == HS_SUCCESS &&
	            hs_alloc_scratch(db, &scratch) == HS_SUCCESS && finds(text, db, scratch);
	(void)hs_free_compile_error(error);
	(void)hs_free_scratch(scratch);
	(void)hs_free_database(db);
	return fine;
}

static bool is_sound;

static void try_cases(void)
{
	is_sound = true;
	for (size_t i = 0; i < ARRAY_LEN(known_cases) && is_sound; i++)
		is_sound = solves(known_cases[i].expression, known_cases[i].text);
}

int sg_library_check(struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	(void)pthread_once(&once, try_cases);
	struct str version = str_c(hs_version());
	return is_sound ? 0 : err_set(err, -ENOTSUP, "sigma.library", ARG_STR("version", str_sub(version, 0, str_find_char(version, ' '))));
}
