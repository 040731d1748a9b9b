/* SPDX-License-Identifier: Apache-2.0 */
/* The C library's functions for descriptors that are waited on; see intercept.c. All of them are the
 * real ones: a socket of the model is readable at the right time. Only faults are added. */
#undef _GNU_SOURCE
#define _DEFAULT_SOURCE
#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "faults.h"
#include "real.h"
#include "world.h"

/* False, and errno is set, if the call of this name is to fail. */
static bool may_pass(const char *name)
{
    int error;

    fake_lock();
    error = fake_bypassed() ? 0 : fake_faults_call(name);
    fake_unlock();
    if (error != 0)
        errno = error;
    return error == 0;
}

FAKE_EXPORTED int epoll_create1(int flags)
{
    FAKE_NEXT(int, epoll_create1, int);
    return may_pass("epoll_create1") ? next(flags) : -1;
}

FAKE_EXPORTED int epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
    FAKE_NEXT(int, epoll_ctl, int, int, int, struct epoll_event *);
    return may_pass("epoll_ctl") ? next(epoll_fd, operation, fd, event) : -1;
}

FAKE_EXPORTED int timerfd_create(clockid_t clock, int flags)
{
    FAKE_NEXT(int, timerfd_create, clockid_t, int);
    return may_pass("timerfd_create") ? next(clock, flags) : -1;
}

FAKE_EXPORTED int timerfd_settime(int fd, int flags, const struct itimerspec *wanted,
                                  struct itimerspec *before)
{
    FAKE_NEXT(int, timerfd_settime, int, int, const struct itimerspec *, struct itimerspec *);
    return may_pass("timerfd_settime") ? next(fd, flags, wanted, before) : -1;
}
