/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "service/alert/alert_tactics.h"

/* A bit each in the database: new ones go to the end. "stealth" and "defense-impairment" are what ATT&CK 19 made of "defense-evasion". */
const char *const alert_tactic_names[ALERT_TACTIC_NAMES + 1] = {
	"reconnaissance",    "resource-development", "initial-access", "execution",        "persistence",         "privilege-escalation",
	"defense-evasion",   "credential-access",    "discovery",      "lateral-movement", "collection",          "command-and-control",
	"exfiltration",      "impact",               "stealth",        "defense-impairment",
};

static bool same_name(struct str tag, const char *name)
{
	struct str n = str_c(name);
	bool same = tag.n == n.n;
	for (size_t i = 0; same && i < n.n; i++)
		same = tag.p[i] == n.p[i] || (tag.p[i] == '_' && n.p[i] == '-');
	return same;
}

int64_t alert_tactics_of(struct str tags)
{
	int64_t found = 0;
	struct str tag;
	while (tags.n > 0 && str_split(&tags, '\n', &tag)) {
		if (!str_starts_with(tag, STR("attack.")))
			continue;
		for (int i = 0; i < ALERT_TACTIC_NAMES; i++) {
			if (same_name(str_sub(tag, 7, tag.n), alert_tactic_names[i]))
				found |= (int64_t)1 << i;
		}
	}
	return found;
}

int64_t alert_tactics_count(int64_t tactics)
{
	int64_t n = 0;
	for (int i = 0; i < ALERT_TACTIC_NAMES; i++)
		n += tactics >> i & 1;
	return n;
}

static size_t join_events(struct alert_evidence *list, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		size_t same = 0;
		while (same < kept && (list[i].event.n == 0 || !str_eq(list[same].event, list[i].event)))
			same++;
		if (same == kept)
			list[kept++] = list[i];
		else
			list[same].tactics |= list[i].tactics;
	}
	return kept;
}

struct matching {
	const struct alert_evidence *list;
	size_t count;
	int holder[ALERT_EVIDENCE_MOST]; /* the tactic that an event was given to; -1: none yet */
	bool seen[ALERT_EVIDENCE_MOST];
};

/* Kuhn's step: an event for this tactic, if need be taken from another one that finds itself a new one. At most one level a tactic. */
static bool find_event(struct matching *m, int tactic)
{
	for (size_t i = 0; i < m->count; i++) {
		if ((m->list[i].tactics >> tactic & 1) == 0 || m->seen[i])
			continue;
		m->seen[i] = true;
		if (m->holder[i] < 0 || find_event(m, m->holder[i])) {
			m->holder[i] = tactic;
			return true;
		}
	}
	return false;
}

int64_t alert_tactics_proven(struct alert_evidence *list, size_t count)
{
	struct matching m = {.list = list, .count = join_events(list, count < ALERT_EVIDENCE_MOST ? count : ALERT_EVIDENCE_MOST)};
	int64_t proven = 0;
	for (size_t i = 0; i < m.count; i++)
		m.holder[i] = -1;
	for (int tactic = 0; tactic < ALERT_TACTIC_NAMES; tactic++) {
		for (size_t i = 0; i < m.count; i++)
			m.seen[i] = false;
		proven += find_event(&m, tactic);
	}
	return proven;
}

void alert_tactics_write(struct json_writer *w, int64_t tactics)
{
	json_array(w);
	for (int i = 0; i < ALERT_TACTIC_NAMES; i++) {
		if (tactics >> i & 1)
			json_cstr(w, alert_tactic_names[i]);
	}
	json_array_end(w);
}
