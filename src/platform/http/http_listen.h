/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Listening sockets. Private to platform/http. */
#pragma once
#include "platform/http/http.h"

/* Binds and listens; the caller owns the fd. *ret_port: the port taken (0 for Unix sockets). */
int http_listen(const struct http_config *config, int *ret_fd, uint16_t *ret_port, struct err *err) WARN_UNUSED;
/* Address of a peer as text: "unix", IPv4 without the mapped-IPv6 prefix. */
struct sockaddr;
void http_peer_text(const struct sockaddr *address, char *buf, size_t size);
