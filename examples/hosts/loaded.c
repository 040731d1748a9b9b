/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that loads a driver it knows nothing about, and prints its metrics.
 *
 *     cc loaded.c $(pkg-config --cflags --libs subwg) -o loaded
 *     ./loaded $(pkg-config --variable=driverdir subwg)/null.so
 *
 * The loader refuses a file that someone other than root or you could have written.
 */
#include <errno.h>
#include <stdio.h>
#include <subwg/subwg.h>

static int32_t write_out(void *context, const char *bytes, size_t count)
{
    return fwrite(bytes, 1, count, context) == count ? 0 : -EIO;
}

/* Sets a cable up with the driver that was loaded, and prints one scrape. */
static int32_t print_metrics(struct subwg_registry *registry, const char *driver,
                             struct subwg_error *error)
{
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    struct subwg_cable *cable = NULL;
    struct subwg_snapshot *snapshot = NULL;

    local.cluster_id = "cluster1";
    local.cable_name = "cable-cluster1-10-243-64-6";
    local.hostname = "omer-sub1-vm-worker1";
    local.private_ip = "10.243.64.6";
    local.backend = driver;

    int32_t result = subwg_cable_create(registry, driver, NULL, &local, NULL, 0, &cable, error);
    if (result >= 0) {
        result = subwg_cable_init(cable, error);
    }
    if (result >= 0) {
        result = subwg_cable_metrics_snapshot(cable, &snapshot, error);
    }
    if (result >= 0) {
        result = subwg_write_exposition(SUBWG_PROFILE_SEED, &snapshot, 1, write_out, stdout);
    }
    if (result >= 0) {
        result = subwg_cable_cleanup(cable, error);
        /* An operation that a driver lacks answers so, and here that is no harm. */
        result = result == -EOPNOTSUPP ? 0 : result;
    }
    subwg_snapshot_unref(snapshot);
    subwg_cable_destroy(cable);
    return result;
}

int main(int argc, char **argv)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_registry *registry = NULL;

    if (argc != 2) {
        fprintf(stderr, "usage: loaded /absolute/path/of/a/driver.so\n");
        return 2;
    }
    int32_t result = subwg_registry_create(&registry, &error);
    if (result >= 0) {
        result = subwg_registry_load_file(registry, argv[1], &error);
    }
    if (result >= 0) {
        const char *driver = subwg_registry_name(registry, 0);
        printf("# loaded %s %s\n", driver, subwg_registry_find(registry, driver, NULL)->version);
        result = print_metrics(registry, driver, &error);
    }
    if (result < 0) {
        fprintf(stderr, "loaded: %s\n%s%s", error.text, error.hint, error.hint[0] ? "\n" : "");
    }
    subwg_registry_destroy(registry);
    return result < 0 ? 1 : 0;
}
