/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's settings: text in, checked values out, every fault in one report. */
#ifndef WIREGUARD_SETTINGS_H
#define WIREGUARD_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <subwg/driver.h>

#include "base/address.h"
#include "base/limits.h"
#include "base/secret.h"

#define SETTINGS_SOURCE_ADDRESSES_MAX 2u /* one a family */

/* The environment's names for two settings; only the plugin reads them. */
#define SETTINGS_ENVIRONMENT_PORT "CE_IPSEC_NATTPORT"
#define SETTINGS_ENVIRONMENT_PSK  "CE_IPSEC_PSK"

struct settings {
    char device[16];
    uint16_t port;
    uint16_t remote_port; /* of a remote that publishes none */
    uint16_t keepalive_s;
    bool well_known_psk; /* the passphrase is the one that old drivers used by default */
    bool routes;         /* also the rules */
    uint32_t table;
    uint32_t rule_priority;
    uint32_t mark;
    uint8_t route_protocol;
    bool source_address_auto; /* look for one among the host's own */
    struct address source_addresses[SETTINGS_SOURCE_ADDRESSES_MAX]; /* where none is found */
    uint32_t mtu; /* 0: from the paths to the remotes */
    uint8_t min_prefix_ipv4;
    uint8_t min_prefix_ipv6;
    uint32_t max_subnets;
    uint32_t status_window_s;
    uint32_t reply_timeout_ms;
    char key_file[LIMIT_KEY_FILE_PATH]; /* empty: the key lives and dies with the device */
};

/* A value's origin, for the report: NULL for an explicit setting, else the variable's name. */
struct setting_source {
    struct subwg_setting setting;
    const char *variable;
};

/* Reads explicit settings over those of the environment over the profile's. The preshared key goes
 * into the secret page. On failure nothing is changed but the page may be, and -EINVAL is returned. */
int32_t settings_read(const struct subwg_setting *settings, uint32_t setting_count,
                      const struct setting_source *environment, uint32_t environment_count,
                      struct settings *ret_settings, struct secret_page *secrets,
                      struct subwg_error *error);

/* True for [A-Za-z0-9_.-]{1,15} except "." and "..": what the kernel and every tool can show. */
bool settings_device_name_valid(const char *name);

#endif
