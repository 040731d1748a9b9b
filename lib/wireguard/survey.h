/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole device: what the kernel has, what it should have, and the steps between the two. Of peers and
 * routes only what differs is compared: most are as they should be, and found so one by one.
 */
#ifndef WIREGUARD_SURVEY_H
#define WIREGUARD_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include <subwg/driver.h>

#include "wireguard/drift.h"
#include "wireguard/found.h"
#include "wireguard/instance.h"
#include "wireguard/wanted.h"

struct survey {
    struct found found;
    struct wanted wanted;
    struct state found_state;
    struct plan plan;
    struct drift_scene scene;
    uint32_t rp_filter; /* for what comes out of the tunnels; 0 where the kernel does not say */
    bool key_changed;   /* somebody gave the device another private key */
    bool routes_quiet;  /* no route was changed just before they were listed */
};

/* Reads the kernel into a zeroed survey and corrects the table by it. addresses are all of the host's.
 * Not copied afterwards; to be ended in any case. */
int32_t survey_take(struct subwg_instance *instance, const struct interface_address *addresses,
                    uint32_t address_count, uint64_t now_ns, struct survey *survey,
                    struct subwg_error *error);
void survey_finish(struct survey *survey);

#endif
