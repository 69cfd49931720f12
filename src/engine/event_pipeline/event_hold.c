/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/event_pipeline/event_hold.h"

#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

#include "base/clock/clock.h"
#include "base/file/file.h"

#define FILE_NAME "store.lock"
#define POLL_NS 300000L /* well below the pipeline's gap between blocks */

int event_hold_open(const char *dir, int *ret_fd, struct err *err)
{
	cleanup_buf struct buf path = BUF_INIT(4096);
	file_join(&path, str_c(dir), STR(FILE_NAME));
	int fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, errno, "open", buf_str(&path));
	*ret_fd = fd;
	return 0;
}

bool event_hold_enter(int fd)
{
	return flock(fd, LOCK_SH | LOCK_NB) == 0;
}

void event_hold_leave(int fd)
{
	(void)flock(fd, LOCK_UN);
}

int event_hold_take(int fd, unsigned timeout_ms, struct err *err)
{
	usec_t until = clock_monotonic() + (usec_t)timeout_ms * USEC_PER_MS;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_errno(err, errno, "flock", STR(FILE_NAME));
		if (clock_monotonic() > until)
			return err_set(err, -ETIMEDOUT, "event.hold_timeout", ARG_U64("seconds", timeout_ms / 1000));
		const struct timespec pause = {.tv_nsec = POLL_NS};
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

void event_hold_release(int fd)
{
	(void)flock(fd, LOCK_UN);
}
