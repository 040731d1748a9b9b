/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP server for reading: GET and HEAD of a few paths, served from the caller's own loop. */
#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "listen_address.h"

#define HTTP_CONNECTIONS_MAX 64
#define HTTP_TIMEOUT_S       10

/* What a path answers. The body is freed by the server; NULL makes it a 503. */
struct http_answer {
    unsigned status;
    const char *content_type;
    char *body;
    size_t length;
};

struct http_route {
    const char *path;
    /* plain: the client prefers text for people. */
    void (*answer)(void *context, bool plain, struct http_answer *ret_answer);
};

struct http_server;

/* Listens. routes end with a NULL path and stay the caller's. Returns 0 or a negative errno. */
int http_start(const struct listen_address *address, const struct http_route *routes, void *context,
               struct http_server **ret_server);
void http_stop(struct http_server *server);

/* When readable, or when the timeout (milliseconds, -1 for none) is over: http_run(). */
int http_fd(const struct http_server *server);
int http_timeout_ms(const struct http_server *server);
void http_run(struct http_server *server);

#endif
