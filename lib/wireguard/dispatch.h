/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's own work between the engine's calls: one descriptor that is readable when others changed
 * links, addresses, routes or rules, or when it is time, and what is done then. Decisions use the host's
 * clock; the timer only wakes.
 */
#ifndef WIREGUARD_DISPATCH_H
#define WIREGUARD_DISPATCH_H

#include <stdint.h>

#include <subwg/driver.h>

#include "netlink/netlink.h"
#include "wireguard/schedule.h"

struct subwg_instance;

/* From the first event_fd on; the instance's dispatch is NULL before. */
struct dispatch {
    int epoll_fd; /* what the engine polls: the two below */
    int timer_fd;
    struct events events;
    struct schedule schedule;
    uint64_t reconciles; /* that were run */
    uint64_t losses;     /* times that the kernel had more notices than there was room for */
};

/* The descriptor, opened at the first call, or a negative errno. */
int32_t dispatch_event_fd(struct subwg_instance *instance, struct subwg_error *error);
int32_t dispatch_run(struct subwg_instance *instance, struct subwg_error *error);
void dispatch_close(struct dispatch *dispatch); /* accepts NULL */

/* Something may have begun that must be looked at sooner than usual. Does nothing where the engine does
 * not dispatch. */
void dispatch_attend(struct subwg_instance *instance);

/* The instance has just been initialized: its time begins. */
void dispatch_begin(struct subwg_instance *instance);

#endif
