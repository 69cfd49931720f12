/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* What each system supplies: members of the open object. */
#pragma once
#include "engine/inventory/inventory.h"

void inventory_write_os(const char *root, struct json_writer *w);         /* "os":{…} */
void inventory_write_network(struct json_writer *w, bool interfaces_too); /* "addresses", "interfaces" */
void inventory_write_packages(const char *root, struct json_writer *w);
void inventory_write_disks(const char *root, struct json_writer *w);
void inventory_write_users(const char *root, struct json_writer *w);
void inventory_write_machine(const char *root, struct json_writer *w); /* "machine":{…} */
void inventory_write_identity(const char *root, struct json_writer *w); /* "id","serial","mac" */

/* A member, left out when empty. */
void inventory_member(struct json_writer *w, const char *name, struct str value);
/* A small file's text without white space at the ends, appended to out; nothing when it cannot be read. */
void inventory_read_line(const char *root, const char *path, struct buf *out);
