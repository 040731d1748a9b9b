/* SPDX-License-Identifier: Apache-2.0 */
/* WireGuard requests (linux/wireguard.h) as messages in a buffer. Pure. */
#ifndef NETLINK_WIREGUARD_ENCODE_H
#define NETLINK_WIREGUARD_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "netlink/netlink.h"

/* Writes the request to dump a device; the buffer is LIMIT_MESSAGE_BYTES and aligned as by malloc. */
void wireguard_encode_get(void *buffer, uint16_t family, uint32_t ifindex);

/* How far a change has been written. The change and what it points to must stay as they are. */
struct wireguard_cursor {
    const struct wg_device_change *change;
    uint32_t ifindex;
    uint32_t peer;       /* the next to write */
    uint32_t allowed_ip; /* of that peer: the next to write; above 0 its first part is written */
    uint32_t messages;   /* written so far */
};

/* Checks the whole change, so that the kernel will find no fault half way. -EINVAL: an address family,
 * a prefix length or host bits that cannot be, a removal with attributes. */
int32_t wireguard_encode_start(struct wireguard_cursor *cursor, uint32_t ifindex,
                               const struct wg_device_change *change);

/* Room for the device's attributes and the largest peer with one allowed IP: each message makes
 * progress. */
#define WIREGUARD_LEAST_MESSAGE_BYTES 512u

/* Writes the next message, of at most size and LIMIT_MESSAGE_BYTES. 1: there is one; 0: all is written;
 * -EMSGSIZE: size is too small. What did not fit, of a key too, may lie behind the message's end: within
 * WIREGUARD_LEAST_MESSAGE_BYTES. */
int32_t wireguard_encode_next(struct wireguard_cursor *cursor, void *buffer, size_t size,
                              uint16_t family);

#endif
