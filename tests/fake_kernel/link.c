/* SPDX-License-Identifier: Apache-2.0 */
/* Links and what changing them does to everything that hangs on them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "notices.h"

#define IPV6_SMALLEST_MTU 1280u

struct fake_link *fake_link_by_index(uint32_t ifindex)
{
    struct fake_link *link;

    TAILQ_FOREACH(link, &fake_world.links, entry)
    if (link->ifindex == ifindex)
        break;
    return link;
}

struct fake_link *fake_link_by_name(const char *name)
{
    struct fake_link *link;

    TAILQ_FOREACH(link, &fake_world.links, entry)
    if (strcmp(link->name, name) == 0)
        break;
    return link;
}

struct fake_link *fake_link_create(const char *name, const char *kind)
{
    struct fake_link *link = fake_allocate(sizeof(*link));

    link->ifindex = fake_world.next_ifindex++;
    memcpy(link->name, name, strnlen(name, FAKE_NAME_SIZE - 1));
    memcpy(link->kind, kind, strnlen(kind, FAKE_NAME_SIZE - 1));
    link->mtu = 1500;
    link->ipv6 = fake_world.ipv6;
    if (strcmp(kind, "wireguard") == 0) {
        link->mtu = 1420;
        link->device = fake_device_create();
    }
    TAILQ_INSERT_TAIL(&fake_world.links, link, entry);
    return link;
}

void fake_link_destroy(struct fake_link *link)
{
    if (fake_dump_pins(link->ifindex))
        fake_counters.hangs++;
    if (link->up) {
        link->up = false;
        fake_notice_link(link, false);
    }
    fake_addresses_link_gone(link);
    TAILQ_REMOVE(&fake_world.links, link, entry);
    fake_notice_link(link, true);
    fake_device_destroy(link->device);
    free(link);
}

bool fake_port_is_busy(const struct fake_link *asking, uint16_t port)
{
    struct fake_link *link;

    for (size_t i = 0; i < FAKE_BUSY_PORTS; i++)
        if (port != 0 && fake_world.busy_ports[i] == port)
            return true;
    TAILQ_FOREACH(link, &fake_world.links, entry)
    if (link != asking && link->device != NULL && link->up && link->device->port == port)
        return true;
    return false;
}

/* The socket of a device that is up: port 0 becomes one that is free, and stays. */
static int open_port(struct fake_link *link, uint16_t port)
{
    if (port == 0)
        do
            port = ++fake_world.next_random_port;
        while (fake_port_is_busy(link, port));
    else if (fake_port_is_busy(link, port))
        return -EADDRINUSE;
    link->device->port = port;
    return 0;
}

int fake_device_set_port(struct fake_link *link, uint16_t port)
{
    if (link->device->port == port)
        return 0;
    if (link->up)
        return open_port(link, port);
    link->device->port = port;
    return 0;
}

int fake_link_set_up(struct fake_link *link, bool up)
{
    int status = 0;

    if (link->up == up)
        return 0;
    if (up && link->device != NULL)
        status = open_port(link, link->device->port);
    if (status != 0)
        return status;
    link->up = up;
    if (up)
        fake_addresses_link_up(link);
    else
        fake_addresses_link_down(link);
    fake_notice_link(link, false);
    return 0;
}

/* Too small an MTU tears IPv6 off the link; a larger one brings back neither addresses nor routes. */
void fake_link_set_mtu(struct fake_link *link, uint32_t mtu)
{
    link->mtu = mtu;
    if (mtu < IPV6_SMALLEST_MTU && link->ipv6) {
        link->ipv6 = false;
        fake_addresses_ipv6_off(link);
    } else if (mtu >= IPV6_SMALLEST_MTU) {
        bool is_back = fake_world.ipv6 && !link->ipv6;

        link->ipv6 = fake_world.ipv6;
        if (is_back && link->up)
            fake_addresses_ipv6_on(link);
    }
    fake_notice_link(link, false);
}
