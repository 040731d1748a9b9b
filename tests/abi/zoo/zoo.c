/* SPDX-License-Identifier: Apache-2.0 */
/* One animal of the zoo: a driver module that is wrong in one way, chosen when it is compiled. */
#include <errno.h>
#include <stdlib.h>

#include <subwg/driver.h>

#ifndef ZOO_NAME
#define ZOO_NAME "zoo-good"
#endif
#ifndef ZOO_ENTRY
#define ZOO_ENTRY subwg_driver_v1
#endif
#ifndef ZOO_MAJOR
#define ZOO_MAJOR SUBWG_ABI_MAJOR
#endif
#ifndef ZOO_SIZE
#define ZOO_SIZE sizeof(struct subwg_driver)
#endif
#ifndef ZOO_INIT
#define ZOO_INIT zoo_init
#endif
#ifndef ZOO_RESULT
#define ZOO_RESULT &zoo_driver
#endif

static int32_t zoo_create(const struct subwg_host *host, const struct subwg_endpoint *local,
                          const struct subwg_setting *settings, uint32_t setting_count,
                          struct subwg_instance **ret_instance, struct subwg_error *error)
{
    (void)host, (void)local, (void)settings, (void)setting_count, (void)ret_instance, (void)error;
    return -ENOSYS;
}

static void zoo_destroy(struct subwg_instance *instance)
{
    (void)instance;
}

__attribute__((unused)) static int32_t zoo_init(struct subwg_instance *instance,
                                                struct subwg_error *error)
{
    (void)instance, (void)error;
    return -ENOSYS;
}

static int32_t zoo_connect(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                           char *ret_address, struct subwg_error *error)
{
    (void)instance, (void)remote, (void)ret_address, (void)error;
    return -ENOSYS;
}

static int32_t zoo_disconnect(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                              struct subwg_error *error)
{
    (void)instance, (void)remote, (void)error;
    return -ENOSYS;
}

static int32_t zoo_read(struct subwg_instance *instance, struct subwg_snapshot_builder *snapshot,
                        struct subwg_error *error)
{
    (void)instance, (void)snapshot, (void)error;
    return -ENOSYS;
}

static const struct subwg_driver zoo_driver = {
    .head = {(uint32_t)(ZOO_SIZE), ZOO_MAJOR, SUBWG_ABI_MINOR, SUBWG_MAGIC_DRIVER, 0},
    .name = ZOO_NAME,
    .version = "1",
    .create = zoo_create,
    .destroy = zoo_destroy,
    .init = ZOO_INIT,
    .connect = zoo_connect,
    .disconnect = zoo_disconnect,
    .get_connections = zoo_read,
    .metrics_snapshot = zoo_read,
};

#ifdef ZOO_UNDEFINED
int32_t zoo_symbol_that_nobody_defines(void);
#endif

/* Leaves a trace when any code of this module runs. */
__attribute__((constructor)) static void zoo_loaded(void)
{
    (void)setenv("ZOO_CODE_RAN", ZOO_NAME, 1);
}

SUBWG_DRIVER_EXPORT const struct subwg_driver *ZOO_ENTRY(void);
const struct subwg_driver *ZOO_ENTRY(void)
{
#ifdef ZOO_UNDEFINED
    (void)zoo_symbol_that_nobody_defines();
#endif
    (void)&zoo_driver;
    return ZOO_RESULT;
}
