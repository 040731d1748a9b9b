/* SPDX-License-Identifier: Apache-2.0 */
/* The host table: what callbacks do within an operation, and that they do nothing outside of one. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "engine_fixture.h"

struct heard {
    char log[256];
    char published[256];
    char event[256];
};

static void hear_log(void *context, const char *driver, uint32_t level, const char *text)
{
    struct heard *heard = context;
    snprintf(heard->log, sizeof(heard->log), "%s %u %s", driver, (unsigned)level, text);
}

static int32_t hear_publish(void *context, const char *key, const char *value)
{
    struct heard *heard = context;
    snprintf(heard->published, sizeof(heard->published), "%s=%s", key, value);
    return strcmp(key, "bad") == 0 ? -ENOSPC : 0;
}

static void hear_event(void *context, const struct subwg_event *event)
{
    struct heard *heard = context;
    ck_assert_uint_eq(event->head.size, sizeof(*event));
    snprintf(heard->event, sizeof(heard->event), "%u %s %s", (unsigned)event->kind,
             event->cluster_id, event->text);
}

static uint64_t clock_of_7(void *context)
{
    (void)context;
    return 7;
}

static uint64_t clock_of_9(void *context)
{
    (void)context;
    return 9;
}

static struct heard heard;
static struct subwg_driver table;
static struct subwg_registry *registry;
static struct subwg_cable *cable;

static void start(struct subwg_cable_callbacks callbacks)
{
    heard = (struct heard){0};
    callbacks.context = &heard;
    table = fixture_table();
    registry = fixture_registry(&table);
    cable = fixture_cable(registry, &callbacks);
}

static void stop(void)
{
    subwg_cable_destroy(cable);
    subwg_registry_destroy(registry);
}

static void speak(const struct subwg_host *host, int32_t expected)
{
    struct subwg_event event = SUBWG_EVENT_INIT;
    event.kind = SUBWG_EVENT_DRIFT;
    host->log(host->context, SUBWG_LOG_INFO, "a line");
    host->event(host->context, &event);
    ck_assert_int_eq(host->publish(host->context, "publicKey", "abc"), expected);
}

static int32_t init_speaks(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)error;
    speak(instance->host, 0);
    return 0;
}

START_TEST(within_an_operation)
{
    start((struct subwg_cable_callbacks){
        .log = hear_log, .publish = hear_publish, .event = hear_event});
    script.init = init_speaks;
    ck_assert_int_eq(subwg_cable_init(cable, NULL), 0);
    ck_assert_str_eq(heard.log, "wireguard 2 a line");
    ck_assert_str_eq(heard.event, "2  ");
    ck_assert_str_eq(heard.published, "publicKey=abc");
    stop();
}
END_TEST

START_TEST(outside_of_an_operation)
{
    start((struct subwg_cable_callbacks){
        .log = hear_log, .publish = hear_publish, .event = hear_event});
    speak(script.instance->host, -EINVAL);
    ck_assert_str_eq(heard.log, "");
    ck_assert_str_eq(heard.event, "");
    ck_assert_str_eq(heard.published, "");
    stop();
}
END_TEST

static void *speak_elsewhere(void *context)
{
    const struct subwg_host *host = context;
    speak(host, -EINVAL);
    return NULL;
}

static int32_t init_speaks_elsewhere(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)error;
    struct subwg_host host = *instance->host;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, speak_elsewhere, &host), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    return 0;
}

START_TEST(on_another_thread)
{
    start((struct subwg_cable_callbacks){
        .log = hear_log, .publish = hear_publish, .event = hear_event});
    script.init = init_speaks_elsewhere;
    ck_assert_int_eq(subwg_cable_init(cable, NULL), 0);
    ck_assert_str_eq(heard.log, "");
    ck_assert_str_eq(heard.published, "");
    stop();
}
END_TEST

START_TEST(embedder_who_wants_nothing)
{
    start((struct subwg_cable_callbacks){0});
    script.init = init_speaks;
    ck_assert_int_eq(subwg_cable_init(cable, NULL), 0);
    stop();
}
END_TEST

static int32_t init_publishes(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)error;
    const struct subwg_host *host = instance->host;
    ck_assert_int_eq(host->publish(host->context, NULL, "x"), -EINVAL);
    ck_assert_int_eq(host->publish(host->context, "", "x"), -EINVAL);
    ck_assert_int_eq(host->publish(host->context, "x", NULL), -EINVAL);
    return host->publish(host->context, "bad", "x");
}

START_TEST(publish_hands_on_the_answer)
{
    start((struct subwg_cable_callbacks){.publish = hear_publish});
    script.init = init_publishes;
    ck_assert_int_eq(subwg_cable_init(cable, NULL), -ENOSPC);
    stop();
}
END_TEST

static int32_t init_sends_bad_events(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)error;
    const struct subwg_host *host = instance->host;
    struct subwg_event event = SUBWG_EVENT_INIT;
    event.head.magic = 0;
    host->event(host->context, &event);
    host->event(host->context, NULL);
    host->log(host->context, 0, NULL);
    return 0;
}

START_TEST(nonsense_is_dropped)
{
    start((struct subwg_cable_callbacks){.log = hear_log, .event = hear_event});
    script.init = init_sends_bad_events;
    ck_assert_int_eq(subwg_cable_init(cable, NULL), 0);
    ck_assert_str_eq(heard.event, "");
    ck_assert_str_eq(heard.log, "");
    stop();
}
END_TEST

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now;
    ck_assert_int_eq(clock_gettime(clock, &now), 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

START_TEST(clocks)
{
    start((struct subwg_cable_callbacks){0});
    const struct subwg_host *host = script.instance->host;
    uint64_t before = now_ns(CLOCK_BOOTTIME);
    ck_assert_uint_ge(host->elapsed_ns(host->context), before);
    ck_assert_uint_le(host->elapsed_ns(host->context), now_ns(CLOCK_BOOTTIME));
    before = now_ns(CLOCK_REALTIME);
    ck_assert_uint_ge(host->realtime_ns(host->context), before);
    stop();

    start((struct subwg_cable_callbacks){.elapsed_ns = clock_of_7, .realtime_ns = clock_of_9});
    host = script.instance->host;
    ck_assert_uint_eq(host->elapsed_ns(host->context), 7);
    ck_assert_uint_eq(host->realtime_ns(host->context), 9);
    struct subwg_snapshot *snapshot = NULL;
    ck_assert_int_eq(subwg_cable_get_connections(cable, &snapshot, NULL), 0);
    ck_assert_uint_eq(subwg_snapshot_taken_realtime_ns(snapshot), 9);
    subwg_snapshot_unref(snapshot);
    stop();
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("callbacks");
    tcase_add_test(tests, within_an_operation);
    tcase_add_test(tests, outside_of_an_operation);
    tcase_add_test(tests, on_another_thread);
    tcase_add_test(tests, embedder_who_wants_nothing);
    tcase_add_test(tests, publish_hands_on_the_answer);
    tcase_add_test(tests, nonsense_is_dropped);
    tcase_add_test(tests, clocks);
    return fixture_run(tests, "engine-callbacks");
}
