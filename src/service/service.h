/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * service: the furniture every capability shares. A service room offers one
 * `const struct service x_service`; service.def lists them; from its rows come
 * routes, permissions, migrations, event handlers, measures, timers and the
 * OpenAPI description. A new capability is a folder and one line in service.def.
 *
 * Does not live here: how a request is authenticated and authorised (service/api).
 * Threads: handlers run on several workers at once; a service keeps its state
 * in the database, never in globals.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/json/json.h"
#include "base/mem/mem.h"
#include "base/msg/msg.h"
#include "base/uuid/uuid.h"
#include "engine/rulebook/rulebook.h"
#include "platform/db/db.h"
#include "platform/http/http.h"
#include "platform/job/job.h"

/* What services are given; made by the program, lives as long as the role. */
struct service_context {
	struct db *db;
	struct job_runner *jobs;
	const struct msg_catalogue *messages;
	usec_t (*now)(void); /* the clock; tests put their own */
	const char *packs_dir;
	const char *data_dir;
	/* Asks the key role; set by the program, real small implementations in tests. */
	const struct service_keys *keys;
	/* Asks the worker role, which reads files that people bring and renders documents; as with keys. NULL: 503. */
	const struct service_worker *worker;
	/* May be NULL: then nothing is fetched. */
	const struct service_fetcher *fetcher;
	/* ClickHouse HTTP interface of the event store; may be NULL (then searches answer 503). */
	struct event_store *events;
	/* The disk being full within so many days is told. */
	int64_t disk_warn_days;
	/* What the processes are doing, for GET /api/v1/status (service/status/status.h); may be NULL. */
	const struct status_source *status;
	/* What the pipeline counted of each log source (service/source/source_watch.h); may be NULL. */
	struct source_watch *sources;
	/* Names under which browsers reach the console (NULL-terminated; may be NULL): passkeys belong to one of them. */
	const char *const *_Atomic public_names; /* a reload changes it */
	/* Whom people call in an emergency, as they shall read it; NULL or "": the pack's words. */
	const char *hotline;
	/* Roles that the pack marks demand a second factor. */
	bool second_factor;
	/* Counts requests (service/metrics/metrics.h); may be NULL. */
	struct metrics_meter *meter;
	/* Asked at each check-in: seconds between the canary events that this machine shall send, 0: none. `sings`: it says that
	 * it can. May be NULL. */
	int64_t (*canary)(void *ctx, const struct uuid *endpoint_id, const struct uuid *unit_id, bool sings);
	void *canary_ctx;
	/* What the enrolment command tells agents; 0: 8445 and 8444. */
	uint16_t agent_port, events_port;
	/* Where syslog is taken; 0: not. */
	uint16_t syslog_udp_port, syslog_tcp_port, syslog_tls_port;
	/* Starts luytre-scand for us (engine/malware/malware.h); NULL: we may ourselves. */
	const struct malware_starter *scanner_starter;
	/* Wakes the outbox dispatcher after a commit; set by service/api. */
	void (*outbox_wake)(void *ctx);
	void *outbox_wake_ctx;
	/* Rules and their keeper's word with detection; may be NULL. */
	const struct service_detection *detection;
	/* Called when what the pipeline must know (endpoints, tokens) has changed. May be NULL. */
	void (*snapshot_changed)(void *ctx);
	void *snapshot_changed_ctx;
};

/* The way from the rules to detection, which runs in the pipeline. */
struct service_detection {
	void *ctx;
	const char *folder; /* engine/detect/detect_set.h's file is written there */
	/* The file was replaced. Any thread; does not wait. */
	void (*changed)(void *ctx);
	/* Appends what detection said last (engine/detect/detect.h, detect_write_report). -EAGAIN server.detection_away: nothing yet. */
	int (*report)(void *ctx, struct buf *ret, struct err *err);
};

struct service_keys {
	void *ctx;
	int (*sign_csr)(void *ctx, struct str csr_pem, const char *common_name, bool client, const char *const *dns_names,
	                usec_t not_after, struct buf *ret_cert_pem, struct err *err);
	int (*sign_bundle)(void *ctx, struct str manifest, struct buf *ret_signature, struct err *err);
	int (*ca_pem)(void *ctx, struct buf *ret, struct err *err);
	int (*bundle_public_pem)(void *ctx, struct buf *ret, struct err *err);
};

/* Packed rows are those of engine/table. Errors are that room's, and -EAGAIN worker.away, worker.busy, -E2BIG
 * worker.too_slow, worker.too_big, -EINVAL worker.died. */
struct service_worker {
	void *ctx;
	int (*table_read)(void *ctx, struct str file, struct buf *ret_packed, struct err *err);
	int (*table_write)(void *ctx, struct str packed, struct buf *ret_xlsx, struct err *err);
	/* Sigma rules and lists of indicators: engine/rulebook's jobs. */
	int (*rulebook)(void *ctx, enum rulebook_job job, struct str input, struct buf *ret, struct err *err);
};

#define SERVICE_ETAG_SIZE 200
/* Fetches by HTTPS for services, which may not reach out themselves. */
struct service_fetcher {
	void *ctx;
	/* 1: bytes are appended, *ret_etag set ("" when there is none); 0: not changed since `etag` (may be ""). -EAGAIN fetch.unreachable,
	 * -EINVAL fetch.status (status), fetch.url, -E2BIG fetch.too_big (limit_mb), -EACCES fetch.tls. */
	int (*fetch)(void *ctx, const char *url, const char *etag, size_t limit, struct buf *bytes, char ret_etag[SERVICE_ETAG_SIZE],
	             struct err *err);
};

/* Who asks. Made by service/api from a session, a token or a client certificate. */
enum access_kind { ACCESS_ANONYMOUS, ACCESS_ACCOUNT, ACCESS_TOKEN, ACCESS_ENDPOINT, ACCESS_SYSTEM };
struct access {
	enum access_kind kind;
	struct uuid account_id;  /* ACCOUNT, TOKEN: whose grants count */
	struct uuid endpoint_id; /* ENDPOINT */
	struct uuid unit_id;     /* ENDPOINT: its unit; ACCOUNT: the person's unit */
	struct str name;         /* for the audit log */
	struct str peer;         /* remote address */
	struct str approved_by;  /* the second person's name, where a deed took two; goes into every audit record of it */
	enum msg_lang lang;
};

/*
 * Need-to-know is enforced in the query: this fragment is true for rows whose
 * unit column lies in a unit subtree where the account holds the permission.
 * $account, $permission, $now are parameter numbers as text, e.g.
 * ACCESS_UNIT_SCOPE("e.unit_id", "$1", "$2", "$3").
 */
#define ACCESS_UNIT_SCOPE(column, account, permission, now)                                        \
	" " column " IN (SELECT su.id FROM unit su JOIN unit gu ON substr(su.path, 1, length(gu.path)) = gu.path"   \
	" JOIN account_grant ag ON ag.unit_id = gu.id JOIN role_permission rp ON rp.role = ag.role"                \
	" WHERE ag.account_id = " account " AND rp.permission = " permission                                       \
	" AND ag.restrict_kind IS NULL AND (ag.expires_at IS NULL OR ag.expires_at > " now ")) "

/* One row a route. Listeners are separate ports. */
enum service_listener { LISTENER_CONSOLE, LISTENER_AGENT };

struct api_request {
	struct http_request *http;
	struct arena *arena;                  /* the request's */
	const struct service_context *service;
	const struct access *access;
	const struct service_route *route;
	const struct json *body;              /* parsed and checked for shape; NULL when the route takes none */
	void *fields;                         /* decoded by route->body into arena memory of route->body_size; NULL if none */
	const struct api_page *page;          /* which page of a list instead of ?limit= and ?cursor=; NULL: those */
};

/* Set by service/api while it walks through all pages of a list. */
struct api_page {
	int64_t limit;
	struct str cursor;
	int64_t total; /* counted on the first page; -1: count now */
};

/*
 * Writes the answer through the api_reply_* calls of service/api/api.h and returns 0,
 * or returns a negative class with err set; the dispatcher turns it into an RFC 9457 problem
 * (-EINVAL 400, -EPERM 401, -EACCES 403, -ENOENT 404, -EEXIST/-EBUSY 409, -ESTALE 412, -E2BIG 413,
 * -ENOTSUP 501, -EAGAIN 503, others 500).
 */
typedef int (*service_handler)(struct api_request *req, struct http_response *res, struct err *err);

/* Four eyes (service/approval): what a request would do, found out before it is done. */
struct service_deed {
	bool needed; /* this very request takes a second person; look leaves it false where not */
	const char *object_type;
	struct uuid object_id, unit_id; /* the route's permission over this unit makes an approver */
	struct str label;               /* what people call it, in the request's arena */
};
struct service_four_eyes {
	const char *action; /* row of packs/vn/four_eyes.yaml */
	/* With the asking one's access; refuses what the handler would refuse. */
	int (*look)(struct db_tx *tx, struct api_request *req, struct service_deed *ret, struct err *err);
};

struct service_route {
	const char *method, *path; /* "/api/v1/incidents/{id}"; method NULL ends the table */
	/* Permission name ("incident.read"). SERVICE_PUBLIC: no account needed (login, set-up, health);
	 * SERVICE_SIGNED_IN: any account, about itself; SERVICE_AGENT: an enrolled endpoint's certificate.
	 * NULL does not start. The dispatcher refuses accounts that hold the permission in no unit;
	 * the handler's query narrows to units (ACCESS_UNIT_SCOPE or api_require_unit). */
	const char *permission;
	service_handler handler;
	const char *summary_key;          /* message key: one sentence for people and OpenAPI */
	const struct json_field *body;    /* NULL: no body (or raw, when raw_body) */
	size_t body_size;                 /* of the struct the table decodes into */
	size_t body_limit_bytes;          /* 0: 64 KiB when a body is taken */
	bool raw_body;                    /* handler reads http->body itself */
	bool sensitive_read;              /* each successful read is audited */
	enum service_listener listener;
	const struct service_four_eyes *four_eyes; /* NULL: one person does it alone */
};
#define SERVICE_PUBLIC "public"
#define SERVICE_SIGNED_IN "signed_in"
#define SERVICE_AGENT "agent"

/* A fact for others, written to the outbox in the transaction that made it true. */
struct service_event {
	struct uuid id;
	const char *name;       /* "incident.created" */
	struct uuid unit_id;    /* decides who sees it on the stream */
	const char *permission; /* needed to see it on the stream, "incident.read" */
	struct str json;        /* object */
	usec_t at;
};

struct service {
	const char *name; /* room name */
	const struct service_route *routes;
	const char *const *permissions; /* NULL-terminated: every name its routes and queries use */
	const struct db_migration *migrations;
	size_t migration_count;
	/* Runs once at start after migrations: loads packs, checks settings. May be NULL. */
	int (*start)(const struct service_context *sc, struct err *err);
	/* Other services' events, at least once, in order of commit per service. May be NULL. */
	int (*on_event)(const struct service_context *sc, const struct service_event *event, struct err *err);
	/* Called about every 30 s by one process at a time. May be NULL. */
	int (*on_tick)(const struct service_context *sc, struct err *err);
};
