/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One live owner a device, and one a routing table: abstract unix sockets of the network namespace,
 * which the kernel gives back when the process dies, however it dies.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "wireguard/instance.h"

#define LOCK_NAME_SIZE 64

static uint64_t namespace_cookie(int fd)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

static int socket_open(void)
{
    return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/* A socket stays in the namespace in which it was opened. One that cannot be had now is tried for again
 * when it is needed. */
void lock_open(struct subwg_instance *instance)
{
    instance->device_lock = (struct lock){.fd = socket_open()};
    instance->table_lock = (struct lock){.fd = socket_open()};
    if (instance->device_lock.fd >= 0)
        instance->namespace_cookie = namespace_cookie(instance->device_lock.fd);
}

static int32_t bind_name(int fd, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct text path = text_over(address.sun_path + 1, sizeof(address.sun_path) - 1);
    text_append(&path, "%s", name);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + path.length);
    return bind(fd, (const struct sockaddr *)&address, size) == 0 ? 0 : -errno;
}

/* 0, -EADDRINUSE if another one has it, -ENONET if it would have to be opened in the wrong namespace,
 * or what the kernel says. */
static int32_t take(const struct subwg_instance *instance, const char *name, struct lock *lock)
{
    if (lock->held)
        return 0;
    if (lock->fd < 0) {
        int fd = socket_open();
        if (fd < 0)
            return -errno;
        if (namespace_cookie(fd) != instance->namespace_cookie) {
            (void)close(fd);
            return -ENONET;
        }
        lock->fd = fd;
    }
    int32_t code = bind_name(lock->fd, name);
    lock->held = code == 0;
    return code;
}

static int32_t explain(const struct subwg_instance *instance, int32_t code, const char *name,
                       struct subwg_error *error)
{
    if (code == -ENONET) {
        error_set(error, code, SUBWG_REASON_NAMESPACE, "lock device",
                  "the calling thread is not in the network namespace in which the instance of "
                  "device %s was created",
                  instance->settings.device);
        return code;
    }
    return error_set(error, code, SUBWG_REASON_UNSPECIFIED, "lock device", "bind the lock @%s: %s",
                     name, error_phrase(code));
}

int32_t lock_device(struct subwg_instance *instance, struct subwg_error *error)
{
    char name[LOCK_NAME_SIZE];
    struct text text = text_over(name, sizeof(name));
    text_append(&text, "libsubwg/%s", instance->settings.device);
    int32_t code = take(instance, name, &instance->device_lock);
    if (code == 0)
        return 0;
    if (code != -EADDRINUSE)
        return explain(instance, code, name, error);
    error_set(error, -EBUSY, SUBWG_REASON_BUSY, "lock device",
              "another live instance owns device %s", instance->settings.device);
    error_hint(error,
               "stop the other gateway, or choose another device (setting device); find it "
               "with: ss -xlp src @%s",
               name);
    return -EBUSY;
}

/* Two slashes: no device has such a name. */
int32_t lock_table(struct subwg_instance *instance, struct subwg_error *error)
{
    char name[LOCK_NAME_SIZE];
    struct text text = text_over(name, sizeof(name));
    text_append(&text, "libsubwg/table/%u", (unsigned)instance->settings.table);
    int32_t code = take(instance, name, &instance->table_lock);
    if (code == 0)
        return 0;
    if (code != -EADDRINUSE)
        return explain(instance, code, name, error);
    error_set(error, -EBUSY, SUBWG_REASON_BUSY, "lock table",
              "another live instance uses routing table %u", (unsigned)instance->settings.table);
    error_hint(error, "give each device a table, mark, rule-priority and port of its own "
                      "(settings of these names)");
    return -EBUSY;
}

static void release(struct lock *lock)
{
    if (lock->fd >= 0)
        (void)close(lock->fd);
    *lock = (struct lock){.fd = -1};
}

void lock_release(struct subwg_instance *instance)
{
    release(&instance->device_lock);
    release(&instance->table_lock);
}
