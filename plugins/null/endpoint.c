/* SPDX-License-Identifier: Apache-2.0 */
/* What a cluster published is hostile until it has passed through here. */
#include "null.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The input as a whole. */

static int32_t check_input(const struct call *call, const struct subwg_endpoint *endpoint)
{
    const struct subwg_head *head = endpoint == NULL ? NULL : &endpoint->head;
    if (!head_accepted(head, SUBWG_MAGIC_ENDPOINT, SUBWG_ENDPOINT_SIZE_1_0))
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
                    "the endpoint is missing, or its head is not one of this ABI");
    if (!tail_is_zero(head, sizeof(*endpoint)))
        return fail(call, -E2BIG, SUBWG_REASON_BAD_ARGUMENT,
                    "the endpoint uses fields of a newer ABI than 1.%d", SUBWG_ABI_MINOR);
    if (head->flags != 0 || (endpoint->present & ~SUBWG_ENDPOINT_USE_IP) != 0 ||
        endpoint->reserved != 0 || endpoint->nat_enabled > 1 || endpoint->use_nat > 1)
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
                    "the endpoint has a flag set that this driver does not know");
    if ((endpoint->subnet_count > 0 && endpoint->subnets == NULL) ||
        (endpoint->backend_config_count > 0 && endpoint->backend_config == NULL))
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
                    "the endpoint counts the entries of a list that it does not have");
    return 0;
}

/* Its texts. */

/* Bounded and printable, so that everything after this may be quoted in a report. NULL is empty. */
static int32_t check_text(const struct call *call, const char *field, const char *text, size_t size)
{
    if (text == NULL)
        return 0;
    if (strnlen(text, size) == size)
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ENDPOINT, "%s '%s' is longer than %zu bytes",
                    field, show(text).text, size - 1);
    for (const char *c = text; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            return fail(call, -EINVAL, SUBWG_REASON_BAD_ENDPOINT,
                        "%s '%s' has a character that is not printable", field, show(text).text);
    return 0;
}

static int32_t check_texts(const struct call *call, const struct subwg_endpoint *endpoint)
{
    const struct {
        const char *field;
        const char *text;
        size_t size;
    } texts[] = {
        {"cluster_id", endpoint->cluster_id, NAME_SIZE},
        {"cable_name", endpoint->cable_name, NAME_SIZE},
        {"hostname", endpoint->hostname, NAME_SIZE},
        {"private_ip", endpoint->private_ip, SUBWG_ADDRESS_TEXT_SIZE},
        {"public_ip", endpoint->public_ip, SUBWG_ADDRESS_TEXT_SIZE},
        {"backend", endpoint->backend, NAME_SIZE},
        {"use_ip", endpoint->use_ip, SUBWG_ADDRESS_TEXT_SIZE},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int32_t code = check_text(call, texts[i].field, texts[i].text, texts[i].size);
        if (code < 0)
            return code;
    }
    return 0;
}

static int32_t check_lists(const struct call *call, const struct subwg_endpoint *endpoint)
{
    if (endpoint->subnet_count > SUBNETS_MAX)
        return fail(call, -EINVAL, SUBWG_REASON_LIMIT, "%u subnets, at most %u are taken",
                    endpoint->subnet_count, SUBNETS_MAX);
    if (endpoint->backend_config_count > CONFIG_MAX)
        return fail(call, -EINVAL, SUBWG_REASON_LIMIT,
                    "%u entries in backend_config, at most %u are taken",
                    endpoint->backend_config_count, CONFIG_MAX);
    int32_t code = 0;
    for (uint32_t i = 0; code == 0 && i < endpoint->subnet_count; i++)
        code = endpoint->subnets[i] != NULL
                   ? check_text(call, "subnet", endpoint->subnets[i], PREFIX_TEXT_SIZE)
                   : fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "subnet number %u is NULL", i);
    for (uint32_t i = 0; code == 0 && i < endpoint->backend_config_count; i++) {
        const struct subwg_setting *entry = &endpoint->backend_config[i];
        if (entry->key == NULL || entry->value == NULL)
            return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
                        "entry %u of backend_config has no key or no value", i);
        code = check_text(call, "a key in backend_config", entry->key, NAME_SIZE);
        if (code == 0)
            code = check_text(call, entry->key, entry->value, VALUE_MAX);
    }
    return code;
}

int32_t endpoint_check(const struct call *call, const struct subwg_endpoint *endpoint)
{
    int32_t code = check_input(call, endpoint);
    if (code == 0)
        code = check_texts(call, endpoint);
    if (code == 0)
        code = check_lists(call, endpoint);
    if (code == 0 && (endpoint->cluster_id == NULL || endpoint->cluster_id[0] == '\0'))
        code = fail(call, -EINVAL, SUBWG_REASON_BAD_ENDPOINT, "cluster_id is empty");
    return code;
}

const char *endpoint_config(const struct subwg_endpoint *endpoint, const char *key)
{
    for (uint32_t i = 0; i < endpoint->backend_config_count; i++)
        if (strcmp(endpoint->backend_config[i].key, key) == 0)
            return endpoint->backend_config[i].value;
    return NULL;
}

/* Its fields. */

static void copy(char *target, size_t size, const char *text)
{
    (void)snprintf(target, size, "%s", text == NULL ? "" : text);
}

static void read_names(const struct subwg_endpoint *endpoint, struct gateway *gateway)
{
    copy(gateway->cluster_id, sizeof(gateway->cluster_id), endpoint->cluster_id);
    copy(gateway->cable_name, sizeof(gateway->cable_name), endpoint->cable_name);
    copy(gateway->hostname, sizeof(gateway->hostname), endpoint->hostname);
    copy(gateway->private_ip, sizeof(gateway->private_ip), endpoint->private_ip);
    copy(gateway->public_ip, sizeof(gateway->public_ip), endpoint->public_ip);
}

static int32_t read_subnets(const struct call *call, const struct subwg_endpoint *endpoint,
                            struct gateway *gateway)
{
    for (uint32_t i = 0; i < endpoint->subnet_count; i++) {
        const char *fault = prefix_parse(endpoint->subnets[i], &gateway->subnets[i]);
        if (fault != NULL)
            return fail(call, -EINVAL, SUBWG_REASON_BAD_ENDPOINT, "subnet '%s' of cluster '%s' %s",
                        endpoint->subnets[i], gateway->cluster_id, fault);
    }
    /* A set: the order in which a cluster names its subnets, or how often, changes nothing. */
    qsort(gateway->subnets, endpoint->subnet_count, sizeof(gateway->subnets[0]), prefix_compare);
    for (uint32_t i = 0; i < endpoint->subnet_count; i++)
        if (i == 0 || prefix_compare(&gateway->subnets[i], &gateway->subnets[i - 1]) != 0)
            gateway->subnets[gateway->subnet_count++] = gateway->subnets[i];
    return 0;
}

static int32_t check_policy(const struct call *call, const struct gateway *gateway)
{
    char text[PREFIX_TEXT_SIZE];
    for (uint32_t i = 0; i < gateway->subnet_count; i++) {
        const char *refusal = prefix_refusal(&gateway->subnets[i]);
        if (refusal != NULL)
            return fail(call, -EPERM, SUBWG_REASON_REFUSED, "subnet '%s' of cluster '%s' %s",
                        prefix_format(&gateway->subnets[i], text), gateway->cluster_id, refusal);
    }
    return 0;
}

/* The engine's choice of the path, or else the public address where there is translation. */
static int32_t read_address(const struct call *call, const struct subwg_endpoint *endpoint,
                            struct gateway *gateway)
{
    gateway->path_chosen = (endpoint->present & SUBWG_ENDPOINT_USE_IP) != 0;
    gateway->use_nat = gateway->path_chosen && endpoint->use_nat != 0;
    const char *field = "private_ip";
    const char *text = endpoint->private_ip;
    if (gateway->path_chosen) {
        field = "use_ip";
        text = endpoint->use_ip;
    } else if (endpoint->nat_enabled != 0) {
        field = "public_ip";
        text = endpoint->public_ip;
    }
    struct prefix address;
    if (text == NULL || !address_parse(text, &address))
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ENDPOINT,
                    "%s '%s' of cluster '%s' is not an address", field, text == NULL ? "" : text,
                    gateway->cluster_id);
    const char *refusal = address_refusal(&address);
    if (refusal != NULL)
        return fail(call, -EPERM, SUBWG_REASON_REFUSED, "%s '%s' of cluster '%s' %s", field, text,
                    gateway->cluster_id, refusal);
    copy(gateway->address, sizeof(gateway->address), text);
    return 0;
}

static int32_t read_backend(const struct call *call, const struct subwg_endpoint *endpoint,
                            struct gateway *gateway)
{
    const char *key = endpoint_config(endpoint, CONFIG_KEY);
    if (key == NULL || key[0] == '\0' || strnlen(key, NAME_SIZE) == NAME_SIZE)
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ENDPOINT,
                    "%s of cluster '%s' must be a text of 1 to %u bytes", CONFIG_KEY,
                    gateway->cluster_id, NAME_SIZE - 1);
    copy(gateway->key, sizeof(gateway->key), key);
    const char *port = endpoint_config(endpoint, CONFIG_PORT);
    if (port != NULL && !port_parse(port, &gateway->port))
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ENDPOINT,
                    "%s '%s' of cluster '%s' must be 1 to 65535", CONFIG_PORT, show(port).text,
                    gateway->cluster_id);
    return 0;
}

int32_t endpoint_read_local(const struct call *call, const struct subwg_endpoint *endpoint,
                            struct gateway *ret_gateway)
{
    memset(ret_gateway, 0, sizeof(*ret_gateway));
    read_names(endpoint, ret_gateway);
    return read_subnets(call, endpoint, ret_gateway);
}

int32_t endpoint_read_remote(const struct call *call, const struct subwg_endpoint *endpoint,
                             uint16_t default_port, struct gateway *ret_gateway)
{
    int32_t code = endpoint_read_local(call, endpoint, ret_gateway);
    ret_gateway->port = default_port;
    if (code == 0)
        code = check_policy(call, ret_gateway);
    if (code == 0)
        code = read_address(call, endpoint, ret_gateway);
    if (code == 0)
        code = read_backend(call, endpoint, ret_gateway);
    return code;
}
