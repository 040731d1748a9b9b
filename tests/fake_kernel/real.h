/* SPDX-License-Identifier: Apache-2.0 */
/* The C library's functions behind those that this executable defines itself. */
#ifndef FAKE_REAL_H
#define FAKE_REAL_H

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "sockets.h"

#define FAKE_EXPORTED __attribute__((visibility("default")))

/* Declares `next`, the next definition of this function after ours: the C library's, or under a
 * sanitizer the sanitizer's. */
#define FAKE_NEXT(result, name, ...)            \
    static void *slot;                          \
    result (*next)(__VA_ARGS__);                \
    void *found = fake_real_find(&slot, #name); \
    memcpy(&next, &found, sizeof(next))

void *fake_real_find(void **slot, const char *name);
int fake_real_close(int fd);
bool fake_bypassed(void); /* with the lock held */
int fake_real_poll(struct pollfd *descriptors, nfds_t count, int timeout_ms);

/* With the lock held and the call counted; NULL, without the lock, where the socket is not the
 * model's. *ret_error is the fault that the test ordered, or 0. */
struct fake_socket *fake_enter(int fd, const char *call, int *ret_error);

/* Gives the lock back and returns as the C library does: a negative errno becomes -1 and errno. */
int fake_leave(int status);

#endif
