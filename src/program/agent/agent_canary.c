/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_canary.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock/clock_wait.h"
#include "base/json/json.h"
#include "base/log/log.h"
#include "engine/inventory/inventory.h"
#include "engine/malware/malware_canary.h"
#include "program/agent/agent_os.h"

/* A sample that has not come back after so long will not. */
#define SCAN_PATIENCE (60 * USEC_PER_SEC)
#define STUCK_AFTER (8 * USEC_PER_SEC)
#define GOODBYE_MS 2000

struct agent_canary {
	struct agent_protect *protect;
	struct agent_spool *spool;
	void (*wake)(void);
	pthread_t singer, taster;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* All below: lock. Times are monotonic. */
	bool stopping, due;
	usec_t interval, clock_offset;
	usec_t sung_at;       /* when the last one was made; 0: none */
	uint64_t sequence;    /* of it, in the spool */
	bool told;            /* that it is stuck */
	usec_t tasting_since; /* 0: no sample is out */
	const char *scanner;  /* "starting", "ready", "failed", "none" */
	char reason[ERR_KEY_SIZE];
};

/* Lock held. false: stopping. */
static bool wait_for(struct agent_canary *c, usec_t time)
{
	if (!c->stopping)
		(void)clock_wait(&c->changed, &c->lock, clock_monotonic() + time);
	return !c->stopping;
}

/* ---- the scanner ---- */

static const char *taste(struct agent_canary *c, char reason[ERR_KEY_SIZE])
{
	struct malware_scanner *scanner = agent_protect_scanner(c->protect);
	struct malware_scanner_info info;
	reason[0] = '\0';
	if (scanner == NULL) {
		struct agent_protect_state p = agent_protect_state(c->protect);
		str_copy_c(str_c(p.reason), reason, ERR_KEY_SIZE);
		return p.scanner;
	}
	malware_scanner_info(scanner, &info);
	/* Without rules there is no child that could find it. */
	if (info.yara_rules == 0)
		return "none";
	struct err err = {0};
	int fd = malware_canary_file(&err);
	if (fd < 0) {
		str_copy_c(str_c(err.key), reason, ERR_KEY_SIZE);
		return fd == -ENOTSUP ? "none" : "failed";
	}
	struct malware_verdict v;
	malware_scan_fd(scanner, fd, STR("luytre-canary"), &v);
	(void)close(fd);
	if (v.status == MALWARE_STATUS_FOUND && v.engine == MALWARE_ENGINE_YARA)
		return "ready";
	str_copy_c(str_c(v.reason[0] != '\0' ? v.reason : v.status == MALWARE_STATUS_CLEAN ? "agent.canary_missed" : v.threat), reason,
	           ERR_KEY_SIZE);
	return "failed";
}

static void *taster_main(void *arg)
{
	struct agent_canary *c = arg;
	(void)pthread_mutex_lock(&c->lock);
	while (!c->stopping) {
		if (c->interval == 0) {
			(void)wait_for(c, 60 * USEC_PER_SEC);
			continue;
		}
		char reason[ERR_KEY_SIZE];
		c->tasting_since = clock_monotonic();
		(void)pthread_mutex_unlock(&c->lock);
		const char *scanner = taste(c, reason);
		(void)pthread_mutex_lock(&c->lock);
		/* A change is told at once. */
		c->due = c->due || strcmp(scanner, c->scanner) != 0;
		c->scanner = scanner;
		c->tasting_since = 0;
		str_copy_c(str_c(reason), c->reason, sizeof(c->reason));
		if (c->due)
			(void)pthread_cond_broadcast(&c->changed);
		usec_t next = clock_monotonic() + c->interval;
		while (!c->stopping && clock_monotonic() < next)
			(void)wait_for(c, next - clock_monotonic());
	}
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* ---- the event ---- */

static void write_canary(struct agent_canary *c, bool stopping, struct buf *out)
{
	struct agent_spool_state spool = agent_spool_state(c->spool);
	struct json_writer w = json_writer_init(out);
	char at[CLOCK_ISO_SIZE], id_text[UUID_TEXT_SIZE], hostname[256];
	struct uuid id = uuid_new();
	bool hangs = c->tasting_since != 0 && clock_monotonic() - c->tasting_since > SCAN_PATIENCE;
	inventory_hostname(hostname, sizeof hostname);
	json_object(&w);
	json_member_cstr(&w, "@timestamp", clock_iso(clock_now(), at));
	json_member_cstr(&w, "event.id", uuid_text(&id, id_text));
	json_member_cstr(&w, "event.kind", "state");
	json_member_cstr(&w, "event.dataset", "luytre.canary");
	json_member_cstr(&w, "host.name", hostname);
	json_member_cstr(&w, "luytre.canary.scanner", hangs ? "failed" : c->scanner);
	json_member_cstr(&w, "luytre.canary.reason", hangs ? "malware.timeout" : c->reason);
	json_member_int(&w, "luytre.canary.clock_offset_s", c->clock_offset / USEC_PER_SEC);
	json_member_int(&w, "luytre.canary.lost", (int64_t)spool.refused);
	json_member_int(&w, "luytre.canary.waiting", (int64_t)spool.waiting);
	json_member_bool(&w, "luytre.canary.stopping", stopping);
	json_object_end(&w);
}

/* Lock held. */
static void sing(struct agent_canary *c, bool stopping)
{
	struct buf line = BUF_INIT(8192);
	struct err err = {0};
	write_canary(c, stopping, &line);
	c->due = false;
	c->sung_at = clock_monotonic();
	c->told = false;
	if (agent_spool_append(c->spool, buf_str(&line), &c->sequence, &err) < 0)
		log_err(LOG_LEVEL_WARN, "a canary could not be stored", &err);
	buf_done(&line);
}

static bool arrived(struct agent_canary *c)
{
	return c->sung_at == 0 || agent_spool_state(c->spool).acked >= c->sequence;
}

static void *singer_main(void *arg)
{
	struct agent_canary *c = arg;
	(void)pthread_mutex_lock(&c->lock);
	while (!c->stopping) {
		usec_t now = clock_monotonic(), age = c->sung_at != 0 ? now - c->sung_at : c->interval;
		if (c->interval == 0) {
			(void)wait_for(c, 60 * USEC_PER_SEC);
			continue;
		}
		if (arrived(c) && (c->due || age >= c->interval)) {
			sing(c, false);
		} else if (!arrived(c) && !c->told && age > STUCK_AFTER && c->wake != NULL) {
			c->told = true;
			c->wake();
		}
		(void)wait_for(c, USEC_PER_SEC);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* ---- start and stop ---- */

struct agent_canary *agent_canary_start(struct agent_protect *protect, struct agent_spool *spool, void (*wake)(void))
{
	struct agent_canary *c = MEM_NEW(struct agent_canary);
	c->protect = protect;
	c->spool = spool;
	c->wake = wake;
	c->scanner = "starting";
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->changed, NULL);
	if (pthread_create(&c->singer, NULL, singer_main, c) != 0 || pthread_create(&c->taster, NULL, taster_main, c) != 0)
		abort();
	return c;
}

void agent_canary_stop(struct agent_canary *c)
{
	if (c == NULL)
		return;
	(void)pthread_mutex_lock(&c->lock);
	c->stopping = true;
	(void)pthread_cond_broadcast(&c->changed);
	(void)pthread_mutex_unlock(&c->lock);
	(void)pthread_join(c->singer, NULL);
	(void)pthread_join(c->taster, NULL);
	(void)pthread_cond_destroy(&c->changed);
	(void)pthread_mutex_destroy(&c->lock);
	mem_free(c);
}

void agent_canary_set(struct agent_canary *c, usec_t interval, usec_t clock_offset)
{
	(void)pthread_mutex_lock(&c->lock);
	bool begins = c->interval == 0 && interval != 0;
	c->due = c->due || begins;
	c->interval = interval;
	c->clock_offset = clock_offset;
	if (begins)
		(void)pthread_cond_broadcast(&c->changed);
	(void)pthread_mutex_unlock(&c->lock);
}

void agent_canary_goodbye(struct agent_canary *c)
{
	(void)pthread_mutex_lock(&c->lock);
	bool sings = c->interval != 0;
	if (sings)
		sing(c, true);
	c->interval = 0;
	for (unsigned waited = 0; sings && waited < GOODBYE_MS && !arrived(c); waited += 50) {
		(void)pthread_mutex_unlock(&c->lock);
		agent_os_sleep(50 * USEC_PER_MS);
		(void)pthread_mutex_lock(&c->lock);
	}
	(void)pthread_mutex_unlock(&c->lock);
}
