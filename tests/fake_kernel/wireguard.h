/* SPDX-License-Identifier: Apache-2.0 */
/* WireGuard's generic netlink family. */
#ifndef FAKE_WIREGUARD_H
#define FAKE_WIREGUARD_H

#include "sockets.h"

int fake_wireguard_get(struct fake_request *request, const struct nlattr **attributes);
int fake_wireguard_set(struct fake_request *request, const struct nlattr **attributes);

struct fake_link;
/* The device that a request names; a negative errno otherwise. */
int fake_wireguard_link(const struct nlattr **attributes, struct fake_link **ret_link);

#endif
