/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that race for one device (T31), and readers beside somebody else's long request (T67), on
 * the real kernel. */
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/key.h"
#include "crowd.h"
#include "netlink/netlink.h"

#define PROCESSES 64u

struct verdict {
    int32_t code;
    uint32_t reason;
};

/* Says what init said, and lives until the parent closes the other end. */
static void race(int report, int end)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_cable *cable = crowd_cable(1, 600000, NULL);
    struct verdict verdict = {.code = subwg_cable_init(cable, &error)};
    char nothing;
    verdict.reason = error.reason;
    (void)!write(report, &verdict, sizeof(verdict));
    (void)!read(end, &nothing, 1);
}

START_TEST(of_many_processes_one_owns_the_device)
{
    int reports[2];
    int ends[2];
    pid_t children[PROCESSES];
    crowd_take_real_kernel();
    ck_assert_int_eq(pipe(reports), 0);
    ck_assert_int_eq(pipe(ends), 0);
    for (unsigned i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        ck_assert_int_ge(children[i], 0);
        if (children[i] == 0) {
            close(ends[1]);
            race(reports[1], ends[0]);
            _exit(0);
        }
    }
    unsigned owners = 0;
    for (unsigned i = 0; i < PROCESSES; i++) {
        struct verdict verdict;
        ck_assert_int_eq(read(reports[0], &verdict, sizeof(verdict)), sizeof(verdict));
        owners += verdict.code == 0;
        if (verdict.code != 0) {
            ck_assert_int_eq(verdict.code, -EBUSY);
            ck_assert_uint_eq(verdict.reason, SUBWG_REASON_BUSY);
        }
    }
    ck_assert_uint_eq(owners, 1);
    unsigned ifindex = if_nametoindex("crowd1");
    ck_assert_uint_ne(ifindex, 0);
    close(ends[1]);
    for (unsigned i = 0; i < PROCESSES; i++)
        ck_assert_int_eq(waitpid(children[i], NULL, 0), children[i]);

    /* A whole device, which the next one takes over. */
    struct subwg_cable *next = crowd_cable_initialized(1);
    ck_assert_uint_eq(if_nametoindex("crowd1"), ifindex);
    subwg_cable_destroy(next);
}
END_TEST

#define PEERS   200u /* in one request, which holds the kernel's lock for as long as it takes */
#define CHANGES 5u

static atomic_bool changes_are_made;

/* Another program's device. */
static void *change_at_length(void *context)
{
    static struct wg_peer_change peers[PEERS];
    struct netlink *netlink = context;
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct wg_device_change change = {.peers = peers, .peer_count = PEERS};
    struct link_info link;
    if (link_create_wireguard(netlink, "other0", 0, &error) != 0 ||
        link_find(netlink, "other0", &link, &error) != 0)
        complain("%s", error.text);
    for (unsigned round = 0; round < CHANGES; round++) {
        for (unsigned i = 0; i < PEERS; i++) {
            memset(&peers[i], 0, sizeof(peers[i]));
            memset(peers[i].public_key.bytes, 9, sizeof(peers[i].public_key.bytes));
            memcpy(peers[i].public_key.bytes, &(unsigned){round * PEERS + i}, sizeof(unsigned));
        }
        if (wg_set_device(netlink, link.ifindex, &change, &error) != 0)
            complain("%s", error.text);
    }
    atomic_store(&changes_are_made, true);
    return NULL;
}

START_TEST(reads_beside_a_long_change_are_right_if_later)
{
    crowd_take_real_kernel();
    struct netlink *netlink = NULL;
    ck_assert_int_eq(netlink_open(600000, &netlink, NULL), 0);
    struct subwg_cable *cable = crowd_cable_initialized(1);
    struct crowd_remote remote;
    crowd_remote(&remote, 0, 1);
    ck_assert_int_eq(subwg_cable_connect(cable, &remote.endpoint, NULL, NULL), 0);

    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, change_at_length, netlink), 0);
    do {
        struct subwg_error error = SUBWG_ERROR_INIT;
        struct subwg_snapshot *snapshot = NULL;
        int32_t code = subwg_cable_get_connections(cable, &snapshot, &error);
        ck_assert_msg(code == 0, "%s", error.text);
        ck_assert_uint_eq(subwg_snapshot_connection_count(snapshot), 1);
        const struct subwg_connection *row = subwg_snapshot_connection(snapshot, 0);
        ck_assert_uint_ne(row->status_reason, SUBWG_STATUS_REASON_MISSING);
        ck_assert_uint_eq(row->subnet_count, crowd_subnet_count(1));
        subwg_snapshot_unref(snapshot);
    } while (!atomic_load(&changes_are_made));
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    assert_no_complaint();
    subwg_cable_destroy(cable);
    netlink_close(netlink);
}
END_TEST

int main(void)
{
    TCase *tests = crowd_case("owners");
    tcase_add_test(tests, of_many_processes_one_owns_the_device);
    tcase_add_test(tests, reads_beside_a_long_change_are_right_if_later);
    return crowd_main("owners", tests);
}
