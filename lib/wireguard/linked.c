/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from driver.c, so that the plugin's objects hold no exported function. */
#include <subwg/wireguard.h>

#include "wireguard/driver.h"

const struct subwg_driver *subwg_wireguard_driver(void)
{
    return &wireguard_driver;
}
