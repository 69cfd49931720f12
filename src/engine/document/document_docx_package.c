/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* The package around a DOCX (ECMA-376 part 2) and its fixed parts: styles after Annex I, the page's number. */
#include <zip.h>

#include "engine/document/document_docx_internal.h"

#define DOS_DATE ((zip_uint16_t)(1 << 5 | 1)) /* 1980-01-01: the same data make the same file */
#define PACKAGE "http://schemas.openxmlformats.org/package/2006/"
#define KIND_OF "application/vnd.openxmlformats-officedocument.wordprocessingml."
#define CORE "application/vnd.openxmlformats-package.core-properties+xml"

static const char types[] = DOCX_HEAD
    "<Types xmlns=\"" PACKAGE "content-types\"><Default Extension=\"rels\" ContentType=\"application/"
    "vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" ContentType=\"application/xml\"/>"
    "<Override PartName=\"/word/document.xml\" ContentType=\"" KIND_OF "document.main+xml\"/>"
    "<Override PartName=\"/word/styles.xml\" ContentType=\"" KIND_OF "styles+xml\"/>"
    "<Override PartName=\"/word/header1.xml\" ContentType=\"" KIND_OF "header+xml\"/>"
    "<Override PartName=\"/docProps/core.xml\" ContentType=\"" CORE "\"/></Types>";
static const char package_relations[] = DOCX_HEAD
    "<Relationships xmlns=\"" PACKAGE "relationships\"><Relationship Id=\"rId1\" Type=\"" DOCX_RELATIONS
    "/officeDocument\" Target=\"word/document.xml\"/><Relationship Id=\"rId2\" Type=\"" PACKAGE
    "relationships/metadata/core-properties\" Target=\"docProps/core.xml\"/></Relationships>";
static const char header[] = DOCX_HEAD
    "<w:hdr xmlns:w=\"" DOCX_MAIN "\"><w:p><w:pPr><w:pStyle w:val=\"Header\"/></w:pPr><w:r><w:fldChar w:fldCharType=\"begin\"/></w:r>"
    "<w:r><w:instrText xml:space=\"preserve\"> PAGE </w:instrText></w:r><w:r><w:fldChar w:fldCharType=\"separate\"/></w:r>"
    "<w:r><w:t>2</w:t></w:r><w:r><w:fldChar w:fldCharType=\"end\"/></w:r></w:p></w:hdr>";

void docx_escape(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		bool no_letter = c == 0xEF && i + 2 < text.n && (unsigned char)text.p[i + 1] == 0xBF && (unsigned char)text.p[i + 2] >= 0xBE;
		if (c == '&')
			buf_append_c(out, "&amp;");
		else if (c == '<')
			buf_append_c(out, "&lt;");
		else if (c == '>')
			buf_append_c(out, "&gt;");
		else if (c == '"')
			buf_append_c(out, "&quot;");
		else if (no_letter)
			i += 2; /* U+FFFE, U+FFFF */
		else if (c >= 0x20)
			buf_append_char(out, (char)c);
	}
}

static void put_style(struct buf *out, const char *id, const char *name, const char *paragraph, const char *run)
{
	buf_printf(out, "<w:style w:type=\"paragraph\" w:styleId=\"%s\"><w:name w:val=\"%s\"/><w:basedOn w:val=\"Normal\"/><w:qFormat/><w:pPr>%s</w:pPr><w:rPr>%s</w:rPr></w:style>",
		   id, name, paragraph, run);
}

static void make_styles(const struct document_head *h, struct buf *out)
{
	static const char heading[] = "<w:keepNext/><w:spacing w:after=\"120\"/><w:ind w:firstLine=\"720\"/><w:jc w:val=\"both\"/><w:outlineLvl w:val=\"%u\"/>";
	char level[256], table[64];
	unsigned size = 2 * h->size;
	buf_printf(out, DOCX_HEAD "<w:styles xmlns:w=\"" DOCX_MAIN "\"><w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii=\"" DOCUMENT_FONT "\" w:hAnsi=\""
				  DOCUMENT_FONT "\" w:cs=\"" DOCUMENT_FONT "\" w:eastAsia=\"" DOCUMENT_FONT "\"/><w:sz w:val=\"%u\"/><w:szCs w:val=\"%u\"/>"
				  "<w:lang w:val=\"vi-VN\"/></w:rPr></w:rPrDefault><w:pPrDefault/></w:docDefaults>"
				  "<w:style w:type=\"paragraph\" w:default=\"1\" w:styleId=\"Normal\"><w:name w:val=\"Normal\"/><w:qFormat/></w:style>",
		   size, size);
	put_style(out, "BodyText", "Body Text", "<w:spacing w:after=\"120\"/><w:ind w:firstLine=\"720\"/><w:jc w:val=\"both\"/>", "");
	put_style(out, "Quote", "Quote", "<w:spacing w:after=\"120\"/><w:ind w:left=\"720\" w:right=\"720\"/><w:jc w:val=\"both\"/>", "");
	put_style(out, "Title", "Title", "<w:keepNext/><w:ind w:left=\"850\" w:right=\"850\"/><w:jc w:val=\"center\"/>", "<w:b/>");
	put_style(out, "Header", "header", "<w:jc w:val=\"center\"/>", "");
	put_style(out, "Form", "Form", "<w:jc w:val=\"center\"/>", "");
	for (unsigned i = 1; i <= 6; i++) {
		char id[16], name[16];
		struct buf b = BUF_FIXED(level, sizeof(level)), c = BUF_FIXED(id, sizeof(id)), n = BUF_FIXED(name, sizeof(name));
		if (i == 1)
			buf_append_c(&b, "<w:keepNext/><w:jc w:val=\"center\"/><w:outlineLvl w:val=\"0\"/>");
		else
			buf_printf(&b, heading, i - 1);
		buf_printf(&c, "Heading%u", i);
		buf_printf(&n, "heading %u", i);
		put_style(out, id, name, level, i < 4 ? "<w:b/>" : i == 4 ? "<w:i/>" : "");
	}
	struct buf t = BUF_FIXED(table, sizeof(table));
	buf_printf(&t, "<w:sz w:val=\"%u\"/><w:szCs w:val=\"%u\"/>", size - 4, size - 4);
	put_style(out, "TableText", "Table Text", "<w:spacing w:before=\"40\" w:after=\"40\"/>", table);
	buf_append_c(out, "</w:styles>");
}

static void make_core(const struct document_head *h, struct buf *out)
{
	buf_append_c(out, DOCX_HEAD "<cp:coreProperties xmlns:cp=\"" PACKAGE "metadata/core-properties\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:title>");
	docx_escape(out, h->type);
	buf_append_c(out, h->type.n > 0 && h->title.n > 0 ? " " : "");
	docx_escape(out, h->title);
	buf_append_c(out, "</dc:title><dc:creator>");
	docx_escape(out, h->agency);
	buf_append_c(out, "</dc:creator><dc:language>vi-VN</dc:language></cp:coreProperties>");
}

static bool add(zip_t *archive, const char *name, struct str bytes)
{
	zip_source_t *source = zip_source_buffer(archive, bytes.p, bytes.n, 0);
	zip_int64_t at = source != NULL ? zip_file_add(archive, name, source, ZIP_FL_ENC_UTF_8) : -1;
	if (at < 0) {
		zip_source_free(source);
		return false;
	}
	return zip_file_set_dostime(archive, (zip_uint64_t)at, 0, DOS_DATE, 0) == 0 &&
	       zip_set_file_compression(archive, (zip_uint64_t)at, ZIP_CM_DEFLATE, 1) == 0;
}

struct part {
	const char *name;
	struct str bytes;
};

static bool pack(const struct part *parts, size_t count, zip_source_t *source)
{
	zip_source_keep(source); /* opening takes one hold */
	zip_t *archive = zip_open_from_source(source, ZIP_TRUNCATE, NULL);
	bool good = archive != NULL;
	if (!good)
		zip_source_free(source);
	for (size_t i = 0; good && i < count; i++)
		good = add(archive, parts[i].name, parts[i].bytes);
	if (good && zip_close(archive) == 0)
		return true;
	if (archive != NULL)
		zip_discard(archive);
	return false;
}

/* The archive's bytes, once it is closed. */
static bool take(zip_source_t *source, struct buf *out)
{
	char piece[8192];
	zip_int64_t n = -1;
	if (zip_source_open(source) < 0)
		return false;
	while ((n = zip_source_read(source, piece, sizeof(piece))) > 0)
		buf_append(out, str_n(piece, (size_t)n));
	(void)zip_source_close(source);
	return n == 0;
}

int docx_pack(const struct document *d, struct str document, struct str links, struct buf *ret, struct err *err)
{
	cleanup_buf struct buf styles = BUF_INIT(65536), core = BUF_INIT(65536), relations = BUF_INIT(DOCUMENT_FILE_MAX);
	make_styles(&d->head, &styles);
	make_core(&d->head, &core);
	buf_append_c(&relations, DOCX_HEAD "<Relationships xmlns=\"" PACKAGE "relationships\"><Relationship Id=\"rIdStyles\" Type=\"" DOCX_RELATIONS
				 "/styles\" Target=\"styles.xml\"/><Relationship Id=\"rIdHeader\" Type=\"" DOCX_RELATIONS "/header\" Target=\"header1.xml\"/>");
	buf_append(&relations, links);
	buf_append_c(&relations, "</Relationships>");
	const struct part parts[] = {{"[Content_Types].xml", str_c(types)},	   {"_rels/.rels", str_c(package_relations)},
				     {"word/document.xml", document},		   {"word/_rels/document.xml.rels", buf_str(&relations)},
				     {"word/styles.xml", buf_str(&styles)}, {"word/header1.xml", str_c(header)},
				     {"docProps/core.xml", buf_str(&core)}};
	zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
	bool good = source != NULL && pack(parts, ARRAY_LEN(parts), source) && take(source, ret);
	if (source != NULL)
		zip_source_free(source);
	return good ? 0 : err_set(err, -EIO, "document.not_written");
}
