/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/proc/proc_notify.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static usec_t watchdog_interval(void)
{
	uint64_t pid = 0, usec = 0;
	const char *for_pid = getenv("WATCHDOG_PID");
	if (for_pid != NULL && (!str_parse_u64(str_c(for_pid), 1, INT32_MAX, &pid) || pid != (uint64_t)getpid()))
		return 0;
	if (!str_parse_u64(str_c(getenv("WATCHDOG_USEC")), 1, (uint64_t)USEC_PER_DAY, &usec))
		return 0;
	return (usec_t)usec / 2;
}

struct proc_notify proc_notify_take(void)
{
	struct proc_notify n = {.watchdog = watchdog_interval()};
	struct str path = str_c(getenv("NOTIFY_SOCKET"));
	if (path.n > 1 && path.n < sizeof(n.path) && (path.p[0] == '/' || path.p[0] == '@')) {
		memcpy(n.path, path.p, path.n);
		n.path_size = path.n;
		if (n.path[0] == '@')
			n.path[0] = '\0'; /* an abstract socket */
	}
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	return n;
}

void proc_notify_send(const struct proc_notify *n, const char *state)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	if (n->path_size == 0)
		return;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	memcpy(to.sun_path, n->path, n->path_size);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n->path_size);
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to, size);
	(void)close(fd);
}
