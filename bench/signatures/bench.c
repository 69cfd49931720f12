/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * signatures_bench build IMAGE FILE…    an image of rules (.yar) and ClamAV databases (.ndb, .ldb), and what it takes
 * signatures_bench scan IMAGE LIST      scans the files named in LIST, one thread: findings to stdout, figures to stderr
 * signatures_bench evict LIST           drops the files from the page cache
 * signatures_bench hashes N             look-ups among N hashes
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err/err.h"
#include "base/file/file.h"
#include "engine/malware/malware_hash_set.h"
#include "engine/signature/signature_clamav.h"

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int fail(const char *what, const struct err *err)
{
	char line[400];

	fprintf(stderr, "%s: %s\n", what, err_line(err, line, sizeof(line)));
	return 1;
}

static int build(const char *out, char **files, int count)
{
	const struct signature_build_options options = {.externals = signature_externals_usual,
							.external_count = SIGNATURE_EXTERNALS_USUAL};
	struct signature_build *b = signature_build_new(&options);
	struct buf bytes = BUF_INIT(SIGNATURE_IMAGE_MAX);
	struct err err = {0};
	const double begun = seconds(CLOCK_PROCESS_CPUTIME_ID);
	unsigned long clamav_taken = 0, clamav_refused = 0;

	for (int i = 0; i < count; i++) {
		struct buf text = BUF_INIT(SIGNATURE_TEXT_MAX);
		struct signature_clamav_result result;
		if (file_read(files[i], SIGNATURE_TEXT_MAX, &text, &err) < 0)
			return fail(files[i], &err);
		if (str_ends_with(str_c(files[i]), STR("db"))) {
			if (signature_build_clamav(b, STR("clamav"), files[i], buf_str(&text), &result, &err) < 0)
				return fail(files[i], &err);
			clamav_taken += result.taken;
			clamav_refused += result.refused;
		} else if (signature_build_yara(b, str_c(files[i]), files[i], buf_str(&text), &err) < 0) {
			return fail(files[i], &err);
		}
		buf_done(&text);
	}
	const size_t refused = signature_build_refused_count(b);
	for (size_t i = 0; i < refused && i < 40; i++) {
		char line[400];
		const struct signature_refused *r = signature_build_refused(b, i);
		fprintf(stderr, "  not taken: %.*s %s\n", STR_FMT(r->rule), err_line(&r->err, line, sizeof(line)));
	}
	if (signature_build_finish(b, &bytes, &err) < 0 || file_write(out, buf_str(&bytes), 0644, &err) < 0)
		return fail(out, &err);
	signature_build_free(b);
	struct signature_image *image = NULL;
	struct signature_image_info info;
	if (signature_image_map(out, &image, &err) < 0)
		return fail(out, &err);
	signature_image_info(image, &info);
	fprintf(stderr, "image: %u rules, %u patterns, %zu refused, %.1f MB, built in %.1f CPU s (ClamAV: %lu taken, %lu refused)\n",
		info.rules, info.patterns, refused, (double)bytes.n / 1e6, seconds(CLOCK_PROCESS_CPUTIME_ID) - begun, clamav_taken,
		clamav_refused);
	signature_image_free(image);
	buf_done(&bytes);
	return 0;
}

static bool say(void *ctx, const struct signature_hit *hit)
{
	struct signature_rule rule;

	(void)signature_image_rule(hit->image, hit->rule, &rule);
	printf("%.*s %s\n", STR_FMT(rule.name), (const char *)ctx);
	return true;
}

struct totals {
	unsigned long files, undecided;
	double bytes;
};

static void one_file(struct signature_scanner *scanner, char *path, struct totals *t)
{
	struct stat st;
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (data != MAP_FAILED) {
			(void)madvise(data, (size_t)st.st_size, MADV_SEQUENTIAL);
			if (signature_scan(scanner, data, (size_t)st.st_size, NULL, 0, say, path) != SIGNATURE_DONE)
				t->undecided++;
			t->files++;
			t->bytes += (double)st.st_size;
			munmap(data, (size_t)st.st_size);
		}
	}
	close(fd);
}

static void each_path(const char *list, void (*each)(void *ctx, char *path), void *ctx)
{
	FILE *f = fopen(list, "r");
	char path[4096];

	while (f != NULL && fgets(path, sizeof(path), f) != NULL) {
		path[strcspn(path, "\n")] = '\0';
		each(ctx, path);
	}
	if (f != NULL)
		fclose(f);
}

struct scan {
	struct signature_scanner *scanner;
	struct totals totals;
};

static void scan_path(void *ctx, char *path)
{
	struct scan *s = ctx;

	one_file(s->scanner, path, &s->totals);
}

/* Anonymous memory and the image's pages: files that are scanned are mapped too, and are no memory of ours. */
static unsigned long status_kb(const char *key)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[200];
	uint64_t kb = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			(void)str_parse_u64(str_trim(str_sub(str_c(line), strlen(key), strcspn(line, "k"))), 0, UINT64_MAX, &kb);
	if (f != NULL)
		fclose(f);
	return (unsigned long)kb;
}

static int scan(const char *path, const char *list)
{
	struct signature_image *image = NULL;
	struct err err = {0};
	struct scan s = {0};
	struct stat st;

	if (signature_image_map(path, &image, &err) < 0)
		return fail(path, &err);
	s.scanner = signature_scanner_new(image);
	const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
	each_path(list, scan_path, &s);
	const double cpu_s = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, wall_s = seconds(CLOCK_MONOTONIC) - wall;
	(void)stat(path, &st);
	fprintf(stderr,
		"image: %lu files, %.1f MB in %.2f CPU s (%.2f s): %.1f MB per CPU s, %.0f files/s; anonymous %.1f MB and image %.1f MB; %lu undecided\n",
		s.totals.files, s.totals.bytes / 1e6, cpu_s, wall_s, s.totals.bytes / 1e6 / cpu_s, (double)s.totals.files / cpu_s,
		(double)status_kb("RssAnon:") / 1024, (double)st.st_size / 1e6, s.totals.undecided);
	signature_scanner_free(s.scanner);
	signature_image_free(image);
	return 0;
}

static void evict_path(void *ctx, char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	(void)ctx;
	if (fd >= 0) {
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		close(fd);
	}
}

static uint64_t mixed(uint64_t z)
{
	z += 0x9e3779b97f4a7c15;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void digest_of(uint64_t i, unsigned char out[32])
{
	for (uint64_t k = 0; k < 4; k++) {
		const uint64_t v = mixed(i * 4 + k);
		memcpy(out + 8 * k, &v, 8);
	}
}

static int hashes(uint64_t n)
{
	const uint64_t lookups = 1000000;
	struct malware_hash_set *set = malware_hash_set_new();
	struct err err = {0};
	unsigned char digest[32];
	unsigned long hits = 0;

	for (uint64_t i = 0; i < n; i++) {
		digest_of(i, digest);
		if (malware_hash_set_add(set, CRYPTO_DIGEST_SHA256, digest, 1000, STR("Bench"), &err) < 0)
			return fail("hashes", &err);
	}
	malware_hash_set_finish(set);
	for (unsigned known = 0; known < 2; known++) {
		const double begun = seconds(CLOCK_PROCESS_CPUTIME_ID);
		for (uint64_t i = 0; i < lookups; i++) {
			digest_of(known ? mixed(i) % n : n + i, digest);
			hits += malware_hash_set_find(set, CRYPTO_DIGEST_SHA256, digest, 1000).p != NULL;
		}
		fprintf(stderr, "hashes: %llu, %s: %.0f ns a look-up (%lu hits)\n", (unsigned long long)n, known ? "known" : "unknown",
			(seconds(CLOCK_PROCESS_CPUTIME_ID) - begun) / (double)lookups * 1e9, hits);
	}
	malware_hash_set_free(set);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t n = 0;

	if (argc >= 4 && strcmp(argv[1], "build") == 0)
		return build(argv[2], argv + 3, argc - 3);
	if (argc == 4 && strcmp(argv[1], "scan") == 0)
		return scan(argv[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "evict") == 0) {
		each_path(argv[2], evict_path, NULL);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "hashes") == 0 && str_parse_u64(str_c(argv[2]), 1, MALWARE_HASH_LIMIT, &n))
		return hashes(n);
	fprintf(stderr, "usage: %s build IMAGE FILE... | scan IMAGE LIST | evict LIST | hashes N\n", argv[0]);
	return 2;
}
