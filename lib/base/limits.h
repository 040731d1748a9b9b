/* SPDX-License-Identifier: Apache-2.0 */
/* Every bound of the library that a caller or a remote can run into, in one place. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* Endpoints: what a remote cluster may announce. */
#define LIMIT_CLUSTER_ID     253u  /* bytes; a DNS name's length */
#define LIMIT_CABLE_NAME     253u  /* bytes */
#define LIMIT_HOSTNAME       253u  /* bytes */
#define LIMIT_SUBNETS        1024u /* a cluster, by default; a setting */
#define LIMIT_SUBNETS_MAX    65536u
#define LIMIT_BACKEND_CONFIG 64u   /* entries */
#define LIMIT_BACKEND_VALUE  1024u /* bytes of a key or value */

/* Settings. */
#define LIMIT_SETTINGS      128u  /* entries */
#define LIMIT_SETTING_VALUE 4096u /* bytes */
#define LIMIT_KEY_FILE_PATH 200u  /* bytes, NUL included; two of them fit a sentence */

/* Connections of one instance: the kernel's own limit of peers on a device (2^20). */
#define LIMIT_CONNECTIONS 1048576u

/* Connections of a list that come and go together; if one of them fails, fewer are tried at a time. */
#define LIMIT_CONNECTIONS_A_BATCH 1024u

/* Moves of a cluster's subnets to a new key. */
#define LIMIT_MOVE_S 30u /* for the new peer to answer; then they move all the same */
#define LIMIT_MOVE_ATTENTION_S \
    300u /* since the last dispatch or reconcile; an engine that is silent longer is gone */
#define LIMIT_MOVE_KEEPALIVE_S 10u /* of the new peer, where a setting turns keepalives off */

/* Refused claims that are remembered for the owners' rows. */
#define LIMIT_CLAIMS 16u

/* Changes of one connection's announcement; what is over it is refused. */
#define LIMIT_CHANGES            10u   /* at once */
#define LIMIT_CHANGE_INTERVAL_MS 1000u /* then one */

/* Engine. */
#define LIMIT_SNAPSHOT_BYTES 0x40000000u /* 1 GiB: its subnet lists and strings */
#define LIMIT_DRIVER_PATH    4096u       /* bytes, NUL included */
#define LIMIT_DRIVER_FILES   1024        /* in one directory */
#define LIMIT_TABLE_COLUMN   120u /* characters that a column pads to; longer cells overflow */

/* Tunnels. */
#define LIMIT_MTU_LEAST       1280u /* below it the kernel takes IPv6 off the device */
#define LIMIT_TUNNEL_OVERHEAD 80u   /* bytes: outer IPv6 and UDP headers and WireGuard's own */
#define LIMIT_PROBES_A_CALL   1024u /* silent remotes that one dispatch asks; the next goes on */

/* Reconcile. */
#define LIMIT_REPAIR_BURST      5u   /* repairs of one connection at once... */
#define LIMIT_REPAIR_PERIOD_S   10u  /* ...and then one in this time */
#define LIMIT_REPAIR_REFUSALS   8u   /* by the kernel in one run; the rest waits for the next */
#define LIMIT_PATHS_A_RECONCILE 64u  /* paths to endpoints that are looked up again */
#define LIMIT_REPEATS           256u /* differences of a run that are told or known from the last */
#define LIMIT_ENDPOINT_RETRY_S  195u /* silence that a learned endpoint survives */
#define LIMIT_ROUTES_KEPT_S     300u /* since they were listed; then they are, whatever was told */

/* Netlink. */
#define LIMIT_MESSAGE_BYTES      32768u /* of one request; far below a nest's 65,535 */
#define LIMIT_RECEIVE_BYTES      32768u /* of one receive; the kernel's largest dump message is below */
#define LIMIT_DUMP_TRIES         8u     /* of one interrupted dump */
#define LIMIT_DUMP_BYTES         0x40000000u /* 1 GiB */
#define LIMIT_PENDING_REPLIES    128u /* acknowledgements in flight; more overrun the socket's queue */
#define LIMIT_PEERS_A_MESSAGE    64u  /* bounds how long one request holds the kernel's lock */
#define LIMIT_REMOVALS_A_MESSAGE 190u /* peers */
#define LIMIT_ROUTES_A_SEND      64u
#define LIMIT_LOOKUPS_A_SEND     64u      /* ways to addresses */
#define LIMIT_REPLY_MS           5000u    /* wait for a reply, by default; a setting */
#define LIMIT_EVENT_BUFFER_BYTES 1048576u /* of notices that wait; the kernel doubles it */
#define LIMIT_EVENT_DATAGRAMS    4096u    /* notices read by one dispatch */
#define LIMIT_WATCH_BUFFER_BYTES 65536u   /* of those about routes that wait for a reconcile */

/* Dispatch. */
#define LIMIT_RECONCILE_S      30u   /* between two reconciles when nothing seems to have changed */
#define LIMIT_RECONCILE_GAP_MS 1000u /* between two when something does */
#define LIMIT_POLL_S           5u    /* between two looks at the peers */
#define LIMIT_POLL_SHARE       20u   /* of the time, at most one in so many goes into these looks */
#define LIMIT_RETRY_MOST_S     30u   /* of what failed; begins at one second and doubles */
#define LIMIT_RETRY_CHANGED_S  4u    /* of a reconcile that failed, when something changed since */

#endif
