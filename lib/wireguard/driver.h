/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's operations, for the two tables that offer them: driver.c's and the plugin's, which
 * differ in create alone. */
#ifndef WIREGUARD_DRIVER_H
#define WIREGUARD_DRIVER_H

#include <subwg/driver.h>

/* Everything of the table but create. */
#define WIREGUARD_DRIVER_TABLE                                                                    \
    .head = SUBWG_HEAD(struct subwg_driver, SUBWG_MAGIC_DRIVER), .name = "wireguard",             \
    .version = "0.1.0", .thread_model = SUBWG_THREADS_INSTANCE, .destroy = wireguard_destroy,     \
    .init = wireguard_init, .connect = wireguard_connect, .disconnect = wireguard_disconnect,     \
    .get_connections = wireguard_get_connections, .metrics_snapshot = wireguard_metrics_snapshot, \
    .connect_many = wireguard_connect_many, .disconnect_many = wireguard_disconnect_many,         \
    .list_complete = wireguard_list_complete, .reconcile = wireguard_reconcile,                   \
    .event_fd = wireguard_event_fd, .dispatch = wireguard_dispatch, .cleanup = wireguard_cleanup

extern const struct subwg_driver wireguard_driver;

void wireguard_destroy(struct subwg_instance *instance);
int32_t wireguard_init(struct subwg_instance *instance, struct subwg_error *error);
int32_t wireguard_connect(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                          char *ret_address, struct subwg_error *error);
int32_t wireguard_disconnect(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                             struct subwg_error *error);
int32_t wireguard_get_connections(struct subwg_instance *instance,
                                  struct subwg_snapshot_builder *snapshot,
                                  struct subwg_error *error);
int32_t wireguard_metrics_snapshot(struct subwg_instance *instance,
                                   struct subwg_snapshot_builder *snapshot,
                                   struct subwg_error *error);
int32_t wireguard_connect_many(struct subwg_instance *instance,
                               const struct subwg_endpoint *const *remotes, uint32_t count,
                               subwg_result_fn result, void *result_context,
                               struct subwg_error *error);
int32_t wireguard_disconnect_many(struct subwg_instance *instance,
                                  const struct subwg_endpoint *const *remotes, uint32_t count,
                                  subwg_result_fn result, void *result_context,
                                  struct subwg_error *error);
int32_t wireguard_list_complete(struct subwg_instance *instance, struct subwg_error *error);
int32_t wireguard_reconcile(struct subwg_instance *instance, uint32_t flags, subwg_report_fn report,
                            void *report_context, struct subwg_error *error);
int32_t wireguard_event_fd(struct subwg_instance *instance, struct subwg_error *error);
int32_t wireguard_dispatch(struct subwg_instance *instance, struct subwg_error *error);
int32_t wireguard_cleanup(struct subwg_instance *instance, struct subwg_error *error);

#endif
