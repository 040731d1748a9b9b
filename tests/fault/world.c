/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world world;

static void take_log(void *context, const char *driver, uint32_t level, const char *text)
{
    (void)context;
    (void)driver;
    (void)level;
    size_t used = strlen(world.log);
    (void)snprintf(world.log + used, sizeof(world.log) - used, "%s\n", text);
}

static int32_t take_published(void *context, const char *key, const char *value)
{
    (void)context;
    if (world.refuse_publishing != NULL)
        return world.refuse_publishing();
    if (world.published_count >= 8) /* an assertion would allocate, which may be made to fail */
        abort();
    (void)snprintf(world.published[world.published_count][0], 64, "%s", key);
    (void)snprintf(world.published[world.published_count++][1], 64, "%s", value);
    if (strcmp(key, "publicKey") == 0)
        (void)snprintf(world.published_key, sizeof(world.published_key), "%s", value);
    return 0;
}

static uint64_t elapsed_ns(void *context)
{
    (void)context;
    return world.elapsed_ns;
}

static uint64_t realtime_ns(void *context)
{
    (void)context;
    return world.realtime_ns;
}

void world_start(void)
{
    ck_assert_int_ge(sodium_init(), 0);
    world = (struct world){
        .error = SUBWG_ERROR_INIT, .elapsed_ns = 1000000000000, .realtime_ns = 1700000000000000000};
    fake_kernel_reset();
    (void)fake_kernel_add_link("eth0", NULL);
    fake_kernel_set_link_up("eth0", true);
    fake_kernel_add_address("eth0", "10.243.64.6/24");
    ck_assert_int_eq(subwg_registry_create(&world.registry, &world.error), 0);
    ck_assert_int_eq(subwg_registry_add(world.registry, subwg_wireguard_driver(), &world.error), 0);
}

void world_stop(void)
{
    subwg_cable_destroy(world.cable);
    subwg_registry_destroy(world.registry);
    world.cable = NULL;
    world.registry = NULL;
}

int32_t world_create(const struct subwg_setting *settings, uint32_t count)
{
    const struct subwg_cable_callbacks callbacks = {.log = take_log,
                                                    .publish = take_published,
                                                    .elapsed_ns = elapsed_ns,
                                                    .realtime_ns = realtime_ns};
    const char *const subnets[] = {"10.233.0.0/18", "10.233.64.0/18"};
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    local.cluster_id = "cluster1";
    local.cable_name = "cable-1";
    local.hostname = "worker1";
    local.private_ip = "10.243.64.6";
    local.public_ip = "";
    local.backend = "wireguard";
    local.subnets = subnets;
    local.subnet_count = 2;
    world.published_count = 0;
    return subwg_cable_create(world.registry, "wireguard", &callbacks, &local, settings, count,
                              &world.cable, &world.error);
}

void world_init(void)
{
    ck_assert_int_eq(world_create(NULL, 0), 0);
    ck_assert_msg(subwg_cable_init(world.cable, &world.error) == 0, "%s", world.error.text);
}

void world_restart(void)
{
    subwg_cable_destroy(world.cable);
    world.cable = NULL;
    world_init();
}

void world_pass(uint64_t seconds)
{
    world.elapsed_ns += seconds * 1000000000u;
    world.realtime_ns += seconds * 1000000000u;
}

void remote_make(struct remote *remote, unsigned int number)
{
    *remote = (struct remote){.endpoint = SUBWG_ENDPOINT_INIT};
    static const char *const subnets[][2] = {{"10.234.0.0/18", "10.234.64.0/18"},
                                             {"10.235.0.0/18", "10.235.64.0/18"},
                                             {"10.236.0.0/18", "10.236.64.0/18"}};
    uint8_t private_key[32];
    memset(private_key, (int)number, sizeof(private_key));
    ck_assert_int_eq(crypto_scalarmult_base(remote->public_key, private_key), 0);
    (void)sodium_bin2base64(remote->key, sizeof(remote->key), remote->public_key, 32,
                            sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(remote->cluster_id, sizeof(remote->cluster_id), "cluster%u", number);
    (void)snprintf(remote->hostname, sizeof(remote->hostname), "worker%u", number);
    (void)snprintf(remote->private_ip, sizeof(remote->private_ip), "10.243.64.%u", 5 + number);
    remote->subnets[0] = subnets[(number - 2) % 3][0];
    remote->subnets[1] = subnets[(number - 2) % 3][1];
    remote->config[0] = (struct subwg_setting){"publicKey", remote->key};
    remote->config[1] = (struct subwg_setting){"udp-port", "5871"};
    remote->endpoint.cluster_id = remote->cluster_id;
    remote->endpoint.cable_name = remote->cluster_id;
    remote->endpoint.hostname = remote->hostname;
    remote->endpoint.private_ip = remote->private_ip;
    remote->endpoint.public_ip = "";
    remote->endpoint.backend = "wireguard";
    remote->endpoint.subnets = remote->subnets;
    remote->endpoint.subnet_count = 2;
    remote->endpoint.backend_config = remote->config;
    remote->endpoint.backend_config_count = 2;
}

int32_t world_connect(struct remote *remote)
{
    char address[SUBWG_ADDRESS_TEXT_SIZE];
    return subwg_cable_connect(world.cable, &remote->endpoint, address, &world.error);
}

int32_t world_disconnect(struct remote *remote)
{
    return subwg_cable_disconnect(world.cable, &remote->endpoint, &world.error);
}

static int32_t take_text(void *context, const char *bytes, size_t count)
{
    (void)context;
    ck_assert_uint_lt(world.text_length + count, sizeof(world.text));
    memcpy(world.text + world.text_length, bytes, count);
    world.text_length += count;
    world.text[world.text_length] = '\0';
    return 0;
}

const char *world_metrics(uint32_t profile)
{
    struct subwg_snapshot *snapshot = NULL;
    world.text_length = 0;
    world.text[0] = '\0';
    ck_assert_int_eq(subwg_cable_metrics_snapshot(world.cable, &snapshot, &world.error), 0);
    ck_assert_int_eq(subwg_write_exposition(profile, &snapshot, 1, take_text, NULL), 0);
    subwg_snapshot_unref(snapshot);
    return world.text;
}

const char *world_table(void)
{
    struct subwg_snapshot *snapshot = NULL;
    world.text_length = 0;
    world.text[0] = '\0';
    ck_assert_int_eq(subwg_cable_get_connections(world.cable, &snapshot, &world.error), 0);
    ck_assert_int_eq(subwg_write_connection_table("test", &snapshot, 1, take_text, NULL), 0);
    subwg_snapshot_unref(snapshot);
    return world.text;
}

struct subwg_connection world_row(const char *cluster_id)
{
    static char status_text[256];
    struct subwg_snapshot *snapshot = NULL;
    struct subwg_connection row = SUBWG_CONNECTION_INIT;
    bool found = false;
    ck_assert_int_eq(subwg_cable_get_connections(world.cable, &snapshot, &world.error), 0);
    for (uint32_t i = 0; i < subwg_snapshot_connection_count(snapshot); i++) {
        const struct subwg_connection *there = subwg_snapshot_connection(snapshot, i);
        if (strcmp(there->cluster_id, cluster_id) == 0) {
            ck_assert_msg(!found, "two rows of %s", cluster_id);
            row = *there;
            found = true;
        }
    }
    ck_assert_msg(found, "no row of %s", cluster_id);
    (void)snprintf(status_text, sizeof(status_text), "%s", row.status_text);
    row.status_text = status_text; /* the other texts go with the snapshot */
    subwg_snapshot_unref(snapshot);
    return row;
}

char *world_kernel(void)
{
    return fake_kernel_dump_text();
}

void world_hear(const struct remote *remote)
{
    fake_kernel_handshake(WORLD_DEVICE, remote->public_key,
                          (int64_t)(world.realtime_ns / 1000000000u));
    fake_kernel_traffic(WORLD_DEVICE, remote->public_key, 1000, 500);
}

bool kernel_has(const char *line)
{
    char *kernel = world_kernel();
    bool there = strstr(kernel, line) != NULL;
    free(kernel);
    return there;
}

void assert_kernel_has(const char *line)
{
    char *kernel = world_kernel();
    ck_assert_msg(strstr(kernel, line) != NULL, "'%s' is missing in:\n%s", line, kernel);
    free(kernel);
}

void assert_kernel_lacks(const char *line)
{
    char *kernel = world_kernel();
    ck_assert_msg(strstr(kernel, line) == NULL, "'%s' is in:\n%s", line, kernel);
    free(kernel);
}

/* Names the first line that differs: all of both texts is more than a failure's message takes. */
void assert_kernel_equals(const char *before)
{
    char *kernel = world_kernel();
    size_t line = 0;
    for (size_t i = 0; kernel[i] != '\0' && kernel[i] == before[i]; i++)
        if (kernel[i] == '\n')
            line = i + 1;
    ck_assert_msg(strcmp(kernel, before) == 0, "the kernel had\n%.*s\nand now has\n%.*s",
                  (int)strcspn(before + line, "\n"), before + line,
                  (int)strcspn(kernel + line, "\n"), kernel + line);
    free(kernel);
}

void assert_kernel_is(char *before)
{
    assert_kernel_equals(before);
    free(before);
}

int world_run(const char *name, void (*start)(void), const struct world_test *tests, size_t count)
{
    Suite *suite = suite_create(name);
    TCase *cases = tcase_create(name);
    tcase_add_checked_fixture(cases, start, world_stop);
    tcase_set_timeout(cases, 60); /* for a busy machine */
    for (size_t i = 0; i < count; i++)
        tcase_add_loop_test(cases, tests[i].test, 0, tests[i].rounds > 0 ? tests[i].rounds : 1);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
