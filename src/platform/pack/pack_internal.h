/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the files of platform/pack share. */
#pragma once
#include "platform/pack/pack.h"

/* Types a plain scalar by the YAML 1.2 core schema. -EINVAL pack.number, -E2BIG pack.too_large; without place. */
int pack_plain_scalar(struct arena *arena, struct str text, struct json *out, struct err *err) WARN_UNUSED;
/* Sets the place "file:line:col" of a byte offset; returns `code`. */
int pack_error_at(const struct pack_doc *doc, size_t at, int code, struct err *err);
