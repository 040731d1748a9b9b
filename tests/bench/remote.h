/* SPDX-License-Identifier: Apache-2.0 */
/* A remote of the cast as its cluster would announce it. */
#ifndef BENCH_REMOTE_H
#define BENCH_REMOTE_H

#include <subwg/driver.h>

#include "base/key.h"
#include "cast.h"

struct remote {
    struct subwg_endpoint endpoint; /* points into the rest: never copied */
    char cluster_id[24];
    char cable_name[40];
    char hostname[24];
    char address[16];
    char key[KEY_TEXT_SIZE];
    char prefixes[CAST_PREFIXES][24];
    const char *subnets[CAST_PREFIXES];
    struct subwg_setting config[2];
};

void remote_describe(struct remote *ret_remote, uint32_t number);

#endif
