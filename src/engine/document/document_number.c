/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Numbers of parts (Annex I, II.6: Roman, then Arabic, then letters) and widths of a table's columns. */
#include <math.h>

#include "base/text/text.h"
#include "engine/document/document_internal.h"
#include "engine/document/document_template.h"

#define LEVELS 7
#define WORD_MAX 24       /* letters of the longest word that a column must hold */
#define TEXT_MAX 240.0    /* letters beyond which a text asks for no more width */
#define ROW_WIDTH 84.0    /* letters that a line of a table holds, about; on a broad page: */
#define ROW_WIDTH_BROAD 126.0

void document_number_headings(struct document *d)
{
	unsigned counts[LEVELS] = {0};
	for (struct document_block *b = d->blocks; b != NULL; b = b->next) {
		if (b->kind == DOCUMENT_APPENDIX)
			for (size_t i = 0; i < LEVELS; i++)
				counts[i] = 0;
		if (b->kind != DOCUMENT_HEADING || d->head.plain_headings)
			continue;
		counts[b->level]++;
		for (size_t i = b->level + 1; i < LEVELS; i++)
			counts[i] = 0;
		if (b->level == 2)
			b->label = arena_printf(d->arena, "%.*s.", STR_FMT(document_roman(d->arena, counts[2])));
		else if (b->level == 3)
			b->label = arena_printf(d->arena, "%u.", counts[3]);
		else if (b->level == 4)
			b->label = arena_printf(d->arena, "%.*s)", STR_FMT(document_letter(d->arena, counts[4])));
	}
}

struct extent {
	double word, text; /* letters of the longest word and of the longest text */
};

static void measure(const struct document_run *runs, bool head, struct extent *e)
{
	double word = 0, text = 0;
	for (const struct document_run *run = runs; run != NULL; run = run->next) {
		for (size_t at = 0; at < run->text.n;) {
			int32_t code = text_utf8_next(run->text, &at);
			bool capital = code >= 'A' && code <= 'Z';
			double letter = (run->style & DOCUMENT_BOLD || head ? 1.1 : 1) * (capital ? 1.45 : 1);
			bool blank = code == ' ' || code == '\n';
			word = blank ? 0 : word + letter;
			text += letter;
			e->word = fmax(e->word, fmin(word, WORD_MAX));
		}
	}
	e->text = fmax(e->text, fmin(text, TEXT_MAX));
}

/* The heading of a group of rows goes over all columns but the first: "| **II** | **…** | | |". */
static bool is_group(const struct document_table *t, const struct document_row *row)
{
	if (row == t->rows || t->columns < 4 || row->cells[1] == NULL)
		return false;
	for (const struct document_run *run = row->cells[1]; run != NULL; run = run->next)
		if ((run->style & DOCUMENT_BOLD) == 0)
			return false;
	for (size_t i = 2; i < t->columns; i++)
		if (row->cells[i] != NULL)
			return false;
	return true;
}

/* Each column gets its longest word; what is left goes by the roots of the longest texts, so that rows become even. */
void document_share_columns(struct document_table *t, bool broad)
{
	struct extent e[DOCUMENT_COLUMNS_MAX] = {0};
	double words = 0, roots = 0;
	for (struct document_row *row = t->rows; row != NULL; row = row->next) {
		row->spans = is_group(t, row);
		for (size_t i = 0; i < (row->spans ? 1 : t->columns); i++)
			measure(row->cells[i], row == t->rows, &e[i]);
	}
	for (size_t i = 0; i < t->columns; i++) {
		words += e[i].word + 2;
		roots += sqrt(fmax(e[i].text - e[i].word, 0));
	}
	double left = fmax((broad ? ROW_WIDTH_BROAD : ROW_WIDTH) - words, 0);
	for (size_t i = 0; i < t->columns; i++) {
		double more = roots > 0 ? left * sqrt(fmax(e[i].text - e[i].word, 0)) / roots : 0;
		t->share[i] = (e[i].word + 2 + more) / (words + (roots > 0 ? left : 0));
	}
}
