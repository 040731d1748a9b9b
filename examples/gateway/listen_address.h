/* SPDX-License-Identifier: Apache-2.0 */
/* HOST:PORT with a numeric host, IPv6 in brackets. */
#ifndef GATEWAY_LISTEN_ADDRESS_H
#define GATEWAY_LISTEN_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define LISTEN_PORT_DEFAULT 8080

struct listen_address {
    struct sockaddr_storage bytes;
    socklen_t length;
    char text[80]; /* HOST:PORT */
};

/* True if text was such an address. */
bool listen_address_parse(const char *text, struct listen_address *ret_address);
/* A bare address with a port. */
bool listen_address_from(const char *host, uint16_t port, struct listen_address *ret_address);

#endif
