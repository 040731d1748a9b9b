/* SPDX-License-Identifier: Apache-2.0 */
#include "sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "faults.h"
#include "queue.h"
#include "real.h"
#include "world.h"

#define DEFAULT_BUFFER 212992u
#define SEND_OVERHEAD  32u

static struct fake_socket *sockets[FAKE_SOCKETS]; /* by descriptor */

struct fake_socket *fake_socket_find(int fd)
{
    return fd >= 0 && fd < FAKE_SOCKETS ? sockets[fd] : NULL;
}

int fake_socket_open(int protocol, int type)
{
    struct fake_socket *socket;
    int flags = EFD_CLOEXEC, fd;

    if (protocol != NETLINK_GENERIC && protocol != NETLINK_ROUTE)
        return -EPROTONOSUPPORT;
    if ((type & SOCK_CLOEXEC) == 0)
        flags &= ~EFD_CLOEXEC;
    if ((type & SOCK_NONBLOCK) != 0)
        flags |= EFD_NONBLOCK;
    fd = eventfd(0, flags);
    if (fd < 0)
        return -errno;
    if (fd >= FAKE_SOCKETS) {
        fake_real_close(fd);
        return -EMFILE;
    }
    socket = fake_allocate(sizeof(*socket));
    socket->fd = fd;
    socket->protocol = protocol;
    socket->receive_buffer = DEFAULT_BUFFER;
    socket->send_buffer = DEFAULT_BUFFER;
    STAILQ_INIT(&socket->waiting);
    sockets[fd] = socket;
    return fd;
}

void fake_socket_close(struct fake_socket *socket)
{
    sockets[socket->fd] = NULL;
    fake_queue_clear(socket);
    free(socket->dump.snapshot.data);
    fake_real_close(socket->fd);
    free(socket);
}

static bool port_is_taken(int protocol, uint32_t port)
{
    for (size_t i = 0; i < FAKE_SOCKETS; i++)
        if (sockets[i] != NULL && sockets[i]->bound && sockets[i]->protocol == protocol &&
            sockets[i]->port == port)
            return true;
    return false;
}

/* The first socket that lets the kernel choose has the process's id, later ones something else. */
int fake_socket_bind(struct fake_socket *socket, uint32_t port, uint32_t groups)
{
    socket->groups = groups;
    if (socket->bound)
        return port == 0 || port == socket->port ? 0 : -EINVAL;
    if (port != 0 && port_is_taken(socket->protocol, port))
        return -EADDRINUSE;
    if (port == 0) {
        port = (uint32_t)getpid();
        for (uint32_t other = UINT32_MAX - 4096; port_is_taken(socket->protocol, port); other--)
            port = other;
    }
    socket->port = port;
    socket->bound = true;
    return 0;
}

uint64_t fake_sockets_open(void)
{
    uint64_t count = 0;

    for (size_t i = 0; i < FAKE_SOCKETS; i++)
        count += sockets[i] != NULL;
    return count;
}

void fake_sockets_reset(void)
{
    for (size_t i = 0; i < FAKE_SOCKETS; i++)
        if (sockets[i] != NULL)
            fake_queue_end_dump(sockets[i]);
}

void fake_sockets_release(void)
{
    for (size_t i = 0; i < FAKE_SOCKETS; i++)
        if (sockets[i] != NULL)
            fake_queue_signal(sockets[i]);
}

bool fake_dump_pins(uint32_t ifindex)
{
    for (size_t i = 0; i < FAKE_SOCKETS; i++)
        if (sockets[i] != NULL && sockets[i]->dump.running && sockets[i]->dump.ifindex == ifindex)
            return true;
    return false;
}

const void *fake_payload(const struct fake_request *request)
{
    return (const uint8_t *)request->head + FAKE_MESSAGE_HEAD;
}

size_t fake_payload_size(const struct fake_request *request)
{
    return request->head->nlmsg_len - FAKE_MESSAGE_HEAD;
}

int fake_refuse(struct fake_request *request, int status, const char *sentence)
{
    request->sentence = sentence;
    return status;
}

bool fake_request_attributes(struct fake_request *request, const struct fake_policy *policy,
                             size_t header_size, const struct nlattr **table, int *ret_status)
{
    size_t size = fake_payload_size(request), aligned = FAKE_ALIGNED(header_size);

    if (size < header_size) {
        *ret_status = fake_refuse(request, -EINVAL, "Invalid header length");
        return false;
    }
    *ret_status = fake_parse(
        policy, (const uint8_t *)fake_payload(request) + (size < aligned ? size : aligned),
        size < aligned ? 0 : size - aligned, table, &request->sentence);
    return *ret_status == 0;
}

static bool is_read(const struct fake_request *request)
{
    if (request->socket->protocol == NETLINK_ROUTE)
        return (request->head->nlmsg_type & 3) == 2;
    return (request->head->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP ||
           request->head->nlmsg_type == NLMSG_MIN_TYPE;
}

static int answer(struct fake_request *request)
{
    int error = fake_faults_request(request->socket->protocol, request->head);

    if ((request->head->nlmsg_flags & NLM_F_REQUEST) == 0 ||
        request->head->nlmsg_type < NLMSG_MIN_TYPE)
        return 0;
    if (!is_read(request))
        fake_counters.changes++;
    if (error != 0)
        return -error;
    return request->socket->protocol == NETLINK_GENERIC ? fake_generic_request(request)
                                                        : fake_route_request(request);
}

static void answer_all(struct fake_socket *socket, const uint8_t *bytes, size_t size)
{
    size_t offset = 0;

    while (size - offset >= FAKE_MESSAGE_HEAD) {
        struct fake_request request = {.socket = socket, .head = (const void *)(bytes + offset)};
        size_t length = request.head->nlmsg_len;
        int status;

        if (length < FAKE_MESSAGE_HEAD || length > size - offset)
            break;
        status = answer(&request);
        if (status < 0 || (status == 0 && (request.head->nlmsg_flags & NLM_F_ACK) != 0))
            fake_queue_ack(&request, status);
        offset += FAKE_ALIGNED(length) < size - offset ? FAKE_ALIGNED(length) : size - offset;
    }
}

int fake_socket_send(struct fake_socket *socket, const void *bytes, size_t size)
{
    uint8_t *copy;

    if (size > socket->send_buffer - SEND_OVERHEAD)
        return -EMSGSIZE;
    if (!socket->bound)
        fake_socket_bind(socket, 0, 0);
    fake_counters.sends++;
    fake_counters.sent_bytes += size;
    copy = fake_allocate(size + 1);
    memcpy(copy, bytes, size);
    answer_all(socket, copy, size);
    /* It may hold a private key. */
    explicit_bzero(copy, size);
    free(copy);
    return 0;
}
