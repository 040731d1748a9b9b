/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the exposition of a driver that pushes what it is told to: ordinary names, or hostile ones.
 * An engine in small, on the public headers alone; tests/suites/promtool judges what it prints. */
#include <stdio.h>
#include <string.h>

#include <subwg/subwg.h>

struct subwg_instance {
    const struct subwg_host *host;
};

static struct subwg_instance the_only = {NULL};

static const char *const ordinary[] = {"cluster2", "cluster3"};
static const char *const hostile[] = {
    "a\"} 1\nwireguard_rx_bytes{dst_clusterID=\"forged\"} 1",
    "back\\slash and \\\" and \\n",
    "carriage\rreturn, tab\t, bell\a, escape\x1b[31m",
    "not UTF-8: \xff\xfe\xc3",
    "cut off in a character: \xe2\x82",
    "{}#,= ",
    "",
};
static const char *const *names = ordinary;
static size_t name_count = sizeof(ordinary) / sizeof(ordinary[0]);

static int32_t make(const struct subwg_host *host, const struct subwg_endpoint *local,
                    const struct subwg_setting *settings, uint32_t setting_count,
                    struct subwg_instance **ret_instance, struct subwg_error *error)
{
    (void)local;
    (void)settings;
    (void)setting_count;
    (void)error;
    the_only.host = host;
    *ret_instance = &the_only;
    return 0;
}

static void destroy(struct subwg_instance *instance)
{
    (void)instance;
}

static int32_t init(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)instance;
    (void)error;
    return 0;
}

static int32_t join(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                    char *ret_address, struct subwg_error *error)
{
    (void)instance;
    (void)remote;
    (void)ret_address;
    (void)error;
    return 1;
}

static int32_t leave(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                     struct subwg_error *error)
{
    (void)instance;
    (void)remote;
    (void)error;
    return 1;
}

static int32_t push_connections(struct subwg_instance *instance,
                                struct subwg_snapshot_builder *snapshot, struct subwg_error *error)
{
    (void)instance;
    (void)snapshot;
    (void)error;
    return 0;
}

static int32_t push_metrics(struct subwg_instance *instance,
                            struct subwg_snapshot_builder *snapshot, struct subwg_error *error)
{
    (void)error;
    for (size_t i = 0; i < name_count; i++) {
        struct subwg_metric row = SUBWG_METRIC_INIT;
        row.status = SUBWG_STATUS_CONNECTED;
        row.cluster_id = names[i];
        row.cable_name = names[i];
        row.hostname = names[i];
        row.private_ip = names[i];
        row.public_ip = names[i];
        row.remote_ip = names[i];
        row.present = SUBWG_HAS_COUNTERS | SUBWG_HAS_LIFETIME;
        row.rx_bytes = 3000 + i;
        row.tx_bytes = 4000 + i;
        const int32_t code = instance->host->add_metric(instance->host->context, snapshot, &row);
        if (code < 0)
            return code;
    }
    return 0;
}

static const struct subwg_driver driver = {
    .head = SUBWG_HEAD(struct subwg_driver, SUBWG_MAGIC_DRIVER),
    .name = "wireguard",
    .version = "1",
    .create = make,
    .destroy = destroy,
    .init = init,
    .connect = join,
    .disconnect = leave,
    .get_connections = push_connections,
    .metrics_snapshot = push_metrics,
};

static int32_t print(void *context, const char *bytes, size_t count)
{
    return fwrite(bytes, 1, count, context) == count ? 0 : -1;
}

static int32_t run(struct subwg_registry *registry, uint32_t profile, struct subwg_error *error)
{
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    struct subwg_cable *cable = NULL;
    struct subwg_snapshot *snapshot = NULL;
    int32_t code;

    local.cluster_id = names[0];
    local.cable_name = names[0];
    local.hostname = names[0];
    local.private_ip = "10.243.64.6";
    local.public_ip = "";
    local.backend = "wireguard";
    code = subwg_registry_add(registry, &driver, error);
    if (code == 0)
        code = subwg_cable_create(registry, "wireguard", NULL, &local, NULL, 0, &cable, error);
    if (code == 0)
        code = subwg_cable_init(cable, error);
    if (code == 0)
        code = subwg_cable_metrics_snapshot(cable, &snapshot, error);
    if (code == 0)
        code = subwg_write_exposition(profile, &snapshot, 1, print, stdout);
    subwg_snapshot_unref(snapshot);
    subwg_cable_destroy(cable);
    return code;
}

int main(int argc, char **argv)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_registry *registry = NULL;
    int32_t code;

    if (argc != 3) {
        fprintf(stderr, "usage: exposition seed|submariner ordinary|hostile\n");
        return 2;
    }
    if (strcmp(argv[2], "hostile") == 0) {
        names = hostile;
        name_count = sizeof(hostile) / sizeof(hostile[0]);
    }
    code = subwg_registry_create(&registry, &error);
    if (code == 0)
        code = run(registry,
                   strcmp(argv[1], "seed") == 0 ? SUBWG_PROFILE_SEED : SUBWG_PROFILE_SUBMARINER,
                   &error);
    subwg_registry_destroy(registry);
    if (code < 0)
        fprintf(stderr, "%d: %s\n", code, error.text);
    return code < 0 ? 1 : 0;
}
