/* SPDX-License-Identifier: Apache-2.0 */
/* How a test arranges the world: the functions of fake_kernel.h. */
#include <stdlib.h>
#include <string.h>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "fake_kernel.h"
#include "faults.h"
#include "notices.h"

void fake_kernel_reset(void)
{
    fake_lock();
    fake_world_reset();
    fake_unlock();
}

void fake_kernel_set_capable(bool capable)
{
    fake_lock();
    fake_world.capable = capable;
    fake_unlock();
}

void fake_kernel_set_wireguard(bool there)
{
    fake_lock();
    fake_world.wireguard = there;
    fake_unlock();
}

void fake_kernel_set_ipv6(bool there)
{
    struct fake_link *link;

    fake_lock();
    fake_world.ipv6 = there;
    TAILQ_FOREACH(link, &fake_world.links, entry)
    {
        link->ipv6 = there;
        if (!there)
            fake_addresses_ipv6_off(link);
    }
    fake_unlock();
}

void fake_kernel_set_port_busy(uint16_t port, bool busy)
{
    uint16_t old = busy ? 0 : port, new = busy ? port : 0;
    bool done = false;

    fake_lock();
    for (size_t i = 0; i < FAKE_BUSY_PORTS && !done; i++)
        if (fake_world.busy_ports[i] == old) {
            fake_world.busy_ports[i] = new;
            done = true;
        }
    fake_unlock();
}

static struct fake_link *link_of(const char *name)
{
    struct fake_link *link = fake_link_by_name(name);

    if (link == NULL)
        fake_misuse("no such link", name);
    return link;
}

uint32_t fake_kernel_add_link(const char *name, const char *kind)
{
    struct fake_link *link;
    uint32_t ifindex;

    fake_lock();
    if (fake_link_by_name(name) != NULL)
        fake_misuse("there is such a link already", name);
    link = fake_link_create(name, kind != NULL ? kind : "");
    fake_link_set_up(link, true);
    ifindex = link->ifindex;
    fake_unlock();
    return ifindex;
}

void fake_kernel_delete_link(const char *name)
{
    fake_lock();
    fake_link_destroy(link_of(name));
    fake_unlock();
}

void fake_kernel_set_link_up(const char *name, bool up)
{
    fake_lock();
    if (fake_link_set_up(link_of(name), up) != 0)
        fake_misuse("the link's port is busy", name);
    fake_unlock();
}

void fake_kernel_set_link_mtu(const char *name, uint32_t mtu)
{
    fake_lock();
    fake_link_set_mtu(link_of(name), mtu);
    fake_unlock();
}

void fake_kernel_set_rp_filter(const char *link, uint32_t value)
{
    fake_lock();
    if (link != NULL)
        link_of(link)->rp_filter = value;
    else
        fake_world.rp_filter = value;
    fake_unlock();
}

void fake_kernel_set_link_alias(const char *name, const char *alias)
{
    struct fake_link *link;

    fake_lock();
    link = link_of(name);
    memset(link->alias, 0, sizeof(link->alias));
    memcpy(link->alias, alias, strnlen(alias, sizeof(link->alias) - 1));
    if (link->up)
        fake_notice_link(link, false);
    fake_unlock();
}

void fake_kernel_add_address(const char *link, const char *prefix)
{
    struct fake_prefix parsed = fake_prefix_parse(prefix);
    const char *sentence;

    fake_lock();
    if (fake_address_add(link_of(link), &parsed, RT_SCOPE_UNIVERSE, &sentence) != 0)
        fake_misuse("cannot add the address", prefix);
    fake_unlock();
}

void fake_kernel_delete_address(const char *link, const char *prefix)
{
    struct fake_prefix parsed = fake_prefix_parse(prefix);
    struct fake_interface_address *address;

    fake_lock();
    address = fake_address_find(link_of(link)->ifindex, &parsed);
    if (address == NULL)
        fake_misuse("no such address", prefix);
    fake_address_remove(address);
    fake_unlock();
}

void fake_kernel_add_route(const struct fake_kernel_route *wanted)
{
    struct fake_route route = {.destination = fake_prefix_parse(wanted->destination),
                               .table = wanted->table != 0 ? wanted->table : RT_TABLE_MAIN,
                               .metric = wanted->metric,
                               .mtu = wanted->mtu,
                               .protocol = wanted->protocol != 0 ? wanted->protocol : RTPROT_STATIC,
                               .type = RTN_UNICAST};
    const char *sentence;

    if (wanted->gateway != NULL)
        route.gateway = fake_prefix_parse(wanted->gateway);
    else if (route.destination.family == AF_INET)
        route.scope = RT_SCOPE_LINK;
    fake_lock();
    route.ifindex = link_of(wanted->link)->ifindex;
    if (fake_route_add(&route, NLM_F_CREATE | NLM_F_EXCL, &sentence) != 0)
        fake_misuse("cannot add the route", wanted->destination);
    fake_unlock();
}

uint32_t fake_kernel_delete_routes(const char *destination, uint32_t table)
{
    struct fake_route wanted = {.destination = fake_prefix_parse(destination),
                                .table = table != 0 ? table : RT_TABLE_MAIN,
                                .scope = RT_SCOPE_NOWHERE};
    const char *sentence;
    uint32_t count = 0;

    fake_lock();
    while (fake_route_delete(&wanted, &sentence) == 0)
        count++;
    fake_unlock();
    return count;
}

void fake_kernel_add_rule(const struct fake_kernel_rule *wanted)
{
    struct fake_rule rule = {.family = wanted->family,
                             .flags = wanted->invert ? FIB_RULE_INVERT : 0,
                             .priority = wanted->priority,
                             .mark = wanted->mark,
                             .mask = wanted->mask,
                             .table = wanted->table,
                             .suppress_length = UINT32_MAX,
                             .protocol = wanted->protocol,
                             .action = FR_ACT_TO_TBL};

    fake_lock();
    fake_rule_add(&rule, false);
    fake_unlock();
}

uint32_t fake_kernel_delete_rules(int family, uint32_t priority)
{
    struct fake_rule *rule, *following;
    uint32_t count = 0;

    fake_lock();
    for (rule = TAILQ_FIRST(&fake_world.rules); rule != NULL; rule = following) {
        following = TAILQ_NEXT(rule, entry);
        if (rule->family != family || rule->priority != priority)
            continue;
        fake_rule_free(rule);
        count++;
    }
    fake_unlock();
    return count;
}

static struct fake_device *device_of(const char *name)
{
    struct fake_device *device = link_of(name)->device;

    if (device == NULL)
        fake_misuse("not a WireGuard device", name);
    return device;
}

static struct fake_peer *peer_of(const char *device, const uint8_t *public_key)
{
    struct fake_peer *peer = fake_device_find(device_of(device), public_key);

    if (peer == NULL)
        fake_misuse("no such peer on", device);
    return peer;
}

void fake_kernel_handshake(const char *device, const uint8_t public_key[32], int64_t wall_clock_s)
{
    fake_lock();
    peer_of(device, public_key)->handshake_s = wall_clock_s;
    fake_unlock();
}

void fake_kernel_traffic(const char *device, const uint8_t public_key[32], uint64_t rx_bytes,
                         uint64_t tx_bytes)
{
    struct fake_peer *peer;

    fake_lock();
    peer = peer_of(device, public_key);
    peer->rx_bytes += rx_bytes;
    peer->tx_bytes += tx_bytes;
    fake_unlock();
}

void fake_kernel_roam(const char *device, const uint8_t public_key[32],
                      const struct sockaddr *endpoint)
{
    fake_lock();
    fake_peer_set_endpoint(peer_of(device, public_key), endpoint,
                           endpoint->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                           : sizeof(struct sockaddr_in));
    fake_unlock();
}

bool fake_kernel_has_peer(const char *device, const uint8_t public_key[32])
{
    bool there;

    fake_lock();
    there = fake_device_find(device_of(device), public_key) != NULL;
    fake_unlock();
    return there;
}

void fake_kernel_remove_peer(const char *device, const uint8_t public_key[32])
{
    fake_lock();
    fake_peer_destroy(device_of(device), peer_of(device, public_key));
    device_of(device)->generation++;
    fake_unlock();
}

void fake_kernel_add_peer(const char *device, const uint8_t public_key[32], const char *allowed_ip)
{
    struct fake_device *found;
    struct fake_peer *peer;

    fake_lock();
    found = device_of(device);
    found->generation++;
    peer = fake_device_find(found, public_key);
    if (peer == NULL)
        peer = fake_peer_create(found, public_key);
    if (allowed_ip != NULL)
        fake_allowed_ip_give(found, peer, fake_prefix_parse(allowed_ip));
    fake_unlock();
}

struct fake_kernel_counters fake_kernel_counters(void)
{
    struct fake_kernel_counters counters;

    fake_lock();
    counters = fake_counters;
    counters.sockets = fake_sockets_open();
    fake_unlock();
    return counters;
}

void fake_kernel_hold_replies(bool on)
{
    fake_lock();
    fake_faults.hold_replies = on;
    fake_sockets_release();
    fake_unlock();
}

void fake_kernel_interrupt_dumps(uint32_t count)
{
    fake_lock();
    fake_faults.interrupted_dumps = count;
    fake_unlock();
}
