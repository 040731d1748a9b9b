/* SPDX-License-Identifier: Apache-2.0 */
/* The remotes that both programs configure: number, key, address and two prefixes each, so that the
 * bare messages and the driver's say the same to the kernel. */
#ifndef BENCH_CAST_H
#define BENCH_CAST_H

#include <stdint.h>

#define CAST_KEY_SIZE    32u
#define CAST_PREFIXES    2u
#define CAST_PREFIX_BITS 28u
#define CAST_PORT        4500u

struct cast {
    uint8_t key[CAST_KEY_SIZE];
    uint32_t address;                 /* host order, in 198.18.0.0/15 */
    uint32_t prefixes[CAST_PREFIXES]; /* host order, in 10.0.0.0/8 */
};

/* The same number makes the same remote. Numbers up to 131,000 have addresses of their own, up to
 * 524,287 prefixes of their own. */
struct cast cast_remote(uint32_t number);

#endif
