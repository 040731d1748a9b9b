/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted peer in the kernel's place: replaces the socket calls of the whole program, libmnl's too.
 * Sockets are real ones; what is sent goes to the test, what is received comes from it. */
#ifndef TESTS_NETLINK_SCRIPT_H
#define TESTS_NETLINK_SCRIPT_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

struct script {
    /* Called with each datagram that is sent; queues the replies. */
    void (*answer)(const struct nlmsghdr *requests, size_t length);
    /* Called when a receive finds the queue empty; may queue more. NULL: nothing comes. */
    void (*empty)(void);
    uint32_t sent;    /* datagrams */
    uint32_t opened;  /* sockets */
    uint32_t closed;  /* descriptors */
    int open_error;   /* errno of the next socket calls, 0: they work */
    int send_error;   /* errno of the next send, once */
    uint64_t cookie;  /* network namespace that sockets say they are in */
    uint32_t port_id; /* of the socket used last */
};
extern struct script script;

/* Forgets everything and empties the queue. */
void script_reset(void);

/* Queues a datagram; the script keeps a copy. */
void script_datagram(const void *bytes, size_t length, uint32_t sender, int flags);
/* Queues the failure of one receive. */
void script_receive_error(int error);

/* Writes one message to buffer: a header as the kernel's reply to request, and the payload. Returns its
 * aligned length. */
size_t script_message(void *buffer, const struct nlmsghdr *request, uint16_t type, uint16_t flags,
                      const void *payload, size_t length);

/* Queues one message as a datagram of the kernel's. */
void script_reply(const struct nlmsghdr *request, uint16_t type, uint16_t flags,
                  const void *payload, size_t length);
/* Queues an acknowledgement (NLMSG_ERROR), capped, with the kernel's sentence unless NULL. */
void script_acknowledge(const struct nlmsghdr *request, int32_t code, const char *sentence);
/* Queues the end of a dump. */
void script_done(const struct nlmsghdr *request, int32_t code);

#endif
