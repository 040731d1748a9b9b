/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/driver.h"

const struct subwg_driver wireguard_driver = {
    .head = SUBWG_HEAD(struct subwg_driver, SUBWG_MAGIC_DRIVER),
    .name = WIREGUARD_DRIVER_NAME,
};
