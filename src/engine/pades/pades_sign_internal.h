/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* An incremental update while it is written. */
#pragma once
#include "engine/pades/pades_internal.h"

#define PADES_UPDATE_OBJECTS 12

struct pades_update {
	struct pades_file file;
	struct buf *out;
	size_t base; /* where the file begins in `out` */
	struct {
		int64_t number;
		uint32_t generation;
		size_t at;
	} written[PADES_UPDATE_OBJECTS];
	size_t count;
	int64_t signature, field, size;
	int64_t image; /* first of three objects of the appearance; 0: shows nothing */
	const struct pades_object *page; /* reference to the page of the widget */
	double x, y;   /* points from the page's lower left corner: the middle of the place to sign */
	int frame[4];  /* of the widget */
	size_t contents_at, range_at;
	struct err *err;
};

void pades_begin_object(struct pades_update *u, int64_t number, uint32_t generation);
int pades_find_place(struct pades_update *u);
int pades_put_appearance(struct pades_update *u, const struct pades_sign *how);
