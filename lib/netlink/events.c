/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/events.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/limits.h"
#include "netlink/attribute.h"
#include "netlink/outcome.h"

#define OPERATION "watch events"

/* Reading one message. */

/* The family's own header, if the message is long enough for it; what follows it are attributes. */
static bool read_head(const struct nlmsghdr *message, const uint8_t *payload, void *head,
                      size_t size, struct attributes *ret_attributes)
{
    size_t length = message->nlmsg_len - sizeof(*message);
    size_t aligned = (size + (NLMSG_ALIGNTO - 1u)) & ~(size_t)(NLMSG_ALIGNTO - 1u);
    if (length < size)
        return false;
    memcpy(head, payload, size);
    *ret_attributes = attributes_over(payload + (length < aligned ? length : aligned),
                                      length < aligned ? 0 : length - aligned);
    return true;
}

static int32_t find_name(struct attributes attributes, char name[LINK_NAME_SIZE])
{
    struct attribute attribute;
    int32_t code;
    while ((code = attribute_next(&attributes, &attribute)) > 0) {
        if (attribute.type != IFLA_IFNAME)
            continue;
        if (attribute.length > LINK_NAME_SIZE)
            return -EBADMSG;
        memcpy(name, attribute.value, attribute.length);
        name[LINK_NAME_SIZE - 1] = '\0';
    }
    return code;
}

static int32_t read_link(const struct nlmsghdr *message, const uint8_t *payload,
                         struct event *event)
{
    struct ifinfomsg head;
    struct attributes attributes;
    event->kind = EVENT_LINK;
    if (!read_head(message, payload, &head, sizeof(head), &attributes))
        return -EBADMSG;
    event->ifindex = (uint32_t)head.ifi_index;
    return find_name(attributes, event->name);
}

static int32_t read_address(const struct nlmsghdr *message, const uint8_t *payload,
                            struct event *event)
{
    struct ifaddrmsg head;
    struct attributes attributes;
    event->kind = EVENT_ADDRESS;
    if (!read_head(message, payload, &head, sizeof(head), &attributes))
        return -EBADMSG;
    event->ifindex = head.ifa_index;
    return 0;
}

/* A route over several links names none of them here. */
static int32_t read_route(const struct nlmsghdr *message, const uint8_t *payload,
                          struct event *event)
{
    struct rtmsg head;
    struct attributes attributes;
    event->kind = EVENT_ROUTE;
    if (!read_head(message, payload, &head, sizeof(head), &attributes))
        return -EBADMSG;
    event->table = head.rtm_table;
    int32_t code = attributes_find(attributes, RTA_TABLE, &event->table, sizeof(event->table));
    return code < 0 ? code
                    : attributes_find(attributes, RTA_OIF, &event->ifindex, sizeof(event->ifindex));
}

static int32_t read_rule(const struct nlmsghdr *message, const uint8_t *payload,
                         struct event *event)
{
    struct fib_rule_hdr head;
    struct attributes attributes;
    event->kind = EVENT_RULE;
    if (!read_head(message, payload, &head, sizeof(head), &attributes))
        return -EBADMSG;
    event->table = head.table;
    return attributes_find(attributes, FRA_TABLE, &event->table, sizeof(event->table));
}

static const struct reader {
    uint16_t type;
    bool gone;
    int32_t (*read)(const struct nlmsghdr *message, const uint8_t *payload, struct event *event);
} readers[] = {
    {RTM_NEWLINK, false, read_link},    {RTM_DELLINK, true, read_link},
    {RTM_NEWADDR, false, read_address}, {RTM_DELADDR, true, read_address},
    {RTM_NEWROUTE, false, read_route},  {RTM_DELROUTE, true, read_route},
    {RTM_NEWRULE, false, read_rule},    {RTM_DELRULE, true, read_rule},
};

static int32_t decode_message(const struct nlmsghdr *message, const uint8_t *payload,
                              event_taker take, void *context)
{
    if (message->nlmsg_type == NLMSG_OVERRUN)
        return -ENOBUFS;
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        if (readers[i].type != message->nlmsg_type)
            continue;
        struct event event = {.gone = readers[i].gone, .port_id = message->nlmsg_pid};
        int32_t code = readers[i].read(message, payload, &event);
        if (code == 0)
            take(context, &event);
        return code;
    }
    return 0;
}

int32_t events_decode(const void *bytes, size_t length, event_taker take, void *context)
{
    const uint8_t *next = bytes;
    int32_t code = 0;
    while (code == 0 && length > 0) {
        struct nlmsghdr message;
        if (length < sizeof(message))
            return -EBADMSG;
        memcpy(&message, next, sizeof(message));
        if (message.nlmsg_len < sizeof(message) || message.nlmsg_len > length)
            return -EBADMSG;
        code = decode_message(&message, next + sizeof(message), take, context);
        size_t step =
            ((size_t)message.nlmsg_len + (NLMSG_ALIGNTO - 1u)) & ~(size_t)(NLMSG_ALIGNTO - 1u);
        step = step < length ? step : length;
        next += step;
        length -= step;
    }
    return code;
}

/* The socket. */

#define GROUP(number) (1u << ((number)-1))
#define RULE_GROUPS   (GROUP(RTNLGRP_IPV4_RULE) | GROUP(RTNLGRP_IPV6_RULE))
#define OTHER_GROUPS                                                                 \
    (GROUP(RTNLGRP_LINK) | GROUP(RTNLGRP_IPV4_IFADDR) | GROUP(RTNLGRP_IPV6_IFADDR) | \
     GROUP(RTNLGRP_IPV4_ROUTE) | GROUP(RTNLGRP_IPV6_ROUTE))

/* What waits between two reads fits in here, or all is compared anew. Without the privilege to ask for
 * so much it is as much as anybody gets. */
static void enlarge_buffer(int fd)
{
    int bytes = (int)LIMIT_EVENT_BUFFER_BYTES;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

static bool is_elsewhere(int fd, uint64_t expected)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) < 0)
        return false;
    return cookie != 0 && expected != 0 && cookie != expected;
}

int32_t events_socket(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    return fd >= 0 ? fd : -errno;
}

int32_t events_listen(int fd, bool rules)
{
    const struct sockaddr_nl own = {.nl_family = AF_NETLINK,
                                    .nl_groups = OTHER_GROUPS | (rules ? RULE_GROUPS : 0)};
    return bind(fd, (const struct sockaddr *)&own, sizeof(own)) == 0 ? 0 : -errno;
}

static int32_t open_socket(uint64_t namespace_cookie, struct events *events)
{
    events->fd = events_socket();
    if (events->fd < 0)
        return events->fd;
    if (is_elsewhere(events->fd, namespace_cookie))
        return -ENONET;
    enlarge_buffer(events->fd);
    return events_listen(events->fd, true);
}

int32_t events_open(uint64_t namespace_cookie, struct events *ret_events, struct subwg_error *error)
{
    struct outcome outcome;
    *ret_events = (struct events){.fd = -1, .buffer = malloc(LIMIT_RECEIVE_BYTES)};
    int32_t code = ret_events->buffer == NULL ? -ENOMEM : open_socket(namespace_cookie, ret_events);
    if (code == 0)
        return 0;
    events_close(ret_events);
    if (code == -ENONET)
        return error_set(error, code, SUBWG_REASON_NAMESPACE, OPERATION,
                         "the calling thread is in another network namespace than the instance");
    outcome_fail(&outcome, code);
    return outcome_report(&outcome, error, OPERATION, "open a socket for the kernel's events");
}

void events_close(struct events *events)
{
    if (events->fd >= 0)
        (void)close(events->fd);
    free(events->buffer);
    *events = (struct events){.fd = -1};
}

/* One datagram: 1 = taken, 0 = none waits, or a negative errno. */
static int32_t read_one(const struct events *events, event_taker take, void *context,
                        bool *ret_lost)
{
    struct sockaddr_nl sender = {0};
    struct iovec vector = {.iov_base = events->buffer, .iov_len = LIMIT_RECEIVE_BYTES};
    struct msghdr header = {
        .msg_name = &sender, .msg_namelen = sizeof(sender), .msg_iov = &vector, .msg_iovlen = 1};
    ssize_t length = recvmsg(events->fd, &header, MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    if (length < 0 && errno != ENOBUFS && errno != EINTR)
        return -errno;
    if (length < 0) {
        *ret_lost = *ret_lost || errno == ENOBUFS;
        return 1;
    }
    if (header.msg_namelen != sizeof(sender) || sender.nl_pid != 0)
        return 1; /* not the kernel */
    if ((header.msg_flags & MSG_TRUNC) != 0 ||
        events_decode(events->buffer, (size_t)length, take, context) < 0)
        *ret_lost = true;
    return 1;
}

int32_t events_read(const struct events *events, event_taker take, void *context, bool *ret_lost,
                    struct subwg_error *error)
{
    int32_t code = 1;
    *ret_lost = false;
    for (uint32_t i = 0; i < LIMIT_EVENT_DATAGRAMS && code == 1; i++)
        code = read_one(events, take, context, ret_lost);
    if (code >= 0)
        return code;
    struct outcome outcome;
    outcome_fail(&outcome, code);
    return outcome_report(&outcome, error, OPERATION, "read the kernel's events");
}
