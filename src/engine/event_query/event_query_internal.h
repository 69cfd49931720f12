/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Private to engine/event_query: values. */
#pragma once
#include "base/uuid/uuid.h"
#include "engine/event_query/event_query.h"

/* Wildcards in a LIKE value; control characters are in no query. */
#define EVENT_QUERY_ANY '\1'
#define EVENT_QUERY_ONE '\2'

/* An optional sign, digits, an optional fraction. */
bool event_query_is_number(struct str s);

/* IPv6, or IPv4 as ::ffff:a.b.c.d; text of both ends. */
struct event_query_network {
	char first[48], last[48];
};
/* "10.0.0.0/8", "fd00::/8": with a prefix length only. */
bool event_query_network(struct str s, struct event_query_network *ret);

/* The known name that was probably meant, or NULL. */
const char *event_query_nearest(struct str name);
