/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "wireguard/instance.h"

/*
 * One live owner a device: an abstract unix socket of the network namespace, which the kernel gives
 * back when the process dies, however it dies.
 */
int32_t device_lock(struct subwg_instance *instance, struct subwg_error *error)
{
    if (instance->locked)
        return 0;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "libsubwg/%s",
                          instance->settings.device);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    if (bind(instance->lock, (const struct sockaddr *)&address, size) == 0) {
        instance->locked = true;
        return 0;
    }
    if (errno != EADDRINUSE)
        return error_set(error, -errno, SUBWG_REASON_UNSPECIFIED, "lock device",
                         "bind the lock @libsubwg/%s: %s", instance->settings.device,
                         error_phrase(errno));
    error_set(error, -EBUSY, SUBWG_REASON_BUSY, "lock device",
              "another live instance owns device %s", instance->settings.device);
    error_hint(error,
               "stop the other gateway, or choose another device (setting device); find it "
               "with: ss -xlp src @libsubwg/%s",
               instance->settings.device);
    return -EBUSY;
}

/* A bound socket cannot be unbound, so it is replaced. */
void device_unlock(struct subwg_instance *instance)
{
    if (!instance->locked)
        return;
    (void)close(instance->lock);
    instance->lock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    instance->locked = false;
}
