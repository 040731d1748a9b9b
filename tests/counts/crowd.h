/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway with many remote clusters, each of one endpoint address and two subnets, as the figures of
 * doc/performance.md have them. What it cannot do ends the process. */
#ifndef COUNTS_CROWD_H
#define COUNTS_CROWD_H

#include <stdint.h>

#include <subwg/subwg.h>

#define CROWD_DEVICE  "subwg0"
#define CROWD_NETWORK "10.243.64.6/24" /* the gateway's own address, on eth0 */
#define CROWD_ROUTER  "10.243.64.1"    /* the way to all the others */
#define CROWD_MOST    32768u           /* remotes */

struct crowd_remote {
    char cluster_id[24];
    char private_ip[24];
    char key[48];
    uint8_t public_key[32];
    char subnet_texts[2][24];
    const char *subnets[2];
    struct subwg_setting config[2];
    struct subwg_endpoint endpoint;
};

/* Number n, at a place that stays: the endpoint refers to what it is in. */
void crowd_remote_make(struct crowd_remote *remote, uint32_t number);

void crowd_start(void); /* a cable, initialized; the kernel has an address and a route by then */
void crowd_stop(void);  /* destroys it; what is in the kernel stays */
/* Both, as when an engine comes again: it connects all those that were connected, but number 0, whose
 * peer is a leftover by then. */
void crowd_restart(void);
struct subwg_cable *crowd_cable(void);
void crowd_pass(uint32_t seconds); /* on the clocks that the driver sees */
int64_t crowd_realtime_s(void);

void crowd_must(int32_t code, const struct subwg_error *error);
void crowd_connect(const struct crowd_remote *remote);
/* Numbers first to first + count - 1. */
void crowd_connect_many(uint32_t first, uint32_t count);

#endif
