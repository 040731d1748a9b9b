/* SPDX-License-Identifier: Apache-2.0 */
/* A WireGuard device from the messages of its dump. Pure but for growing the device's arrays. */
#ifndef NETLINK_WIREGUARD_DECODE_H
#define NETLINK_WIREGUARD_DECODE_H

#include <stdint.h>

#include "netlink/attribute.h"
#include "netlink/netlink.h"

struct wireguard_decoder {
    struct wg_device *device;
    const struct key *expected_preshared_key; /* NULL: none */
};

/* Empties the device but keeps its arrays: a dump begins. */
void wireguard_decode_start(struct wireguard_decoder *decoder, struct wg_device *device,
                            const struct key *expected_preshared_key);

/* Takes the attributes of the next message of the dump (behind the generic netlink header). The kernel
 * spreads one peer's allowed IPs over messages and repeats the device's attributes; both are joined.
 * -EBADMSG: not what the kernel writes; -ENOMEM. */
int32_t wireguard_decode(struct wireguard_decoder *decoder, struct attributes attributes);

#endif
