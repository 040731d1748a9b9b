/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model of the kernel at socket level. A test executable that links it has its own socket(),
 * sendmsg(), recvmsg() and so on, which the code under test, libmnl and libnl call unchanged:
 * AF_NETLINK sockets are answered by the model, and UDP sockets
 * send into its WireGuard devices; everything else goes to the C library. An abstract name
 * bound to a unix socket is private to the world, as it is to a network namespace.
 *
 * The model knows one network namespace with links, addresses, routes, rules and WireGuard devices.
 * tests/kernel/model_equals_kernel.c holds it to the real kernel's answers. Of changes to links,
 * addresses, routes and rules it tells the sockets that listen to their groups.
 *
 * A test arranges the world with the functions below. All are safe to call from any thread. What is
 * asked of a link that is not there, or of a value that cannot be parsed, aborts the test.
 */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* The world. */

/* A fresh namespace: lo up, the kernel's own rules, all capabilities, WireGuard and IPv6 there, no
 * faults, counters at 0. Sockets that are still open stay open; a dump in flight on them ends. */
void fake_kernel_reset(void);

/* While on, new AF_NETLINK sockets are the real kernel's. */
void fake_kernel_bypass(bool on);

void fake_kernel_set_capable(bool capable); /* CAP_NET_ADMIN */
void fake_kernel_set_wireguard(bool there); /* false: no such module */
void fake_kernel_set_ipv6(bool there);      /* false: as after ipv6.disable=1 */
void fake_kernel_set_port_busy(uint16_t port, bool busy);

/* Links are made up, with an MTU of 1500; kind NULL is a network card. Returns the ifindex. */
uint32_t fake_kernel_add_link(const char *name, const char *kind);
void fake_kernel_delete_link(const char *name);
void fake_kernel_set_link_up(const char *name, bool up);
void fake_kernel_set_link_mtu(const char *name, uint32_t mtu);
/* link NULL: that for all links. 0 off, 1 strict, 2 loose. */
void fake_kernel_set_rp_filter(const char *link, uint32_t value);
void fake_kernel_set_link_alias(const char *name, const char *alias);

/* Prefixes are text, "10.243.64.6/24" or "fd00::6/64". */
void fake_kernel_add_address(const char *link, const char *prefix);
void fake_kernel_delete_address(const char *link, const char *prefix);

struct fake_kernel_route {
    const char *destination;
    const char *link;
    const char *gateway; /* NULL: none */
    uint32_t table;      /* 0: main */
    uint32_t metric;
    uint32_t mtu;     /* 0: the link's */
    uint8_t protocol; /* 0: static */
};
void fake_kernel_add_route(const struct fake_kernel_route *route);
/* Removes every route to this prefix in this table; returns how many there were. */
uint32_t fake_kernel_delete_routes(const char *destination, uint32_t table);

struct fake_kernel_rule {
    int family; /* AF_INET or AF_INET6 */
    bool invert;
    uint8_t protocol;
    uint32_t priority;
    uint32_t mark;
    uint32_t mask;
    uint32_t table;
};
void fake_kernel_add_rule(const struct fake_kernel_rule *rule);
/* Removes every rule of this priority; returns how many there were. */
uint32_t fake_kernel_delete_rules(int family, uint32_t priority);

/* What WireGuard's peers do. */

void fake_kernel_handshake(const char *device, const uint8_t public_key[32], int64_t wall_clock_s);
void fake_kernel_traffic(const char *device, const uint8_t public_key[32], uint64_t rx_bytes,
                         uint64_t tx_bytes); /* added to the counters */
void fake_kernel_roam(const char *device, const uint8_t public_key[32],
                      const struct sockaddr *endpoint);
bool fake_kernel_has_peer(const char *device, const uint8_t public_key[32]);
/* Datagrams that programs sent to a peer; and the last one sent, as
 * "10.0.0.1 to 10.1.0.1 port 9 hops 1". */
uint64_t fake_kernel_datagrams(const char *device, const uint8_t public_key[32]);
const char *fake_kernel_last_datagram(void);
void fake_kernel_remove_peer(const char *device, const uint8_t public_key[32]);
/* As `wg set DEVICE peer KEY allowed-ips +PREFIX`: makes the peer where it is missing. */
void fake_kernel_add_peer(const char *device, const uint8_t public_key[32], const char *allowed_ip);

/* Looking. */

/* All state as text, one thing a line, in an order that does not depend on history except for the
 * peers' own, without secrets. The caller frees it. */
char *fake_kernel_dump_text(void);

struct fake_kernel_counters {
    uint64_t calls;    /* intercepted calls on netlink sockets, socket() included, and those that
                        * open and name a unix socket */
    uint64_t sends;    /* datagrams */
    uint64_t requests; /* messages in them */
    uint64_t replies;  /* datagrams queued */
    uint64_t receives; /* datagrams taken */
    uint64_t changes;  /* requests that changed the world or tried to (no reads) */
    uint64_t hangs;    /* link deletions that would have hung on a dump in flight */
    uint64_t sockets;  /* open now */
    uint64_t sent_bytes;
    uint64_t received_bytes;
    uint64_t peers;       /* that requests to WireGuard named */
    uint64_t allowed_ips; /* and of them */
    uint64_t most_peers;  /* of one request... */
    uint64_t most_allowed_ips;
};
struct fake_kernel_counters fake_kernel_counters(void);

/* Faults; all are off after a reset. */

/* The call_number-th intercepted call from now (1: the next) fails with this errno. 0: off. */
void fake_kernel_fail_call(uint64_t call_number, int error);

/* The request_number-th request from now is refused with this errno without effect. 0: off. */
void fake_kernel_fail_request(uint64_t request_number, int error);

enum fake_kernel_spoil {
    FAKE_KERNEL_DROP,           /* lost; the receiver waits */
    FAKE_KERNEL_WRONG_SEQUENCE, /* as a late reply to another request */
    FAKE_KERNEL_TRUNCATE,       /* cut in half */
    FAKE_KERNEL_FOREIGN_SENDER, /* sent by another process */
    FAKE_KERNEL_OVERRUN,        /* lost, and the receiver is told by ENOBUFS */
    FAKE_KERNEL_NO_WAY          /* a route: to nowhere, and no errno says so */
};
/* The reply_number-th datagram queued from now (1: the next) is spoiled. 0: off. */
void fake_kernel_spoil_reply(uint64_t reply_number, enum fake_kernel_spoil how);

/* Several at once, in place of all that were ordered before; each is counted from now. */
enum fake_kernel_fault_kind {
    FAKE_KERNEL_FAIL_CALL,
    FAKE_KERNEL_FAIL_REQUEST,
    FAKE_KERNEL_SPOIL_REPLY
};
struct fake_kernel_fault {
    enum fake_kernel_fault_kind kind;
    uint64_t number; /* 0: none */
    int what;        /* an errno, or an enum fake_kernel_spoil */
    /* NULL, or what it is to be for the call or request of this name: what is one that suits it? */
    int (*choose)(const char *name, int what);
};
void fake_kernel_order(const struct fake_kernel_fault *faults, uint32_t count); /* at most 8 */
uint32_t fake_kernel_happened(void); /* how many of them have happened */

/* What the number-th call or request since the reset was, such as "recvmsg" or "RTM_NEWLINK". */
const char *fake_kernel_call_name(uint64_t number);
const char *fake_kernel_request_name(uint64_t number);

/* While on, waiting for a reply that is not there takes no time: the clocks jump by it. */
void fake_kernel_skip_waiting(bool on);

/* True in calls that the model makes for itself, as of the allocator. */
bool fake_kernel_is_inside(void);

/* While on, replies are not delivered; off delivers those that were held. */
void fake_kernel_hold_replies(bool on);

/* So many of the following WireGuard dumps are marked as interrupted. */
void fake_kernel_interrupt_dumps(uint32_t count);

#endif
