/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "faults.h"
#include "sockets.h"

struct fake_world fake_world;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool is_inside;
static bool is_made; /* a test that forgets the reset begins in a fresh world all the same */

void fake_lock(void)
{
    pthread_mutex_lock(&lock);
    is_inside = true;
    if (!is_made) {
        is_made = true;
        TAILQ_INIT(&fake_world.links);
        TAILQ_INIT(&fake_world.addresses);
        TAILQ_INIT(&fake_world.routes);
        TAILQ_INIT(&fake_world.rules);
        fake_world_reset();
    }
}

void fake_unlock(void)
{
    is_inside = false;
    pthread_mutex_unlock(&lock);
}

bool fake_kernel_is_inside(void)
{
    return is_inside;
}

void *fake_allocate(size_t size)
{
    void *memory = calloc(1, size);

    if (memory == NULL)
        fake_misuse("out of memory", "");
    return memory;
}

static void forget_all(void)
{
    struct fake_route *route;
    struct fake_rule *rule;

    while (!TAILQ_EMPTY(&fake_world.links))
        fake_link_destroy(TAILQ_FIRST(&fake_world.links));
    while ((route = TAILQ_FIRST(&fake_world.routes)) != NULL)
        fake_route_free(route);
    while ((rule = TAILQ_FIRST(&fake_world.rules)) != NULL)
        fake_rule_free(rule);
}

static void add_kernel_rule(int family, uint32_t priority, uint32_t table)
{
    struct fake_rule rule = {.family = family,
                             .priority = priority,
                             .table = table,
                             .protocol = RTPROT_KERNEL,
                             .action = FR_ACT_TO_TBL,
                             .suppress_length = UINT32_MAX};
    fake_rule_add(&rule, false);
}

static void make_defaults(void)
{
    struct fake_link *loopback;

    fake_world.id = (uint32_t)getpid();
    fake_world.capable = true;
    fake_world.wireguard = true;
    fake_world.ipv6 = true;
    fake_world.next_ifindex = FAKE_LOOPBACK;
    fake_world.rp_filter = 0;
    fake_world.next_random_port = 40000;
    fake_world.wireguard_family = 32;
    for (int i = 0; i < 2; i++) {
        int family = i == 0 ? AF_INET : AF_INET6;

        fake_table_make(family, RT_TABLE_MAIN);
        fake_table_make(family, RT_TABLE_LOCAL);
        add_kernel_rule(family, 0, RT_TABLE_LOCAL);
        add_kernel_rule(family, 32766, RT_TABLE_MAIN);
        if (family == AF_INET)
            add_kernel_rule(family, 32767, RT_TABLE_DEFAULT);
    }
    /* Multicast routing has rules of its own, which a list of all families shows. */
    add_kernel_rule(RTNL_FAMILY_IPMR, 32767, RT_TABLE_DEFAULT);
    add_kernel_rule(RTNL_FAMILY_IP6MR, 32767, RT_TABLE_MAIN);
    loopback = fake_link_create("lo", "");
    loopback->mtu = 65536;
    fake_link_set_up(loopback, true);
}

void fake_world_reset(void)
{
    fake_sockets_reset();
    forget_all();
    memset(fake_world.tables, 0, sizeof(fake_world.tables));
    memset(fake_world.busy_ports, 0, sizeof(fake_world.busy_ports));
    fake_world.table_count = 0;
    fake_faults_reset();
    make_defaults();
}
