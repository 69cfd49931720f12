/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/file/file.h"
#include "engine/listen/listen_internal.h"

#define BACKLOG 512

static unsigned bound_port(int fd)
{
	struct sockaddr_storage at = {0};
	socklen_t size = sizeof(at);
	if (getsockname(fd, (struct sockaddr *)&at, &size) < 0)
		return 0;
	if (at.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&at)->sin6_port);
	return ntohs(((const struct sockaddr_in *)&at)->sin_port);
}

static int bind_at(const struct addrinfo *info, bool datagram, struct str name, int *ret_fd, struct err *err)
{
	const int on = 1, off = 0;
	cleanup_fd int fd = socket(info->ai_family, (datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, errno, "socket", name);
	if (!datagram)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (info->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, info->ai_addr, info->ai_addrlen) < 0)
		return err_errno(err, errno, "bind", name);
	if (!datagram && listen(fd, BACKLOG) < 0)
		return err_errno(err, errno, "listen", name);
	*ret_fd = file_take(&fd);
	return 0;
}

int listen_socket(const char *address, int port, bool datagram, int *ret_fd, unsigned *ret_port, struct err *err)
{
	char service[12], place[128];
	(void)snprintf(service, sizeof(service), "%d", port == LISTEN_ANY_PORT ? 0 : port);
	(void)snprintf(place, sizeof(place), "%.100s:%s", address, service);
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
	                               .ai_socktype = datagram ? SOCK_DGRAM : SOCK_STREAM};
	struct addrinfo *info = NULL;
	int code = getaddrinfo(address, service, &hints, &info);
	if (code != 0)
		return err_set(err, -EINVAL, "http.bad_address", ARG_CSTR("address", place), ARG_CSTR("reason", gai_strerror(code)));
	int r = bind_at(info, datagram, str_c(place), ret_fd, err);
	freeaddrinfo(info);
	if (r == 0)
		*ret_port = bound_port(*ret_fd);
	return r;
}

int listen_check(const char *address, unsigned port, bool datagram, struct err *err)
{
	cleanup_fd int fd = -1;
	unsigned taken;
	return listen_socket(address, (int)port, datagram, &fd, &taken, err);
}
