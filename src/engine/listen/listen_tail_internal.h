/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* One followed file, and how its place is kept. */
#pragma once
#include <sys/stat.h>

#include "engine/listen/listen_tail.h"
#include "platform/crypto/crypto.h"

#define LISTEN_TAIL_PRINT 1024 /* first bytes by which a file is known again */
#define LISTEN_TAIL_FILES 1000

struct listen_tailed {
	char path[1024];
	struct uuid epoch;
	uint64_t device, inode;
	uint64_t offset;     /* everything before is in the spool */
	bool joined;         /* its lines are joined into records */
	uint64_t boundary;   /* a record ends there although lines came after it: on disk before it is taken; 0: none */
	uint64_t seen_end;   /* as far as it has been read */
	usec_t grew_at;      /* monotonic: when it was first seen to be that long */
	uint32_t print_size; /* of the fingerprint: how many of the first bytes; 0: the file was empty */
	unsigned char print[SHA256_SIZE];
	int fd;              /* -1: closed */
	bool there;          /* some configured path leads to it */
	bool skip_line;      /* in a line that is too long */
	usec_t quiet_since;  /* monotonic: nothing was read since */
	struct event_sender sender;
};

struct listen_tail_files {
	struct listen_tailed *list;
	size_t count;
};

/* Text, a line a file: "epoch device inode offset print_size print path"; of a joined one the offset is
 * "offset:boundary". A missing file is none; a damaged line is
 * passed over: its file is read anew. */
int listen_tail_load(const char *state, struct listen_tail_files *ret, struct err *err) WARN_UNUSED;
int listen_tail_save(const char *state, const struct listen_tail_files *files, struct err *err) WARN_UNUSED;
/* Are the file's first bytes still those? */
bool listen_tail_same(const struct listen_tailed *f, int fd);
/* Remembers more of the first bytes when there are more; the old ones have been compared. */
void listen_tail_print(struct listen_tailed *f, int fd);
/* The sender of a path: source "file:<path>", an id that is always the same. */
struct event_sender listen_tail_sender(const char *path);
