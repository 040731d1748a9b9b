/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's notices. */
#ifndef NETLINK_EVENTS_H
#define NETLINK_EVENTS_H

#include <stddef.h>

#include "netlink/netlink.h"

/* A socket in the calling thread's network namespace, or a negative errno; and from when on it is told. */
int32_t events_socket(void);
int32_t events_listen(int fd, bool rules); /* of rules, too */

/* Pure. Hands over what one datagram says. Any bytes of any alignment will do. Messages about other things
 * are passed over. -EBADMSG: from here on it is malformed; -ENOBUFS: it says that others were lost. */
int32_t events_decode(const void *bytes, size_t length, event_taker take, void *context);

#endif
