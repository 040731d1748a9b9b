/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink sockets of the model: their options, what waits in them, and their dump in flight. */
#ifndef FAKE_SOCKETS_H
#define FAKE_SOCKETS_H

#include <sys/queue.h>
#include <sys/time.h>

#include "fake_kernel.h"
#include "message.h"

struct fake_datagram {
    STAILQ_ENTRY(fake_datagram) entry;
    size_t size;
    size_t cost; /* of memory in the receive buffer */
    uint32_t sender;
    uint8_t bytes[];
};

STAILQ_HEAD(fake_datagrams, fake_datagram);

struct fake_dump {
    bool running;
    bool filled; /* only the end of it is missing, which says this status */
    int status;
    const char *sentence;
    uint32_t sequence;
    /* Writes the next messages: > 0 there are more, 0 or a negative errno the end. */
    int (*fill)(struct fake_dump *dump, uint32_t port, struct fake_writer *writer);
    /* Of WireGuard: where it goes on. */
    uint32_t ifindex;
    uint32_t generation;  /* at the message before; 0: none yet */
    uint64_t peer_serial; /* the last complete peer; 0: none */
    uint64_t allowed_serial;
    uint64_t allowed_generation;
    bool marked; /* as interrupted, whatever happened */
    /* Of the others: all messages, taken at the start. */
    struct fake_writer snapshot;
    size_t position;
};

struct fake_socket {
    int fd; /* an eventfd, readable while something waits */
    int protocol;
    int family; /* of a UDP socket; 0: netlink */
    int hops;   /* of a UDP socket: how far its datagrams go */
    uint32_t port;
    bool bound;
    uint32_t groups; /* of notices that it listens to; bit 0 is group 1 */
    bool extended_ack;
    bool cap_ack;
    bool strict;
    bool readable;
    bool congested;
    bool no_enobufs;
    int pending_error;
    size_t receive_buffer;
    size_t send_buffer;
    size_t largest_receive;
    struct timeval receive_timeout;
    struct fake_datagrams waiting;
    size_t waiting_cost;
    struct fake_dump dump;
};

/* One request on its way through the model. */
struct fake_request {
    struct fake_socket *socket;
    const struct nlmsghdr *head;
    const char *sentence; /* extended ack */
};

#define FAKE_DUMP_STARTED 1 /* a handler's answer besides 0 and a negative errno: no ack follows */

#define FAKE_SOCKETS 1024 /* descriptors are below */

/* All with the lock held. */
struct fake_socket *fake_socket_find(int fd);
int fake_socket_open(int protocol, int type);
void fake_socket_close(struct fake_socket *socket);
int fake_datagram_open(int family, int type);
int fake_datagram_send(const struct fake_socket *socket, const struct msghdr *message);
int fake_socket_bind(struct fake_socket *socket, uint32_t port, uint32_t groups);
int fake_socket_send(struct fake_socket *socket, const void *bytes, size_t size);
/* The oldest waiting datagram or NULL; *ret_error is then set for what else there is to say. */
struct fake_datagram *fake_socket_peek(struct fake_socket *socket, size_t room, int *ret_error);
void fake_socket_take(struct fake_socket *socket); /* frees it and lets a dump go on */
uint64_t fake_sockets_open(void);
void fake_sockets_reset(void);   /* ends dumps in flight */
void fake_sockets_release(void); /* delivers what was held */

const void *fake_payload(const struct fake_request *request);
size_t fake_payload_size(const struct fake_request *request);
/* Attributes after a family header of so many bytes. False: the request is shorter than that. */
bool fake_request_attributes(struct fake_request *request, const struct fake_policy *policy,
                             size_t header_size, const struct nlattr **table, int *ret_status);
int fake_refuse(struct fake_request *request, int status, const char *sentence);

#define FAKE_REPLY_LIMIT 16384u
/* A single reply: a writer over a fresh buffer, then queued as one datagram. */
struct fake_writer fake_reply_start(void);
void fake_reply_end(struct fake_request *request, struct fake_writer *writer);

/* A dump of what the writer holds; the model owns the writer's buffer from then on. */
int fake_snapshot_start(struct fake_request *request, struct fake_writer snapshot);
/* Room for one more message in a snapshot. */
void fake_snapshot_grow(struct fake_writer *snapshot);
/* A dump that consists of its end, which says this. */
int fake_dump_fail(struct fake_request *request, int status, const char *sentence);
int fake_dump_start(struct fake_request *request, const struct fake_dump *dump);
bool fake_dump_pins(uint32_t ifindex); /* is a dump of this device in flight? */

/* The families' entry points: 0, a negative errno or FAKE_DUMP_STARTED. */
int fake_generic_request(struct fake_request *request);
int fake_route_request(struct fake_request *request);

#endif
