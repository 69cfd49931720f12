/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * listen_frame: finds messages in a stream of syslog (RFC 6587, and RFC 5425 for TLS):
 *
 *   octet counting     MSG-LEN SP MSG      MSG-LEN = digit 1-9, digits
 *   non-transparent    MSG LF              also CR LF, NUL
 *
 * Which of the two is told by the first bytes of a connection: digits, a blank and then "<" (or "{": JSON) are a count.
 * A message may be up to EVENT_LINE_LIMIT long. A longer one is passed over and told; what cannot be a count ends the
 * stream, because nobody can tell where the next message begins.
 *
 * Threads: a framer belongs to one.
 */
#pragma once
#include "base/err/err.h"

enum listen_framing { LISTEN_FRAMING_UNKNOWN, LISTEN_FRAMING_COUNTED, LISTEN_FRAMING_LINES };

/* Zeroed: at the beginning of a stream. */
struct listen_framer {
	enum listen_framing framing;
	uint64_t passed; /* bytes of the stream that were consumed: the place in errors, from 0 */
	uint64_t skip;   /* rest of a counted message that is too long */
	bool skip_line;  /* likewise of a line */
	size_t searched; /* of what is at hand: no end of line in these */
};

enum listen_step {
	LISTEN_STEP_MESSAGE,
	LISTEN_STEP_MORE,   /* no whole message is left */
	LISTEN_STEP_REFUSED, /* one message was refused (err says why and where); go on */
	LISTEN_STEP_BROKEN, /* the stream makes no sense any more (err) */
};

/*
 * The next message in bytes[*at …]; moves *at. What is left after LISTEN_STEP_MORE must come again with more behind it.
 * `ended`: nothing will follow: a last line without its end is a message, a counted one that is cut is not.
 * Errors: listen.too_long (byte, limit), listen.bad_count (byte), listen.cut (byte).
 */
enum listen_step listen_frame_next(struct listen_framer *f, struct str bytes, size_t *at, bool ended, struct str *ret,
                                   struct err *err);
/* A message without the line ends and NULs that some senders put behind it. */
struct str listen_frame_trim(struct str message);
