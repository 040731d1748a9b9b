/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's operations, for the two tables that offer them: linked.c and plugins/wireguard. */
#ifndef WIREGUARD_DRIVER_H
#define WIREGUARD_DRIVER_H

#include <subwg/driver.h>

#define WIREGUARD_DRIVER_NAME "wireguard"

/* Fills a table with every operation. environment: also read CE_IPSEC_NATTPORT and CE_IPSEC_PSK. */
extern const struct subwg_driver wireguard_driver;

#endif
