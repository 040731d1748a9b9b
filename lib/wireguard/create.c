/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning and the end of an instance: input checked, memory and sockets, nothing in the kernel. */
#include "wireguard/create.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <sodium.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "wireguard/instance.h"

#define OPERATION "create"

/* Of locked memory that an instance takes: the page of secrets and the buffers of one socket. */
#define SECRET_KIB ((4096u + LIMIT_MESSAGE_BYTES + LIMIT_RECEIVE_BYTES) / 1024u)

/* A table: its head accepted, the smaller size copied, the rest zero; all of minor 0 is mandatory. */
static int32_t copy_host(const struct subwg_host *host, struct subwg_host *copy,
                         struct subwg_error *error)
{
    if (host == NULL || host->head.magic != SUBWG_MAGIC_HOST ||
        host->head.abi_major != SUBWG_ABI_MAJOR || host->head.size < SUBWG_HOST_SIZE_1_0 ||
        host->head.size > SUBWG_STRUCT_SIZE_MAX)
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, OPERATION,
                         "the host table is not one of ABI %u", SUBWG_ABI_MAJOR);
    *copy = (struct subwg_host){0};
    memcpy(copy, host, host->head.size < sizeof(*copy) ? host->head.size : sizeof(*copy));
    if (copy->log == NULL || copy->publish == NULL || copy->add_connection == NULL ||
        copy->add_metric == NULL || copy->elapsed_ns == NULL || copy->realtime_ns == NULL)
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, OPERATION,
                         "the host table lacks a mandatory callback");
    return 0;
}

static int32_t bad_local(struct subwg_error *error, const char *field, const char *value)
{
    char shown[80];
    struct text text = text_over(shown, sizeof(shown));
    text_append_escaped(&text, value != NULL ? value : "");
    return error_set(error, -EINVAL, SUBWG_REASON_BAD_ENDPOINT, OPERATION,
                     "local endpoint: %s '%s' is malformed", field, shown);
}

static int32_t read_local_address(const char *field, const char *text, struct address *ret_address,
                                  struct subwg_error *error)
{
    if (text == NULL || text[0] == '\0')
        return 0;
    return address_parse(text, ret_address) == ADDRESS_OK ? 0 : bad_local(error, field, text);
}

/* The own endpoint is the engine's word, not a remote's: it has to be well-formed, no more. */
static int32_t read_local(const struct subwg_endpoint *endpoint, struct local *local,
                          struct subwg_error *error)
{
    const char *cluster_id = endpoint->cluster_id;
    if (cluster_id == NULL || cluster_id[0] == '\0' ||
        strnlen(cluster_id, LIMIT_CLUSTER_ID + 1) > LIMIT_CLUSTER_ID)
        return bad_local(error, "cluster_id", cluster_id);
    int32_t code =
        read_local_address("private_ip", endpoint->private_ip, &local->private_address, error);
    if (code == 0)
        code = read_local_address("public_ip", endpoint->public_ip, &local->public_address, error);
    if (code != 0)
        return code;
    if (endpoint->subnet_count > LIMIT_SUBNETS_MAX ||
        (endpoint->subnet_count > 0 && endpoint->subnets == NULL))
        return bad_local(error, "subnets", "");
    local->subnets = calloc((size_t)endpoint->subnet_count + 1, sizeof(*local->subnets));
    local->cluster_id = strdup(cluster_id);
    if (local->subnets == NULL || local->cluster_id == NULL)
        return error_no_memory(error, OPERATION);
    for (uint32_t i = 0; i < endpoint->subnet_count; i++) {
        const char *text = endpoint->subnets[i];
        if (text == NULL || prefix_parse(text, &local->subnets[i]) != ADDRESS_OK)
            return bad_local(error, "subnet", text);
        local->subnet_count++;
    }
    return 0;
}

static void warn(const struct subwg_instance *instance)
{
    if (instance->settings.well_known_psk)
        instance_log(instance, SUBWG_LOG_WARNING,
                     "psk is the publicly known 'default psk': it protects nothing");
}

/* Each dump brings the keys, whether a preshared one is set or not. */
static void report_secrets(const struct subwg_instance *instance)
{
    if (instance->secrets->locked && netlink_is_locked(instance->netlink)) {
        instance_log(instance, SUBWG_LOG_DEBUG,
                     "memory for keys is locked, left out of core dumps and wiped on fork");
        return;
    }
    struct rlimit limit = {0};
    char now[24] = "unknown";
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        (void)snprintf(now, sizeof(now), "%llu", (unsigned long long)limit.rlim_cur / 1024);
    instance_log(instance, SUBWG_LOG_WARNING,
                 "memory for keys could not be locked and may be swapped out: raise the limit of "
                 "locked memory (RLIMIT_MEMLOCK, ulimit -l, LimitMEMLOCK=) by %u KiB an instance, "
                 "it is %s KiB; or give CAP_IPC_LOCK",
                 SECRET_KIB, now);
}

int32_t instance_create(const struct subwg_host *host, const struct subwg_endpoint *local,
                        const struct subwg_setting *settings, uint32_t setting_count,
                        const struct setting_source *environment, uint32_t environment_count,
                        struct subwg_instance **ret_instance, struct subwg_error *error)
{
    if (ret_instance == NULL || (settings == NULL && setting_count > 0))
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, OPERATION, "%s is NULL",
                         ret_instance == NULL ? "ret_instance" : "settings");
    if (sodium_init() < 0)
        return error_set(error, -EIO, SUBWG_REASON_UNSPECIFIED, OPERATION,
                         "libsodium could not be initialized");
    struct subwg_instance *instance = calloc(1, sizeof(*instance));
    if (instance == NULL)
        return error_no_memory(error, OPERATION);
    lock_open(instance);
    table_start(&instance->table);

    int32_t code = copy_host(host, &instance->host, error);
    if (code == 0)
        code = endpoint_check_head(local, error);
    if (code == 0 && (instance->secrets = secret_page_create()) == NULL)
        code = error_set(error, -ENOMEM, SUBWG_REASON_NO_MEMORY, OPERATION,
                         "no memory for the secrets: %s", error_phrase(errno));
    if (code == 0)
        code = settings_read(settings, setting_count, environment, environment_count,
                             &instance->settings, instance->secrets, error);
    if (code == 0)
        code = read_local(local, &instance->local, error);
    if (code == 0)
        code = netlink_open(instance->settings.reply_timeout_ms, &instance->netlink, error);
    if (code != 0) {
        instance_destroy(instance);
        return code;
    }
    warn(instance);
    report_secrets(instance);
    *ret_instance = instance;
    return 0;
}

void instance_destroy(struct subwg_instance *instance)
{
    if (instance == NULL)
        return;
    dispatch_close(instance->dispatch);
    netlink_close(instance->netlink);
    probe_close(instance->probe);
    lock_release(instance);
    table_finish(&instance->table);
    wg_device_finish(&instance->dump);
    free(instance->local.cluster_id);
    free(instance->local.subnets);
    secret_page_destroy(instance->secrets);
    free(instance);
}
