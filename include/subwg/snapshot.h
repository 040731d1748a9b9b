/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file snapshot.h
 * @brief Immutable, reference-counted results of a read.
 *
 * A snapshot owns its rows and their strings. It outlives the cable, the driver's module and
 * the registry. All functions are safe from any thread at any time. But for the reference functions,
 * none takes NULL.
 *
 * Rows have the size that the library knows: code that was built against newer headers looks at
 * `head.size` before it reads a field that was appended later. Bits of `present` that the library does
 * not know are cleared.
 */
#ifndef SUBWG_SNAPSHOT_H
#define SUBWG_SNAPSHOT_H

#include <subwg/api.h>
#include <subwg/driver.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A finished snapshot. */
struct subwg_snapshot;

/** Most rows in one snapshot. */
#define SUBWG_SNAPSHOT_ROWS_MAX 1048576u
/** Most bytes of one string in a row; a longer one is refused with -EINVAL. */
#define SUBWG_SNAPSHOT_STRING_MAX 4096u
/** Most bytes of a row's `texts`; more are refused with -EINVAL. */
#define SUBWG_SNAPSHOT_TEXTS_MAX 4194304u
/** Most subnets of one row. */
#define SUBWG_SNAPSHOT_SUBNETS_MAX 65536u

/** @brief Takes another reference. @return @p snapshot. NULL is accepted. */
SUBWG_API struct subwg_snapshot *subwg_snapshot_ref(struct subwg_snapshot *snapshot);

/** @brief Gives a reference back; the last one frees the snapshot. NULL is accepted. */
SUBWG_API void subwg_snapshot_unref(struct subwg_snapshot *snapshot);

/** @brief The driver's name. */
SUBWG_API const char *subwg_snapshot_driver(const struct subwg_snapshot *snapshot);

/** @brief Wall clock in nanoseconds when the read began. */
SUBWG_API uint64_t subwg_snapshot_taken_realtime_ns(const struct subwg_snapshot *snapshot);

/**
 * @brief The own cluster's endpoint as the cable was created with: `cluster_id`, `cable_name`,
 * `hostname`, `private_ip`, `public_ip`, `backend`. Its lists are empty. Never NULL.
 */
SUBWG_API const struct subwg_endpoint *subwg_snapshot_local(const struct subwg_snapshot *snapshot);

/** @brief The number of connection rows. */
SUBWG_API uint32_t subwg_snapshot_connection_count(const struct subwg_snapshot *snapshot);

/**
 * @brief Connection row @p index, in the order pushed; NULL beyond the last. Valid as long as the snapshot.
 * Strings are never NULL.
 */
SUBWG_API const struct subwg_connection *
subwg_snapshot_connection(const struct subwg_snapshot *snapshot, uint32_t index);

/** @brief The number of metric rows. */
SUBWG_API uint32_t subwg_snapshot_metric_count(const struct subwg_snapshot *snapshot);

/** @brief Metric row @p index; NULL beyond the last. Valid as long as the snapshot. Strings are never NULL. */
SUBWG_API const struct subwg_metric *subwg_snapshot_metric(const struct subwg_snapshot *snapshot,
                                                           uint32_t index);

/** @brief A status as the ecosystem writes it: `connecting`, `connected`, `error`. Never NULL. */
SUBWG_API const char *subwg_status_name(uint32_t status);

#ifdef __cplusplus
}
#endif

#endif
