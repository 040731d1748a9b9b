/* SPDX-License-Identifier: Apache-2.0 */
/* One instance of the driver, and the operations on it that the driver table offers. */
#ifndef WIREGUARD_INSTANCE_H
#define WIREGUARD_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include <subwg/driver.h>

#include "base/secret.h"
#include "netlink/netlink.h"
#include "wireguard/apply.h"
#include "wireguard/budget.h"
#include "wireguard/claims.h"
#include "wireguard/dispatch.h"
#include "wireguard/kept_routes.h"
#include "wireguard/probe.h"
#include "wireguard/repeats.h"
#include "wireguard/settings.h"
#include "wireguard/table.h"

/* The own cluster. */
struct local {
    char *cluster_id;
    struct address private_address; /* family none where it is not given */
    struct address public_address;
    struct prefix *subnets;
    uint32_t subnet_count;
};

#define INSTANCE_ADDRESSES_MAX 2u  /* on the device: one a family */
#define INSTANCE_STRANGERS_MAX 16u /* that need no search */

/* A socket whose name marks what is ours while we live. */
struct lock {
    int fd; /* -1: none */
    bool held;
};

/* Whether the engine comes back to finish what takes time. */
struct attention {
    bool dispatches;
    bool reconciles;
    uint64_t dispatched_ns; /* the last time, or when it was promised */
    uint64_t reconciled_ns; /* the last time */
};

struct subwg_instance {
    struct subwg_host host; /* the driver's own copy */
    struct settings settings;
    struct secret_page *secrets;
    struct local local;
    struct netlink *netlink;   /* opened by create, so that the instance stays in that namespace */
    uint64_t namespace_cookie; /* of the network namespace that create ran in; 0: not known */
    struct lock device_lock;   /* opened by create, for the same reason */
    struct lock table_lock;
    bool initialized;
    uint32_t ifindex;
    uint32_t mtu;
    struct key public_key;
    struct attention attention;
    struct prefix addresses[INSTANCE_ADDRESSES_MAX]; /* that this instance chose for the device */
    uint32_t address_count;
    bool list_completed;            /* the engine has named every endpoint that it knows */
    struct budget device_repairs;   /* of what all connections share */
    struct budget name_repairs;     /* of the device's name, which the kernel may refuse */
    struct budget foreign_removals; /* of peers and routes that nobody stands for */
    struct repeats repeats;         /* differences that are not repaired */
    struct kept_routes routes;      /* as reconcile listed them last */
    uint32_t next_path;             /* position of the connection whose path is looked up next */
    struct table table;
    struct claims claims;  /* refused, on what the table's connections have */
    struct wg_device dump; /* the last one; its arrays live from read to read */
    bool dump_taken;       /* by report_take_dump, which set the strangers */
    bool half_done; /* a change failed, and its undoing, too; no dump since tells what is there */
    uint32_t stranger_count; /* peers of the dump that were no connection's, and remain */
    uint32_t strangers[INSTANCE_STRANGERS_MAX]; /* the first of them: places in the dump */
    struct dispatch *dispatch; /* NULL until event_fd: the engine dispatches from then on */
    struct probe *probe;       /* NULL until the engine has promised to dispatch */
};

/* device.c and cleanup.c: what all connections share. */
int32_t device_init(struct subwg_instance *instance, struct subwg_error *error);
/* Tells the engine what it must advertise. */
int32_t device_publish(struct subwg_instance *instance, struct subwg_error *error);
int32_t device_cleanup(struct subwg_instance *instance, struct subwg_error *error);

/* lock.c: open for the calling thread's network namespace; -EBUSY while another live instance has it. */
void lock_open(struct subwg_instance *instance);
int32_t lock_device(struct subwg_instance *instance, struct subwg_error *error);
int32_t lock_table(struct subwg_instance *instance, struct subwg_error *error);
void lock_release(struct subwg_instance *instance);

/* connect.c, disconnect.c, leftovers.c */
int32_t connect_endpoint(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                         char *ret_address, struct subwg_error *error);
/* The two halves of it. Parsing is 1 and leaves NULL for the own cluster; a connected candidate belongs
 * to the table, one that failed to the caller. */
int32_t connect_parse(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                      struct connection **ret_candidate, struct subwg_error *error);
int32_t connect_candidate(struct subwg_instance *instance, struct connection *candidate,
                          struct subwg_error *error);
/* Takes a connection out of the kernel, with what it has not taken over from yet. */
int32_t connection_uninstall(struct subwg_instance *instance, struct connection *connection,
                             struct subwg_error *error);
/* The same for several at once. After a failure any of them may still be there, wholly or in part. */
int32_t connections_uninstall(struct subwg_instance *instance,
                              struct connection *const *connections, uint32_t count,
                              struct subwg_error *error);
/* The parts of a disconnect: what it means (1: nothing that is there), and its end. */
int32_t disconnect_find(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                        struct connection **ret_connection, struct subwg_error *error);
void disconnect_forget(struct subwg_instance *instance, struct connection *connection);
int32_t disconnect_endpoint(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                            struct subwg_error *error);
/* An endpoint with this key was refused: if a leftover has it, it is somebody's and stays. */
void leftover_name(struct subwg_instance *instance, const char *cluster_id, const struct key *key);
/* The cluster has another key now (NULL: none): what it named before is nobody's again. */
void leftover_unname(struct subwg_instance *instance, const char *cluster_id,
                     const struct key *key);
/* Marks the leftovers whose subnets overlap what is this host's own, by its addresses as they are now:
 * no endpoint can stand for those subnets, so none of them is spared. */
void leftovers_review(struct subwg_instance *instance, const struct interface_address *addresses,
                      uint32_t count);
/* True for a peer that no endpoint stands for, once the list of endpoints is complete. NULL: foreign. */
bool leftover_may_go(const struct connection *connection, uint64_t now_ns);
/* After the end of the list: the kernel does not have them any more. */
void leftovers_forget(struct subwg_instance *instance, uint64_t now_ns);
int32_t remove_leftovers(struct subwg_instance *instance, struct subwg_error *error);

/* path.c: the path MTUs of candidates' endpoints, where the settings leave the device's MTU to them. No
 * way to one (yet) is no failure. */
int32_t path_find_mtu(struct subwg_instance *instance, struct connection *candidate,
                      struct subwg_error *error);
int32_t path_find_mtus(struct subwg_instance *instance, struct connection *const *candidates,
                       uint32_t count, struct subwg_error *error);

/* policy.c: may this connection stand beside all others? Refuses with the reason, or returns 0. */
int32_t policy_check(struct subwg_instance *instance, const struct connection *candidate,
                     struct subwg_error *error);

/* The half of it that asks about other clusters, and remembers what is refused. */
int32_t policy_check_owners(struct subwg_instance *instance, const struct connection *candidate,
                            struct subwg_error *error);

/* Tells the engine of a conflict, from the side of one of both clusters. */
void policy_announce_conflict(const struct subwg_instance *instance, const char *cluster_id,
                              const char *text);

/* withhold.c: looks again at every connection, because the host's addresses, all of which are
 * given, may be others now. One that
 * overlaps them is taken out of the kernel and withheld until they go. Each difference is reported;
 * SUBWG_RECONCILE_DRY_RUN changes nothing. Returns how many there are, or a negative errno after having
 * tried them all. */
int32_t policy_revalidate(struct subwg_instance *instance,
                          const struct interface_address *addresses, uint32_t count, uint32_t flags,
                          subwg_report_fn report, void *report_context, struct subwg_error *error);

/* many.c, disconnect_many.c */
int32_t connect_list(struct subwg_instance *instance, const struct subwg_endpoint *const *remotes,
                     uint32_t count, subwg_result_fn result, void *result_context,
                     struct subwg_error *error);
int32_t disconnect_list(struct subwg_instance *instance,
                        const struct subwg_endpoint *const *remotes, uint32_t count,
                        subwg_result_fn result, void *result_context, struct subwg_error *error);

/* report.c: the two reads. */
int32_t report_connections(struct subwg_instance *instance, struct subwg_snapshot_builder *snapshot,
                           struct subwg_error *error);
int32_t report_metrics(struct subwg_instance *instance, struct subwg_snapshot_builder *snapshot,
                       struct subwg_error *error);
/* Takes the dump that is in the instance: what is there, what is missing, how each is doing. */
void report_take_dump(struct subwg_instance *instance);
/* Tells the engine of each connection whose status is not the one that it was told last. */
void report_status_changes(const struct subwg_instance *instance);

/* Small things that several of them need. */
void instance_forget(struct subwg_instance *instance); /* back to before init; the kernel stays */
/* apply_difference; where it fails, nothing is taken for granted that was known of the kernel before. */
int32_t instance_change(struct subwg_instance *instance, struct target *target,
                        const struct state *wanted, const struct state *found,
                        struct subwg_error *error);
int32_t instance_dump(struct subwg_instance *instance, struct subwg_error *error);
uint8_t instance_preshared_key(const struct subwg_instance *instance); /* enum wg_preshared_key */
struct target instance_target(struct subwg_instance *instance);
uint64_t instance_now(const struct subwg_instance *instance);
uint64_t instance_asleep_ns(void); /* how long this host has been suspended since it was booted */
__attribute__((format(printf, 3, 4))) void instance_log(const struct subwg_instance *instance,
                                                        uint32_t level, const char *format, ...);

#endif
