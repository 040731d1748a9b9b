/* SPDX-License-Identifier: Apache-2.0 */
/* The route family's requests, by what they are about. */
#ifndef FAKE_RTNETLINK_H
#define FAKE_RTNETLINK_H

#include "sockets.h"
#include "world.h"

/* Each answers one message type: 0, a negative errno or FAKE_DUMP_STARTED. */
int fake_link_new(struct fake_request *request);
int fake_link_delete(struct fake_request *request);
int fake_link_get(struct fake_request *request);
int fake_links_dump(struct fake_request *request);

int fake_address_new(struct fake_request *request);
int fake_address_delete(struct fake_request *request);
int fake_addresses_dump(struct fake_request *request);

int fake_route_new(struct fake_request *request);
int fake_route_remove(struct fake_request *request);
int fake_route_get(struct fake_request *request);
int fake_routes_dump(struct fake_request *request);

int fake_netconf_get(struct fake_request *request);

int fake_rule_new(struct fake_request *request);
int fake_rule_remove(struct fake_request *request);
int fake_rules_dump(struct fake_request *request);

/* The family that a request is about; false where this world has none such. */
bool fake_request_family(const struct fake_request *request, int *ret_family);

#endif
