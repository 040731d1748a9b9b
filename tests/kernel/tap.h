/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to the kernel's WireGuard from this network namespace, as an nlmon device shows it. */
#ifndef KERNEL_TAP_H
#define KERNEL_TAP_H

#include <stdint.h>

struct tap_requests {
    uint64_t changes; /* of WireGuard devices */
    uint64_t private_keys;
    uint64_t replaced_peers;
    uint64_t replaced_allowed_ips;
    uint32_t device_attributes; /* seen in any: bit n is attribute type n */
    uint32_t peer_attributes;
    uint64_t peers;
    uint64_t allowed_ips;
};

void tap_open(void); /* after live_start */

/* All since the last call; nothing may have escaped. */
struct tap_requests tap_take(void);

#endif
