/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What a later revision changed. Further signatures add fields and their widgets to the form, to a page and nothing else;
 * whatever differs otherwise is a change that the earlier signer did not see. A widget as large as a page could paint
 * over it, so the new ones have to be small.
 */
#include "engine/pades/pades_internal.h"

#define WIDGET_AREA_MAX 90000.0 /* square points: 300 by 300 */
#define KIDS_MAX 100000

struct compare {
	struct pades_file *before, *now;
	size_t left; /* objects still to compare */
};

static bool same(struct compare *c, const struct pades_object *a, const struct pades_object *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	if (a->type != b->type || a->is_stream || b->is_stream || c->left == 0)
		return false;
	c->left--;
	switch (a->type) {
	case PADES_NULL:
		return true;
	case PADES_BOOL:
	case PADES_INTEGER:
		return a->integer == b->integer;
	case PADES_REF:
		return a->integer == b->integer && a->generation == b->generation;
	case PADES_REAL:
		return str_eq(a->raw, b->raw);
	case PADES_NAME:
	case PADES_STRING:
		return str_eq(a->text, b->text);
	case PADES_ARRAY:
	case PADES_DICT:
		break;
	}
	const struct pades_object *x = a->child, *y = b->child;
	for (; x != NULL && y != NULL; x = x->next, y = y->next)
		if (!str_eq(x->key, y->key) || !same(c, x, y))
			return false;
	return x == NULL && y == NULL;
}

static bool known(const struct pades_file *f, int64_t number)
{
	return number >= 0 && (size_t)number < f->count && f->entries[number].kind != PADES_UNSET && f->entries[number].kind != PADES_FREE;
}

/* A new field for a signature, with a widget that hides little. */
static bool is_new_field(struct compare *c, const struct pades_object *ref)
{
	if (ref->type != PADES_REF || known(c->before, ref->integer))
		return false;
	const struct pades_object *o = pades_resolve(c->now, ref), *rect = pades_get(c->now, o, "Rect");
	double sides[4] = {0};
	if (!pades_is_name(pades_get(c->now, o, "FT"), "Sig"))
		return false;
	const struct pades_object *side = rect != NULL ? rect->child : NULL;
	for (size_t i = 0; i < 4 && side != NULL; i++, side = side->next)
		sides[i] = pades_number(pades_resolve(c->now, side));
	double area = (sides[2] - sides[0]) * (sides[3] - sides[1]);
	return area >= -WIDGET_AREA_MAX && area <= WIDGET_AREA_MAX;
}

/* The old items and behind them new fields. */
static bool only_fields_added(struct compare *c, const struct pades_object *before, const struct pades_object *now)
{
	const struct pades_object *a = before != NULL ? before->child : NULL, *b = now != NULL ? now->child : NULL;
	if ((before != NULL && before->type != PADES_ARRAY) || (now != NULL && now->type != PADES_ARRAY))
		return false;
	for (; a != NULL; a = a->next, b = b->next)
		if (b == NULL || !same(c, a, b))
			return false;
	for (; b != NULL; b = b->next)
		if (!is_new_field(c, b))
			return false;
	return true;
}

static bool in_list(struct str key, const char *const *keys)
{
	for (size_t i = 0; keys[i] != NULL; i++)
		if (str_eq_c(key, keys[i]))
			return true;
	return false;
}

/* All entries but those named are the same in both, in whatever order. */
static bool same_but(struct compare *c, const struct pades_object *a, const struct pades_object *b, const char *const *keys)
{
	if (a == NULL || b == NULL || a->type != PADES_DICT || b->type != PADES_DICT || a->is_stream || b->is_stream)
		return false;
	for (int turn = 0; turn < 2; turn++) {
		const struct pades_object *from = turn == 0 ? a : b, *to = turn == 0 ? b : a;
		for (const struct pades_object *o = from->child; o != NULL; o = o->next) {
			const struct pades_object *other = to->child;
			while (other != NULL && !str_eq(other->key, o->key))
				other = other->next;
			if (!in_list(o->key, keys) && !same(c, o, other))
				return false;
		}
	}
	return true;
}
#define SAME_BUT(c, a, b, ...) same_but((c), (a), (b), (const char *const[]){__VA_ARGS__, NULL})

static bool form_is_fine(struct compare *c, const struct pades_object *a, const struct pades_object *b)
{
	if (a == NULL && b != NULL)
		return only_fields_added(c, NULL, pades_get(c->now, b, "Fields")) && pades_entry(b, "XFA") == NULL;
	if (a == NULL || b == NULL)
		return a == b;
	return SAME_BUT(c, a, b, "Fields", "SigFlags", "DR", "DA") && only_fields_added(c, pades_get(c->before, a, "Fields"), pades_get(c->now, b, "Fields"));
}

static bool dict_is_fine(struct compare *c, int64_t number, const struct pades_object *a, const struct pades_object *b)
{
	const struct pades_object *root = pades_entry(c->before->trailer, "Root"), *info = pades_entry(c->before->trailer, "Info");
	const struct pades_object *form = pades_entry(pades_get(c->before, c->before->trailer, "Root"), "AcroForm");
	if (root != NULL && root->type == PADES_REF && root->integer == number)
		return SAME_BUT(c, a, b, "AcroForm", "DSS", "Extensions") && form_is_fine(c, pades_get(c->before, a, "AcroForm"), pades_get(c->now, b, "AcroForm"));
	if (form != NULL && form->type == PADES_REF && form->integer == number)
		return form_is_fine(c, a, b);
	if (info != NULL && info->type == PADES_REF && info->integer == number)
		return SAME_BUT(c, a, b, "ModDate", "Producer");
	if (pades_is_name(pades_get(c->before, a, "Type"), "Page"))
		return SAME_BUT(c, a, b, "Annots") && only_fields_added(c, pades_get(c->before, a, "Annots"), pades_get(c->now, b, "Annots"));
	/* A field that waited for its signature. */
	if (pades_is_name(pades_get(c->before, a, "FT"), "Sig") && pades_entry(a, "V") == NULL)
		return SAME_BUT(c, a, b, "V", "AP", "F", "M");
	return false;
}

/* Arrays on their own are lists of annotations or fields: nobody else's grow. */
static bool object_is_fine(struct compare *c, int64_t number)
{
	const struct pades_object *a = pades_load(c->before, number), *b = pades_load(c->now, number);
	if (a == NULL || b == NULL)
		return false;
	if (a->type == PADES_ARRAY)
		return only_fields_added(c, a, b);
	return !a->is_stream && !b->is_stream && (same(c, a, b) || dict_is_fine(c, number, a, b));
}

enum pades_change pades_compare(struct pades_file *before, struct pades_file *now)
{
	struct compare c = {.before = before, .now = now, .left = KIDS_MAX};
	const struct pades_object *a = pades_entry(before->trailer, "Root"), *b = pades_entry(now->trailer, "Root");
	if (a == NULL || b == NULL || !same(&c, a, b) || now->count < before->count)
		return PADES_CHANGE_OTHER;
	for (size_t i = 0; i < before->count; i++) {
		const struct pades_entry *x = &before->entries[i], *y = &now->entries[i];
		bool untouched = x->kind == y->kind && x->at == y->at && x->extra == y->extra;
		bool was_there = known(before, (int64_t)i);
		if (was_there && !untouched && !object_is_fine(&c, (int64_t)i))
			return PADES_CHANGE_OTHER;
	}
	return PADES_CHANGE_SIGNED;
}
