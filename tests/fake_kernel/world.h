/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the model's one network namespace. Everything here is used with the lock held. */
#ifndef FAKE_WORLD_H
#define FAKE_WORLD_H

#include <sys/queue.h>

#include "device.h"
#include "prefix.h"

#define FAKE_NAME_SIZE  16
#define FAKE_ALIAS_SIZE 256
#define FAKE_LOOPBACK   1u /* its ifindex */

struct fake_link {
    TAILQ_ENTRY(fake_link) entry;
    uint32_t ifindex;
    char name[FAKE_NAME_SIZE];
    char kind[FAKE_NAME_SIZE];
    char alias[FAKE_ALIAS_SIZE];
    uint32_t mtu;
    uint32_t group;
    uint32_t rp_filter; /* for IPv4 */
    bool up;
    bool ipv6;                  /* torn off below an MTU of 1280 */
    struct fake_device *device; /* NULL: not WireGuard */
};

struct fake_interface_address {
    TAILQ_ENTRY(fake_interface_address) entry;
    uint32_t ifindex;
    uint8_t scope;
    bool secondary; /* IPv4: not the first in its network, and gone with the first */
    struct fake_prefix primary;
    bool tentative; /* IPv6 on a link that is down: no routes yet */
    struct fake_prefix prefix;
};

struct fake_route {
    TAILQ_ENTRY(fake_route) entry;
    struct fake_prefix destination;
    struct fake_prefix gateway;
    struct fake_prefix source; /* preferred */
    uint32_t table;
    uint32_t ifindex;
    uint32_t metric;
    uint32_t mtu;
    uint32_t flags;
    uint8_t protocol;
    uint8_t scope;
    uint8_t type;
    uint8_t tos;
};

struct fake_rule {
    TAILQ_ENTRY(fake_rule) entry;
    int family;
    struct fake_prefix source;
    struct fake_prefix destination;
    char incoming[FAKE_NAME_SIZE];
    char outgoing[FAKE_NAME_SIZE];
    uint32_t flags; /* FIB_RULE_INVERT, FIB_RULE_PERMANENT */
    uint32_t priority;
    uint32_t mark;
    uint32_t mask;
    uint32_t table;
    uint32_t suppress_length; /* 0xffffffff: none */
    uint8_t protocol;
    uint8_t action;
    uint8_t tos;
};

TAILQ_HEAD(fake_links, fake_link);
TAILQ_HEAD(fake_interface_addresses, fake_interface_address);
TAILQ_HEAD(fake_routes, fake_route);
TAILQ_HEAD(fake_rules, fake_rule);

#define FAKE_TABLES     64
#define FAKE_BUSY_PORTS 64

struct fake_world {
    uint32_t id;             /* different in all processes that made their world themselves */
    struct fake_links links; /* by ifindex */
    struct fake_interface_addresses addresses;
    struct fake_routes routes;
    struct fake_rules rules; /* by priority */
    struct {
        int family;
        uint32_t id;
    } tables[FAKE_TABLES]; /* those that ever had a route: asking for others is an error */
    uint32_t table_count;
    uint16_t busy_ports[FAKE_BUSY_PORTS]; /* 0: free entry */
    uint16_t next_random_port;
    uint32_t next_ifindex;
    uint32_t rp_filter;        /* of all links */
    uint16_t wireguard_family; /* generic netlink's id */
    bool capable;
    bool wireguard;
    bool ipv6;
};

extern struct fake_world fake_world;

/* Both take and give back the one lock of the model. */
void fake_lock(void);
void fake_unlock(void);

void fake_world_reset(void);
void *fake_allocate(size_t size); /* zeroed; ends the process when there is none */

/* Links. */
struct fake_link *fake_link_by_index(uint32_t ifindex);
struct fake_link *fake_link_by_name(const char *name);
struct fake_link *fake_link_create(const char *name, const char *kind);
void fake_link_destroy(struct fake_link *link);
int fake_link_set_up(struct fake_link *link, bool up);
void fake_link_set_mtu(struct fake_link *link, uint32_t mtu);
bool fake_port_is_busy(const struct fake_link *asking, uint16_t port);
int fake_device_set_port(struct fake_link *link, uint16_t port);

/* Addresses, with the routes that the kernel makes for them. */
struct fake_interface_address *fake_address_find(uint32_t ifindex,
                                                 const struct fake_prefix *prefix);
bool fake_address_is_local(const struct fake_prefix *address);
int fake_address_add(struct fake_link *link, const struct fake_prefix *prefix, uint8_t scope,
                     const char **ret_sentence);
void fake_address_remove(struct fake_interface_address *address);
void fake_addresses_link_up(struct fake_link *link);
void fake_addresses_link_down(struct fake_link *link);
void fake_addresses_ipv6_on(const struct fake_link *link);
void fake_addresses_ipv6_off(struct fake_link *link);
void fake_addresses_link_gone(struct fake_link *link);

/* Routes. */
int fake_route_add(const struct fake_route *wanted, uint16_t flags, const char **ret_sentence);
int fake_route_delete(const struct fake_route *wanted, const char **ret_sentence);
void fake_route_free(struct fake_route *route);
bool fake_table_exists(int family, uint32_t id);
void fake_table_make(int family, uint32_t id);
/* The way to an address, or NULL and a negative errno. */
const struct fake_route *fake_route_lookup(const struct fake_prefix *address, uint32_t mark,
                                           int *ret_status);

/* Rules. */
int fake_rule_add(const struct fake_rule *wanted, bool exclusive);
void fake_rule_free(struct fake_rule *rule);
bool fake_rule_is_there(const struct fake_rule *rule); /* its family is */

#endif
