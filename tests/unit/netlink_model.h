/* SPDX-License-Identifier: Apache-2.0 */
/* A WireGuard device as plain data for tests: what a request asks for is applied to it, and it writes
 * dumps as the kernel does. Written apart from the code under test, on libmnl's own functions. */
#ifndef TESTS_NETLINK_MODEL_H
#define TESTS_NETLINK_MODEL_H

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>

#include "netlink/netlink.h"

#define MODEL_FAMILY 32u

struct model_peer {
    struct key public_key;
    struct key preshared_key;
    struct socket_address endpoint;
    uint16_t keepalive_s;
    uint64_t handshake_s;
    uint32_t handshake_ns;
    uint64_t rx_bytes;
    uint64_t tx_bytes;
    struct prefix *allowed_ips;
    uint32_t allowed_ip_count;
};

struct model {
    uint32_t ifindex;
    struct key private_key; /* zero: none */
    struct key public_key;
    uint16_t listen_port;
    uint32_t mark;
    struct model_peer *peers;
    uint32_t peer_count;
    /* What the requests were like. */
    uint32_t requests;
    uint32_t device_attributes; /* requests that set any */
    uint32_t peer_attributes;   /* peers of requests with a preshared key, endpoint or keepalive */
    uint32_t most_peers;        /* in one request */
    uint32_t most_bytes;        /* of one request */
    uint32_t updates_of_the_lost; /* UPDATE_ONLY for a peer that is not there */
};

void model_finish(struct model *model);

/* Applies one request, failing the test where the kernel would refuse it. */
void model_apply(struct model *model, const struct nlmsghdr *request);

/* Writes the messages of a dump, each of at most size bytes, without the NLMSG_DONE, and hands each to
 * take. */
void model_dump(const struct model *model, size_t size,
                void (*take)(void *context, const struct nlmsghdr *message), void *context);

/* Fails the test if the decoded device is not the model. */
void model_assert_equal(const struct model *model, const struct wg_device *device,
                        const struct key *expected_preshared_key);

#endif
