/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * What enrolment leaves behind: who this machine is and whom it trusts. One file
 * "identity.json" (mode 0600) replaced atomically, so that key, certificate and
 * CA always belong together.
 *
 * Token: "lt1.<base64url secret>.<base64url SHA-256 of the CA certificate's DER>". The CA is fetched first and checked
 * against it; only then is the token sent, over a connection that trusts this CA alone.
 * Threads: values; enrolment runs before the agent does.
 */
#pragma once
#include "base/clock/clock.h"
#include "base/err/err.h"
#include "base/mem/mem.h"
#include "base/uuid/uuid.h"
#include "platform/http/http_client.h"

struct agent_identity {
	struct arena *arena;
	const char *server, *events; /* base URLs: control listener, events listener */
	const char *endpoint_id;
	const char *key_pem, *cert_pem, *ca_pem;
	const char *bundle_key_pem; /* "" until the server offered one */
	bool any_name;
};

/* -ENOENT agent.not_enrolled. */
int agent_identity_load(const char *state_dir, struct agent_identity **ret, struct err *err) WARN_UNUSED;
int agent_identity_store(const char *state_dir, const struct agent_identity *id, struct err *err) WARN_UNUSED;
void agent_identity_free(struct agent_identity *id);
DEFINE_CLEANUP(agent_identity)
/* A client of the control or the events listener. */
int agent_identity_client(const struct agent_identity *id, const char *base_url, unsigned timeout_s,
                          struct http_client **ret, struct err *err) WARN_UNUSED;

struct agent_enrol_options {
	const char *server, *events, *token;
	const char *ca_fingerprint; /* hex; NULL: the token's */
	const char *state_dir;
	bool force;    /* replace an earlier enrolment */
	bool any_name; /* the server is known by its CA alone, not by a name in its certificate */
};
/* -EEXIST agent.already_enrolled, -EINVAL agent.token_malformed, -EBADMSG agent.ca_mismatch,
 * agent.refused with the server's key and sentence. */
int agent_enrol(const struct agent_enrol_options *options, struct err *err) WARN_UNUSED;

/* Asks for a new certificate with a new key when less than a third of the life is left. 1: replaced, 0: not due. */
int agent_renew_if_due(const char *state_dir, const struct agent_identity *id, usec_t now, struct err *err) WARN_UNUSED;
/* The key that signs bundles; filled in *ret and stored when it was missing. */
int agent_fetch_bundle_key(struct http_client *client, struct buf *ret_pem, struct err *err) WARN_UNUSED;
/* Turns an answer that is not 2xx into agent.refused (status, key, detail). */
int agent_refused(const struct http_client_response *res, struct err *err);
