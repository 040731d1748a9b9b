/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dump that somebody has begun and does not read pins its device: deleting that hangs. So a read of
 * ours that fails half way must not leave one behind (T35).
 */
#include <check.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <fake_kernel.h>

#include "../fault/allocator.h"
#include "base/limits.h"
#include "netlink/handle.h"

#define DEVICE     "wg-test"
#define PEERS      300u /* more than one datagram */
#define PATIENCE_S 60   /* beyond it, a deletion hangs for good */

static struct netlink *netlink;
static struct subwg_error error;
static uint32_t ifindex;

static void begin(void)
{
    error = (struct subwg_error)SUBWG_ERROR_INIT;
    fake_kernel_reset();
    fake_kernel_bypass(true);
    ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
    ck_assert_int_eq(netlink_open(LIMIT_REPLY_MS, &netlink, &error), 0);
}

static void create_device(void)
{
    static struct wg_peer_change peers[PEERS];
    struct link_info link;
    for (uint32_t i = 0; i < PEERS; i++) {
        memset(peers[i].public_key.bytes, 9, sizeof(peers[i].public_key.bytes));
        memcpy(peers[i].public_key.bytes, &i, sizeof(i));
    }
    const struct wg_device_change change = {.peers = peers, .peer_count = PEERS};
    ck_assert_int_eq(link_create_wireguard(netlink, DEVICE, 0, &error), 0);
    ck_assert_int_eq(link_find(netlink, DEVICE, &link, &error), 0);
    ifindex = link.ifindex;
    ck_assert_msg(wg_set_device(netlink, ifindex, &change, &error) == 0, "%s", error.text);
}

/* On a thread of its own, so that the test can give up, and with a socket of its own. */
static sem_t deleted;

static void *delete_device(void *context)
{
    (void)context;
    struct netlink *other = NULL;
    if (netlink_open(LIMIT_REPLY_MS, &other, NULL) == 0 && link_delete(other, ifindex, NULL) == 0)
        sem_post(&deleted);
    netlink_close(other);
    return NULL;
}

static bool is_deleted_within(int seconds)
{
    struct timespec deadline;
    (void)clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += seconds;
    int status;
    do
        status = sem_timedwait(&deleted, &deadline);
    while (status != 0 && errno == EINTR);
    return status == 0;
}

static pthread_t begin_deletion(void)
{
    pthread_t thread;
    ck_assert_int_eq(sem_init(&deleted, 0, 0), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, delete_device, NULL), 0);
    return thread;
}

START_TEST(a_read_that_fails_half_way_lets_the_device_go)
{
    begin();
    bool failed = true;
    for (uint64_t number = 1; failed; number++) {
        struct wg_device device = {0};
        create_device();
        allocator_fail((uint64_t[ALLOCATOR_ORDERS]){number});
        int32_t code = wg_get_device(netlink, ifindex, NULL, &device, &error);
        failed = allocator_happened() > 0;
        allocator_fail((uint64_t[ALLOCATOR_ORDERS]){0});
        ck_assert_int_eq(code, failed ? -ENOMEM : 0);
        ck_assert(failed || device.peer_count == PEERS);
        wg_device_finish(&device);
        pthread_t thread = begin_deletion();
        ck_assert_msg(is_deleted_within(PATIENCE_S), "deleting hangs after failure %u",
                      (unsigned)number);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
    netlink_close(netlink);
}
END_TEST

/* Begins a dump by hand and takes none of it. */
static int begin_dump(void)
{
    struct {
        struct nlmsghdr head;
        struct genlmsghdr generic;
        struct nlattr attribute;
        uint32_t ifindex;
    } request = {
        .head = {.nlmsg_len = sizeof(request),
                 .nlmsg_type = netlink->wireguard_family,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                 .nlmsg_seq = 1},
        .generic = {.cmd = WG_CMD_GET_DEVICE, .version = 1},
        .attribute = {.nla_len = 8, .nla_type = WGDEVICE_A_IFINDEX},
        .ifindex = ifindex,
    };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(send(fd, &request, sizeof(request), 0), sizeof(request));
    return fd;
}

/* The test above can fail: this is what it would see. */
START_TEST(a_dump_that_nobody_reads_pins_the_device)
{
    begin();
    create_device();
    int fd = begin_dump();
    pthread_t thread = begin_deletion();
    ck_assert(!is_deleted_within(2));
    close(fd);
    ck_assert(is_deleted_within(PATIENCE_S));
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    netlink_close(netlink);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stalled-reader");
    TCase *tests = tcase_create("stalled-reader");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, a_read_that_fails_half_way_lets_the_device_go);
    tcase_add_test(tests, a_dump_that_nobody_reads_pins_the_device);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
