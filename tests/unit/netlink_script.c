/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink_script.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define QUEUE_MOST 256u

struct queued {
    uint8_t *bytes;
    size_t length;
    uint32_t sender;
    int flags;
    int error;
};

struct script script;
static struct queued queue[QUEUE_MOST];
static uint32_t queue_first, queue_end;

void script_reset(void)
{
    while (queue_first < queue_end)
        free(queue[queue_first++].bytes);
    queue_first = 0;
    queue_end = 0;
    script = (struct script){0};
}

static struct queued *append(void)
{
    ck_assert_uint_lt(queue_end, QUEUE_MOST);
    queue[queue_end] = (struct queued){0};
    return &queue[queue_end++];
}

void script_datagram(const void *bytes, size_t length, uint32_t sender, int flags)
{
    struct queued *queued = append();
    *queued = (struct queued){
        .bytes = malloc(length + 1), .length = length, .sender = sender, .flags = flags};
    ck_assert_ptr_nonnull(queued->bytes);
    memcpy(queued->bytes, bytes, length);
}

void script_receive_error(int error)
{
    append()->error = error;
}

size_t script_message(void *buffer, const struct nlmsghdr *request, uint16_t type, uint16_t flags,
                      const void *payload, size_t length)
{
    size_t aligned = (sizeof(struct nlmsghdr) + length + 3) & ~(size_t)3;
    struct nlmsghdr header = {.nlmsg_len = (uint32_t)(sizeof(header) + length),
                              .nlmsg_type = type,
                              .nlmsg_flags = flags,
                              .nlmsg_seq = request->nlmsg_seq,
                              .nlmsg_pid = script.port_id};
    memset(buffer, 0, aligned);
    memcpy(buffer, &header, sizeof(header));
    if (length > 0)
        memcpy((uint8_t *)buffer + sizeof(header), payload, length);
    return aligned;
}

void script_reply(const struct nlmsghdr *request, uint16_t type, uint16_t flags,
                  const void *payload, size_t length)
{
    uint8_t *bytes = malloc(sizeof(*request) + length + 4);
    ck_assert_ptr_nonnull(bytes);
    script_datagram(bytes, script_message(bytes, request, type, flags, payload, length), 0, 0);
    free(bytes);
}

void script_acknowledge(const struct nlmsghdr *request, int32_t code, const char *sentence)
{
    uint8_t payload[1024] = {0};
    struct nlmsgerr error = {.error = code, .msg = *request};
    size_t length = sizeof(error);
    memcpy(payload, &error, sizeof(error));
    if (sentence != NULL) {
        struct nlattr head = {.nla_len = (uint16_t)(sizeof(head) + strlen(sentence) + 1),
                              .nla_type = NLMSGERR_ATTR_MSG};
        memcpy(payload + length, &head, sizeof(head));
        memcpy(payload + length + sizeof(head), sentence, strlen(sentence) + 1);
        length += head.nla_len;
    }
    script_reply(request, NLMSG_ERROR,
                 (uint16_t)(NLM_F_CAPPED | (sentence != NULL ? NLM_F_ACK_TLVS : 0)), payload,
                 length);
}

void script_done(const struct nlmsghdr *request, int32_t code)
{
    script_reply(request, NLMSG_DONE, NLM_F_MULTI, &code, sizeof(code));
}

/* In place of the C library's, for libmnl too. */

#pragma GCC visibility push(default)

int socket(int domain, int type, int protocol)
{
    if (script.open_error != 0) {
        errno = script.open_error;
        return -1;
    }
    script.opened++;
    return (int)syscall(SYS_socket, domain, type, protocol);
}

int close(int fd)
{
    script.closed++;
    return (int)syscall(SYS_close, fd);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
    if (level == SOL_SOCKET && name == SO_NETNS_COOKIE) {
        memcpy(value, &script.cookie, sizeof(script.cookie));
        return 0;
    }
    return (int)syscall(SYS_getsockopt, fd, level, name, value, size);
}

ssize_t sendto(int fd, const void *bytes, size_t length, int flags, __CONST_SOCKADDR_ARG to,
               socklen_t to_size)
{
    struct sockaddr_nl own;
    socklen_t size = sizeof(own);
    (void)flags;
    (void)to;
    (void)to_size;
    if (script.send_error != 0) {
        errno = script.send_error;
        script.send_error = 0;
        return -1;
    }
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&own, &size), 0);
    script.port_id = own.nl_pid;
    script.sent++;
    if (script.answer != NULL)
        script.answer(bytes, length);
    return (ssize_t)length;
}

ssize_t recvmsg(int fd, struct msghdr *header, int flags)
{
    (void)fd;
    (void)flags;
    if (queue_first == queue_end && script.empty != NULL)
        script.empty();
    if (queue_first == queue_end) {
        errno = EAGAIN;
        return -1;
    }
    struct queued queued = queue[queue_first++];
    if (queue_first == queue_end) {
        queue_first = 0;
        queue_end = 0;
    }
    if (queued.error != 0) {
        errno = queued.error;
        return -1;
    }
    struct sockaddr_nl sender = {.nl_family = AF_NETLINK, .nl_pid = queued.sender};
    size_t length =
        queued.length < header->msg_iov[0].iov_len ? queued.length : header->msg_iov[0].iov_len;
    memcpy(header->msg_name, &sender, sizeof(sender));
    header->msg_namelen = sizeof(sender);
    memcpy(header->msg_iov[0].iov_base, queued.bytes, length);
    header->msg_flags = queued.flags | (length < queued.length ? MSG_TRUNC : 0);
    free(queued.bytes);
    return (ssize_t)length;
}

#pragma GCC visibility pop
