/* SPDX-License-Identifier: Apache-2.0 */
/* The C library's functions that send, receive and wait; see intercept.c. */
#undef _GNU_SOURCE
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "faults.h"
#include "real.h"
#include "world.h"

static ssize_t send_vector(struct fake_socket *socket, const struct msghdr *message)
{
    size_t size = 0, offset = 0;
    uint8_t *bytes;
    int status;

    for (size_t i = 0; i < message->msg_iovlen; i++)
        size += message->msg_iov[i].iov_len;
    bytes = fake_allocate(size + 1);
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        memcpy(bytes + offset, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
        offset += message->msg_iov[i].iov_len;
    }
    status = fake_socket_send(socket, bytes, size);
    explicit_bzero(bytes, size);
    free(bytes);
    return status < 0 ? status : (ssize_t)size;
}

/* Nobody but the kernel, port 0, is there to be sent to. */
static bool is_to_kernel(const struct msghdr *message)
{
    struct sockaddr_nl to;

    if (message->msg_name == NULL || message->msg_namelen < sizeof(to))
        return true;
    memcpy(&to, message->msg_name, sizeof(to));
    return to.nl_pid == 0;
}

FAKE_EXPORTED ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    FAKE_NEXT(ssize_t, sendmsg, int, const struct msghdr *, int);
    int error;
    ssize_t status;
    struct fake_socket *socket = fake_enter(fd, "sendmsg", &error);

    if (socket == NULL)
        return next(fd, message, flags);
    if (error == 0 && socket->family != 0)
        return fake_leave(fake_datagram_send(socket, message));
    if (error == 0 && !is_to_kernel(message))
        error = ECONNREFUSED;
    status = error != 0 ? -error : send_vector(socket, message);
    return fake_leave((int)status);
}

FAKE_EXPORTED ssize_t sendto(int fd, const void *bytes, size_t size, int flags,
                             const struct sockaddr *address, socklen_t address_size)
{
    FAKE_NEXT(ssize_t, sendto, int, const void *, size_t, int, const struct sockaddr *, socklen_t);
    struct sockaddr_nl to = {.nl_family = AF_NETLINK};
    struct iovec vector = {.iov_len = size};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    bool ours;

    fake_lock();
    ours = fake_socket_find(fd) != NULL;
    fake_unlock();
    if (!ours)
        return next(fd, bytes, size, flags, address, address_size);
    memcpy(&vector.iov_base, &bytes, sizeof(bytes));
    if (address != NULL && address_size >= sizeof(to)) {
        memcpy(&to, address, sizeof(to));
        message.msg_name = &to;
        message.msg_namelen = sizeof(to);
    }
    return sendmsg(fd, &message, flags);
}

FAKE_EXPORTED ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    return sendto(fd, bytes, size, flags, NULL, 0);
}

static int64_t wait_of(const struct fake_socket *socket, int flags)
{
    int64_t wait_ms =
        (int64_t)socket->receive_timeout.tv_sec * 1000 + socket->receive_timeout.tv_usec / 1000;

    if ((flags & MSG_DONTWAIT) != 0 || (fcntl(socket->fd, F_GETFL) & O_NONBLOCK) != 0)
        return 0;
    return wait_ms > 0 ? wait_ms : -1;
}

static ssize_t deliver(const struct fake_datagram *datagram, struct msghdr *message, int flags)
{
    struct sockaddr_nl from = {.nl_family = AF_NETLINK, .nl_pid = datagram->sender};
    size_t offset = 0;

    for (size_t i = 0; i < message->msg_iovlen && offset < datagram->size; i++) {
        size_t room = message->msg_iov[i].iov_len, left = datagram->size - offset;
        size_t part = left < room ? left : room;

        memcpy(message->msg_iov[i].iov_base, datagram->bytes + offset, part);
        offset += part;
    }
    if (message->msg_name != NULL) {
        memcpy(message->msg_name, &from,
               message->msg_namelen < sizeof(from) ? message->msg_namelen : sizeof(from));
        message->msg_namelen = sizeof(from);
    }
    message->msg_controllen = 0;
    message->msg_flags = offset < datagram->size ? MSG_TRUNC : 0;
    return (ssize_t)((flags & MSG_TRUNC) != 0 ? datagram->size : offset);
}

/* One look, with the lock held, which it gives back. */
static ssize_t try_receive(struct fake_socket *socket, struct msghdr *message, int flags)
{
    struct fake_datagram *datagram;
    size_t room = 0;
    ssize_t size;
    int error;

    for (size_t i = 0; i < message->msg_iovlen; i++)
        room += message->msg_iov[i].iov_len;
    datagram = fake_socket_peek(socket, room, &error);
    if (datagram == NULL)
        return fake_leave(-error);
    size = deliver(datagram, message, flags);
    if ((flags & MSG_PEEK) == 0)
        fake_socket_take(socket);
    return fake_leave((int)size);
}

FAKE_EXPORTED ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    FAKE_NEXT(ssize_t, recvmsg, int, struct msghdr *, int);
    struct pollfd descriptor = {.fd = fd, .events = POLLIN};
    int64_t wait_ms;
    ssize_t size;
    int error;
    struct fake_socket *socket = fake_enter(fd, "recvmsg", &error);

    if (socket == NULL)
        return next(fd, message, flags);
    if (error != 0)
        return fake_leave(-error);
    wait_ms = wait_of(socket, flags);
    size = try_receive(socket, message, flags);
    while (size < 0 && errno == EAGAIN && wait_ms != 0) {
        int ready = fake_real_poll(&descriptor, 1, (int)wait_ms);

        if (ready < 0)
            return -1;
        if (ready == 0)
            wait_ms = 0;
        fake_lock();
        socket = fake_socket_find(fd);
        if (socket == NULL)
            return fake_leave(-EBADF);
        size = try_receive(socket, message, flags);
    }
    return size;
}

FAKE_EXPORTED ssize_t recvfrom(int fd, void *bytes, size_t size, int flags,
                               struct sockaddr *address, socklen_t *address_size)
{
    FAKE_NEXT(ssize_t, recvfrom, int, void *, size_t, int, struct sockaddr *, socklen_t *);
    struct iovec vector = {.iov_base = bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_name = address};
    ssize_t received;
    bool ours;

    fake_lock();
    ours = fake_socket_find(fd) != NULL;
    fake_unlock();
    if (!ours)
        return next(fd, bytes, size, flags, address, address_size);
    message.msg_namelen = address != NULL ? *address_size : 0;
    received = recvmsg(fd, &message, flags);
    if (received >= 0 && address != NULL)
        *address_size = message.msg_namelen;
    return received;
}

FAKE_EXPORTED ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    return recvfrom(fd, bytes, size, flags, NULL, NULL);
}

/* The descriptors are real ones and readable at the right time; only faults are added.
 * Not const: unoptimized, gcc would take poll's own argument, which the C library declares as written
 * only, for one that was never set. */
static int poll_fault(struct pollfd *descriptors, nfds_t count)
{
    int error = 0;

    fake_lock();
    for (nfds_t i = 0; i < count && error == 0; i++)
        if (fake_socket_find(descriptors[i].fd) != NULL) {
            error = fake_faults_call("poll");
            break;
        }
    fake_unlock();
    return error;
}

/* True if it is only the model that could make one of them ready: then the wait is over at once. */
static bool skip_wait(const struct pollfd *descriptors, nfds_t count, int timeout_ms)
{
    bool skipped;

    fake_lock();
    skipped = fake_faults.skip_waiting && timeout_ms > 0;
    for (nfds_t i = 0; i < count && skipped; i++) {
        const struct fake_socket *socket = fake_socket_find(descriptors[i].fd);

        skipped = socket != NULL && !socket->readable;
    }
    if (skipped)
        __atomic_fetch_add(&fake_faults.skipped_ns, (int64_t)timeout_ms * 1000000,
                           __ATOMIC_RELAXED);
    fake_unlock();
    return skipped;
}

FAKE_EXPORTED int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    FAKE_NEXT(int, clock_gettime, clockid_t, struct timespec *);
    int status = next(clock, ret_now);
    int64_t ns;

    if (status != 0 || (clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME))
        return status;
    ns = ret_now->tv_nsec + __atomic_load_n(&fake_faults.skipped_ns, __ATOMIC_RELAXED);
    ret_now->tv_sec += ns / 1000000000;
    ret_now->tv_nsec = ns % 1000000000;
    return 0;
}

FAKE_EXPORTED int poll(struct pollfd *descriptors, nfds_t count, int timeout_ms)
{
    int error = poll_fault(descriptors, count);

    if (error != 0) {
        errno = error;
        return -1;
    }
    return fake_real_poll(descriptors, count,
                          skip_wait(descriptors, count, timeout_ms) ? 0 : timeout_ms);
}

/* One of the extensions. */
int ppoll(struct pollfd *descriptors, nfds_t count, const struct timespec *timeout,
          const sigset_t *signals);

FAKE_EXPORTED int ppoll(struct pollfd *descriptors, nfds_t count, const struct timespec *timeout,
                        const sigset_t *signals)
{
    FAKE_NEXT(int, ppoll, struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
    int error = poll_fault(descriptors, count);

    if (error != 0) {
        errno = error;
        return -1;
    }
    return next(descriptors, count, timeout, signals);
}
