/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * ClamAV's body signatures in an image: .ndb (one pattern) and .ldb (logical expressions over patterns), with what libclamav
 * 1.4 makes of them on a file as it lies there. Targets: any (0), PE (1), OLE2 (2), ELF (6), PDF (10), Flash (11).
 *
 * Not taken, each listed with its reason: targets whose bytes libclamav rewrites before it looks (HTML, mail, text), regular
 * expressions, byte comparisons, macros, fuzzy images, icons, containers, version information, word boundaries, counts over
 * groups other than "(a|b|c)>n,m". What libclamav takes out of archives and documents is not looked into either: that is
 * the scanner's part. Hash lists (.hdb, .hsb) go where hashes are kept: engine/malware, malware_signatures.h.
 * Source: "ClamAV Signatures" (docs.clamav.net/manual/Signatures), and what clamscan 1.4.6 says.
 */
#pragma once
#include "engine/signature/signature.h"

/* The functionality level of libclamav 1.4; signatures for other levels are left out, as libclamav leaves them out. */
#define SIGNATURE_CLAMAV_LEVEL 216

struct signature_clamav_result {
	uint32_t taken, refused;
	uint32_t other_level; /* signatures for other releases of libclamav */
};

/* A database file; its name's ending (.ndb .ndu .ldb .ldu) says which. Signatures become rules of their own names in this
 * namespace, "#2" and so on behind a name that comes again. -ENOTSUP (signature.clamav_file): another kind of file. */
int signature_build_clamav(struct signature_build *build, struct str space, const char *file, struct str text,
			   struct signature_clamav_result *ret, struct err *err) WARN_UNUSED;
