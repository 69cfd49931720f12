/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What the parts of the DOCX writer share. */
#pragma once
#include "engine/document/document_internal.h"

#define DOCX_HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
#define DOCX_MAIN "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
#define DOCX_RELATIONS "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define DOCX_TWIPS_PER_MM (1440 / 25.4)

/* Text for XML: escaped, and without what XML 1.0 cannot hold. */
void docx_escape(struct buf *out, struct str text);
/* The fixed parts, `document` and its `links` (relationships) packed. Appends the file. */
int docx_pack(const struct document *d, struct str document, struct str links, struct buf *ret, struct err *err) WARN_UNUSED;
