/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the last list of our table says is true for as long as the kernel tells of no change to it by
 * somebody else. Only a list with which nothing was wrong is kept: every wanted route was in it, and no
 * other. Our own changes are told, too, and have to add up to what is wanted now.
 */
#ifndef WIREGUARD_KEPT_ROUTES_H
#define WIREGUARD_KEPT_ROUTES_H

#include <stdbool.h>
#include <stdint.h>

struct subwg_instance;

struct kept_routes {
    bool known;
    uint32_t ifindex;   /* of the device that they lead to */
    int64_t count;      /* as listed, and as the kernel told of our own changes since */
    uint64_t listed_ns; /* on the elapsed clock */
};

/* Asks the kernel's notices, to be done before each list. True: nobody else changed anything since the last
 * time. */
bool kept_routes_ask(struct subwg_instance *instance, uint32_t ifindex);

/* True if the kernel has those routes that are wanted now, and no other: nothing has to be listed. */
bool kept_routes_hold(const struct subwg_instance *instance, uint32_t ifindex, uint64_t now_ns);

/* The list that was just taken was as wanted. */
void kept_routes_keep(struct subwg_instance *instance, uint32_t ifindex, uint64_t now_ns);

void kept_routes_forget(struct subwg_instance *instance);

#endif
