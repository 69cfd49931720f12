/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/server/worker_exchange.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file/file.h"
#include "program/server/worker_protocol.h"

#define HEAD ((size_t)4096)

struct head {
	uint64_t left; /* 1: a result is there */
	uint64_t output_n;
	int64_t result;
	struct err err;
};
_Static_assert(sizeof(struct head) <= HEAD, "the head has its page");

int worker_exchange_new(struct str input, size_t output_max, int *ret_fd, struct err *err)
{
	if (input.n > WORKER_INPUT_MAX || output_max > WORKER_OUTPUT_MAX)
		return err_set(err, -E2BIG, "worker.too_big", ARG_U64("limit_mb", WORKER_INPUT_MAX >> 20));
	cleanup_fd int fd = memfd_create("luytre-job", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_errno(err, errno, "memfd_create", STR_EMPTY);
	if (ftruncate(fd, (off_t)(HEAD + input.n + output_max)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0 || lseek(fd, (off_t)HEAD, SEEK_SET) < 0)
		return err_errno(err, errno, "memfd", STR_EMPTY);
	int r = file_write_all(fd, input, err);
	if (r < 0)
		return r;
	*ret_fd = file_take(&fd);
	return 0;
}

int worker_exchange_map(int fd, uint64_t input_n, uint64_t output_max, struct worker_exchange *ret, struct err *err)
{
	struct stat s;
	if (input_n > WORKER_INPUT_MAX || output_max > WORKER_OUTPUT_MAX || fstat(fd, &s) < 0 ||
	    (uint64_t)s.st_size != HEAD + input_n + output_max)
		return err_set(err, -EINVAL, "worker.malformed");
	void *bytes = mmap(NULL, (size_t)s.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		return err_errno(err, errno, "mmap", STR_EMPTY);
	*ret = (struct worker_exchange){bytes, (size_t)s.st_size, (size_t)input_n, (size_t)output_max};
	return 0;
}

void worker_exchange_unmap(struct worker_exchange *x)
{
	(void)munmap(x->bytes, x->size);
}

struct str worker_exchange_input(const struct worker_exchange *x)
{
	return str_n(x->bytes + HEAD, x->input_n);
}

void worker_exchange_leave(struct worker_exchange *x, int result, const struct err *err, struct str output)
{
	struct head head = {.left = 1, .result = result, .output_n = output.n, .err = *err};
	if (result >= 0 && output.n > x->output_max) {
		head.output_n = 0;
		head.result = err_set(&head.err, -E2BIG, "worker.too_big", ARG_U64("limit_mb", x->output_max >> 20));
	} else if (result >= 0 && output.n > 0) {
		memcpy(x->bytes + HEAD + x->input_n, output.p, output.n);
	}
	memcpy(x->bytes, &head, sizeof(head));
}

static int read_at(int fd, size_t at, void *to, size_t n, struct err *err)
{
	char *p = to;
	while (n > 0) {
		ssize_t got = pread(fd, p, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_errno(err, got < 0 ? errno : EIO, "pread", STR_EMPTY);
		p += got;
		at += (size_t)got;
		n -= (size_t)got;
	}
	return 0;
}

/* An error that a job left: its texts end, its class is one. */
static int left_error(struct head *head, struct err *err)
{
	struct err *e = &head->err;
	e->key[sizeof(e->key) - 1] = e->place[sizeof(e->place) - 1] = '\0';
	if (head->result < -4095 || e->arg_count > ERR_ARGS || e->key[0] == '\0')
		return err_set(err, -EPROTO, "worker.malformed");
	for (unsigned i = 0; i < e->arg_count; i++)
		e->args[i].name[sizeof(e->args[i].name) - 1] = e->args[i].value[sizeof(e->args[i].value) - 1] = '\0';
	e->code = (int)head->result;
	if (err != NULL)
		*err = *e;
	return e->code;
}

int worker_exchange_take(int fd, size_t input_n, size_t output_max, struct buf *ret, struct err *err)
{
	struct head head;
	int r = read_at(fd, 0, &head, sizeof(head), err);
	if (r < 0)
		return r;
	if (head.left != 1 || head.output_n > output_max)
		return err_set(err, -EPROTO, "worker.malformed");
	if (head.result < 0)
		return left_error(&head, err);
	if (head.output_n == 0)
		return 0;
	if (!buf_reserve(ret, head.output_n))
		return err_set(err, -E2BIG, "worker.too_big", ARG_U64("limit_mb", ret->max >> 20));
	r = read_at(fd, HEAD + input_n, ret->p + ret->n, head.output_n, err);
	if (r < 0)
		return r;
	ret->n += head.output_n;
	ret->p[ret->n] = '\0';
	return 0;
}
