/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "base/log/log.h"
#include "program/agent/agent_identity.h"
#include "program/agent/agent_seen.h"

#define REPORT_LIMIT ((size_t)8 << 20)
#define LATER (5 * USEC_PER_MINUTE)

void agent_seen_send(struct agent_seen *s, struct http_client *client, usec_t now)
{
	cleanup_buf struct buf body = BUF_INIT(REPORT_LIMIT);
	struct http_client_response res = {0};
	struct err err = {0};
	if (agent_seen_report(s, now, &body) == 0)
		return;
	struct http_client_request req = {
		.method = "POST", .path = "/agent/v1/files", .body = buf_str(&body), .content_type = "application/json"};
	int r = http_client_do(client, &req, &res, &err);
	if (r >= 0 && (res.status == 204 || res.status == 400 || res.status == 413)) {
		/* What it will never take must not hold up the others. */
		if (res.status != 204) {
			(void)agent_refused(&res, &err);
			log_err(LOG_LEVEL_WARN, "the server refuses a report of files; it is dropped", &err);
		}
		agent_seen_told(s, now);
		if (agent_seen_save(s, &err) < 0)
			log_err(LOG_LEVEL_WARN, "what was told of files cannot be kept", &err);
	} else {
		/* An older server says 404. */
		agent_seen_wait(s, now + (r >= 0 && res.status == 404 ? USEC_PER_DAY : LATER));
	}
	http_client_response_done(&res);
}
