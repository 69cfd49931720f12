/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "platform/http/http_listen.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file/file.h"

#define LISTEN_BACKLOG 512

/* A socket file that nobody listens on is left over from a process that died; one that answers is not ours to take. */
static int remove_stale(const char *path, const struct sockaddr_un *address, struct err *err)
{
	struct stat st;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "lstat", str_c(path));
	if (!S_ISSOCK(st.st_mode))
		return err_errno(err, EEXIST, "bind", str_c(path));
	cleanup_fd int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (probe >= 0 && connect(probe, (const struct sockaddr *)address, sizeof *address) == 0)
		return err_errno(err, EADDRINUSE, "bind", str_c(path));
	return unlink(path) < 0 ? err_errno(err, errno, "unlink", str_c(path)) : 0;
}

static int listen_unix(const struct http_config *config, int *ret_fd, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct str path = str_c(config->unix_path);
	if (path.n >= sizeof address.sun_path)
		return err_errno(err, ENAMETOOLONG, "bind", path);
	str_copy_c(path, address.sun_path, sizeof address.sun_path);
	int r = remove_stale(config->unix_path, &address, err);
	if (r < 0)
		return r;
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, errno, "socket", path);
	/* The permission bits must hold from the first moment on: bind makes the file with the socket's own mode. */
	mode_t mode = config->unix_mode != 0 ? config->unix_mode : 0600;
	if (fchmod(fd, mode) < 0)
		return err_errno(err, errno, "fchmod", path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
		return err_errno(err, errno, "bind", path);
	if (chmod(config->unix_path, mode) < 0)
		return err_errno(err, errno, "chmod", path);
	if (listen(fd, LISTEN_BACKLOG) < 0)
		return err_errno(err, errno, "listen", path);
	*ret_fd = file_take(&fd);
	return 0;
}

static int bind_tcp(const struct addrinfo *info, struct str name, int *ret_fd, struct err *err)
{
	cleanup_fd int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, errno, "socket", name);
	int on = 1, off = 0;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (info->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (bind(fd, info->ai_addr, info->ai_addrlen) < 0)
		return err_errno(err, errno, "bind", name);
	if (listen(fd, LISTEN_BACKLOG) < 0)
		return err_errno(err, errno, "listen", name);
	*ret_fd = file_take(&fd);
	return 0;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof address;
	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return 0;
	if (address.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
	return ntohs(((const struct sockaddr_in *)&address)->sin_port);
}

int http_listen(const struct http_config *config, int *ret_fd, uint16_t *ret_port, struct err *err)
{
	*ret_port = 0;
	if (config->unix_path != NULL)
		return listen_unix(config, ret_fd, err);
	char port[8], place[128];
	(void)snprintf(port, sizeof port, "%u", config->port);
	(void)snprintf(place, sizeof place, "%.100s:%u", config->address != NULL ? config->address : "", config->port);
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	struct addrinfo *info = NULL;
	int code = getaddrinfo(config->address, port, &hints, &info);
	if (code != 0)
		return err_set(err, -EINVAL, "http.bad_address", ARG_CSTR("address", place),
		               ARG_CSTR("reason", gai_strerror(code)));
	int r = bind_tcp(info, str_c(place), ret_fd, err);
	freeaddrinfo(info);
	if (r >= 0)
		*ret_port = bound_port(*ret_fd);
	return r;
}

int http_check_listen(const char *address, uint16_t port, struct err *err)
{
	cleanup_fd int fd = -1;
	uint16_t taken;
	return http_listen(&(struct http_config){.address = address, .port = port}, &fd, &taken, err);
}

void http_peer_text(const struct sockaddr *address, char *buf, size_t size)
{
	buf[0] = '\0';
	if (address == NULL || address->sa_family == AF_UNIX) {
		str_copy_c(STR("unix"), buf, size);
	} else if (address->sa_family == AF_INET) {
		(void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, buf, (socklen_t)size);
	} else if (address->sa_family == AF_INET6) {
		const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
		if (IN6_IS_ADDR_V4MAPPED(a))
			(void)inet_ntop(AF_INET, &a->s6_addr[12], buf, (socklen_t)size);
		else
			(void)inet_ntop(AF_INET6, a, buf, (socklen_t)size);
	}
}
