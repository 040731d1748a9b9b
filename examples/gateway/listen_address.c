/* SPDX-License-Identifier: Apache-2.0 */
#include "listen_address.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool listen_address_from(const char *host, uint16_t port, struct listen_address *ret_address)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    struct listen_address address = {0};
    struct addrinfo *found = NULL;
    char service[8];

    snprintf(service, sizeof service, "%u", port);
    if (host[0] == '\0' || getaddrinfo(host, service, &hints, &found) != 0)
        return false;
    memcpy(&address.bytes, found->ai_addr, found->ai_addrlen);
    address.length = found->ai_addrlen;
    snprintf(address.text, sizeof address.text, found->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
             host, service);
    freeaddrinfo(found);
    *ret_address = address;
    return true;
}

static bool parse_port(const char *text, uint16_t *ret_port)
{
    unsigned port = 0;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || at - text >= 5)
            return false;
        port = port * 10 + (unsigned)(*at - '0');
    }
    if (port < 1 || port > 65535)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

bool listen_address_parse(const char *text, struct listen_address *ret_address)
{
    const char *colon = strrchr(text, ':');
    char host[64];
    uint16_t port;

    if (colon == NULL || colon == text || (size_t)(colon - text) >= sizeof host ||
        !parse_port(colon + 1, &port))
        return false;
    size_t length = (size_t)(colon - text);
    bool bracketed = text[0] == '[' && text[length - 1] == ']' && length > 2;
    if (bracketed) {
        text++;
        length -= 2;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    /* A colon belongs to IPv6, and IPv6 into brackets. */
    return (strchr(host, ':') != NULL) == bracketed && listen_address_from(host, port, ret_address);
}
