/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Inside the room: the parts of ClamAV's signatures. Texts borrow from the line. */
#pragma once
#include "engine/signature/signature_clamav.h"
#include "engine/signature/signature_yara.h"

#define CLAMAV_SUBS_MAX 64

enum clamav_target {
	CLAMAV_TARGET_ANY = 0,
	CLAMAV_TARGET_PE = 1,
	CLAMAV_TARGET_OLE2 = 2,
	CLAMAV_TARGET_ELF = 6,
	CLAMAV_TARGET_PDF = 10,
	CLAMAV_TARGET_FLASH = 11,
};

/* Where a pattern may begin, as texts of YARA's language. */
struct clamav_place {
	bool anywhere;
	char from[96], to[96];
};

struct clamav_sub {
	struct clamav_place place;
	struct signature_pattern pattern;
};

/* Errors: -EINVAL (wrong for ClamAV too) and -ENOTSUP, keys signature.clamav_*, argument "text". */
int clamav_refuse(struct err *err, const char *key, struct str text);
/* "*", "12", "EOF-8,4", "EP+0", "S2+1", "SL+0", "SE1". */
int clamav_place(struct str offset, enum clamav_target target, struct clamav_place *ret, struct err *err) WARN_UNUSED;
/* "6d69??(61|62){2-4}" with modifiers ("iw" …) into a pattern; its text is of the arena. */
int clamav_pattern(struct arena *arena, struct str body, struct str modifiers, struct signature_pattern *ret, struct err *err) WARN_UNUSED;
int clamav_target(struct str number, enum clamav_target *ret, struct err *err) WARN_UNUSED;
/* Appends the condition that a target puts on the file. */
void clamav_target_condition(enum clamav_target target, struct buf *out);
/* Appends "0&(1|2)>1,2" as a condition. */
int clamav_logic(struct str expression, const struct clamav_sub *subs, unsigned count, struct buf *out, struct err *err) WARN_UNUSED;
