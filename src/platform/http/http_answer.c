/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* From a handler's response to libmicrohttpd's. */
#include "platform/http/http_internal.h"

#include <assert.h>

#include "base/log/log.h"

#define STREAM_BLOCK ((size_t)32 << 10)

static void suspend(void *mhd)
{
	MHD_suspend_connection(mhd);
}

static void resume(void *mhd)
{
	MHD_resume_connection(mhd);
}

static ssize_t stream_read(void *cls, uint64_t at, char *out, size_t max)
{
	(void)at;
	struct http_exchange *ex = cls;
	struct http_stream_reader reader = {ex->mhd, suspend, resume};
	ssize_t n = http_stream_read(ex->res.stream, &reader, out, max);
	if (n == HTTP_STREAM_END)
		return MHD_CONTENT_READER_END_OF_STREAM;
	return n == HTTP_STREAM_FAILED ? MHD_CONTENT_READER_END_WITH_ERROR : n;
}

static struct MHD_Response *make_response(struct http_exchange *ex)
{
	struct http_response *res = &ex->res;
	if (res->stream != NULL) {
		struct http_server *s = ex->server;
		(void)pthread_mutex_lock(&s->connections_lock);
		ex->connection->stream = res->stream;
		bool stopping = atomic_load(&s->stopping);
		(void)pthread_mutex_unlock(&s->connections_lock);
		if (stopping)
			http_stream_close(res->stream);
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, ex, NULL);
	}
	if (res->pull.ctx != NULL)
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, http_pull_read, ex, NULL);
	if (res->file_fd >= 0) {
		struct MHD_Response *r = MHD_create_response_from_fd64(res->file_size_bytes, res->file_fd);
		if (r != NULL)
			res->file_fd = -1; /* closed with the response */
		return r;
	}
	struct MHD_Response *r = MHD_create_response_from_buffer_with_free_callback(res->body.n, res->body.p, mem_free);
	if (r != NULL)
		res->body = BUF_INIT(0);
	return r;
}

static bool add_headers(struct http_exchange *ex, struct MHD_Response *r)
{
	const struct http_response *res = &ex->res;
	bool ok = true;
	if (res->content_type != NULL)
		ok = MHD_add_response_header(r, "Content-Type", res->content_type) == MHD_YES;
	for (unsigned i = 0; i < res->header_count; i++)
		ok = ok && MHD_add_response_header(r, res->headers[i].name, res->headers[i].value) == MHD_YES;
	if (ex->close_after)
		ok = ok && MHD_add_response_header(r, "Connection", "close") == MHD_YES;
	return ok;
}

/* On the loop thread. */
enum MHD_Result http_answer(struct http_exchange *ex)
{
	ex->stage = STAGE_ANSWERED;
	http_connection_phase(ex->connection, PHASE_BUSY, 0);
	struct MHD_Response *r = make_response(ex);
	if (r == NULL)
		return MHD_NO;
	unsigned status = ex->res.status != 0 ? (unsigned)ex->res.status : MHD_HTTP_OK;
	if (!add_headers(ex, r)) {
		log_debug("a response header was refused", ARG_U64("status", status));
		MHD_destroy_response(r);
		return MHD_NO;
	}
	enum MHD_Result result = MHD_queue_response(ex->mhd, status, r);
	MHD_destroy_response(r);
	return result;
}

static const char *status_text(int status)
{
	switch (status) {
	case 400:
		return "Bad Request\n";
	case 404:
		return "Not Found\n";
	case 405:
		return "Method Not Allowed\n";
	case 411:
		return "Length Required\n";
	case 413:
		return "Content Too Large\n";
	case 414:
		return "URI Too Long\n";
	case 501:
		return "Not Implemented\n";
	default:
		return "Error\n";
	}
}

enum MHD_Result http_answer_error(struct http_exchange *ex, int status, const char *allow)
{
	const struct http_config *config = &ex->server->config;
	ex->res.status = status;
	if (config->fallback != NULL) {
		config->fallback(&ex->req, &ex->res, status, config->context);
	} else {
		ex->res.body = BUF_INIT(256);
		buf_append_c(&ex->res.body, status_text(status));
		ex->res.content_type = "text/plain; charset=utf-8";
	}
	if (allow != NULL)
		http_response_header(&ex->res, "Allow", allow);
	return http_answer(ex);
}

void http_response_header(struct http_response *res, const char *name, const char *value)
{
	assert(res->header_count < HTTP_RESPONSE_HEADERS);
	res->headers[res->header_count].name = name;
	res->headers[res->header_count++].value = value;
}
