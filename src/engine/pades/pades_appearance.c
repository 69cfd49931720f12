/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What a signature shows (NĐ 30/2020, Annex I, II.7 and II.8): the image of a person's signature between position and name,
 * or of an organisation's seal, which covers a third of the person's at its left. Transparent PNG, as an XObject.
 */
#include <png.h>
#include <zlib.h>

#include "engine/pades/pades_sign_internal.h"

#define SIDE_MAX 3000u
#define NAMES_DEPTH 16
#define MM (72.0 / 25.4)
#define PERSON_WIDTH_MM 45.0
#define PERSON_HEIGHT_MM 22.0
#define SEAL_WIDTH_MM 36.0

/* ---- where ---- */

static const struct pades_object *find_in_names(struct pades_file *f, const struct pades_object *node, unsigned depth)
{
	const struct pades_object *names = pades_get(f, node, "Names"), *kids = pades_get(f, node, "Kids"), *found = NULL;
	if (depth > NAMES_DEPTH)
		return NULL;
	for (const struct pades_object *o = names != NULL && names->type == PADES_ARRAY ? names->child : NULL; o != NULL && o->next != NULL; o = o->next->next)
		if (o->type == PADES_STRING && str_eq_c(o->text, PADES_PLACE))
			return pades_resolve(f, o->next);
	for (const struct pades_object *o = kids != NULL && kids->type == PADES_ARRAY ? kids->child : NULL; o != NULL && found == NULL; o = o->next)
		found = find_in_names(f, pades_resolve(f, o), depth + 1);
	return found;
}

/* [page /XYZ x y zoom] */
int pades_find_place(struct pades_update *u)
{
	struct pades_file *f = &u->file;
	const struct pades_object *names = pades_get(f, pades_get(f, pades_get(f, f->trailer, "Root"), "Names"), "Dests");
	const struct pades_object *place = find_in_names(f, names, 0);
	if (place != NULL && place->type == PADES_DICT)
		place = pades_get(f, place, "D");
	const struct pades_object *page = place != NULL && place->type == PADES_ARRAY ? place->child : NULL;
	const struct pades_object *kind = page != NULL ? page->next : NULL, *x = kind != NULL ? kind->next : NULL;
	if (x == NULL || x->next == NULL || page->type != PADES_REF || !pades_is_name(kind, "XYZ"))
		return err_set(u->err, -ENOENT, "pades.no_place");
	u->page = page;
	u->x = pades_number(pades_resolve(f, x));
	u->y = pades_number(pades_resolve(f, x->next));
	return 0;
}

/* ---- what ---- */

static int read_png(struct pades_update *u, struct str file, png_image *ret, unsigned char **ret_pixels)
{
	*ret = (png_image){.version = PNG_IMAGE_VERSION};
	*ret_pixels = NULL;
	if (png_image_begin_read_from_memory(ret, file.p, file.n) == 0 || ret->width == 0 || ret->height == 0 || ret->width > SIDE_MAX || ret->height > SIDE_MAX) {
		png_image_free(ret);
		return err_set(u->err, -EINVAL, "pades.image");
	}
	ret->format = PNG_FORMAT_RGBA;
	*ret_pixels = mem_try_array(PNG_IMAGE_SIZE(*ret), 1, (size_t)4 * SIDE_MAX * SIDE_MAX);
	if (*ret_pixels != NULL && png_image_finish_read(ret, NULL, *ret_pixels, 0, NULL) != 0)
		return 0;
	png_image_free(ret);
	mem_free(*ret_pixels);
	*ret_pixels = NULL;
	return err_set(u->err, -EINVAL, "pades.image");
}

static void put_stream(struct buf *out, const unsigned char *bytes, size_t n)
{
	uLongf packed_n = compressBound((uLong)n);
	unsigned char *packed = mem_alloc(packed_n);
	if (compress2(packed, &packed_n, bytes, (uLong)n, 9) != Z_OK)
		packed_n = 0;
	buf_printf(out, " /Filter /FlateDecode /Length %lu >>\nstream\n", (unsigned long)packed_n);
	buf_append(out, str_n(packed, packed_n));
	buf_append_c(out, "\nendstream\nendobj\n");
	mem_free(packed);
}

/* Colours and transparency are images of their own. */
static void put_image(struct pades_update *u, const png_image *image, const unsigned char *pixels)
{
	size_t count = (size_t)image->width * image->height;
	unsigned char *colours = mem_alloc(3 * count), *alpha = mem_alloc(count);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < 3; k++)
			colours[3 * i + k] = pixels[4 * i + k];
		alpha[i] = pixels[4 * i + 3];
	}
	pades_begin_object(u, u->image, 0);
	buf_printf(u->out, "<< /Type /XObject /Subtype /Image /Width %u /Height %u /ColorSpace /DeviceRGB /BitsPerComponent 8 /SMask %lld 0 R", image->width,
		   image->height, (long long)u->image + 1);
	put_stream(u->out, colours, 3 * count);
	pades_begin_object(u, u->image + 1, 0);
	buf_printf(u->out, "<< /Type /XObject /Subtype /Image /Width %u /Height %u /ColorSpace /DeviceGray /BitsPerComponent 8", image->width, image->height);
	put_stream(u->out, alpha, count);
	mem_free(colours);
	mem_free(alpha);
}

/* A third of the person's image, which is as wide as its frame, lies under the seal. */
static void set_frame(struct pades_update *u, const struct pades_sign *how, const png_image *image)
{
	double ratio = (double)image->height / (double)image->width;
	double width = (how->seal ? SEAL_WIDTH_MM : PERSON_WIDTH_MM) * MM, height = width * ratio;
	if (!how->seal && height > PERSON_HEIGHT_MM * MM) {
		height = PERSON_HEIGHT_MM * MM;
		width = height / ratio;
	}
	double left = how->seal ? u->x - PERSON_WIDTH_MM * MM / 2 + PERSON_WIDTH_MM * MM / 3 - width : u->x - width / 2;
	u->frame[0] = (int)left;
	u->frame[1] = (int)(u->y - height / 2);
	u->frame[2] = (int)(left + width);
	u->frame[3] = (int)(u->y + height / 2);
}

int pades_put_appearance(struct pades_update *u, const struct pades_sign *how)
{
	png_image image;
	unsigned char *pixels;
	cleanup_buf struct buf content = BUF_INIT(256);
	int r = read_png(u, how->image_png, &image, &pixels);
	if (r < 0)
		return r;
	set_frame(u, how, &image);
	put_image(u, &image, pixels);
	mem_free(pixels);
	int width = u->frame[2] - u->frame[0], height = u->frame[3] - u->frame[1];
	buf_printf(&content, "q %d 0 0 %d 0 0 cm /I Do Q", width, height);
	pades_begin_object(u, u->image + 2, 0);
	buf_printf(u->out, "<< /Type /XObject /Subtype /Form /BBox [0 0 %d %d] /Resources << /XObject << /I %lld 0 R >> >> /Length %zu >>\nstream\n%s\nendstream\nendobj\n",
		   width, height, (long long)u->image, content.n, content.p);
	return 0;
}
