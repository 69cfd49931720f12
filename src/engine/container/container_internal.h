/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What writer and reader of a container share: its fixed names and the list of parts. */
#pragma once
#include "engine/container/container.h"

#define CONTAINER_FORMAT 1
#define CONTAINER_FIRST "LUYTRE-BACKUP"
#define CONTAINER_FIRST_TEXT "luytre backup format "
#define CONTAINER_MANIFEST "manifest.json"
#define CONTAINER_MAC "manifest.hmac"

struct container_listed {
	const char *name; /* in the list's arena */
	uint64_t size;
	unsigned mode;
	char sha256_hex[SHA256_HEX_SIZE];
};

struct container_list {
	struct arena *arena;
	struct container_listed *items;
	size_t count, capacity;
};

void container_list_add(struct container_list *list, struct str name, uint64_t size, unsigned mode,
                        const unsigned char digest[SHA256_SIZE]);
void container_list_done(struct container_list *list);
