/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Parts of a package: libzip unpacks, expat reads, both under limits. */
#include "engine/table/table_internal.h"

#define ENTRIES_MAX 2000
/* Real spreadsheets stay below 40:1; deflate reaches 1,032:1. Small files may do as they like. */
#define RATIO_MAX 200
#define RATIO_FREE ((uint64_t)8 << 20)
#define INFLATED_MAX ((uint64_t)512 << 20)
#define CHUNK ((size_t)64 << 10)
#define DEPTH_MAX 64

static int malformed(struct err *err, const char *what)
{
	return err_set(err, -EINVAL, "table.malformed", ARG_CSTR("what", what));
}

int table_zip_open(struct str file, struct table_zip *ret, struct err *err)
{
	zip_error_t why;
	zip_error_init(&why);
	zip_source_t *source = zip_source_buffer_create(file.p, file.n, 0, &why);
	zip_t *archive = source != NULL ? zip_open_from_source(source, ZIP_RDONLY, &why) : NULL;
	if (archive == NULL) {
		zip_source_free(source);
		int r = malformed(err, zip_error_strerror(&why));
		zip_error_fini(&why);
		return r;
	}
	zip_error_fini(&why);
	*ret = (struct table_zip){.archive = archive, .packed_bytes = file.n};
	if (zip_get_num_entries(archive, 0) > ENTRIES_MAX)
		return err_set(err, -E2BIG, "table.bomb");
	return 0;
}

void table_zip_done(struct table_zip *zip)
{
	if (zip->archive != NULL)
		zip_discard(zip->archive);
	zip->archive = NULL;
}

static const char *local(const char *name)
{
	const char *colon = strchr(name, ':');
	return colon != NULL ? colon + 1 : name;
}

const char *table_xml_attribute(const char **attributes, const char *name)
{
	for (size_t i = 0; attributes[i] != NULL; i += 2)
		if (strcmp(local(attributes[i]), name) == 0)
			return attributes[i + 1];
	return NULL;
}

static void fail(struct table_xml *x, int r)
{
	x->r = r;
	(void)XML_StopParser(x->parser, XML_FALSE);
}

static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
	struct table_xml *x = ctx;
	if (x->r < 0)
		return;
	if (++x->depth > DEPTH_MAX)
		fail(x, malformed(x->err, "depth"));
	else
		x->start(x, local(name), attributes);
	if (x->r < 0)
		(void)XML_StopParser(x->parser, XML_FALSE);
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
	struct table_xml *x = ctx;
	if (x->r < 0)
		return;
	x->depth--;
	x->end(x, local(name));
	if (x->r < 0)
		(void)XML_StopParser(x->parser, XML_FALSE);
}

static void XMLCALL on_text(void *ctx, const XML_Char *text, int n)
{
	struct table_xml *x = ctx;
	if (x->r >= 0 && x->text != NULL && n > 0)
		x->text(x, str_n(text, (size_t)n));
}

/* No spreadsheet has a document type; entities come with one. */
static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *system, const XML_Char *public, int inner)
{
	(void)name;
	(void)system;
	(void)public;
	(void)inner;
	struct table_xml *x = ctx;
	fail(x, malformed(x->err, "DOCTYPE"));
}

static int grown(struct table_zip *zip, uint64_t bytes, struct err *err)
{
	zip->inflated_bytes += bytes;
	bool bomb = zip->inflated_bytes > RATIO_FREE && zip->inflated_bytes / RATIO_MAX > zip->packed_bytes;
	return bomb || zip->inflated_bytes > INFLATED_MAX ? err_set(err, -E2BIG, "table.bomb") : 0;
}

static int feed(struct table_zip *zip, zip_file_t *file, struct table_xml *x, struct err *err)
{
	for (;;) {
		void *room = XML_GetBuffer(x->parser, (int)CHUNK);
		zip_int64_t n = room != NULL ? zip_fread(file, room, CHUNK) : -1;
		if (n < 0)
			return malformed(err, room != NULL ? zip_file_strerror(file) : "XML");
		int r = grown(zip, (uint64_t)n, err);
		if (r < 0)
			return r;
		enum XML_Status status = XML_ParseBuffer(x->parser, (int)n, n == 0);
		if (x->r < 0)
			return x->r;
		if (status != XML_STATUS_OK)
			return malformed(err, XML_ErrorString(XML_GetErrorCode(x->parser)));
		if (n == 0)
			return 0;
	}
}

static int find(struct table_zip *zip, const char *part, zip_uint64_t *ret, struct err *err)
{
	zip_stat_t s;
	zip_stat_init(&s);
	zip_int64_t at = zip_name_locate(zip->archive, part, ZIP_FL_NOCASE);
	if (at < 0)
		return -ENOENT;
	if (zip_stat_index(zip->archive, (zip_uint64_t)at, 0, &s) < 0)
		return malformed(err, zip_strerror(zip->archive));
	/* What else libzip knows is code that a spreadsheet never needs. */
	bool plain = (s.valid & ZIP_STAT_COMP_METHOD) != 0 && (s.comp_method == ZIP_CM_STORE || s.comp_method == ZIP_CM_DEFLATE);
	if (!plain || ((s.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && s.encryption_method != ZIP_EM_NONE))
		return err_set(err, -EINVAL, "table.encrypted");
	*ret = (zip_uint64_t)at;
	return 0;
}

int table_zip_xml(struct table_zip *zip, const char *part, struct table_xml *x, struct err *err)
{
	zip_uint64_t at = 0;
	int r = find(zip, part, &at, err);
	if (r < 0)
		return r;
	zip_file_t *file = zip_fopen_index(zip->archive, at, 0);
	if (file == NULL)
		return malformed(err, zip_strerror(zip->archive));
	x->parser = XML_ParserCreate(NULL);
	x->err = err;
	if (x->parser == NULL) {
		r = malformed(err, "XML");
	} else {
		XML_SetUserData(x->parser, x);
		XML_SetElementHandler(x->parser, on_start, on_end);
		XML_SetCharacterDataHandler(x->parser, on_text);
		XML_SetStartDoctypeDeclHandler(x->parser, on_doctype);
		r = feed(zip, file, x, err);
		XML_ParserFree(x->parser);
	}
	x->parser = NULL;
	(void)zip_fclose(file);
	return r;
}
