/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel, as the driver sees it: WireGuard devices, links, addresses, routes and rules. Plain
 * values go in and out; no libmnl or libnl type leaves this folder.
 *
 * Every function returns 0 or a negative errno and on failure fills the error record: what was
 * attempted, on what, the kernel's errno and its own sentence. A function that waits for a reply
 * waits at most the timeout given at open. Not safe for two threads at once on one handle.
 */
#ifndef NETLINK_NETLINK_H
#define NETLINK_NETLINK_H

#include <stdbool.h>
#include <stdint.h>

#include <subwg/driver.h>

#include "base/address.h"
#include "base/key.h"

/* One generic netlink and one route socket, and two for notices, in the network namespace of the thread
 * that opened it. */
struct netlink;

int32_t netlink_open(uint32_t reply_timeout_ms, struct netlink **ret_netlink,
                     struct subwg_error *error);
void netlink_close(struct netlink *netlink); /* accepts NULL */

/* True for the port id of the route socket: what the kernel tells with it, our own request caused. */
bool netlink_is_own(const struct netlink *netlink, uint32_t port_id);

/* True if the memory through which keys pass cannot be swapped out. */
bool netlink_is_locked(const struct netlink *netlink);

/* WireGuard (linux/wireguard.h). */

enum wg_preshared_key {
    WG_PRESHARED_KEY_NONE = 0,
    WG_PRESHARED_KEY_EXPECTED, /* equal to the one the caller named */
    WG_PRESHARED_KEY_OTHER
};

struct wg_peer {
    struct key public_key;
    struct socket_address endpoint; /* family none: the peer has none */
    uint16_t keepalive_s;           /* 0: off */
    uint8_t preshared_key; /* enum wg_preshared_key; the key itself never leaves the decoder */
    uint64_t handshake_s;  /* wall clock of the last handshake, 0 = never: a token that changes */
    uint32_t handshake_ns;
    uint64_t rx_bytes;
    uint64_t tx_bytes;
    uint32_t allowed_ip_first; /* into wg_device.allowed_ips */
    uint32_t allowed_ip_count;
};

/* A decoded dump. Arrays are reused from dump to dump; zero-initialize before the first. */
struct wg_device {
    uint32_t ifindex;
    bool has_private_key; /* the key itself comes from wg_get_private_key alone */
    struct key public_key;
    uint16_t listen_port;
    uint32_t mark;
    struct wg_peer *peers;
    struct prefix *allowed_ips;
    uint32_t peer_count;
    uint32_t allowed_ip_count;
    uint32_t peer_capacity;
    uint32_t allowed_ip_capacity;
};

void wg_device_finish(struct wg_device *device); /* frees the arrays, zeroes; accepts zeroed */

/* Reads the whole device. An interrupted dump is retried LIMIT_DUMP_TRIES times, then -EINTR.
 * expected_preshared_key (may be NULL) only serves the comparison. On failure device is unchanged
 * but for its arrays' capacity. -ENODEV: no such link; -EOPNOTSUPP: the link is not WireGuard. */
int32_t wg_get_device(struct netlink *netlink, uint32_t ifindex,
                      const struct key *expected_preshared_key, struct wg_device *device,
                      struct subwg_error *error);

/* Empties a device that nobody needs any more: the next read takes its arrays. */
void wg_device_recycle(struct netlink *netlink, struct wg_device *device);

/* Reads the device's private key alone; all zero if it has none. The caller wipes it. */
int32_t wg_get_private_key(struct netlink *netlink, uint32_t ifindex, struct key *ret_private_key,
                           struct subwg_error *error);

#define WG_PEER_REMOVE      0x1u
#define WG_PEER_UPDATE_ONLY 0x2u /* do nothing if the peer does not exist */

/* One peer within a request. The same key may come twice in one request; the order is kept. */
struct wg_peer_change {
    struct key public_key;
    uint32_t flags;
    const struct key *preshared_key; /* NULL: leave; all zero: remove */
    struct socket_address endpoint;  /* family none: leave */
    bool set_keepalive;
    uint16_t keepalive_s;
    const struct prefix *allowed_ips; /* added (the kernel takes them from any other peer) */
    uint32_t allowed_ip_count;
};

struct wg_device_change {
    const struct key *private_key; /* NULL: leave */
    bool set_listen_port;
    uint16_t listen_port;
    bool set_mark;
    uint32_t mark;
    const struct wg_peer_change *peers;
    uint32_t peer_count;
};

/* Sends the change, in as many messages as LIMIT_MESSAGE_BYTES and LIMIT_PEERS_A_MESSAGE (or, for
 * plain removals, LIMIT_REMOVALS_A_MESSAGE) ask for, device attributes in the first only, peers in
 * order. The kernel applies it in order and not atomically: after a failure what came before the
 * fault stays (the record then says SUBWG_ERROR_STATE_UNKNOWN). Request buffers are wiped. */
int32_t wg_set_device(struct netlink *netlink, uint32_t ifindex,
                      const struct wg_device_change *change, struct subwg_error *error);

/* Links. */

#define LINK_NAME_SIZE  16
#define LINK_KIND_SIZE  32
#define LINK_ALIAS_SIZE 256

struct link_info {
    uint32_t ifindex;
    char name[LINK_NAME_SIZE];
    char kind[LINK_KIND_SIZE]; /* "wireguard"; empty for a link without one (a network card, lo) */
    char alias[LINK_ALIAS_SIZE];
    uint32_t mtu;
    uint32_t group;
    bool up;
};

/* -ENODEV if there is none (the record is then not written). */
int32_t link_find(struct netlink *netlink, const char *name, struct link_info *ret_link,
                  struct subwg_error *error);
int32_t link_by_index(struct netlink *netlink, uint32_t ifindex, struct link_info *ret_link,
                      struct subwg_error *error);

/* Creates the link exclusively (-EEXIST), with its group set at once, down. */
int32_t link_create_wireguard(struct netlink *netlink, const char *name, uint32_t group,
                              struct subwg_error *error);
int32_t link_set_name(
    struct netlink *netlink, uint32_t ifindex, const char *name,
    struct subwg_error *error); /* -EEXIST; -EBUSY: old kernels rename no link that is up */
int32_t link_set_alias(struct netlink *netlink, uint32_t ifindex, const char *alias,
                       struct subwg_error *error);
int32_t link_set_mtu(struct netlink *netlink, uint32_t ifindex, uint32_t mtu,
                     struct subwg_error *error);
int32_t link_set_up(struct netlink *netlink, uint32_t ifindex, bool up, struct subwg_error *error);
int32_t link_delete(struct netlink *netlink, uint32_t ifindex, struct subwg_error *error);

#define RP_FILTER_STRICT 1u

/* The reverse path filter that counts for what arrives on a link by IPv4: the larger one of its own and
 * that for all links. */
int32_t netconf_rp_filter(struct netlink *netlink, uint32_t ifindex, uint32_t *ret_rp_filter,
                          struct subwg_error *error);

/* Addresses. */

struct interface_address {
    uint32_t ifindex;
    struct prefix prefix; /* with the host's bits */
};

/* All addresses of all links. The caller frees the array with free(). */
int32_t address_list(struct netlink *netlink, struct interface_address **ret_addresses,
                     uint32_t *ret_count, struct subwg_error *error);
/* The same as they are now, without asking again while the kernel tells of no change. Borrowed until the
 * next call. */
int32_t address_current(struct netlink *netlink, const struct interface_address **ret_addresses,
                        uint32_t *ret_count, struct subwg_error *error);
int32_t address_add(struct netlink *netlink, const struct interface_address *address,
                    struct subwg_error *error); /* -EEXIST */
int32_t address_delete(struct netlink *netlink, const struct interface_address *address,
                       struct subwg_error *error); /* -EADDRNOTAVAIL */

/* Routes. */

struct route {
    struct prefix destination;
    uint32_t table;
    uint32_t ifindex; /* 0: none */
    uint32_t metric;  /* 0: the kernel's default of the family */
    uint8_t protocol; /* who made it (rtm_protocol) */
    uint8_t type;     /* RTN_UNICAST, ... */
};

struct route_change {
    bool remove; /* otherwise add, exclusively */
    struct route route;
};

/* Sends all changes in batches and reads the replies together. results[i] receives 0 or the
 * negative errno of change i; one that the kernel refuses does not stop those behind it. Returns 0 if
 * all succeeded, else the first failure's code, and the record names that route. -EEXIST: a route to
 * this prefix is there; -ESRCH: no such route. results may not be NULL. */
int32_t route_apply(struct netlink *netlink, const struct route_change *changes, uint32_t count,
                    int32_t *results, struct subwg_error *error);

/* Routes of both families in this table (0: all) with this protocol (0: any). free() the array. */
int32_t route_list(struct netlink *netlink, uint32_t table, uint8_t protocol,
                   struct route **ret_routes, uint32_t *ret_count, struct subwg_error *error);

/* Of any protocol, by destination and then by metric: route_order's order. */
int32_t route_list_sorted(struct netlink *netlink, uint32_t table, struct route **ret_routes,
                          uint32_t *ret_count, struct subwg_error *error);
int route_order(const void *a, const void *b); /* for qsort and bsearch */

/* True if nobody but this handle can have changed a route in this table or through this link since the call
 * before: the kernel told of no such change, and lost no notice. *ret_ours is by how many routes the table
 * grew by our own requests, as the kernel told them. Whoever changes a route gets his answer after the
 * notice was queued. The first call only begins to listen. A notice may come a moment before its change
 * is done, so that a list read right after a false may still be without it. */
bool route_unchanged(struct netlink *netlink, uint32_t table, uint32_t ifindex, int32_t *ret_ours);

/* The way the kernel would send to address with this mark, and its path MTU (the route's own, else the
 * link's). -ENETUNREACH and friends when there is none. */
struct route_lookup {
    uint32_t ifindex;
    uint32_t mtu;
    uint8_t type; /* RTN_LOCAL: the address is this host's own */
};
int32_t route_lookup(struct netlink *netlink, const struct address *address, uint32_t mark,
                     struct route_lookup *ret_lookup, struct subwg_error *error);

/* The same for 1 to LIMIT_LOOKUPS_A_SEND addresses that are asked for together. results[i] receives 0 or the
 * negative errno of address i or of its link, -EBADMSG if the answer to it alone is missing. Returns 0, or a
 * negative errno when there are no answers. */
int32_t route_lookup_many(struct netlink *netlink, const struct address *addresses, uint32_t count,
                          uint32_t mark, struct route_lookup *ret_lookups, int32_t *results,
                          struct subwg_error *error);

/* Policy rules. */

struct rule {
    uint8_t family;   /* enum family */
    bool invert;      /* "not": applies where the mark does not match */
    bool plain;       /* found rules: nothing but mark, priority, table and protocol is set */
    uint8_t protocol; /* who made it */
    uint32_t priority;
    uint32_t mark;
    uint32_t mask;
    uint32_t table;
};

/* Rules of both families. free() the array. A family that the kernel lacks has none. */
int32_t rule_list(struct netlink *netlink, struct rule **ret_rules, uint32_t *ret_count,
                  struct subwg_error *error);
int32_t rule_add(struct netlink *netlink, const struct rule *rule,
                 struct subwg_error *error); /* -EEXIST; -EAFNOSUPPORT: no such family */
int32_t rule_delete(struct netlink *netlink, const struct rule *rule,
                    struct subwg_error *error); /* -ENOENT; the kernel does not compare invert */

/* What the kernel tells of by itself: links, addresses, routes and rules that came, changed or went.
 * WireGuard's peers are not among it. A notice is a reason to look, never the truth itself: it may be
 * late, and when too many come at once the rest is lost, which the kernel says once. */

enum event_kind { EVENT_LINK, EVENT_ADDRESS, EVENT_ROUTE, EVENT_RULE };

struct event {
    uint8_t kind;              /* enum event_kind */
    bool gone;                 /* otherwise it came or changed */
    uint32_t port_id;          /* of the socket whose request caused it; 0: none, or not said */
    uint32_t ifindex;          /* 0: none, or not said */
    uint32_t table;            /* of a route or a rule */
    char name[LINK_NAME_SIZE]; /* of a link; empty: not said */
};

typedef void (*event_taker)(void *context, const struct event *event);

/* A socket that receives them, in the network namespace of the thread that opened it. */
struct events {
    int fd;          /* -1: none; readable while something waits */
    uint8_t *buffer; /* LIMIT_RECEIVE_BYTES */
};

/* -ENONET: the thread is in another network namespace than that of the cookie (0: not known). */
int32_t events_open(uint64_t namespace_cookie, struct events *ret_events,
                    struct subwg_error *error);
void events_close(struct events *events); /* accepts one that did not open */

/* Hands over what waits, at most LIMIT_EVENT_DATAGRAMS of it, and does not wait for more. Sets *ret_lost
 * if some were lost or could not be read: anything may have changed then. 1: more may wait. */
int32_t events_read(const struct events *events, event_taker take, void *context, bool *ret_lost,
                    struct subwg_error *error);

#endif
