/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_clamav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct signature_build_options options;
	const char *const files[] = {"a.ndb", "a.ldb"};

	for (unsigned i = 0; i < 2; i++) {
		struct signature_clamav_result result;
		struct signature_build *build = signature_build_new(&options);
		(void)!signature_build_clamav(build, STR("c"), files[i], str_n(data, size), &result, NULL);
		signature_build_free(build);
	}
	return 0;
}
