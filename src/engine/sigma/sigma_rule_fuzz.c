/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/sigma/sigma.h"

/* libfyaml 0.7.12 forgets a work buffer when a long quoted scalar has no end. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml.so";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(sigma_loader) struct sigma_loader *loader = sigma_loader_new(NULL);
	struct sigma_ruleset *set = NULL;
	const struct sigma_match *matches;
	if (sigma_loader_add_text(loader, "x", str_n(data, size), NULL) == 0 && sigma_loader_compile(loader, &set, NULL) == 0) {
		cleanup(sigma_matcher) struct sigma_matcher *m = sigma_matcher_new(set, NULL);
		(void)!sigma_matcher_run(m, STR("{\"A\":\"x\",\"EventID\":1,\"a\":{\"b\":[1,null]}}"), &matches, NULL);
	}
	(void)sigma_ruleset_unref(set);
	return 0;
}
