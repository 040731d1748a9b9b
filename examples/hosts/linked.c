/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine in one page, with the WireGuard driver linked in.
 *
 *     cc linked.c $(pkg-config --cflags --libs subwg) -o linked
 *     sudo unshare -n ./linked                  # a network of its own, to try it out
 *
 * It brings the driver up for cluster1, prints what the other clusters must be told, connects to
 * cluster2, prints the connection table, and takes everything down again.
 */
#include <errno.h>
#include <stdio.h>
#include <subwg/subwg.h>

/* The driver hands over what a remote needs: its public key, its UDP port. An engine publishes it. */
static int32_t print_published(void *context, const char *key, const char *value)
{
    (void)context;
    printf("published %s = %s\n", key, value);
    return 0;
}

/* Rendered text comes in pieces without a NUL at their end. */
static int32_t write_out(void *context, const char *bytes, size_t count)
{
    return fwrite(bytes, 1, count, context) == count ? 0 : -EIO;
}

/* cluster2's endpoint, as cluster2 would have published it. Everything is text. */
static int32_t connect_cluster2(struct subwg_cable *cable, struct subwg_error *error)
{
    static const char *const subnets[] = {"10.234.0.0/18", "10.234.64.0/18"};
    static const struct subwg_setting backend_config[] = {
        {"publicKey", "s5nXk2ZBtyMZgJ0bKcFtZdc6oiSTRbrRXNzvSY2fFXE="}};
    struct subwg_endpoint cluster2 = SUBWG_ENDPOINT_INIT;
    char address[SUBWG_ADDRESS_TEXT_SIZE];

    cluster2.cluster_id = "cluster2";
    cluster2.cable_name = "cable-cluster2-10-243-64-7";
    cluster2.hostname = "omer-sub2-vm-worker2";
    cluster2.private_ip = "10.243.64.7";
    cluster2.backend = "wireguard";
    cluster2.subnets = subnets;
    cluster2.subnet_count = 2;
    cluster2.backend_config = backend_config;
    cluster2.backend_config_count = 1;

    int32_t result = subwg_cable_connect(cable, &cluster2, address, error);
    if (result >= 0) {
        printf("connected to %s at %s\n", cluster2.cluster_id, address);
    }
    return result;
}

/* A snapshot never changes and outlives the cable; whoever got it gives it back. */
static int32_t print_table(struct subwg_cable *cable, struct subwg_error *error)
{
    struct subwg_snapshot *snapshot = NULL;
    int32_t result = subwg_cable_get_connections(cable, &snapshot, error);
    if (result >= 0) {
        result = subwg_write_connection_table("cluster1", &snapshot, 1, write_out, stdout);
    }
    subwg_snapshot_unref(snapshot);
    return result;
}

int main(void)
{
    static const char *const subnets[] = {"10.233.0.0/18", "10.233.64.0/18"};
    const struct subwg_setting settings[] = {{"keepalive-s", "10"}};
    const struct subwg_cable_callbacks callbacks = {.publish = print_published};
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_registry *registry = NULL;
    struct subwg_cable *cable = NULL;
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;

    local.cluster_id = "cluster1";
    local.cable_name = "cable-cluster1-10-243-64-6";
    local.hostname = "omer-sub1-vm-worker1";
    local.private_ip = "10.243.64.6";
    local.backend = "wireguard";
    local.subnets = subnets;
    local.subnet_count = 2;

    /* A registry holds the drivers; a cable is one of them at work. */
    int32_t result = subwg_registry_create(&registry, &error);
    if (result >= 0) {
        result = subwg_registry_add(registry, subwg_wireguard_driver(), &error);
    }
    if (result >= 0) {
        result = subwg_cable_create(registry, "wireguard", &callbacks, &local, settings, 1, &cable,
                                    &error);
    }
    if (result >= 0) {
        result = subwg_cable_init(cable, &error);
    }
    if (result >= 0) {
        result = connect_cluster2(cable, &error);
    }
    if (result >= 0) {
        /* Every endpoint that is known has been named: what else an earlier run left may go. */
        result = subwg_cable_list_complete(cable, &error);
    }
    if (result >= 0) {
        result = print_table(cable, &error);
    }
    if (result >= 0) {
        /* A gateway leaves this out: destroy alone keeps the tunnels for its next start. */
        result = subwg_cable_cleanup(cable, &error);
    }
    if (result < 0) {
        fprintf(stderr, "linked: %s\n%s%s", error.text, error.hint, error.hint[0] ? "\n" : "");
    }
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
    return result < 0 ? 1 : 0;
}
