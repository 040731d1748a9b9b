/* SPDX-License-Identifier: Apache-2.0 */
#include "plausible.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <fake_kernel.h>

#define ERRORS 16 /* of one name, with the 0 at the end */

static const struct {
    const char *name;
    int errors[ERRORS];
} plausible[] = {
    {"socket", {EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EACCES}},
    {"unix socket", {EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EACCES}},
    {"udp socket", {EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EACCES}},
    {"epoll_create1", {EMFILE, ENFILE, ENOMEM}},
    {"epoll_ctl", {ENOMEM, ENOSPC}},
    {"timerfd_create", {EMFILE, ENFILE, ENOMEM}},
    {"bind", {ENOMEM, ENOBUFS, EADDRINUSE, EPERM}},
    {"unix bind", {ENOMEM, ENOBUFS, EACCES}},
    {"getsockname", {ENOBUFS, ENOMEM}},
    {"setsockopt", {ENOPROTOOPT, ENOMEM, EPERM}},
    {"getsockopt", {ENOPROTOOPT, ENOMEM}},
    {"sendmsg", {EINTR, EAGAIN, ENOBUFS, ENOMEM, ECONNREFUSED, EPERM}},
    {"recvmsg", {EINTR, EAGAIN, ENOBUFS, ENOMEM, EPERM}},
    {"close", {EINTR, EIO}},
    {"poll", {EINTR, EAGAIN, ENOMEM}},
    {"epoll_create1", {EMFILE, ENFILE, ENOMEM}},
    {"epoll_ctl", {ENOMEM, ENOSPC, EPERM}},
    {"timerfd_create", {EMFILE, ENFILE, ENODEV, ENOMEM, EPERM}},
    {"timerfd_settime", {ECANCELED}},
    {"CTRL_CMD_GETFAMILY", {ENOENT, EPERM, ENOMEM, ENOBUFS, EBUSY}},
    {"WG_CMD_GET_DEVICE", {EPERM, EOPNOTSUPP, ENOENT, ENOMEM, ENOBUFS, EBUSY, EINTR, EMSGSIZE}},
    {"WG_CMD_SET_DEVICE",
     {EPERM, EOPNOTSUPP, ENOENT, ENOMEM, ENOBUFS, EBUSY, EINTR, EINVAL, EADDRINUSE, EACCES,
      ERANGE}},
    {"RTM_NEWLINK", {EPERM, EOPNOTSUPP, EEXIST, ENOMEM, ENOBUFS, EBUSY, EINTR, EINVAL, ENFILE}},
    {"RTM_SETLINK",
     {EPERM, ENODEV, ENOMEM, ENOBUFS, EBUSY, EINTR, EINVAL, EADDRINUSE, EACCES, ENONET}},
    {"RTM_DELLINK", {EPERM, ENOMEM, ENOBUFS, EBUSY, EINTR, EOPNOTSUPP}},
    {"RTM_GETLINK", {EPERM, ENOMEM, ENOBUFS, EBUSY, EINTR}},
    {"RTM_NEWADDR", {EPERM, ENODEV, ENOMEM, ENOBUFS, EINVAL, EACCES}},
    {"RTM_DELADDR", {EPERM, ENODEV, ENOMEM, ENOBUFS}},
    {"RTM_GETADDR", {EPERM, ENOMEM, ENOBUFS, EBUSY}},
    {"RTM_NEWROUTE", {EPERM, ENETDOWN, EEXIST, ENOMEM, ENOBUFS, EINVAL, ENOSPC}},
    {"RTM_DELROUTE", {EPERM, ENOMEM, ENOBUFS, EINVAL}},
    {"RTM_GETROUTE", {EPERM, ENOMEM, ENOBUFS, EBUSY}},
    {"RTM_NEWRULE", {EPERM, EEXIST, ENOMEM, ENOBUFS, EINVAL}},
    {"RTM_DELRULE", {EPERM, ENOMEM, ENOBUFS}},
    {"RTM_GETRULE", {EPERM, ENOMEM, ENOBUFS, EBUSY}},
};

static const int *errors_of(const char *name)
{
    static const int none[] = {0};
    for (size_t i = 0; i < sizeof(plausible) / sizeof(plausible[0]); i++)
        if (strcmp(plausible[i].name, name) == 0)
            return plausible[i].errors;
    return none;
}

int plausible_errors(const char *name)
{
    const int *errors = errors_of(name);
    int count = 0;
    while (errors[count] != 0)
        count++;
    return count;
}

int plausible_error(const char *name, int which)
{
    int count = plausible_errors(name);
    return count > 0 ? errors_of(name)[which % count] : 0;
}

static const char *const spoils[] = {"lost", "of a wrong sequence", "truncated",
                                     "of a foreign sender", "overrun"};

int plausible_spoils(void)
{
    return sizeof(spoils) / sizeof(spoils[0]);
}

int plausible_spoil(int which)
{
    return which % plausible_spoils();
}

const char *plausible_spoil_name(int which)
{
    return spoils[plausible_spoil(which)];
}
