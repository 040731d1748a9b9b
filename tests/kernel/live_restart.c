/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine is killed and started again while traffic flows through all of its tunnels: nothing is
 * lost, no session begins anew, nothing counts backwards, and what goes to the kernel replaces no list
 * and holds no key (T41, T43). What the new process does not name stays until its list is complete (T42).
 */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "live.h"
#include "tap.h"

#define REMOTES        20u
#define FIRST          2u
#define RESTARTS       12u
#define PASSING        150u /* packets from one restart to the next, at least */
#define SESSION_SAFE_S 100  /* younger sessions are never renewed by themselves */

/* The engine: this program, started anew with arguments. */

struct engine {
    pid_t process;
    FILE *said;
};

static void subnet_of(uint32_t number, char text[24])
{
    (void)snprintf(text, 24, "10.%u.0.0/24", 100 + (unsigned)number);
}

static int32_t engine_connect(struct subwg_cable *cable, uint32_t number)
{
    char text[24];
    char address[SUBWG_ADDRESS_TEXT_SIZE];
    const char *const subnets[] = {text};
    struct live_remote remote;
    live_describe(&remote, number);
    subnet_of(number, text);
    remote.endpoint.subnets = subnets;
    remote.endpoint.subnet_count = 1;
    return subwg_cable_connect(cable, &remote.endpoint, address, &live.error);
}

/* Says how much each cluster has sent, and waits to be killed. */
static int engine_main(uint32_t count, bool list_is_complete)
{
    struct subwg_registry *registry = NULL;
    struct subwg_snapshot *snapshot = NULL;
    struct subwg_cable *cable = NULL;
    int32_t code = live_make_cable(NULL, 0, &registry, &cable);
    for (uint32_t i = 0; i < count && code >= 0; i++)
        code = engine_connect(cable, FIRST + i);
    if (code >= 0 && list_is_complete)
        code = subwg_cable_list_complete(cable, &live.error);
    if (code >= 0)
        code = subwg_cable_get_connections(cable, &snapshot, &live.error);
    if (code < 0) {
        (void)fprintf(stderr, "%s\n", live.error.text);
        return EXIT_FAILURE;
    }
    for (uint32_t i = 0; i < subwg_snapshot_connection_count(snapshot); i++) {
        const struct subwg_connection *row = subwg_snapshot_connection(snapshot, i);
        (void)printf("%s %llu %llu\n", row->cluster_id, (unsigned long long)row->tx_bytes,
                     (unsigned long long)row->rx_bytes);
    }
    (void)printf("ready\n");
    (void)fflush(stdout);
    for (;;)
        (void)pause();
}

static struct engine engine_start(uint32_t count, bool list_is_complete)
{
    char number[8];
    struct engine engine = {0};
    posix_spawn_file_actions_t files;
    int ends[2];
    (void)snprintf(number, sizeof(number), "%u", (unsigned)count);
    char *arguments[] = {strdup("engine"), number, strdup(list_is_complete ? "whole" : "part"),
                         NULL};
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(posix_spawn_file_actions_init(&files), 0);
    ck_assert_int_eq(posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO), 0);
    ck_assert_int_eq(posix_spawn_file_actions_addclose(&files, ends[0]), 0);
    ck_assert_int_eq(
        posix_spawn(&engine.process, "/proc/self/exe", &files, NULL, arguments, environ), 0);
    (void)posix_spawn_file_actions_destroy(&files);
    (void)close(ends[1]);
    engine.said = fdopen(ends[0], "r");
    ck_assert_ptr_nonnull(engine.said);
    free(arguments[0]);
    free(arguments[2]);
    return engine;
}

static void engine_kill(struct engine *engine)
{
    int status = 0;
    ck_assert_int_eq(kill(engine->process, SIGKILL), 0);
    ck_assert_int_eq(waitpid(engine->process, &status, 0), engine->process);
    ck_assert_msg(WIFSIGNALED(status), "the engine ended by itself: status 0x%x", status);
    (void)fclose(engine->said);
}

/* Waits until it has started. Each cluster counts on from where it was told before. */
static void engine_await(struct engine *engine)
{
    static unsigned long long told[FIRST + REMOTES][2];
    char line[128];
    for (;;) {
        unsigned number;
        unsigned long long sent;
        unsigned long long received;
        ck_assert_msg(fgets(line, sizeof(line), engine->said) != NULL, "the engine failed");
        if (strcmp(line, "ready\n") == 0)
            return;
        if (sscanf(line, "cluster%u %llu %llu", &number, &sent, &received) != 3)
            continue; /* a leftover's row has no cluster */
        ck_assert_uint_lt(number, FIRST + REMOTES);
        ck_assert_uint_ge(sent, told[number][0]);
        ck_assert_uint_ge(received, told[number][1]);
        told[number][0] = sent;
        told[number][1] = received;
    }
}

/* The tunnels. */

static const struct wg_peer *find(const struct wg_device *device, const struct key *key)
{
    for (uint32_t i = 0; i < device->peer_count; i++)
        if (key_equal(&device->peers[i].public_key, key))
            return &device->peers[i];
    ck_abort_msg("a peer is gone");
}

/* What the kernel counts and remembers since the last look. */
static void compare(struct wg_device *before, bool sessions_last)
{
    struct wg_device now = {0};
    live_dump(&now);
    ck_assert_uint_eq(now.ifindex, before->ifindex);
    ck_assert(key_equal(&now.public_key, &before->public_key));
    ck_assert_uint_eq(now.listen_port, before->listen_port);
    ck_assert_uint_eq(now.peer_count, before->peer_count);
    for (uint32_t i = 0; i < now.peer_count; i++) {
        const struct wg_peer *peer = find(before, &now.peers[i].public_key);
        ck_assert_uint_ge(now.peers[i].rx_bytes, peer->rx_bytes);
        ck_assert_uint_ge(now.peers[i].tx_bytes, peer->tx_bytes);
        ck_assert_uint_eq(now.peers[i].allowed_ip_count, peer->allowed_ip_count);
        if (sessions_last) {
            ck_assert_uint_eq(now.peers[i].handshake_s, peer->handshake_s);
            ck_assert_uint_eq(now.peers[i].handshake_ns, peer->handshake_ns);
        }
    }
    wg_device_finish(before);
    *before = now;
}

static void open_remotes(const char *targets[REMOTES])
{
    static char texts[REMOTES][24];
    struct key own_key = live_own_key();
    for (uint32_t i = 0; i < REMOTES; i++) {
        struct live_remote remote;
        live_open(&remote, FIRST + i, &own_key);
        (void)snprintf(texts[i], sizeof(texts[i]), "10.%u.0.1", 100 + (unsigned)(FIRST + i));
        live_listen(texts[i]);
        targets[i] = texts[i];
    }
}

static time_t seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec;
}

/* Every other one is killed while it starts, each a little later than the one before. Returns how often
 * the engine was started. */
static uint64_t restart(struct engine *engine, unsigned turn)
{
    engine_kill(engine);
    live_let_pass(PASSING);
    *engine = engine_start(REMOTES, true);
    if (turn % 2 == 1) {
        (void)usleep(turn * 10000);
        engine_kill(engine);
        *engine = engine_start(REMOTES, true);
    }
    engine_await(engine);
    return 1 + turn % 2;
}

START_TEST(an_engine_that_is_killed_and_started_again_loses_nothing)
{
    const char *targets[REMOTES];
    uint64_t restarts = 0;
    tap_open();
    struct engine engine = engine_start(0, false);
    engine_await(&engine);
    struct tap_requests first = tap_take();
    ck_assert_uint_eq(first.private_keys, 1); /* so the tap would show one */
    open_remotes(targets);
    engine_kill(&engine);
    engine = engine_start(REMOTES, true);
    engine_await(&engine);
    time_t begun_s = seconds();
    live_wait_for_handshakes(REMOTES);

    struct wg_device device = {0};
    live_dump(&device);
    struct tap_requests requests = tap_take();
    ck_assert_uint_gt(requests.changes, 0);
    live_begin_traffic(targets, REMOTES);
    live_let_pass(PASSING);
    for (unsigned turn = 0; restarts < RESTARTS; turn++) {
        restarts += restart(&engine, turn);
        compare(&device, seconds() - begun_s < SESSION_SAFE_S);
        struct tap_requests turns = tap_take();
        ck_assert_uint_eq(turns.private_keys, 0);
        ck_assert_uint_eq(turns.replaced_peers, 0);
        ck_assert_uint_eq(turns.replaced_allowed_ips, 0);
    }
    struct live_count count = live_end_traffic();
    dprintf(STDOUT_FILENO, "# %llu restarts, %u tunnels, %llu packets in %.1f s\n",
            (unsigned long long)restarts, REMOTES, (unsigned long long)count.sent, count.seconds);
    dprintf(STDOUT_FILENO, "figure restarts-under-traffic %llu\nfigure restart-packets-lost %llu\n",
            (unsigned long long)restarts, (unsigned long long)count.lost);
    ck_assert_uint_eq(count.refused, 0);
    ck_assert_uint_eq(count.lost, 0);
    engine_kill(&engine);
    wg_device_finish(&device);
}
END_TEST

static uint32_t peer_count(void)
{
    struct wg_device device = {0};
    live_dump(&device);
    uint32_t count = device.peer_count;
    wg_device_finish(&device);
    return count;
}

START_TEST(what_is_not_named_again_stays_until_the_list_is_complete)
{
    static const struct {
        uint32_t named;
        bool whole;
        uint32_t left;
    } runs[] = {{20, true, 20}, {12, false, 20}, {20, true, 20}, {12, true, 12}, {0, false, 12}};
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        struct engine engine = engine_start(runs[i].named, runs[i].whole);
        engine_await(&engine);
        ck_assert_uint_eq(peer_count(), runs[i].left);
        engine_kill(&engine);
    }
}
END_TEST

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[0], "engine") == 0)
        return engine_main((uint32_t)strtoul(argv[1], NULL, 10), strcmp(argv[2], "whole") == 0);
    Suite *suite = suite_create("live-restart");
    TCase *cases = tcase_create("live-restart");
    tcase_add_checked_fixture(cases, live_start, live_stop);
    tcase_set_timeout(cases, 30);
    tcase_add_test(cases, an_engine_that_is_killed_and_started_again_loses_nothing);
    tcase_add_test(cases, what_is_not_named_again_stays_until_the_list_is_complete);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
