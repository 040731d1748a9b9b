/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wireguard.h
 * @brief The WireGuard cable driver, for an engine that links it instead of loading the plugin.
 */
#ifndef SUBWG_WIREGUARD_H
#define SUBWG_WIREGUARD_H

#include <subwg/api.h>
#include <subwg/driver.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @brief The driver's table, to be handed to subwg_registry_add().
 *
 * The same driver as the plugin, with one difference: it never reads the environment.
 * @return a static table, valid for the life of the process. Safe from any thread.
 */
SUBWG_API const struct subwg_driver *subwg_wireguard_driver(void);

#ifdef __cplusplus
}
#endif

#endif
