/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WIREGUARD_CREATE_H
#define WIREGUARD_CREATE_H

#include <stdint.h>

#include <subwg/driver.h>

#include "wireguard/settings.h"

/* The driver's create, with values from the environment where the plugin found any. */
int32_t instance_create(const struct subwg_host *host, const struct subwg_endpoint *local,
                        const struct subwg_setting *settings, uint32_t setting_count,
                        const struct setting_source *environment, uint32_t environment_count,
                        struct subwg_instance **ret_instance, struct subwg_error *error);
void instance_destroy(struct subwg_instance *instance);

#endif
