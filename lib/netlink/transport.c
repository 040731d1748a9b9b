/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/transport.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/secret.h"

/* The socket. */

static uint64_t namespace_cookie(int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

/* Options that only improve what the kernel tells; old kernels lack some. */
static void socket_options(const struct mnl_socket *socket, int bus)
{
    int on = 1;
    (void)mnl_socket_setsockopt(socket, NETLINK_EXT_ACK, &on, sizeof(on));
    (void)mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, &on, sizeof(on));
    if (bus == NETLINK_ROUTE)
        (void)mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
}

/* Opens the socket. A replacement must lie in the same network namespace as the first one, whatever
 * namespace the calling thread is in by now. */
static int32_t socket_open(struct transport *transport)
{
    struct mnl_socket *socket = mnl_socket_open2(transport->bus, SOCK_CLOEXEC);
    if (socket == NULL)
        return -errno;
    uint64_t cookie = namespace_cookie(mnl_socket_get_fd(socket));
    if (transport->namespace_cookie != 0 && cookie != transport->namespace_cookie) {
        mnl_socket_close(socket);
        return -ENONET;
    }
    if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
        int32_t code = -errno;
        mnl_socket_close(socket);
        return code;
    }
    socket_options(socket, transport->bus);
    transport->socket = socket;
    transport->port_id = mnl_socket_get_portid(socket);
    transport->namespace_cookie = cookie;
    return 0;
}

static void socket_drop(struct transport *transport)
{
    if (transport->socket != NULL)
        mnl_socket_close(transport->socket);
    transport->socket = NULL;
}

int32_t transport_open(struct transport *transport, int bus, bool secret, uint32_t reply_timeout_ms)
{
    *transport = (struct transport){.bus = bus,
                                    .secret = secret,
                                    .reply_timeout_ms = reply_timeout_ms,
                                    .sequence = randombytes_random()};
    transport->buffer = secret ? secret_memory_create(LIMIT_RECEIVE_BYTES, &transport->locked)
                               : calloc(1, LIMIT_RECEIVE_BYTES);
    if (transport->buffer == NULL)
        return -ENOMEM;
    int32_t code = socket_open(transport);
    if (code < 0)
        transport_close(transport);
    return code;
}

void transport_close(struct transport *transport)
{
    socket_drop(transport);
    if (transport->secret)
        secret_memory_destroy(transport->buffer, LIMIT_RECEIVE_BYTES);
    else
        free(transport->buffer);
    transport->buffer = NULL;
}

/* One exchange. */

struct exchange {
    uint32_t first;  /* sequence number of the first request */
    uint32_t count;  /* requests */
    uint32_t passed; /* requests whose result is known */
    bool dump;
    bool interrupted;
    bool finished;
    int32_t *results; /* NULL: nobody asks */
    const struct message_reader *reader;
    struct outcome *outcome;
    int64_t deadline_ns;
    uint64_t bytes;
};

static int64_t now_ns(void)
{
    return (int64_t)clock_ns(CLOCK_MONOTONIC);
}

/* Takes the acknowledgement of one request, or the end of the dump. */
static int32_t exchange_conclude(struct exchange *exchange, const struct nlmsghdr *message)
{
    struct outcome outcome;
    int32_t code = outcome_parse(message, &outcome);
    if (code < 0)
        return code;
    if (exchange->dump && message->nlmsg_type == NLMSG_ERROR && outcome.code == 0)
        return 0; /* an acknowledgement says nothing about the dump */
    if (!exchange->dump && message->nlmsg_type == NLMSG_DONE)
        return -EBADMSG;
    uint32_t index = message->nlmsg_seq - exchange->first;
    if (exchange->results != NULL)
        exchange->results[index] = outcome.code;
    if (exchange->outcome->code == 0)
        *exchange->outcome = outcome;
    exchange->passed = index + 1;
    exchange->finished = exchange->passed == exchange->count;
    return 0;
}

/* Takes one message; those that answer no request of this exchange are ignored. */
static int32_t exchange_take(struct exchange *exchange, struct nlmsghdr *message)
{
    if (message->nlmsg_seq - exchange->first >= exchange->count)
        return 0;
    if (exchange->dump && (message->nlmsg_flags & NLM_F_DUMP_INTR))
        exchange->interrupted = true;
    switch (message->nlmsg_type) {
    case NLMSG_NOOP:
        return 0;
    case NLMSG_OVERRUN:
        return -ENOBUFS;
    case NLMSG_ERROR:
    case NLMSG_DONE:
        return exchange_conclude(exchange, message);
    default:
        if (exchange->reader == NULL || exchange->interrupted)
            return 0;
        return exchange->reader->read(exchange->reader->context, message);
    }
}

/* -EBADMSG: the message's length cannot be true. (libmnl's own check takes a length beyond INT_MAX for
 * negative, and so for one that fits.) */
static int32_t message_check(const struct nlmsghdr *message, size_t left)
{
    if (left < sizeof(*message) || message->nlmsg_len < sizeof(*message) ||
        message->nlmsg_len > left)
        return -EBADMSG;
    return 0;
}

/* The bytes from a checked message to the next one. */
static size_t message_step(const struct nlmsghdr *message, size_t left)
{
    size_t step =
        ((size_t)message->nlmsg_len + (NLMSG_ALIGNTO - 1u)) & ~(size_t)(NLMSG_ALIGNTO - 1u);
    return step < left ? step : left;
}

/* Takes every message of one datagram, which is aligned as by malloc. */
static int32_t exchange_take_all(struct exchange *exchange, uint32_t port_id, uint8_t *bytes,
                                 size_t length)
{
    exchange->bytes += length;
    if (exchange->bytes > LIMIT_DUMP_BYTES)
        return -EMSGSIZE;
    int32_t code = 0;
    while (code == 0 && length > 0 && !exchange->finished) {
        struct nlmsghdr *message = (struct nlmsghdr *)(void *)bytes;
        code = message_check(message, length);
        if (code < 0)
            return code;
        if (message->nlmsg_pid == port_id)
            code = exchange_take(exchange, message);
        size_t step = message_step(message, length);
        bytes += step;
        length -= step;
    }
    return code;
}

static int32_t wait_readable(int fd, int64_t left_ns)
{
    int64_t left_ms = (left_ns + (int64_t)NS_PER_MS - 1) / (int64_t)NS_PER_MS;
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    if (poll(&poll_fd, 1, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms) < 0 && errno != EINTR)
        return -errno;
    return 0;
}

/* Receives one datagram of the kernel's, before the deadline. The kernel answers while we send, so the
 * first attempt does not wait. */
static int32_t receive(struct transport *transport, int64_t deadline_ns, size_t *ret_length)
{
    int fd = mnl_socket_get_fd(transport->socket);
    for (;;) {
        int64_t left_ns = deadline_ns - now_ns();
        if (left_ns <= 0)
            return -ETIMEDOUT;
        struct sockaddr_nl sender;
        struct iovec vector = {.iov_base = transport->buffer, .iov_len = LIMIT_RECEIVE_BYTES};
        struct msghdr header = {.msg_name = &sender,
                                .msg_namelen = sizeof(sender),
                                .msg_iov = &vector,
                                .msg_iovlen = 1};
        ssize_t length = recvmsg(fd, &header, MSG_DONTWAIT);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            int32_t code = wait_readable(fd, left_ns);
            if (code < 0)
                return code;
            continue;
        }
        if (length < 0)
            return -errno;
        if (header.msg_namelen != sizeof(sender) || sender.nl_pid != 0)
            continue; /* not the kernel */
        *ret_length = (size_t)length;
        return header.msg_flags & MSG_TRUNC ? -EMSGSIZE : 0;
    }
}

static int32_t send_all(const struct transport *transport, const void *bytes, size_t length)
{
    ssize_t sent;
    do
        sent = mnl_socket_sendto(transport->socket, bytes, length);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

static int32_t exchange_replies(struct transport *transport, struct exchange *exchange)
{
    int32_t code = 0;
    while (code == 0 && !exchange->finished) {
        size_t length = 0;
        code = receive(transport, exchange->deadline_ns, &length);
        if (code == 0)
            code = exchange_take_all(exchange, transport->port_id, transport->buffer, length);
        if (transport->secret)
            secret_wipe(transport->buffer, length);
    }
    return code;
}

/* Our side failed: so has every request that is not answered yet. */
static int32_t exchange_fail(struct exchange *exchange, int32_t code)
{
    for (uint32_t i = exchange->passed; exchange->results != NULL && i < exchange->count; i++)
        exchange->results[i] = code;
    return outcome_fail(exchange->outcome, code);
}

static int32_t exchange_run(struct transport *transport, struct exchange *exchange,
                            const void *bytes, size_t length)
{
    *exchange->outcome = (struct outcome){0};
    if (transport->socket == NULL) {
        int32_t code = socket_open(transport);
        if (code < 0)
            return exchange_fail(exchange, code);
    }
    int32_t code = send_all(transport, bytes, length);
    if (code < 0)
        return exchange_fail(exchange, code); /* nothing of it reached the kernel */
    exchange->deadline_ns = now_ns() + (int64_t)(transport->reply_timeout_ms * NS_PER_MS);
    code = exchange_replies(transport, exchange);
    if (code < 0) {
        exchange_fail(exchange, code);
        exchange->outcome->state_unknown = exchange->reader == NULL; /* who reads changes nothing */
        socket_drop(transport);
        (void)socket_open(transport);
        return code;
    }
    if (exchange->interrupted && exchange->outcome->code == 0)
        return outcome_fail(exchange->outcome, -EINTR);
    return exchange->outcome->code;
}

/* Requests. */

/* What may pass if the dump is simply run again: it was interrupted, or a reply found no room. */
static bool worth_another_dump(int32_t code)
{
    return code == -EINTR || code == -EBUSY || code == -ENOBUFS;
}

int32_t transport_request(struct transport *transport, struct nlmsghdr *request,
                          const struct message_reader *reader, struct outcome *outcome)
{
    bool dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    request->nlmsg_flags |= dump ? NLM_F_REQUEST : NLM_F_REQUEST | NLM_F_ACK;
    request->nlmsg_pid = 0;
    int32_t code = -EINTR;
    for (uint32_t try = 0; try < (dump ? LIMIT_DUMP_TRIES : 1) && worth_another_dump(code); try++) {
        if (reader != NULL && reader->restart != NULL)
            reader->restart(reader->context);
        request->nlmsg_seq = ++transport->sequence;
        struct exchange exchange = {.first = request->nlmsg_seq,
                                    .count = 1,
                                    .dump = dump,
                                    .reader = reader,
                                    .outcome = outcome};
        code = exchange_run(transport, &exchange, request, request->nlmsg_len);
    }
    return code;
}

int32_t transport_batch(struct transport *transport, void *requests, size_t length, uint32_t count,
                        const struct message_reader *reader, int32_t *results,
                        struct outcome *outcome)
{
    if (count == 0 || count > LIMIT_PENDING_REPLIES)
        return outcome_fail(outcome, -EINVAL);
    struct exchange exchange = {.first = transport->sequence + 1,
                                .count = count,
                                .results = results,
                                .reader = reader,
                                .outcome = outcome};
    uint8_t *next = requests;
    size_t left = length;
    for (uint32_t i = 0; i < count; i++) {
        struct nlmsghdr *request = (struct nlmsghdr *)(void *)next;
        if (message_check(request, left) < 0)
            return outcome_fail(outcome, -EINVAL);
        /* Errors come unasked and in order; the last acknowledgement says that there are no more. */
        request->nlmsg_flags |= i + 1 == count ? NLM_F_REQUEST | NLM_F_ACK : NLM_F_REQUEST;
        request->nlmsg_pid = 0;
        request->nlmsg_seq = ++transport->sequence;
        results[i] = 0;
        size_t step = message_step(request, left);
        next += step;
        left -= step;
    }
    return exchange_run(transport, &exchange, requests, length);
}
