/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The look back. A bundle counts as looked up only when all of its new hashes were; until then each tick begins anew, and what was
 * told already is known by its key.
 */
#include <stdio.h>

#include "base/log/log.h"
#include "engine/malware/malware_signatures.h"
#include "service/alert/alert.h"
#include "service/endpoint/endpoint.h"
#include "service/outbox/outbox.h"
#include "service/protection/protection.h"
#include "service/sighting/sighting_internal.h"

struct look {
	const struct service_context *sc;
	const struct malware_signatures *now;
	int64_t version, looked, hashes, machines;
	unsigned char batch[SIGHTING_LOOK_MOST][SHA256_SIZE];
	size_t count;
	struct err *problem; /* the first of an alert's */
	int result;
};

static void write_raw(const struct look *l, const struct sighting *s, struct str threat, struct buf *out)
{
	struct json_writer w = json_writer_init(out);
	char hex[SHA256_HEX_SIZE];
	json_object(&w);
	json_member_cstr(&w, "event.kind", "alert");
	json_member_cstr(&w, "event.category", "malware");
	json_member_cstr(&w, "event.action", "seen");
	json_member_cstr(&w, "file.hash.sha256", sha256_hex(s->sha256, hex));
	json_member_str(&w, "file.path", s->path);
	json_member_int(&w, "file.size", (int64_t)s->size_bytes);
	api_member_time(&w, "file.first_seen", s->first_seen);
	api_member_time(&w, "file.last_seen", s->last_seen);
	json_member_str(&w, "host.name", s->host);
	json_member_str(&w, "threat.name", threat);
	json_member_cstr(&w, "threat.engine", "hash");
	json_member_int(&w, "luytre.bundle_version", l->version);
	json_object_end(&w);
}

static void write_why(const struct sighting *s, const char *rule, struct buf *out)
{
	struct json_writer w = json_writer_init(out);
	char first[CLOCK_ISO_SIZE], last[CLOCK_ISO_SIZE], hex[SHA256_HEX_SIZE];
	const struct {
		const char *field;
		struct str value;
	} reasons[] = {
		{"rule.name", str_c(rule)},
		{"file.hash.sha256", str_c(sha256_hex(s->sha256, hex))},
		{"file.path", s->path},
		{"file.first_seen", str_c(clock_iso(s->first_seen, first))},
		{"file.last_seen", str_c(clock_iso(s->last_seen, last))},
	};
	json_array(&w);
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		json_object(&w);
		json_member_cstr(&w, "field", reasons[i].field);
		json_member_str(&w, "value", reasons[i].value);
		json_object_end(&w);
	}
	json_array_end(&w);
}

struct order {
	const struct sighting *s;
	usec_t now;
};

/* Is it still there? The machine looks, with the signatures it will have by then. */
static int write_order(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct order *o = ctx;
	struct endpoint_command c = {.id = uuid_new(), .endpoint_id = o->s->endpoint_id, .type = ENDPOINT_COMMAND_SCAN,
	                             .path = o->s->path, .created_by = STR("luytre")};
	return endpoint_command_add(tx, &c, o->now, err);
}

static int tell(const struct look *l, const struct sighting *s, struct err *err)
{
	cleanup_buf struct buf threat = BUF_INIT(4096), rule = BUF_INIT(4096), raw = BUF_INIT((size_t)64 << 10), why = BUF_INIT((size_t)64 << 10);
	char key[200], hex[SHA256_HEX_SIZE], id[UUID_TEXT_SIZE];
	if (malware_signatures_match(l->now, s->size_bytes, s->sha256, NULL, NULL, &threat, &rule) == 0)
		return 0; /* of another size than the signature says */
	write_raw(l, s, buf_str(&threat), &raw);
	write_why(s, rule.p, &why);
	(void)snprintf(key, sizeof key, "look-back|%s|%s", sha256_hex(s->sha256, hex), uuid_text(&s->endpoint_id, id));
	usec_t now = l->sc->now != NULL ? l->sc->now() : clock_now();
	struct alert_record record = {
		.key = str_c(key), .rule_id = STR("malware.look_back"), .title = buf_str(&threat), .severity = ALERT_SEVERITY_HIGH,
		.endpoint_id = s->endpoint_id, .unit_id = s->unit_id, .at = now, .threat = buf_str(&threat), .path = s->path,
		.sha256 = str_c(hex), .engine = STR("hash"), .rule_name = buf_str(&rule), .action = STR("seen"),
		.size_bytes = (int64_t)s->size_bytes, .raw = buf_str(&raw), .why = buf_str(&why), .host = s->host};
	int r = alert_intake(l->sc, &record, err);
	if (r == ALERT_TAKEN_NEW || r == ALERT_TAKEN_COUNTED) {
		struct err problem = {.code = 0};
		if (db_write(l->sc->db, write_order, &(struct order){s, now}, &problem) < 0)
			log_err(LOG_LEVEL_WARN, "a machine that had a bad file cannot be asked to look for it", &problem);
	}
	return r < 0 ? r : 0;
}

static void on_machine(void *ctx, const struct sighting *s)
{
	struct look *l = ctx;
	struct err err = {.code = 0};
	if (l->result < 0)
		return;
	int r = tell(l, s, &err);
	/* Of a machine that is no longer ours nothing can be told. */
	if (r == -EINVAL || r == -ENOENT)
		return;
	l->machines += r == 0;
	if (r < 0) {
		l->result = r;
		if (l->problem != NULL)
			*l->problem = err;
	}
}

static int look_up(struct look *l, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)256 << 20);
	l->problem = err;
	int r = l->count > 0 ? sighting_db_of_hashes(l->sc, arena, (const unsigned char (*)[SHA256_SIZE])l->batch, l->count, on_machine, l, err) : 0;
	l->hashes += (int64_t)l->count;
	l->count = 0;
	return r < 0 ? r : l->result;
}

static int on_hash(void *ctx, const unsigned char sha256[SHA256_SIZE], struct err *err)
{
	struct look *l = ctx;
	memcpy(l->batch[l->count++], sha256, SHA256_SIZE);
	return l->count == SIGHTING_LOOK_MOST ? look_up(l, err) : 0;
}

static int read_state(struct db_tx *tx, void *ctx, struct err *err)
{
	struct look *l = ctx;
	int r = protection_newest_bundle(tx, &l->version, err);
	return r < 0 ? r : sighting_db_looked(tx, &l->looked, err);
}

static int write_state(struct db_tx *tx, void *ctx, struct err *err)
{
	const struct look *l = ctx;
	return sighting_db_set_looked(tx, l->version, l->sc->now != NULL ? l->sc->now() : clock_now(), err);
}

static int look_at_new(struct look *l, struct err *err)
{
	struct malware_signatures *now = NULL, *before = NULL;
	usec_t begun = clock_monotonic();
	int r = protection_load_signatures(l->sc, l->version, &now, err);
	/* One that is no longer there: every hash is looked up, and what was told is known. */
	if (r >= 0 && l->looked > 0)
		(void)!protection_load_signatures(l->sc, l->looked, &before, NULL);
	l->now = now;
	if (r >= 0)
		r = malware_signatures_each_new(now, before, on_hash, l, err);
	if (r >= 0)
		r = look_up(l, err);
	malware_signatures_unref(now);
	malware_signatures_unref(before);
	if (r >= 0)
		r = db_write(l->sc->db, write_state, l, err);
	if (r >= 0 && l->hashes > 0)
		log_info("new signatures were looked up in the history of files", ARG_I64("bundle", l->version), ARG_I64("hashes", l->hashes),
		         ARG_I64("machines", l->machines), ARG_I64("ms", (clock_monotonic() - begun) / USEC_PER_MS));
	return r;
}

int sighting_look_back(const struct service_context *sc, struct err *err)
{
	struct look *l = MEM_NEW(struct look);
	l->sc = sc;
	int r = sc->events != NULL ? db_read(sc->db, read_state, l, err) : 0;
	if (r >= 0 && l->version > l->looked) {
		r = look_at_new(l, err);
		if (l->machines > 0)
			outbox_wake(sc);
		/* The store is away: the next tick asks again, and the health strip tells it already. */
		if (r == -EAGAIN)
			r = 0;
	}
	mem_free(l);
	return r < 0 ? r : 0;
}
