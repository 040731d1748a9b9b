/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "faults.h"
#include "world.h"

#define DATAGRAM_OVERHEAD 512u  /* the kernel's own per-packet memory, on top of ... */
#define SMALLEST_DATAGRAM 256u  /* ... at least this for the bytes */
#define USUAL_PIECE       3776u /* of a dump while no receive asked for more: a page less overhead */
#define LARGEST_PIECE     32448u /* 32 KiB less overhead */
#define FIRST_SNAPSHOT    4096u
#define LARGEST_MESSAGE   1024u /* of links, addresses, routes and rules */

/* Notices are no replies: they wait in a socket before whoever caused them gets his answer. */
static bool is_held(const struct fake_socket *socket)
{
    return fake_faults.hold_replies && socket->groups == 0;
}

static bool anything_waits(const struct fake_socket *socket)
{
    return (!STAILQ_EMPTY(&socket->waiting) && !is_held(socket)) || socket->pending_error != 0;
}

void fake_queue_signal(struct fake_socket *socket)
{
    bool readable = anything_waits(socket);
    eventfd_t value;

    if (readable && !socket->readable)
        eventfd_write(socket->fd, 1);
    else if (!readable && socket->readable)
        eventfd_read(socket->fd, &value);
    socket->readable = readable;
}

static void overrun(struct fake_socket *socket)
{
    if (!socket->congested && !socket->no_enobufs)
        socket->pending_error = ENOBUFS;
    socket->congested = true;
}

static bool is_spoiled(struct fake_socket *socket, struct fake_datagram *datagram)
{
    int spoil = fake_faults_reply();
    struct nlmsghdr head;
    struct rtmsg route;

    switch (spoil) {
    case -1:
        return false;
    case FAKE_KERNEL_WRONG_SEQUENCE:
        memcpy(&head, datagram->bytes, sizeof(head));
        head.nlmsg_seq--;
        memcpy(datagram->bytes, &head, sizeof(head));
        return false;
    case FAKE_KERNEL_TRUNCATE:
        datagram->size /= 2;
        return false;
    case FAKE_KERNEL_FOREIGN_SENDER:
        datagram->sender = 4711;
        return false;
    case FAKE_KERNEL_OVERRUN:
        overrun(socket);
        return true;
    case FAKE_KERNEL_NO_WAY:
        memcpy(&route, datagram->bytes + FAKE_MESSAGE_HEAD, sizeof(route));
        route.rtm_type = RTN_UNREACHABLE;
        memcpy(datagram->bytes + FAKE_MESSAGE_HEAD, &route, sizeof(route));
        return false;
    default:
        return true;
    }
}

void fake_queue_add(struct fake_socket *socket, const void *bytes, size_t size)
{
    size_t cost = DATAGRAM_OVERHEAD + (size > SMALLEST_DATAGRAM ? size : SMALLEST_DATAGRAM);
    struct fake_datagram *datagram;

    if (socket->waiting_cost > socket->receive_buffer || socket->congested) {
        overrun(socket);
    } else {
        datagram = fake_allocate(sizeof(*datagram) + size);
        datagram->size = size;
        datagram->cost = cost;
        memcpy(datagram->bytes, bytes, size);
        if (is_spoiled(socket, datagram)) {
            free(datagram);
        } else {
            STAILQ_INSERT_TAIL(&socket->waiting, datagram, entry);
            socket->waiting_cost += cost;
        }
    }
    fake_queue_signal(socket);
}

static void remove_first(struct fake_socket *socket)
{
    struct fake_datagram *datagram = STAILQ_FIRST(&socket->waiting);

    STAILQ_REMOVE_HEAD(&socket->waiting, entry);
    socket->waiting_cost -= datagram->cost;
    explicit_bzero(datagram->bytes, datagram->size);
    free(datagram);
}

void fake_queue_clear(struct fake_socket *socket)
{
    while (!STAILQ_EMPTY(&socket->waiting))
        remove_first(socket);
}

/* An error repeats the whole request, unless the socket asked for its head alone. */
void fake_queue_ack(struct fake_request *request, int status)
{
    struct fake_socket *socket = request->socket;
    bool whole = status != 0 && !socket->cap_ack;
    bool sentence = socket->extended_ack && request->sentence != NULL;
    struct nlmsghdr head = {
        .nlmsg_type = NLMSG_ERROR,
        .nlmsg_flags = (uint16_t)((whole ? 0 : NLM_F_CAPPED) | (sentence ? NLM_F_ACK_TLVS : 0)),
        .nlmsg_seq = request->head->nlmsg_seq,
        .nlmsg_pid = socket->port};
    size_t echoed = whole ? request->head->nlmsg_len : sizeof(*request->head);
    size_t sentence_size = sentence ? strlen(request->sentence) + 1 : 0;
    struct fake_writer writer = {.limit = FAKE_ALIGNED(FAKE_MESSAGE_HEAD + sizeof(int) + echoed) +
                                          FAKE_ATTRIBUTE_HEAD + FAKE_ALIGNED(sentence_size)};
    uint8_t *payload = fake_allocate(sizeof(int) + echoed);

    writer.data = fake_allocate(writer.limit);
    memcpy(payload, &status, sizeof(int));
    memcpy(payload + sizeof(int), request->head, echoed);
    fake_message_start(&writer, &head, payload, sizeof(int) + echoed);
    if (sentence)
        fake_put_text(&writer, NLMSGERR_ATTR_MSG, request->sentence);
    fake_message_end(&writer, 0);
    fake_queue_add(socket, writer.data, writer.size);
    explicit_bzero(payload, sizeof(int) + echoed);
    explicit_bzero(writer.data, writer.limit);
    free(payload);
    free(writer.data);
}

struct fake_writer fake_reply_start(void)
{
    return (struct fake_writer){.data = fake_allocate(FAKE_REPLY_LIMIT), .limit = FAKE_REPLY_LIMIT};
}

void fake_reply_end(struct fake_request *request, struct fake_writer *writer)
{
    fake_queue_add(request->socket, writer->data, writer->size);
    free(writer->data);
}

void fake_queue_end_dump(struct fake_socket *socket)
{
    free(socket->dump.snapshot.data);
    memset(&socket->dump, 0, sizeof(socket->dump));
}

static bool put_done(const struct fake_socket *socket, struct fake_writer *writer)
{
    const struct fake_dump *dump = &socket->dump;
    bool sentence = socket->extended_ack && dump->sentence != NULL;
    struct nlmsghdr head = {.nlmsg_type = NLMSG_DONE,
                            .nlmsg_flags = NLM_F_MULTI | (sentence ? NLM_F_ACK_TLVS : 0),
                            .nlmsg_seq = dump->sequence,
                            .nlmsg_pid = socket->port};
    size_t start = fake_message_start(writer, &head, &dump->status, sizeof(dump->status));

    if (start == FAKE_WRITER_FULL)
        return false;
    if (sentence)
        fake_put_text(writer, NLMSGERR_ATTR_MSG, dump->sentence);
    fake_message_end(writer, start);
    return true;
}

/* One datagram more, as large as the largest receive so far allows. */
static void continue_dump(struct fake_socket *socket)
{
    struct fake_dump *dump = &socket->dump;
    struct fake_writer writer = {.limit = USUAL_PIECE};
    bool ended;

    if (socket->largest_receive > writer.limit)
        writer.limit = socket->largest_receive;
    if (writer.limit > LARGEST_PIECE)
        writer.limit = LARGEST_PIECE;
    writer.data = fake_allocate(writer.limit);
    if (!dump->filled) {
        dump->status = dump->fill(dump, socket->port, &writer);
        dump->filled = dump->status <= 0;
    }
    ended = dump->filled && put_done(socket, &writer);
    fake_queue_add(socket, writer.data, writer.size);
    if (ended)
        fake_queue_end_dump(socket);
    explicit_bzero(writer.data, writer.limit);
    free(writer.data);
}

int fake_dump_start(struct fake_request *request, const struct fake_dump *dump)
{
    struct fake_socket *socket = request->socket;

    if (socket->dump.running)
        return -EBUSY;
    socket->dump = *dump;
    socket->dump.running = true;
    socket->dump.sequence = request->head->nlmsg_seq;
    continue_dump(socket);
    return FAKE_DUMP_STARTED;
}

static int fill_nothing(struct fake_dump *dump, uint32_t port, struct fake_writer *writer)
{
    (void)port;
    (void)writer;
    return dump->status;
}

int fake_dump_fail(struct fake_request *request, int status, const char *sentence)
{
    struct fake_dump dump = {.fill = fill_nothing, .status = status, .sentence = sentence};

    return fake_dump_start(request, &dump);
}

static int fill_from_snapshot(struct fake_dump *dump, uint32_t port, struct fake_writer *writer)
{
    while (dump->position < dump->snapshot.size) {
        struct nlmsghdr head;
        const uint8_t *message = dump->snapshot.data + dump->position;

        memcpy(&head, message, sizeof(head));
        if (FAKE_ALIGNED(head.nlmsg_len) > writer->limit - writer->size)
            return 1;
        head.nlmsg_flags |= NLM_F_MULTI;
        head.nlmsg_seq = dump->sequence;
        head.nlmsg_pid = port;
        memcpy(writer->data + writer->size, &head, sizeof(head));
        memcpy(writer->data + writer->size + sizeof(head), message + sizeof(head),
               FAKE_ALIGNED(head.nlmsg_len) - sizeof(head));
        writer->size += FAKE_ALIGNED(head.nlmsg_len);
        dump->position += FAKE_ALIGNED(head.nlmsg_len);
    }
    return 0;
}

void fake_snapshot_grow(struct fake_writer *snapshot)
{
    size_t limit = snapshot->limit > 0 ? 2 * snapshot->limit : FIRST_SNAPSHOT;

    if (snapshot->limit - snapshot->size >= LARGEST_MESSAGE)
        return;
    snapshot->data = realloc(snapshot->data, limit);
    if (snapshot->data == NULL)
        fake_misuse("out of memory", "a dump");
    snapshot->limit = limit;
}

int fake_snapshot_start(struct fake_request *request, struct fake_writer snapshot)
{
    struct fake_dump dump = {.fill = fill_from_snapshot, .snapshot = snapshot};
    int status = fake_dump_start(request, &dump);

    if (status != FAKE_DUMP_STARTED)
        free(snapshot.data);
    return status;
}

/* A pending error is reported once, before what waits. */
struct fake_datagram *fake_socket_peek(struct fake_socket *socket, size_t room, int *ret_error)
{
    size_t largest = room < LARGEST_PIECE ? room : LARGEST_PIECE;

    if (largest > socket->largest_receive)
        socket->largest_receive = largest;
    if (STAILQ_EMPTY(&socket->waiting))
        socket->congested = false;
    *ret_error = EAGAIN;
    if (socket->pending_error != 0) {
        *ret_error = socket->pending_error;
        socket->pending_error = 0;
        fake_queue_signal(socket);
        return NULL;
    }
    return is_held(socket) ? NULL : STAILQ_FIRST(&socket->waiting);
}

void fake_socket_take(struct fake_socket *socket)
{
    fake_counters.receives++;
    fake_counters.received_bytes += STAILQ_FIRST(&socket->waiting)->size;
    remove_first(socket);
    if (STAILQ_EMPTY(&socket->waiting))
        socket->congested = false;
    if (socket->dump.running && socket->waiting_cost <= socket->receive_buffer / 2)
        continue_dump(socket);
    fake_queue_signal(socket);
}
