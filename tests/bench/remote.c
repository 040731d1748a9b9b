/* SPDX-License-Identifier: Apache-2.0 */
#include "remote.h"

#include <stdio.h>
#include <string.h>

#define QUAD(address)                                                \
    (unsigned)((address) >> 24), (unsigned)((address) >> 16 & 255u), \
        (unsigned)((address) >> 8 & 255u), (unsigned)((address)&255u)

static void name(struct remote *remote, uint32_t number, const struct cast *cast)
{
    (void)snprintf(remote->cluster_id, sizeof(remote->cluster_id), "cluster-%06u",
                   (unsigned)number);
    (void)snprintf(remote->hostname, sizeof(remote->hostname), "gateway-%06u", (unsigned)number);
    (void)snprintf(remote->address, sizeof(remote->address), "%u.%u.%u.%u", QUAD(cast->address));
    (void)snprintf(remote->cable_name, sizeof(remote->cable_name), "cable-%s", remote->address);
    for (uint32_t i = 0; i < CAST_PREFIXES; i++) {
        (void)snprintf(remote->prefixes[i], sizeof(remote->prefixes[i]), "%u.%u.%u.%u/%u",
                       QUAD(cast->prefixes[i]), CAST_PREFIX_BITS);
        remote->subnets[i] = remote->prefixes[i];
    }
}

void remote_describe(struct remote *ret_remote, uint32_t number)
{
    const struct cast cast = cast_remote(number);
    struct key key;
    *ret_remote = (struct remote){.endpoint = SUBWG_ENDPOINT_INIT};
    name(ret_remote, number, &cast);
    memcpy(key.bytes, cast.key, sizeof(key.bytes));
    (void)key_format(&key, ret_remote->key);
    ret_remote->config[0] = (struct subwg_setting){"publicKey", ret_remote->key};
    ret_remote->config[1] = (struct subwg_setting){"udp-port", "4500"};
    struct subwg_endpoint *endpoint = &ret_remote->endpoint;
    endpoint->cluster_id = ret_remote->cluster_id;
    endpoint->cable_name = ret_remote->cable_name;
    endpoint->hostname = ret_remote->hostname;
    endpoint->private_ip = ret_remote->address;
    endpoint->public_ip = ret_remote->address;
    endpoint->backend = "wireguard";
    endpoint->subnets = ret_remote->subnets;
    endpoint->subnet_count = CAST_PREFIXES;
    endpoint->backend_config = ret_remote->config;
    endpoint->backend_config_count = 2;
}
