/* SPDX-License-Identifier: Apache-2.0 */
#include "notices.h"

#include <stdlib.h>

#include "queue.h"

uint32_t fake_notice_author;

/* The next socket of the route family that listens to this group, from *fd on. */
static struct fake_socket *next_listener(uint32_t group, int *fd)
{
    while (*fd < FAKE_SOCKETS) {
        struct fake_socket *socket = fake_socket_find((*fd)++);

        if (socket != NULL && socket->protocol == NETLINK_ROUTE &&
            (socket->groups & (1u << (group - 1))) != 0)
            return socket;
    }
    return NULL;
}

bool fake_notice_start(uint32_t group, struct fake_writer *writer)
{
    int fd = 0;

    if (next_listener(group, &fd) == NULL)
        return false;
    *writer = fake_reply_start();
    return true;
}

void fake_notice_end(uint32_t group, struct fake_writer *writer)
{
    struct fake_socket *socket;
    int fd = 0;

    while ((socket = next_listener(group, &fd)) != NULL)
        fake_queue_add(socket, writer->data, writer->size);
    free(writer->data);
}
