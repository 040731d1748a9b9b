/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/route_watch.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "netlink/events.h"
#include "netlink/handle.h"

int32_t route_watch_open(struct route_watch *watch)
{
    int bytes = (int)LIMIT_WATCH_BUFFER_BYTES;
    int32_t fd = events_socket();
    *watch = (struct route_watch){.fd = fd < 0 ? -1 : fd};
    if (fd < 0)
        return fd;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    return 0;
}

void route_watch_close(struct route_watch *watch)
{
    if (watch->fd >= 0)
        (void)close(watch->fd);
    *watch = (struct route_watch){.fd = -1};
}

struct search {
    const struct netlink *netlink;
    uint32_t table;
    uint32_t ifindex;
    bool others;
    int32_t ours;
};

/* Of some changes only what caused them is told: with the link, or its last address of the family, all its
 * routes go without a word. */
static void take_event(void *context, const struct event *event)
{
    struct search *search = context;
    bool in_table = event->table == search->table;
    bool on_link = event->ifindex != 0 && event->ifindex == search->ifindex;
    if (event->kind == EVENT_ROUTE && in_table && netlink_is_own(search->netlink, event->port_id))
        search->ours += event->gone ? -1 : 1;
    else
        search->others = search->others || in_table || on_link;
}

/* All that waits is read, whatever is found: once notices were lost, the kernel says so no more until none
 * waits. */
bool route_unchanged(struct netlink *netlink, uint32_t table, uint32_t ifindex, int32_t *ret_ours)
{
    struct route_watch *watch = &netlink->watch;
    const struct events events = {.fd = watch->fd, .buffer = netlink->route.buffer};
    struct search search = {.netlink = netlink, .table = table, .ifindex = ifindex};
    bool listened = watch->listening;
    bool lost = false;
    if (!listened)
        watch->listening = events_listen(watch->fd, false) == 0;
    bool read = events_read(&events, take_event, &search, &lost, NULL) == 0;
    *ret_ours = search.ours;
    return read && listened && !lost && !search.others;
}
