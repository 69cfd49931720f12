/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* For fuzz targets that read YAML: libfyaml 0.7.12 forgets a work buffer when a long quoted scalar has no end. */
#pragma once

__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml.so";
}
