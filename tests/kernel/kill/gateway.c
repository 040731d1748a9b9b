/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

static struct {
    struct subwg_registry *registry;
    struct subwg_cable *cable;
    struct subwg_error error;
    char key_file[256];
    char *words;
    uint32_t words_size;
} gateway;

void gateway_words(char *words, uint32_t size)
{
    gateway.words = words;
    gateway.words_size = size;
}

_Noreturn void gateway_die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(gateway.words, gateway.words_size, format, arguments);
    va_end(arguments);
    _exit(EXIT_FAILURE);
}

static void must(const char *what, int32_t code)
{
    if (code < 0)
        gateway_die("%s: %d: %s (%s)", what, code, gateway.error.text, gateway.error.hint);
}

void gateway_key_file(const char *path)
{
    (void)snprintf(gateway.key_file, sizeof(gateway.key_file), "%s", path);
}

static int32_t take_published(void *context, const char *key, const char *value)
{
    (void)context;
    (void)key;
    (void)value;
    return 0;
}

void gateway_create(void)
{
    const struct subwg_cable_callbacks callbacks = {.publish = take_published};
    static const char *const subnets[] = {"10.233.0.0/18", "fd00:233::/48"};
    const struct subwg_setting settings[] = {{"psk", GATEWAY_PSK}, {"key-file", gateway.key_file}};
    struct subwg_endpoint local = SUBWG_ENDPOINT_INIT;
    gateway.error = (struct subwg_error)SUBWG_ERROR_INIT;
    local.cluster_id = "cluster1";
    local.cable_name = "cable-1";
    local.hostname = "worker1";
    local.private_ip = "10.243.64.6";
    local.public_ip = "";
    local.backend = "wireguard";
    local.subnets = subnets;
    local.subnet_count = 2;
    must("registry", subwg_registry_create(&gateway.registry, &gateway.error));
    must("driver", subwg_registry_add(gateway.registry, subwg_wireguard_driver(), &gateway.error));
    must("create",
         subwg_cable_create(gateway.registry, "wireguard", &callbacks, &local, settings,
                            gateway.key_file[0] != '\0' ? 2 : 1, &gateway.cable, &gateway.error));
}

void gateway_init(void)
{
    must("init", subwg_cable_init(gateway.cable, &gateway.error));
}

int32_t gateway_try_connect(const struct remote *remote)
{
    char address[SUBWG_ADDRESS_TEXT_SIZE];
    return subwg_cable_connect(gateway.cable, &remote->endpoint, address, &gateway.error);
}

void gateway_connect(const struct remote *remote)
{
    must("connect", gateway_try_connect(remote));
}

static void take_result(void *context, uint32_t index, int32_t code, const char *address,
                        const struct subwg_error *error)
{
    (void)context;
    (void)address;
    if (code < 0)
        gateway_die("list, %u: %s", (unsigned)index, error->text);
}

void gateway_connect_many(const struct remote *const *remotes, uint32_t count)
{
    const struct subwg_endpoint *endpoints[8];
    for (uint32_t i = 0; i < count; i++)
        endpoints[i] = &remotes[i]->endpoint;
    must("connect many", subwg_cable_connect_many(gateway.cable, endpoints, count, take_result,
                                                  NULL, &gateway.error));
}

void gateway_disconnect_many(const struct remote *const *remotes, uint32_t count)
{
    const struct subwg_endpoint *endpoints[8];
    for (uint32_t i = 0; i < count; i++)
        endpoints[i] = &remotes[i]->endpoint;
    must("disconnect many", subwg_cable_disconnect_many(gateway.cable, endpoints, count,
                                                        take_result, NULL, &gateway.error));
}

void gateway_disconnect(const struct remote *remote)
{
    must("disconnect", subwg_cable_disconnect(gateway.cable, &remote->endpoint, &gateway.error));
}

void gateway_list_complete(void)
{
    must("list complete", subwg_cable_list_complete(gateway.cable, &gateway.error));
}

void gateway_reconcile(void)
{
    must("reconcile", subwg_cable_reconcile(gateway.cable, 0, NULL, NULL, &gateway.error));
}

void gateway_attend(void)
{
    must("event fd", subwg_cable_event_fd(gateway.cable, &gateway.error));
    must("dispatch", subwg_cable_dispatch(gateway.cable, &gateway.error));
}

void gateway_read(void)
{
    struct subwg_snapshot *snapshot = NULL;
    must("get connections", subwg_cable_get_connections(gateway.cable, &snapshot, &gateway.error));
    subwg_snapshot_unref(snapshot);
    must("metrics", subwg_cable_metrics_snapshot(gateway.cable, &snapshot, &gateway.error));
    subwg_snapshot_unref(snapshot);
}

void gateway_cleanup(void)
{
    must("cleanup", subwg_cable_cleanup(gateway.cable, &gateway.error));
}

void gateway_leave(void)
{
    subwg_cable_destroy(gateway.cable);
    subwg_registry_destroy(gateway.registry);
    gateway.cable = NULL;
    gateway.registry = NULL;
}

void remote_set_key(struct remote *remote, unsigned int number)
{
    uint8_t private_key[32];
    memset(private_key, (int)number, sizeof(private_key));
    if (crypto_scalarmult_base(remote->public_key, private_key) != 0)
        abort();
    (void)sodium_bin2base64(remote->key, sizeof(remote->key), remote->public_key, 32,
                            sodium_base64_VARIANT_ORIGINAL);
}

void remote_make(struct remote *remote, unsigned int number)
{
    memset(remote, 0, sizeof(*remote));
    remote->endpoint = (struct subwg_endpoint)SUBWG_ENDPOINT_INIT;
    remote_set_key(remote, number);
    (void)snprintf(remote->cluster_id, sizeof(remote->cluster_id), "cluster%u", number);
    (void)snprintf(remote->private_ip, sizeof(remote->private_ip), "10.243.64.%u", 5 + number);
    (void)snprintf(remote->subnet_texts[0], 48, "10.%u.0.0/18", 232 + number);
    (void)snprintf(remote->subnet_texts[1], 48, "10.%u.64.0/18", 232 + number);
    (void)snprintf(remote->subnet_texts[2], 48, "fd00:%u::/48", 232 + number);
    for (size_t i = 0; i < 3; i++)
        remote->subnets[i] = remote->subnet_texts[i];
    remote->config[0] = (struct subwg_setting){"publicKey", remote->key};
    remote->config[1] = (struct subwg_setting){"udp-port", "5871"};
    remote->endpoint.cluster_id = remote->cluster_id;
    remote->endpoint.cable_name = remote->cluster_id;
    remote->endpoint.hostname = "worker";
    remote->endpoint.private_ip = remote->private_ip;
    remote->endpoint.public_ip = "";
    remote->endpoint.backend = "wireguard";
    remote->endpoint.subnets = remote->subnets;
    remote->endpoint.subnet_count = 3;
    remote->endpoint.backend_config = remote->config;
    remote->endpoint.backend_config_count = 2;
}

void remote_make_large(struct remote *remote, unsigned int number)
{
    static char texts[GATEWAY_MANY][32];
    remote_make(remote, number);
    for (unsigned int i = 0; i < GATEWAY_MANY; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "fd00:%u:%u::/64", 232 + number, i);
        remote->subnets[i] = texts[i];
    }
    remote->endpoint.subnet_count = GATEWAY_MANY;
}
