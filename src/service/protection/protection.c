/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Rules: the life of a quarantined file. No SQL, no HTTP. */
#include "service/protection/protection_internal.h"

static const char *const state_names[QUARANTINE_STATE__COUNT] = {
	[QUARANTINE_STATE_HELD] = "held",
	[QUARANTINE_STATE_RESTORE_REQUESTED] = "restore_requested",
	[QUARANTINE_STATE_RESTORED] = "restored",
	[QUARANTINE_STATE_DELETE_REQUESTED] = "delete_requested",
	[QUARANTINE_STATE_DELETED] = "deleted",
};

const char *protection_quarantine_name(enum quarantine_state state)
{
	return state_names[state];
}

bool protection_quarantine_parse(struct str name, enum quarantine_state *ret)
{
	for (int i = 0; i < QUARANTINE_STATE__COUNT; i++) {
		if (str_eq_c(name, state_names[i])) {
			*ret = (enum quarantine_state)i;
			return true;
		}
	}
	return false;
}

/* -1: not possible. A machine may restore or delete by hand at any time while it holds the file. */
#define NO -1
#define TO(state) QUARANTINE_STATE_##state
static const int steps[QUARANTINE_STATE__COUNT][QUARANTINE_STEP__COUNT] = {
	/*                                      ASK_RESTORE            ASK_DELETE            CANCEL    RESTORED      DELETED      FAILED */
	[QUARANTINE_STATE_HELD]              = {TO(RESTORE_REQUESTED), TO(DELETE_REQUESTED), NO,       TO(RESTORED), TO(DELETED), NO},
	[QUARANTINE_STATE_RESTORE_REQUESTED] = {NO,                    NO,                   TO(HELD), TO(RESTORED), TO(DELETED), TO(HELD)},
	[QUARANTINE_STATE_RESTORED]          = {NO,                    NO,                   NO,       NO,           NO,          NO},
	[QUARANTINE_STATE_DELETE_REQUESTED]  = {NO,                    NO,                   TO(HELD), TO(RESTORED), TO(DELETED), TO(HELD)},
	[QUARANTINE_STATE_DELETED]           = {NO,                    NO,                   NO,       NO,           NO,          NO},
};

bool protection_quarantine_step(enum quarantine_state from, enum quarantine_step step, enum quarantine_state *ret)
{
	int to = steps[from][step];
	if (to == NO)
		return false;
	*ret = (enum quarantine_state)to;
	return true;
}
