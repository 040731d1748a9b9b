/* SPDX-License-Identifier: Apache-2.0 */
/* The socket that route_unchanged asks. */
#ifndef NETLINK_ROUTE_WATCH_H
#define NETLINK_ROUTE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct route_watch {
    int fd;         /* -1: none */
    bool listening; /* until somebody asks nothing is queued, so that it costs no change anything */
};

/* In the calling thread's network namespace; 0 or a negative errno, and then there is none. */
int32_t route_watch_open(struct route_watch *watch);
void route_watch_close(struct route_watch *watch); /* accepts one that did not open */

#endif
