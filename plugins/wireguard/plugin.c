/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/driver.h"

const struct subwg_driver *subwg_driver_v1(void)
{
    return &wireguard_driver;
}
