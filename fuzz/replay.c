/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Runs a fuzz target over the files of its kept corpus and over short made-up inputs, so that every finding stays a test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_file(const char *dir, const char *name)
{
	char path[4096];
	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		return;
	static uint8_t bytes[1 << 20];
	size_t n = fread(bytes, 1, sizeof bytes, f);
	(void)fclose(f);
	/* An exact-size copy, so that the sanitizer sees a read past the end. */
	uint8_t *copy = malloc(n > 0 ? n : 1);
	for (size_t i = 0; i < n; i++)
		copy[i] = bytes[i];
	(void)LLVMFuzzerTestOneInput(copy, n);
	/* Every truncation of a small input is an input too. */
	for (size_t cut = 0; cut < n && n <= 512; cut++) {
		uint8_t *part = malloc(cut > 0 ? cut : 1);
		for (size_t i = 0; i < cut; i++)
			part[i] = bytes[i];
		(void)LLVMFuzzerTestOneInput(part, cut);
		free(part);
	}
	free(copy);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		(void)fprintf(stderr, "usage: %s CORPUS-DIR\n", argv[0]);
		return 2;
	}
	DIR *d = opendir(argv[1]);
	if (d == NULL) {
		(void)fprintf(stderr, "%s: no such corpus folder\n", argv[1]);
		return 2;
	}
	unsigned files = 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		run_file(argv[1], e->d_name);
		files++;
	}
	(void)closedir(d);
	(void)printf("%u corpus files\n", files);
	return files > 0 ? 0 : 1;
}
