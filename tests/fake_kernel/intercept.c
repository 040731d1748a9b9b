/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The C library's socket functions, defined in the executable so that libmnl and libnl call them too:
 * here those that open, name, adjust and close. What does not concern a netlink socket of the model
 * goes on to the next definition.
 */
/* glibc's own extensions would declare address arguments as transparent unions, which no definition
 * can repeat. */
#undef _GNU_SOURCE
#define _DEFAULT_SOURCE
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stddef.h>
#include <sys/un.h>
#include <unistd.h>

#include "faults.h"
#include "real.h"
#include "world.h"

static bool bypass;

bool fake_bypassed(void)
{
    return bypass;
}

void fake_kernel_bypass(bool on)
{
    fake_lock();
    bypass = on;
    fake_unlock();
}

FAKE_EXPORTED int socket(int domain, int type, int protocol)
{
    FAKE_NEXT(int, socket, int, int, int);
    bool datagrams = (domain == AF_INET || domain == AF_INET6) && (type & SOCK_DGRAM) != 0;
    int status;

    if (domain != AF_NETLINK && domain != AF_UNIX && !datagrams)
        return next(domain, type, protocol);
    fake_lock();
    if (bypass) {
        fake_unlock();
        return next(domain, type, protocol);
    }
    status = -fake_faults_call(domain == AF_NETLINK ? "socket"
                               : datagrams          ? "udp socket"
                                                    : "unix socket");
    if (status == 0 && datagrams)
        return fake_leave(fake_datagram_open(domain, type));
    if (status != 0 || domain == AF_NETLINK)
        return fake_leave(status != 0 ? status : fake_socket_open(protocol, type));
    fake_unlock();
    return next(domain, type, protocol);
}

/* Not a socket's, but it asks the kernel for a link. */
FAKE_EXPORTED unsigned int if_nametoindex(const char *name)
{
    FAKE_NEXT(unsigned int, if_nametoindex, const char *);
    const struct fake_link *link;
    unsigned int ifindex = 0;
    bool real;

    fake_lock();
    real = bypass;
    link = fake_link_by_name(name);
    if (link != NULL)
        ifindex = link->ifindex;
    fake_unlock();
    if (real)
        return next(name);
    if (ifindex == 0)
        errno = ENODEV;
    return ifindex;
}

/* It closes, whatever else it says. */
FAKE_EXPORTED int close(int fd)
{
    int error;
    struct fake_socket *socket = fake_enter(fd, "close", &error);

    if (socket == NULL)
        return fake_real_close(fd);
    fake_socket_close(socket);
    return fake_leave(-error);
}

/* Abstract names belong to a network namespace, and the model's is this process's alone: tests that run
 * beside each other in the real one must not meet. */
static socklen_t make_private(const struct sockaddr *address, socklen_t size,
                              struct sockaddr_un *ret_address, int *ret_error)
{
    size_t head = offsetof(struct sockaddr_un, sun_path);
    uint32_t id;

    if (address->sa_family != AF_UNIX || size <= head || size > sizeof(*ret_address) - sizeof(id))
        return 0;
    memcpy(ret_address, address, size);
    if (ret_address->sun_path[0] != '\0')
        return 0;
    fake_lock();
    id = bypass ? 0 : fake_world.id;
    *ret_error = bypass ? 0 : fake_faults_call("unix bind");
    fake_unlock();
    if (id == 0)
        return 0;
    memcpy((uint8_t *)ret_address + size, &id, sizeof(id));
    return size + (socklen_t)sizeof(id);
}

FAKE_EXPORTED int bind(int fd, const struct sockaddr *address, socklen_t size)
{
    FAKE_NEXT(int, bind, int, const struct sockaddr *, socklen_t);
    struct sockaddr_nl wanted;
    int error = 0;
    struct fake_socket *socket = fake_enter(fd, "bind", &error);

    if (socket == NULL) {
        struct sockaddr_un private;
        socklen_t private_size = make_private(address, size, &private, &error);

        if (error != 0) {
            errno = error;
            return -1;
        }
        return private_size > 0 ? next(fd, (const struct sockaddr *)&private, private_size)
                                : next(fd, address, size);
    }
    if (error == 0 && size < sizeof(wanted))
        error = EINVAL;
    if (error != 0)
        return fake_leave(-error);
    memcpy(&wanted, address, sizeof(wanted));
    return fake_leave(fake_socket_bind(socket, wanted.nl_pid, wanted.nl_groups));
}

FAKE_EXPORTED int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    FAKE_NEXT(int, connect, int, const struct sockaddr *, socklen_t);
    int error;
    struct fake_socket *socket = fake_enter(fd, "connect", &error);

    if (socket == NULL)
        return next(fd, address, size);
    return fake_leave(error != 0 ? -error : fake_socket_bind(socket, socket->port, socket->groups));
}

FAKE_EXPORTED int getsockname(int fd, struct sockaddr *address, socklen_t *size)
{
    FAKE_NEXT(int, getsockname, int, struct sockaddr *, socklen_t *);
    struct sockaddr_nl own = {.nl_family = AF_NETLINK};
    int error;
    struct fake_socket *socket = fake_enter(fd, "getsockname", &error);

    if (socket == NULL)
        return next(fd, address, size);
    if (error != 0)
        return fake_leave(-error);
    own.nl_pid = socket->port;
    own.nl_groups = socket->groups;
    memcpy(address, &own, *size < sizeof(own) ? *size : sizeof(own));
    *size = sizeof(own);
    return fake_leave(0);
}

/* Of the groups beyond the first 32 the model tells nothing. */
static int set_membership(struct fake_socket *socket, int group, bool member)
{
    uint32_t bit = group >= 1 && group <= 32 ? 1u << (group - 1) : 0;

    if (group < 1)
        return -EINVAL;
    socket->groups = member ? socket->groups | bit : socket->groups & ~bit;
    return 0;
}

static int set_netlink_option(struct fake_socket *socket, int name, int value)
{
    switch (name) {
    case NETLINK_EXT_ACK:
        socket->extended_ack = value != 0;
        return 0;
    case NETLINK_CAP_ACK:
        socket->cap_ack = value != 0;
        return 0;
    case NETLINK_GET_STRICT_CHK:
        socket->strict = value != 0;
        return 0;
    case NETLINK_NO_ENOBUFS:
        socket->no_enobufs = value != 0;
        return 0;
    case NETLINK_ADD_MEMBERSHIP:
    case NETLINK_DROP_MEMBERSHIP:
        return set_membership(socket, value, name == NETLINK_ADD_MEMBERSHIP);
    case NETLINK_PKTINFO:
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

static int set_option(struct fake_socket *socket, int name, int value)
{
    size_t doubled = value < INT_MAX / 2 && value > 1152 ? 2 * (size_t)value : 2304;

    switch (name) {
    case SO_RCVBUF:
    case SO_RCVBUFFORCE:
        socket->receive_buffer = doubled;
        break;
    case SO_SNDBUF:
    case SO_SNDBUFFORCE:
        socket->send_buffer = doubled > 4608 ? doubled : 4608;
        break;
    default:
        break;
    }
    return 0;
}

FAKE_EXPORTED int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    FAKE_NEXT(int, setsockopt, int, int, int, const void *, socklen_t);
    int error, number = 0;
    struct fake_socket *socket = fake_enter(fd, "setsockopt", &error);

    if (socket == NULL)
        return next(fd, level, name, value, size);
    if (error != 0)
        return fake_leave(-error);
    if (level == SOL_SOCKET && name == SO_RCVTIMEO && size == sizeof(socket->receive_timeout)) {
        memcpy(&socket->receive_timeout, value, size);
        return fake_leave(0);
    }
    if (size < sizeof(number))
        return fake_leave(-EINVAL);
    memcpy(&number, value, sizeof(number));
    if ((level == IPPROTO_IP && name == IP_TTL) ||
        (level == IPPROTO_IPV6 && name == IPV6_UNICAST_HOPS))
        socket->hops = number;
    return fake_leave(level == SOL_NETLINK ? set_netlink_option(socket, name, number)
                                           : set_option(socket, name, number));
}

FAKE_EXPORTED int getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
    FAKE_NEXT(int, getsockopt, int, int, int, void *, socklen_t *);
    int error, number = 0;
    struct fake_socket *socket = fake_enter(fd, "getsockopt", &error);

    if (socket == NULL)
        return next(fd, level, name, value, size);
    if (error != 0)
        return fake_leave(-error);
    if (level == SOL_SOCKET && name == SO_RCVBUF)
        number = (int)socket->receive_buffer;
    else if (level == SOL_SOCKET && name == SO_SNDBUF)
        number = (int)socket->send_buffer;
    else if (level == SOL_SOCKET && name == SO_PROTOCOL)
        number = socket->protocol;
    memcpy(value, &number, *size < sizeof(number) ? *size : sizeof(number));
    return fake_leave(0);
}
