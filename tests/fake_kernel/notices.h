/* SPDX-License-Identifier: Apache-2.0 */
/* Notices of changes to the sockets that asked for them, as the kernel multicasts them. What it changes
 * by itself it mostly tells; what it does not tell is noted where it happens. */
#ifndef FAKE_NOTICES_H
#define FAKE_NOTICES_H

#include "sockets.h"
#include "world.h"

/* Whose request is being answered, for what the kernel tells with its author. 0: nobody's. */
extern uint32_t fake_notice_author;

void fake_notice_link(const struct fake_link *link, bool gone);
void fake_notice_address(const struct fake_interface_address *address, bool gone);
void fake_notice_route(const struct fake_route *route, bool gone);
void fake_notice_rule(const struct fake_rule *rule, bool gone);

/* For the four above: false where nobody listens to this group (RTNLGRP_...). */
bool fake_notice_start(uint32_t group, struct fake_writer *writer);
void fake_notice_end(uint32_t group, struct fake_writer *writer);

#endif
