/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define CLIENT_TIMEOUT_S   5
#define CLIENT_ANSWER_MAX  67108864u
#define CLIENT_PIECE_BYTES 16384

static int connect_to(const struct listen_address *address)
{
    const struct timeval timeout = {.tv_sec = CLIENT_TIMEOUT_S};
    int fd = socket(address->bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), result;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0 &&
        connect(fd, (const struct sockaddr *)&address->bytes, address->length) == 0)
        return fd;
    result = errno == EINPROGRESS ? -ETIMEDOUT : -errno;
    close(fd);
    return result;
}

/* HTTP/1.0, so that the answer ends where the connection does. */
static int ask(int fd, const char *host)
{
    char request[256];
    int length =
        snprintf(request, sizeof request,
                 "GET /connections HTTP/1.0\r\nHost: %s\r\nAccept: text/plain\r\n\r\n", host);

    return send(fd, request, (size_t)length, MSG_NOSIGNAL) == length ? 0 : -EIO;
}

/* Reads to the end into a new string. */
static int receive_all(int fd, char **ret_answer)
{
    char piece[CLIENT_PIECE_BYTES], *answer = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&answer, &length);
    ssize_t got = stream != NULL ? 1 : 0;
    size_t total = 0;
    int result = stream != NULL ? 0 : -ENOMEM;

    while (result == 0 && (got = recv(fd, piece, sizeof piece, 0)) > 0) {
        total += (size_t)got;
        if (total > CLIENT_ANSWER_MAX)
            result = -EFBIG;
        else if (fwrite(piece, 1, (size_t)got, stream) != (size_t)got)
            result = -ENOMEM;
    }
    if (got < 0)
        result = errno == EAGAIN ? -ETIMEDOUT : -errno;
    if (stream != NULL && fclose(stream) != 0 && result == 0)
        result = -ENOMEM;
    if (result < 0)
        free(answer);
    else
        *ret_answer = answer;
    return result;
}

/* The table to stdout, an error's text to stderr. */
static int print_answer(const char *answer)
{
    const char *body = strstr(answer, "\r\n\r\n");
    const char *status = strchr(answer, ' ');

    if (strncmp(answer, "HTTP/1.", 7) != 0 || status == NULL || body == NULL) {
        fprintf(stderr, "subwg-gateway: what listens there is no gateway\n");
        return -EPROTO;
    }
    body += strlen("\r\n\r\n");
    if (strncmp(status, " 200 ", 5) != 0) {
        fprintf(stderr, "subwg-gateway: the gateway answered%.4s: %s", status, body);
        return -EIO;
    }
    return fputs(body, stdout) == EOF || fflush(stdout) != 0 ? -EIO : 0;
}

int client_show_connections(const struct listen_address *address)
{
    int fd = connect_to(address), result = fd;
    char *answer = NULL;

    if (fd >= 0)
        result = ask(fd, address->text);
    if (result >= 0)
        result = receive_all(fd, &answer);
    if (result < 0)
        fprintf(stderr, "subwg-gateway: cannot ask the gateway at %s: %s; is it running?\n",
                address->text, strerror(-result));
    else
        result = print_answer(answer);
    free(answer);
    if (fd >= 0)
        close(fd);
    return result;
}
