/* SPDX-License-Identifier: Apache-2.0 */
#include "engine_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fixture_script script;

static int32_t fixture_create(const struct subwg_host *host, const struct subwg_endpoint *local,
                              const struct subwg_setting *settings, uint32_t setting_count,
                              struct subwg_instance **ret_instance, struct subwg_error *error)
{
    (void)local, (void)settings, (void)setting_count;
    script.instance = calloc(1, sizeof(*script.instance));
    if (script.instance == NULL)
        return -ENOMEM;
    script.instance->host = host;
    int32_t code = script.create == NULL ? 0 : script.create(error);
    if (code == 0)
        *ret_instance = script.instance;
    else
        free(script.instance);
    return code;
}

static void fixture_destroy(struct subwg_instance *instance)
{
    script.destroyed++;
    free(instance);
}

static int32_t fixture_init(struct subwg_instance *instance, struct subwg_error *error)
{
    return script.init == NULL ? 0 : script.init(instance, error);
}

static int32_t fixture_connect(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                               char *ret_address, struct subwg_error *error)
{
    return script.connect == NULL ? 0 : script.connect(instance, remote, ret_address, error);
}

static int32_t fixture_disconnect(struct subwg_instance *instance,
                                  const struct subwg_endpoint *remote, struct subwg_error *error)
{
    return fixture_connect(instance, remote, NULL, error);
}

static int32_t fixture_read(struct subwg_instance *instance,
                            struct subwg_snapshot_builder *snapshot, struct subwg_error *error)
{
    return script.read == NULL ? 0 : script.read(instance, snapshot, error);
}

struct subwg_driver fixture_table(void)
{
    return (struct subwg_driver){
        .head = SUBWG_HEAD(struct subwg_driver, SUBWG_MAGIC_DRIVER),
        .name = "wireguard",
        .version = "1",
        .create = fixture_create,
        .destroy = fixture_destroy,
        .init = fixture_init,
        .connect = fixture_connect,
        .disconnect = fixture_disconnect,
        .get_connections = fixture_read,
        .metrics_snapshot = fixture_read,
    };
}

struct subwg_endpoint fixture_local(void)
{
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    local.cluster_id = "cluster1";
    local.cable_name = "cable1";
    local.hostname = "gateway1";
    local.private_ip = "10.243.64.6";
    local.backend = "wireguard";
    return local;
}

struct subwg_registry *fixture_registry(const struct subwg_driver *table)
{
    struct subwg_registry *registry = NULL;
    ck_assert_int_eq(subwg_registry_create(&registry, NULL), 0);
    ck_assert_int_eq(subwg_registry_add(registry, table, NULL), 0);
    return registry;
}

struct subwg_cable *fixture_cable(struct subwg_registry *registry,
                                  const struct subwg_cable_callbacks *callbacks)
{
    struct subwg_cable *cable = NULL;
    struct subwg_endpoint local = fixture_local();
    ck_assert_int_eq(subwg_cable_create(registry, subwg_registry_name(registry, 0), callbacks,
                                        &local, NULL, 0, &cable, NULL),
                     0);
    return cable;
}

int32_t fixture_write(void *context, const char *bytes, size_t count)
{
    struct fixture_text *text = context;
    text->bytes = realloc(text->bytes, text->length + count + 1);
    ck_assert_ptr_nonnull(text->bytes);
    memcpy(text->bytes + text->length, bytes, count);
    text->length += count;
    text->bytes[text->length] = '\0';
    text->writes++;
    return 0;
}

int fixture_run(TCase *tests, const char *name)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
