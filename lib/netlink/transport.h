/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One netlink socket and the exchange of requests and replies on it. A reply is ours only if the
 * kernel sent it, to our port, with the sequence number of a request that is waiting. Whatever breaks
 * an exchange off (no reply in time, a reply lost, a malformed one) also replaces the socket, so that
 * no late reply and no half-read dump, which would pin the device, stays behind.
 */
#ifndef NETLINK_TRANSPORT_H
#define NETLINK_TRANSPORT_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "netlink/outcome.h"

struct mnl_socket;

struct transport {
    struct mnl_socket
        *socket; /* NULL after it could not be replaced; the next exchange tries again */
    int bus;     /* NETLINK_GENERIC, NETLINK_ROUTE */
    bool secret; /* replies hold keys: the buffer is secret memory and wiped after each */
    bool locked; /* ... and cannot be swapped out */
    uint32_t reply_timeout_ms;
    uint32_t port_id;
    uint32_t sequence;         /* of the last request */
    uint64_t namespace_cookie; /* of the socket's network namespace; 0 if the kernel does not say */
    uint8_t *buffer;           /* LIMIT_RECEIVE_BYTES */
};

int32_t transport_open(struct transport *transport, int bus, bool secret,
                       uint32_t reply_timeout_ms);
void transport_close(struct transport *transport); /* accepts a zeroed or half-open one */

/* Receives the messages that answer a request. */
struct message_reader {
    void (*restart)(void *context); /* forget what was read, a dump begins (again) */
    /* Takes one message; a failure ends the exchange. */
    int32_t (*read)(void *context, struct nlmsghdr *message);
    void *context;
};

/* Sends one request and waits for its end: with NLM_F_DUMP the end of the dump, which is run again up
 * to LIMIT_DUMP_TRIES times while changes interrupt it (then -EINTR), otherwise the acknowledgement.
 * reader may be NULL. Sets the request's sequence number and flags. Returns outcome->code. */
int32_t transport_request(struct transport *transport, struct nlmsghdr *request,
                          const struct message_reader *reader, struct outcome *outcome);

/* Sends count (1 to LIMIT_PENDING_REPLIES) requests, one behind the other in length bytes, at once.
 * results[i] receives the code of request i; one that fails does not stop those behind it. outcome is
 * that of the first that failed. Returns outcome->code; -E... with !from_kernel: the exchange broke.
 * reader (may be NULL) receives the answers, at most one message to each request: which one it answers
 * is told by its sequence number, which begins with the transport's next. */
int32_t transport_batch(struct transport *transport, void *requests, size_t length, uint32_t count,
                        const struct message_reader *reader, int32_t *results,
                        struct outcome *outcome);

#endif
