/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * Building an image out of other things than YARA's text (private to the room): signature_clamav's part. A rule is a
 * struct signature_yara_rule with a condition tree, made with signature_expr_*, in an arena of the caller's.
 * Threads: a build belongs to one thread.
 */
#pragma once
#include "engine/signature/signature_image.h"

/* Compiles the rule into the image. ret_index: the number by which later conditions name it (SIGNATURE_EXPR_RULE); may be
 * NULL. < 0: it is not taken (-ENOTSUP, -EINVAL, -E2BIG); tell signature_build_refuse then. `all` is copied. */
int signature_build_rule(struct signature_build *build, struct str space, const struct signature_yara_rule *rule, uint32_t *ret_index,
                         struct err *err) WARN_UNUSED;
/* Lists what could not be taken. `text`: its source, for libyara; STR_EMPTY: libyara would not take it either. */
void signature_build_refuse(struct signature_build *build, struct str space, struct str rule, const struct err *err, struct str text);
/* The bytes of a section of one's own (HASHES); copied. Once per kind. */
void signature_build_section(struct signature_build *build, enum signature_section_kind kind, struct str bytes);
/* The number of an external variable; false: the build has none of that name. */
bool signature_build_external(const struct signature_build *build, struct str name, uint32_t *ret, enum signature_class *ret_class);
