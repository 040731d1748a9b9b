/* SPDX-License-Identifier: Apache-2.0 */
#include "crowd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

static struct subwg_registry *registry;
static struct subwg_cable *cable;
static uint32_t connected_count; /* numbers from 0 */
static uint64_t elapsed_ns;
static uint64_t realtime_ns;

void crowd_must(int32_t code, const struct subwg_error *error)
{
    if (code >= 0)
        return;
    printf("not ok a step before the one that counts: %s\n", error->text);
    exit(EXIT_FAILURE);
}

void crowd_remote_make(struct crowd_remote *remote, uint32_t number)
{
    if (number >= CROWD_MOST)
        abort();
    *remote = (struct crowd_remote){.endpoint = SUBWG_ENDPOINT_INIT};
    memset(remote->public_key, 0x42, sizeof(remote->public_key));
    memcpy(remote->public_key, &number, sizeof(number));
    (void)sodium_bin2base64(remote->key, sizeof(remote->key), remote->public_key, 32,
                            sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(remote->cluster_id, sizeof(remote->cluster_id), "cluster-%06" PRIu32, number);
    (void)snprintf(remote->private_ip, sizeof(remote->private_ip), "172.16.%" PRIu32 ".%" PRIu32,
                   number >> 8, number & 255);
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t network = 2 * number + i;
        (void)snprintf(remote->subnet_texts[i], sizeof(remote->subnet_texts[i]),
                       "20.%" PRIu32 ".%" PRIu32 ".0/24", network >> 8, network & 255);
        remote->subnets[i] = remote->subnet_texts[i];
    }
    remote->config[0] = (struct subwg_setting){"publicKey", remote->key};
    remote->config[1] = (struct subwg_setting){"udp-port", "5871"};
    remote->endpoint.cluster_id = remote->cluster_id;
    remote->endpoint.cable_name = remote->cluster_id;
    remote->endpoint.hostname = remote->cluster_id;
    remote->endpoint.private_ip = remote->private_ip;
    remote->endpoint.public_ip = "";
    remote->endpoint.backend = "wireguard";
    remote->endpoint.subnets = remote->subnets;
    remote->endpoint.subnet_count = 2;
    remote->endpoint.backend_config = remote->config;
    remote->endpoint.backend_config_count = 2;
}

static uint64_t take_elapsed_ns(void *context)
{
    (void)context;
    return elapsed_ns;
}

static uint64_t take_realtime_ns(void *context)
{
    (void)context;
    return realtime_ns;
}

void crowd_start(void)
{
    static const char *const subnets[] = {"10.233.0.0/18"};
    const struct subwg_cable_callbacks callbacks = {.elapsed_ns = take_elapsed_ns,
                                                    .realtime_ns = take_realtime_ns};
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    elapsed_ns = 1000000000000;
    realtime_ns = 1700000000000000000;
    local.cluster_id = "local";
    local.cable_name = "local";
    local.hostname = "worker";
    local.private_ip = "10.243.64.6";
    local.public_ip = "";
    local.backend = "wireguard";
    local.subnets = subnets;
    local.subnet_count = 1;
    crowd_must(subwg_registry_create(&registry, &error), &error);
    crowd_must(subwg_registry_add(registry, subwg_wireguard_driver(), &error), &error);
    crowd_must(
        subwg_cable_create(registry, "wireguard", &callbacks, &local, NULL, 0, &cable, &error),
        &error);
    crowd_must(subwg_cable_init(cable, &error), &error);
}

void crowd_stop(void)
{
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
    cable = NULL;
    registry = NULL;
}

struct subwg_cable *crowd_cable(void)
{
    return cable;
}

void crowd_pass(uint32_t seconds)
{
    elapsed_ns += (uint64_t)seconds * 1000000000u;
    realtime_ns += (uint64_t)seconds * 1000000000u;
}

int64_t crowd_realtime_s(void)
{
    return (int64_t)(realtime_ns / 1000000000u);
}

void crowd_connect(const struct crowd_remote *remote)
{
    char address[SUBWG_ADDRESS_TEXT_SIZE];
    struct subwg_error error = SUBWG_ERROR_INIT;
    crowd_must(subwg_cable_connect(cable, &remote->endpoint, address, &error), &error);
}

void crowd_connect_many(uint32_t first, uint32_t count)
{
    struct crowd_remote remote;
    for (uint32_t i = 0; i < count; i++) {
        crowd_remote_make(&remote, first + i);
        crowd_connect(&remote);
    }
    connected_count = first + count;
}

void crowd_restart(void)
{
    crowd_stop();
    crowd_start();
    crowd_connect_many(1, connected_count - 1);
}
