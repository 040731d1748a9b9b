/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway in the network namespace at hand, any number of remotes for it, and what the kernel holds of
 * them, as wg and ip show it. */
#ifndef KERNEL_REMOTES_H
#define KERNEL_REMOTES_H

#include <stdint.h>

#include <check.h>
#include <subwg/subwg.h>

#include "base/key.h"

#define REMOTES_DEVICE   "subwg0"
#define REMOTES_PREFIXES 16u /* that a remote may choose from */

#define REMOTES_DONE(call, error)                                                             \
    do {                                                                                      \
        int32_t done = (call);                                                                \
        ck_assert_msg(done >= 0, "%s: %d: %s (%s)", #call, done, (error).text, (error).hint); \
    } while (0)

struct remote {
    struct subwg_endpoint endpoint; /* points into the rest: never copied */
    char cluster_id[24];
    char address[16];
    char key[KEY_TEXT_SIZE];
    char prefixes[REMOTES_PREFIXES][20];
    const char *subnets[REMOTES_PREFIXES];
    struct subwg_setting config[1];
};

/* The remote with so many of its own prefixes, from the first on. The same number makes the same one. */
void remote_describe(struct remote *remote, uint32_t number, uint32_t first, uint32_t count);

/* A driver that is linked in, with its device up. */
struct gateway {
    struct subwg_registry *registry;
    struct subwg_cable *cable;
    struct subwg_error error;
};
void gateway_start(struct gateway *gateway);
void gateway_stop(struct gateway *gateway); /* leaves nothing in the kernel */
/* All of them, or the test has failed. */
void gateway_connect_many(struct gateway *gateway, const struct remote *remotes, uint32_t count);
void gateway_disconnect_many(struct gateway *gateway, const struct remote *remotes, uint32_t count);

/* One shell command, which must succeed. */
__attribute__((format(printf, 1, 2))) void shell(const char *format, ...);

/* Fails the test unless the kernel has just these remotes, with their subnets as allowed IPs and as routes. */
void check_kernel(const struct remote *remotes, uint32_t count);

#endif
