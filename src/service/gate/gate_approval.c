/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Carrying out what a second person has approved: the kept request goes through the gate once more, as the one who asked. */
#include "base/log/log.h"
#include "service/approval/approval.h"
#include "service/gate/gate_internal.h"

struct asker {
	const struct service_context *sc;
	struct arena *arena;
	const struct approval_deed *deed;
	const struct access *approver;
	struct access access;
	bool may_sign_in;
};

static int look_up_asker(struct db_tx *tx, void *ctx, struct err *err)
{
	struct asker *a = ctx;
	return account_access(tx, a->arena, &a->deed->asked_by, &a->access, &a->may_sign_in, err);
}

/* -EACCES approval.asker_lost_right: in the meantime the account was disabled. */
static int become_asker(struct asker *a, struct err *err)
{
	int r = db_read(a->sc->db, look_up_asker, a, err);
	if (r < 0)
		return r;
	if (!a->may_sign_in)
		return err_set(err, -EACCES, "approval.asker_lost_right");
	a->access.approved_by = a->approver->name;
	a->access.peer = a->approver->peer;
	a->access.lang = a->approver->lang;
	return 0;
}

static int carry_out(struct gate_request *approving, const struct approval_deed *deed, struct err *err)
{
	struct gate *g = approving->gate;
	struct arena *arena = approving->api.arena;
	struct asker asker = {.sc = g->sc, .arena = arena, .deed = deed, .approver = &approving->access};
	struct http_request *http = ARENA_NEW(arena, struct http_request);
	const struct http_replay what = {arena_cstr(arena, deed->method), deed->target, deed->body, deed->if_match,
	                                 approving->access.peer};
	struct http_response res = {.file_fd = -1};
	int r = become_asker(&asker, err);
	if (r >= 0)
		r = http_request_replay(arena, g->routes[LISTENER_CONSOLE], &what, http, err);
	if (r < 0)
		return r;
	struct gate_request *q = ARENA_NEW(arena, struct gate_request);
	q->gate = g;
	q->access = asker.access;
	q->api = (struct api_request){.http = http, .arena = arena, .service = g->sc, .access = &q->access, .route = http->route->data};
	r = gate_check_permission(q, err);
	if (r >= 0)
		r = gate_decode_body(q, err);
	if (r >= 0)
		r = q->api.route->handler(&q->api, &res, err);
	buf_done(&res.body);
	return r;
}

int gate_post_approve(struct api_request *req, struct http_response *res, struct err *err)
{
	struct gate_request *q = gate_request_of(req);
	struct approval_deed deed;
	struct uuid id;
	struct err why = {.code = 0};
	int r = api_param_uuid(req, "id", &id, err);
	if (r >= 0)
		r = approval_take(req, &id, &deed, err);
	if (r < 0)
		return r;
	/* From here on it is decided: what goes wrong is how it went, not a refusal. */
	if (carry_out(q, &deed, &why) < 0) {
		log_err(LOG_LEVEL_WARN, "an approved deed could not be done", &why);
		if (why.key[0] == '\0')
			(void)err_set(&why, -EIO, "gate.internal");
		r = approval_end(req->service, req->access, &id, why.key, err);
	} else {
		r = approval_end(req->service, req->access, &id, NULL, err);
	}
	return r < 0 ? r : approval_show(req, res, &id, err);
}
