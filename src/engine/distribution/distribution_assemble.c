/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <string.h>

#include "engine/distribution/distribution_internal.h"

#define ATTEMPTS 3

struct work {
	const struct distribution_order *order;
	struct distribution_sum sum;
	int fd;
	uint64_t written; /* of the body */
	bool resuming;    /* what is in the file still fits */
	struct buf bytes, packed, old;
};

static void step(const struct work *w, const char *what)
{
	if (w->order->step != NULL)
		w->order->step(w->order->step_ctx, what);
}

/* From what is at hand, else from the net; what comes wrong is asked for again, elsewhere if there is an elsewhere. */
static int get(struct work *w, const struct distribution_chunk *c, struct err *err)
{
	int r = -EBADMSG;
	buf_clear(&w->bytes);
	if (w->order->stock != NULL && distribution_stock_get(w->order->stock, c->name, &w->bytes)) {
		if (w->bytes.n == c->size_bytes)
			return 0;
		buf_clear(&w->bytes);
	}
	for (unsigned attempt = 0; attempt < ATTEMPTS && r == -EBADMSG; attempt++) {
		err_clear(err);
		buf_clear(&w->packed);
		step(w, "fetch");
		r = w->order->fetch(w->order->ctx, c->name, attempt, &w->packed, err);
		if (r < 0)
			return r;
		r = distribution_unpack(buf_str(&w->packed), c, &w->bytes, err);
	}
	w->sum.fetched++;
	w->sum.fetched_bytes += w->packed.n;
	return r;
}

/* Does the file go on with this chunk already? */
static bool is_there(struct work *w, const struct distribution_chunk *c)
{
	size_t n = 0;
	unsigned char digest[SHA256_SIZE];
	char *to = w->old.p;
	if (!w->resuming || distribution_part_read(w->fd, to, c->size_bytes, &n, NULL) < 0 || n != c->size_bytes)
		return false;
	sha256(str_n(to, n), digest);
	return memcmp(digest, c->name, sizeof(digest)) == 0;
}

static int put(struct work *w, const struct distribution_chunk *c, struct err *err)
{
	int r = 0;
	if (w->written + c->size_bytes > w->order->size_bytes)
		return err_set(err, -EBADMSG, "distribution.endless", ARG_U64("bytes", w->order->size_bytes));
	w->sum.chunks++;
	if (is_there(w, c)) {
		w->sum.resumed++;
		w->written += c->size_bytes;
		return 0;
	}
	if (w->resuming) {
		w->resuming = false;
		r = distribution_part_cut(w->fd, w->order->head.n + w->written, err);
	}
	if (r >= 0)
		r = get(w, c, err);
	step(w, "write");
	if (r >= 0)
		r = distribution_part_write(w->fd, buf_str(&w->bytes), err);
	w->written += c->size_bytes;
	return r;
}

static int put_page(struct work *w, const struct distribution_chunk *page, struct err *err)
{
	struct distribution_chunk *chunks = mem_alloc_array(DISTRIBUTION_PAGE_RECORDS, sizeof(*chunks));
	size_t count = 0;
	int r = get(w, page, err);
	if (r >= 0)
		r = distribution_read_page(buf_str(&w->bytes), w->written, chunks, DISTRIBUTION_PAGE_RECORDS, &count, err);
	for (size_t i = 0; r >= 0 && i < count; i++)
		r = put(w, &chunks[i], err);
	mem_free(chunks);
	return r;
}

/* The head first: a file that begins otherwise belongs to another update. */
static int begin(struct work *w, const char *path, struct err *err)
{
	struct str head = w->order->head;
	size_t n = 0;
	step(w, "open");
	int r = distribution_part_open(path, &w->fd, err);
	if (r < 0)
		return r;
	char *to = mem_alloc(head.n + 1);
	w->resuming = distribution_part_read(w->fd, to, head.n, &n, NULL) >= 0 && n == head.n && memcmp(to, head.p, n) == 0;
	mem_free(to);
	if (w->resuming)
		return 0;
	r = distribution_part_cut(w->fd, 0, err);
	step(w, "head");
	return r < 0 ? r : distribution_part_write(w->fd, head, err);
}

int distribution_assemble(const struct distribution_order *order, const char *path, struct distribution_sum *ret, struct err *err)
{
	struct work w = {.order = order, .fd = -1, .bytes = BUF_INIT(DISTRIBUTION_CHUNK_MOST + 1),
	                 .packed = BUF_INIT(DISTRIBUTION_PACKED_MOST + 1), .old = BUF_INIT(DISTRIBUTION_CHUNK_MOST + 1)};
	struct err local = {0};
	(void)buf_reserve(&w.old, DISTRIBUTION_CHUNK_MOST);
	int r = begin(&w, path, &local);
	for (size_t i = 0; r >= 0 && i < order->page_count; i++)
		r = put_page(&w, &order->pages[i], &local);
	if (r >= 0 && w.written != order->size_bytes)
		r = err_set(&local, -EBADMSG, "distribution.short", ARG_U64("bytes", w.written), ARG_U64("expected", order->size_bytes));
	if (r >= 0) /* whatever an earlier try left behind the end */
		r = distribution_part_cut(w.fd, order->head.n + w.written, &local);
	step(&w, "sync");
	if (w.fd >= 0) {
		struct err *why = r >= 0 ? &local : NULL;
		int closed = distribution_part_close(w.fd, r >= 0, why);
		r = r < 0 ? r : closed;
	}
	buf_done(&w.bytes);
	buf_done(&w.packed);
	buf_done(&w.old);
	*ret = w.sum;
	if (r < 0 && err != NULL)
		*err = local;
	return r;
}
