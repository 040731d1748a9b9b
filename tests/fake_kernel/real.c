/* SPDX-License-Identifier: Apache-2.0 */
#include "real.h"

#include <dlfcn.h>
#include <errno.h>

#include "faults.h"
#include "world.h"

/* Looked up at the first use, not at start: sanitizers call some of these before any constructor has
 * run. Racing threads store the same value. */
void *fake_real_find(void **slot, const char *name)
{
    void *found = __atomic_load_n(slot, __ATOMIC_RELAXED);

    if (found == NULL) {
        found = dlsym(RTLD_NEXT, name);
        if (found == NULL)
            fake_misuse("the C library has no function", name);
        __atomic_store_n(slot, found, __ATOMIC_RELAXED);
    }
    return found;
}

int fake_real_close(int fd)
{
    FAKE_NEXT(int, close, int);
    return next(fd);
}

int fake_real_poll(struct pollfd *descriptors, nfds_t count, int timeout_ms)
{
    FAKE_NEXT(int, poll, struct pollfd *, nfds_t, int);
    return next(descriptors, count, timeout_ms);
}

struct fake_socket *fake_enter(int fd, const char *call, int *ret_error)
{
    struct fake_socket *socket;

    fake_lock();
    socket = fake_socket_find(fd);
    if (socket == NULL)
        fake_unlock();
    else
        *ret_error = fake_faults_call(call);
    return socket;
}

int fake_leave(int status)
{
    fake_unlock();
    if (status < 0) {
        errno = -status;
        return -1;
    }
    return status;
}
