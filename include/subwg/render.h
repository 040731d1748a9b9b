/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file render.h
 * @brief Snapshots as text: Prometheus exposition and the connection table.
 *
 * Whatever a driver pushed comes out valid: label values are escaped, control characters and bytes
 * that are not UTF-8 never reach a terminal or start a line.
 */
#ifndef SUBWG_RENDER_H
#define SUBWG_RENDER_H

#include <subwg/api.h>
#include <subwg/snapshot.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief Takes a piece of text. Pieces come in order; they are not NUL-terminated.
 * @return 0, or a negative errno, which ends the rendering and is returned from it.
 */
typedef int32_t (*subwg_write_fn)(void *context, const char *bytes, size_t count);

/** Content type of the exposition. */
#define SUBWG_EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/** @brief Which names the exposition uses. */
enum subwg_profile {
    /**
     * Four families for each driver, prefixed by its name (`wireguard_connected_endpoints`,
     * `_connection_lifetime`, `_rx_bytes`, `_tx_bytes`), with the labels `Backend`,
     * `dst_EndPoint_hostname`, `dst_PrivateIP`, `dst_PublicIP`, `dst_clusterID`.
     */
    SUBWG_PROFILE_SEED = 0,
    /**
     * `submariner_connections`, `submariner_connections_short`,
     * `submariner_connection_established_timestamp`, `submariner_gateway_rx_bytes`,
     * `submariner_gateway_tx_bytes`, and a latency family only where it is measured.
     */
    SUBWG_PROFILE_SUBMARINER = 1
};

/**
 * @brief Writes the Prometheus text of one scrape.
 *
 * HELP and TYPE come once for each family over all snapshots, and only for families with samples;
 * in profile `seed` the number of connected endpoints is always there. Drivers are in the order of
 * their names, samples in that of cluster id, then hostname. All values are gauges. A series that
 * would come twice comes once, as first pushed. In label values a byte that is no visible UTF-8
 * becomes `\xNN`.
 * @param profile one of #subwg_profile.
 * @param snapshots metric snapshots, one for each cable.
 * @param count length of @p snapshots.
 * @param write takes the text; few, large pieces.
 * @param context handed to @p write.
 * @return 0; -EINVAL an unknown profile or a NULL; -ENOMEM; what @p write returned.
 */
SUBWG_API int32_t subwg_write_exposition(uint32_t profile, struct subwg_snapshot *const *snapshots,
                                         uint32_t count, subwg_write_fn write, void *context);

/**
 * @brief Writes the connection table: the line `Showing information for cluster "...":`, the columns
 * GATEWAY, CLUSTER, REMOTE IP, CABLE DRIVER, SUBNETS, STATUS, and a line for each connection, its
 * reason inside STATUS. Lines are in the order of cluster id, then hostname; foreign peers come last,
 * with `-` for what is not known of them.
 * @param title stands between the quotes.
 * @param snapshots connection snapshots, one for each cable.
 * @param count length of @p snapshots.
 * @param write takes the text.
 * @param context handed to @p write.
 * @return 0; -EINVAL for a NULL; -ENOMEM; what @p write returned.
 */
SUBWG_API int32_t subwg_write_connection_table(const char *title,
                                               struct subwg_snapshot *const *snapshots,
                                               uint32_t count, subwg_write_fn write, void *context);

#ifdef __cplusplus
}
#endif

#endif
