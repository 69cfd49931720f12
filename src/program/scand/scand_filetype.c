/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* First bytes and the names that LOKI gives them (its file-type-signatures.cfg); the first row that fits. */
#include "base/mem/mem.h"
#include "program/scand/scand.h"

#define ROW(bytes_, name_) {{(bytes_), sizeof(bytes_) - 1}, (name_)}
static const struct {
	struct str start;
	const char *name;
} table[] = {
	ROW("MZ", "EXE"),
	ROW("\x7f" "ELF", "ELF"),
	ROW("%PDF", "PDF"),
	ROW("PK\x03\x04", "ZIP"),
	ROW("Rar!\x1a\x07", "RAR"),
	ROW("7z\xbc\xaf\x27\x1c", "7ZIP"),
	ROW("\x1f\x8b", "GZIP"),
	ROW("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE"),
	ROW("{\\rtf", "RTF"),
	ROW("GIF8", "GIF"),
	ROW("\x89PNG\r\n\x1a\n", "PNG"),
	ROW("\xff\xd8\xff", "JPG"),
	ROW("BM", "BMP"),
	ROW("MDMP\x93\xa7", "MDMP"),
	ROW("MSCF", "CAB"),
	ROW("L\x00\x00\x00\x01\x14\x02\x00", "LNK"),
	ROW("\xca\xfe\xba\xbe", "JAVACLASS"),
	ROW("\xcf\xfa\xed\xfe", "MACH-O"),
	ROW("\xce\xfa\xed\xfe", "MACH-O"),
	ROW("<?php", "PHP"),
	ROW("<?PHP", "PHP"),
	ROW("SQLite format 3", "SQLITE"),
	ROW("regf", "REGISTRY"),
};

static struct str filetype(struct str bytes)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_starts_with(bytes, table[i].start))
			return str_c(table[i].name);
	return STR_EMPTY;
}

static struct str last_part(struct str path)
{
	for (size_t i = path.n; i > 0; i--)
		if (path.p[i - 1] == '/' || path.p[i - 1] == '\\')
			return str_sub(path, i, path.n);
	return path;
}

static struct str extension_of(struct str name)
{
	for (size_t i = name.n; i > 1; i--)
		if (name.p[i - 1] == '.')
			return str_sub(name, i - 1, name.n);
	return STR_EMPTY;
}

void scand_names_of(struct str path, struct str owner, struct str head, struct scand_names *ret)
{
	struct str name = last_part(path);
	*ret = (struct scand_names){name, path, extension_of(name), filetype(head), owner};
}
