/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>
#include <subwg/driver.h>

#include "log.h"

struct http_server {
    struct MHD_Daemon *daemon;
    const struct http_route *routes;
    void *context;
};

static enum MHD_Result respond(struct MHD_Connection *connection, const struct http_answer *answer)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->length, answer->body, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result result = MHD_NO;

    if (response == NULL) {
        free(answer->body);
        return MHD_NO;
    }
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type) ==
            MHD_YES &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES &&
        (answer->status != MHD_HTTP_METHOD_NOT_ALLOWED ||
         MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES))
        result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static struct http_answer sentence(unsigned status, const char *text)
{
    char *body = strdup(text);

    return (struct http_answer){.status = status,
                                .content_type = "text/plain; charset=utf-8",
                                .body = body,
                                .length = body != NULL ? strlen(body) : 0};
}

/* Text is preferred where it is named and JSON is not. */
static bool prefers_text(struct MHD_Connection *connection)
{
    const char *accept =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);

    return accept != NULL && strstr(accept, "text/plain") != NULL &&
           strstr(accept, "application/json") == NULL;
}

static const struct http_route *find_route(const struct http_server *server, const char *path)
{
    const struct http_route *route = server->routes;

    while (route->path != NULL && strcmp(route->path, path) != 0)
        route++;
    return route->path != NULL ? route : NULL;
}

static struct http_answer answer_request(const struct http_server *server,
                                         struct MHD_Connection *connection, const char *path,
                                         const char *method)
{
    const struct http_route *route = find_route(server, path);
    struct http_answer answer = {0};

    if (route == NULL)
        return sentence(MHD_HTTP_NOT_FOUND,
                        "not found; there is /metrics, /connections, /healthz\n");
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return sentence(MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    route->answer(server->context, prefers_text(connection), &answer);
    if (answer.body == NULL)
        return sentence(MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n");
    return answer;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request)
{
    static int seen;
    struct http_answer answer;

    (void)version;
    (void)upload;
    /* Called once with the headers, and again for the body, which nobody here reads. */
    if (*request == NULL) {
        *request = &seen;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    answer = answer_request(context, connection, url, method);
    return respond(connection, &answer);
}

__attribute__((format(printf, 2, 0))) static void on_log(void *context, const char *format,
                                                         va_list arguments)
{
    char text[512];

    (void)context;
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_line(SUBWG_LOG_DEBUG, "http: %s", text);
}

static int listen_on(const struct listen_address *address)
{
    int fd = socket(address->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1, result;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)&address->bytes, address->length) == 0 &&
        listen(fd, SOMAXCONN) == 0)
        return fd;
    result = -errno;
    close(fd);
    return result;
}

int http_start(const struct listen_address *address, const struct http_route *routes, void *context,
               struct http_server **ret_server)
{
    struct http_server *server = calloc(1, sizeof *server);
    int fd = listen_on(address);

    if (server == NULL || fd < 0)
        goto failed;
    server->routes = routes;
    server->context = context;
    server->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, server,
                         MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_TIMEOUT_S, MHD_OPTION_END);
    if (server->daemon == NULL)
        goto failed;
    *ret_server = server;
    return 0;
failed:
    free(server);
    if (fd < 0)
        return fd;
    close(fd);
    return -ENOMEM;
}

void http_stop(struct http_server *server)
{
    if (server == NULL)
        return;
    MHD_stop_daemon(server->daemon);
    free(server);
}

int http_fd(const struct http_server *server)
{
    return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int http_timeout_ms(const struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG timeout;

    if (MHD_get_timeout(server->daemon, &timeout) != MHD_YES)
        return -1;
    return timeout > INT_MAX ? INT_MAX : (int)timeout;
}

void http_run(struct http_server *server)
{
    MHD_run(server->daemon);
}
