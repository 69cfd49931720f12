/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * inventory: the facts of the machine that a person would look up: system, name,
 * addresses, installed packages, disks, users, hardware. Out comes JSON whose
 * bytes stay the same while the facts do, so that its hash tells a change.
 *
 * Does not live here: sending it (the agent), what the facts mean (service/endpoint).
 * Portable. Threads: no shared state.
 */
#pragma once
#include "base/err/err.h"
#include "base/json/json.h"

#define INVENTORY_LIMIT ((size_t)3 << 20) /* packages past it are left out and counted in packages_left_out */
#define INVENTORY_HASH_SIZE 65

/*
 * {"format":1,"hostname","os":{"family":"linux"|"windows","id","name","version","pretty_name","kernel","architecture"},
 *  "addresses":[…],"interfaces":[{"name","mac","addresses":[…]}],"package_manager":"dpkg"|"registry"|"none",
 *  "packages":[{"name","version","architecture"}],"packages_left_out":0,
 *  "disks":[{"mount","device","type","size_bytes","used_percent"}],   used_percent in steps of 5
 *  "users":[{"name","uid","home","shell","admin"}],
 *  "machine":{"id","serial","vendor","product","processor","processors","memory_bytes"}}
 * `root`: "" for this machine; tests put a folder with files of another (Linux only).
 */
int inventory_collect(const char *root, struct buf *out, struct err *err) WARN_UNUSED;
/* SHA-256 of the bytes as hex. Returns buf. */
const char *inventory_hash(struct str json, char buf[INVENTORY_HASH_SIZE]);
/* What tells this machine from others at enrolment: {"id","serial","mac","os":{…},"addresses":[…]}. */
int inventory_machine(const char *root, struct buf *out, struct err *err) WARN_UNUSED;
void inventory_hostname(char *buf, size_t size);
/* Random at each start of the machine (Windows: of this process). */
void inventory_boot_id(char *buf, size_t size);

/* Appends one object a package of a dpkg status file ("Status: install ok installed" only). */
void inventory_dpkg(struct str status, struct json_writer *w, size_t limit_bytes, uint64_t *ret_left_out);
/* os-release(5): the value of a variable, quotes and backslashes resolved. Appends to out. */
void inventory_os_release(struct str text, const char *name, struct buf *out);
