/* SPDX-License-Identifier: Apache-2.0 */
#include "crowd.h"

#include <pthread.h>
#include <sched.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 64u

static struct subwg_registry *registry;
static atomic_uint_fast64_t ticks;

static pthread_mutex_t complaint_lock = PTHREAD_MUTEX_INITIALIZER;
static char complaint[512];

/* Ten seconds at each look, so that no limit on the rate of changes is ever reached. */
static uint64_t elapsed_ns(void *context)
{
    (void)context;
    return 1000000000000 + 10000000000 * atomic_fetch_add(&ticks, 1);
}

void crowd_start(void)
{
    ck_assert_int_ge(sodium_init(), 0);
    fake_kernel_reset();
    (void)fake_kernel_add_link("eth0", NULL);
    fake_kernel_set_link_up("eth0", true);
    fake_kernel_add_address("eth0", "10.243.64.6/24");
    complaint[0] = '\0';
    ck_assert_int_eq(subwg_registry_create(&registry, NULL), 0);
    ck_assert_int_eq(subwg_registry_add(registry, subwg_wireguard_driver(), NULL), 0);
}

void crowd_stop(void)
{
    subwg_registry_destroy(registry);
    registry = NULL;
}

void crowd_take_real_kernel(void)
{
    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    ck_assert_int_eq(system("ip link add eth0 type dummy && ip link set eth0 up && "
                            "ip address add 10.243.64.6/24 dev eth0"),
                     0);
    fake_kernel_bypass(true);
}

struct subwg_cable *crowd_cable(unsigned number, uint32_t reply_timeout_ms,
                                const struct subwg_cable_callbacks *callbacks)
{
    static const char *const keys[] = {"port", "table", "rule-priority", "mark"};
    char texts[6][16];
    struct subwg_setting settings[6];
    (void)snprintf(texts[4], sizeof(texts[4]), "crowd%u", number);
    (void)snprintf(texts[5], sizeof(texts[5]), "%u", (unsigned)reply_timeout_ms);
    for (unsigned i = 0; i < 4; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "%u", 6000 + number);
        settings[i] = (struct subwg_setting){keys[i], texts[i]};
    }
    settings[4] = (struct subwg_setting){"device", texts[4]};
    settings[5] = (struct subwg_setting){"reply-timeout-ms", texts[5]};

    const struct subwg_cable_callbacks plain = {.elapsed_ns = elapsed_ns};
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    local.cluster_id = "cluster1";
    local.cable_name = "cable-1";
    local.hostname = "worker1";
    local.private_ip = "10.243.64.6";
    local.public_ip = "";
    local.backend = "wireguard";
    struct subwg_cable *cable = NULL;
    struct subwg_error error = SUBWG_ERROR_INIT;
    ck_assert_msg(subwg_cable_create(registry, "wireguard", callbacks != NULL ? callbacks : &plain,
                                     &local, settings, 6, &cable, &error) == 0,
                  "%s", error.text);
    return cable;
}

struct subwg_cable *crowd_cable_initialized(unsigned number)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_cable *cable = crowd_cable(number, 600000, NULL);
    ck_assert_msg(subwg_cable_init(cable, &error) == 0, "%s", error.text);
    return cable;
}

uint32_t crowd_subnet_count(unsigned version)
{
    return 1 + version % 2;
}

void crowd_remote(struct crowd_remote *remote, unsigned cluster, unsigned version)
{
    *remote = (struct crowd_remote){.endpoint = SUBWG_ENDPOINT_INIT};
    uint8_t private_key[32];
    memset(private_key, (int)cluster + 1, sizeof(private_key));
    ck_assert_int_eq(crypto_scalarmult_base(remote->public_key, private_key), 0);
    (void)sodium_bin2base64(remote->key, sizeof(remote->key), remote->public_key, 32,
                            sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(remote->cluster_id, sizeof(remote->cluster_id), "remote%u", cluster);
    (void)snprintf(remote->hostname, sizeof(remote->hostname), "v%u", version);
    (void)snprintf(remote->private_ip, sizeof(remote->private_ip), "10.243.64.%u", 10 + cluster);
    for (unsigned i = 0; i < 2; i++) {
        (void)snprintf(remote->subnet_texts[i], sizeof(remote->subnet_texts[i]), "10.%u.%u.0/24",
                       100 + cluster, i);
        remote->subnets[i] = remote->subnet_texts[i];
    }
    remote->config[0] = (struct subwg_setting){"publicKey", remote->key};
    remote->config[1] = (struct subwg_setting){"udp-port", "5871"};
    remote->endpoint.cluster_id = remote->cluster_id;
    remote->endpoint.cable_name = remote->cluster_id;
    remote->endpoint.hostname = remote->hostname;
    remote->endpoint.private_ip = remote->private_ip;
    remote->endpoint.public_ip = "";
    remote->endpoint.backend = "wireguard";
    remote->endpoint.subnets = remote->subnets;
    remote->endpoint.subnet_count = crowd_subnet_count(version);
    remote->endpoint.backend_config = remote->config;
    remote->endpoint.backend_config_count = 2;
}

void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)pthread_mutex_lock(&complaint_lock);
    if (complaint[0] == '\0')
        (void)vsnprintf(complaint, sizeof(complaint), format, arguments);
    (void)pthread_mutex_unlock(&complaint_lock);
    va_end(arguments);
}

void assert_no_complaint(void)
{
    ck_assert_msg(complaint[0] == '\0', "%s", complaint);
}

static char numbers[THREADS_MAX];

unsigned crowd_number(const void *context)
{
    return (unsigned)((const char *)context - numbers);
}

void crowd_run(void *(*body)(void *), unsigned count)
{
    pthread_t threads[THREADS_MAX];
    ck_assert_uint_le(count, THREADS_MAX);
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, body, &numbers[i]), 0);
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    assert_no_complaint();
}

TCase *crowd_case(const char *name)
{
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, crowd_start, crowd_stop);
    tcase_set_timeout(tests, 60);
    return tests;
}

int crowd_main(const char *name, TCase *tests)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
