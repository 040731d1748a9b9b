/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: a remote endpoint in checked form, what of it the kernel has, and how it is doing. */
#ifndef WIREGUARD_CONNECTION_H
#define WIREGUARD_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include <subwg/driver.h>

#include "base/address.h"
#include "base/index.h"
#include "base/key.h"
#include "base/prefix_map.h"
#include "netlink/netlink.h"
#include "wireguard/budget.h"
#include "wireguard/overlap.h"
#include "wireguard/settings.h"
#include "wireguard/status.h"

/* What the driver believes that the kernel has of a connection. Every dump corrects it. */
enum installed {
    INSTALLED_NOTHING = 0, /* not yet, or seen missing */
    INSTALLED_AS_WANTED,
    INSTALLED_OTHERWISE /* there, but not as wanted, or not known: read the kernel before changing it */
};

#define NAMER_SIZE 16u

/* A subnet that goes to the kernel: sorted, none covers another. */
struct subnet {
    struct prefix_node node; /* in the ownership map while the connection is in the table */
    bool routed;             /* the kernel has our route to it */
    uint32_t route_place;    /* where it was among the device's routes when they were listed last */
};

struct connection {
    struct index_node by_cluster; /* while it is adopted: in by_namer, or in none */
    struct index_node by_key;

    /* What rows say: a piece of memory behind the struct, so that it is copied at once. Its beginning is
     * for metrics. The members point into it, in this order; behind them come the public key, see
     * connection_key_text, and the subnets. */
    const char *cluster_id; /* where it begins */
    const char *cable_name;
    const char *hostname;
    const char *private_ip;
    const char *public_ip;
    const char *remote_ip; /* in use; metrics need what is up to here */
    const char *const *subnet_texts;
    uint32_t subnet_text_count;
    uint32_t texts_bytes;
    uint32_t metric_texts_bytes;

    /* Wanted. */
    uint32_t subnet_count;
    struct prefix *allowed_ips; /* the subnets' prefixes once more, as one list for requests */
    struct subnet *subnets;
    struct key public_key;
    struct socket_address endpoint;
    uint32_t path_mtu; /* 0: not known */
    uint16_t keepalive_s;
    bool use_nat;

    /* Found. */
    bool adopted : 1;         /* left by an earlier run and claimed by nobody yet */
    bool named : 1;           /* adopted, and an endpoint with its key was refused: it stays */
    bool claimed : 1;         /* adopted, and an endpoint was refused for the sake of its subnets */
    bool named_often : 1;     /* by several clusters */
    bool routes_doubtful : 1; /* after a failure; a dump of peers says nothing of them */
    bool settled : 1;         /* all of its peer is as wanted, by the survey being taken */
    uint8_t installed;        /* enum installed */
    uint8_t installed_preshared_key;          /* enum wg_preshared_key */
    uint8_t repair_grant;                     /* enum repair_grant, of the reconcile that runs */
    uint32_t seen_in;                         /* the number of the last dump with its peer... */
    uint32_t place;                           /* ...there */
    uint32_t position;                        /* in the table */
    struct socket_address installed_endpoint; /* what it was told or adopted with; it may roam */
    uint8_t namer[NAMER_SIZE];                /* a hash of the cluster's id */
    uint64_t
        held_until_ns; /* adopted, and nobody's: kept as long for who claimed its subnets; 0: not */
    uint64_t endpoint_set_ns; /* when reconcile last gave it the wanted endpoint again */
    struct budget repairs;    /* of its peer and routes */
    struct status_state status;

    /* While a cluster's key changes it has two connections, see moves.h. */
    struct connection *predecessor; /* has the subnets until they move here */
    struct connection *successor;   /* the one that they move to */
    uint64_t move_deadline_ns;      /* of the one with a predecessor, on the elapsed clock */

    struct connection *next_waiting; /* in the table: with a predecessor, or held */

    /* Policy. */
    /* Why it is kept out of the kernel, or an adopted one is spared by nothing; OVERLAP_NONE: it is not. */
    struct overlap withheld;
    struct budget changes; /* of the announcement */
};

/* Checks a remote endpoint for itself, without regard to others: form, limits, special ranges. On
 * success *ret_connection is to be ended with connection_destroy. Pure but for memory, and for the
 * interface that a link-local address names. */
int32_t connection_from_endpoint(const struct interfaces *interfaces,
                                 const struct subwg_endpoint *endpoint,
                                 const struct settings *settings,
                                 struct connection **ret_connection, struct subwg_error *error);

/* A peer of an earlier run, from a dump. NULL when out of memory. */
struct connection *connection_from_peer(const struct wg_device *device, const struct wg_peer *peer);

void connection_destroy(struct connection *connection); /* accepts NULL */

const char *connection_key_text(const struct connection *connection);

/* What the kernel has of it is not known any more: a request about it failed. */
void connection_doubt(struct connection *connection);

/* The one of its subnets that is this prefix, as it stands; NULL: none. */
struct subnet *connection_find_subnet(const struct connection *connection,
                                      const struct prefix *prefix);

/* What its peer should have for now: while its predecessor has the subnets, none, and in any case a
 * keepalive, because that makes it shake hands. */
uint32_t connection_carried_count(const struct connection *connection); /* of allowed_ips */
uint16_t connection_keepalive_s(const struct connection *connection);

/* Empty for a leftover, unless a cluster's subnets are moving away from it. */
const char *connection_cluster_id(const struct connection *connection);

/* The key that an endpoint names in its backend config; ret_named tells if it names one. */
int32_t connection_key_of_endpoint(const struct subwg_endpoint *endpoint, struct key *ret_key,
                                   bool *ret_named, struct subwg_error *error);

/* The head of an endpoint by the rules for inputs: size, version, magic, flags, tail. */
int32_t endpoint_check_head(const struct subwg_endpoint *endpoint, struct subwg_error *error);

#endif
