/* SPDX-License-Identifier: Apache-2.0 */
/* What comes in. A remote endpoint is hostile until it has passed through here. */
#include "template.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Heads and failures. */

bool head_fits(const struct subwg_head *head, uint32_t magic, size_t least_bytes)
{
    return head != NULL && head->magic == magic && head->abi_major == SUBWG_ABI_MAJOR &&
           head->size >= least_bytes && head->size <= SUBWG_STRUCT_SIZE_MAX;
}

/* The record's head stays the host's, and only what we know of the record is written. */
int32_t fail(const struct call *call, int32_t code, uint32_t reason, const char *format, ...)
{
    struct subwg_error *error = call->error;
    if (error == NULL || !head_fits(&error->head, SUBWG_MAGIC_ERROR, SUBWG_ERROR_SIZE_1_0))
        return code;
    error->code = code;
    error->reason = reason;
    error->kernel_errno = 0;
    error->flags = 0;
    error->hint[0] = '\0';
    (void)snprintf(error->operation, sizeof(error->operation), "%s", call->operation);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    return code;
}

struct shown show(const char *text)
{
    struct shown shown = {{0}};
    for (size_t i = 0; text[i] != '\0' && i < sizeof(shown.text) - 1; i++)
        shown.text[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    return shown;
}

/* Prefixes. */

static bool parse_address(const char *text, struct prefix *ret_prefix)
{
    struct prefix prefix = {.bits = 32, .length = 32};
    if (inet_pton(AF_INET, text, prefix.bytes) != 1) {
        prefix.bits = prefix.length = 128;
        if (inet_pton(AF_INET6, text, prefix.bytes) != 1)
            return false;
    }
    *ret_prefix = prefix;
    return true;
}

/* A decimal number without a sign, a space or anything behind it. */
static bool parse_number(const char *text, uint32_t least, uint32_t most, uint32_t *ret_number)
{
    size_t digits = strspn(text, "0123456789");
    if (digits < 1 || digits > 5 || text[digits] != '\0')
        return false;
    *ret_number = (uint32_t)strtoul(text, NULL, 10);
    return *ret_number >= least && *ret_number <= most;
}

/* Bits are numbered from the left, as a prefix's length counts them. */
static unsigned int bit(const struct prefix *prefix, unsigned int number)
{
    return (unsigned int)prefix->bytes[number / 8] >> (7 - number % 8) & 1u;
}

/* NULL if text is a prefix without host bits, else what is wrong with it. */
static const char *parse_prefix(const char *text, struct prefix *ret_prefix)
{
    char address[TEXT_SIZE];
    size_t slash = strcspn(text, "/");
    uint32_t length;
    if (text[slash] == '\0' || slash >= sizeof(address))
        return "is not a prefix (address/length)";
    memcpy(address, text, slash);
    address[slash] = '\0';
    if (!parse_address(address, ret_prefix) ||
        !parse_number(text + slash + 1, 0, ret_prefix->bits, &length))
        return "is not a prefix (address/length)";
    ret_prefix->length = (uint8_t)length;
    for (unsigned int i = length; i < ret_prefix->bits; i++)
        if (bit(ret_prefix, i) != 0)
            return "has bits set beyond its length";
    return NULL;
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
    unsigned int common = a->length < b->length ? a->length : b->length;
    bool same = a->bits == b->bits;
    for (unsigned int i = 0; same && i < common; i++)
        same = bit(a, i) == bit(b, i);
    return same;
}

/* Traffic to these must never enter a tunnel, and no gateway can be there. NULL if it is none. */
static const char *special_range(const struct prefix *prefix)
{
    static const struct {
        const char *range;
        const char *name;
    } ranges[] = {
        {"0.0.0.0/8", "this network's"},    {"127.0.0.0/8", "the loopback"},
        {"169.254.0.0/16", "a link-local"}, {"224.0.0.0/4", "the multicast"},
        {"240.0.0.0/4", "the reserved"},    {"::/128", "the unspecified"},
        {"::1/128", "the loopback"},        {"::ffff:0:0/96", "the IPv4-mapped"},
        {"fe80::/10", "a link-local"},      {"ff00::/8", "the multicast"},
    };
    struct prefix range;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (parse_prefix(ranges[i].range, &range) == NULL && prefix_overlaps(&range, prefix))
            return ranges[i].name;
    return NULL;
}

/* An endpoint as a whole. */

static int32_t check_lists(const struct call *call, const struct subwg_endpoint *endpoint)
{
    if (endpoint->subnet_count > SUBNETS_MAX)
        return fail(call, -EINVAL, SUBWG_REASON_LIMIT, "%u subnets, at most %u are taken",
                    endpoint->subnet_count, SUBNETS_MAX);
    if (endpoint->backend_config_count > CONFIG_MAX)
        return fail(call, -EINVAL, SUBWG_REASON_LIMIT,
                    "%u entries of backend_config, at most %u are taken",
                    endpoint->backend_config_count, CONFIG_MAX);
    bool whole = (endpoint->subnet_count == 0 || endpoint->subnets != NULL) &&
                 (endpoint->backend_config_count == 0 || endpoint->backend_config != NULL);
    for (uint32_t i = 0; whole && i < endpoint->subnet_count; i++)
        whole = endpoint->subnets[i] != NULL;
    for (uint32_t i = 0; whole && i < endpoint->backend_config_count; i++)
        whole =
            endpoint->backend_config[i].key != NULL && endpoint->backend_config[i].value != NULL;
    if (!whole)
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
                    "the endpoint counts an entry of subnets or backend_config that it lacks");
    return 0;
}

/* What asks for more than we understand must not be half understood. */
static int32_t check_endpoint(const struct call *call, const struct subwg_endpoint *endpoint)
{
    const unsigned char *bytes = (const unsigned char *)endpoint;
    if (endpoint == NULL ||
        !head_fits(&endpoint->head, SUBWG_MAGIC_ENDPOINT, SUBWG_ENDPOINT_SIZE_1_0))
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
                    "the endpoint is missing, or its head is not one of this ABI");
    for (size_t i = sizeof(*endpoint); i < endpoint->head.size; i++)
        if (bytes[i] != 0)
            return fail(call, -E2BIG, SUBWG_REASON_BAD_ARGUMENT,
                        "the endpoint uses fields of a newer ABI than 1.%d", SUBWG_ABI_MINOR);
    if (endpoint->head.flags != 0 || (endpoint->present & ~SUBWG_ENDPOINT_USE_IP) != 0 ||
        endpoint->reserved != 0)
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
                    "the endpoint has a flag set that this driver does not know");
    return check_lists(call, endpoint);
}

/* Its fields. */

/* Copies a text that is short enough and printable; NULL is empty. It takes ASCII alone, where the
 * contract allows any UTF-8 without control characters. */
static int32_t take_text(const struct call *call, const char *field, const char *text, char *target,
                         size_t size)
{
    text = text == NULL ? "" : text;
    const char *end = memchr(text, '\0', size);
    if (end == NULL)
        return fail(call, -EINVAL, SUBWG_REASON_LIMIT, "%s '%s' is longer than %zu bytes", field,
                    show(text).text, size - 1);
    size_t length = (size_t)(end - text);
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~')
            return fail(call, -EINVAL, SUBWG_REASON_BAD_ENDPOINT,
                        "%s '%s' has a character that is not printable", field, show(text).text);
    memcpy(target, text, length + 1);
    return 0;
}

/* The last value of a key, NULL if it has none. */
static const char *config_value(const struct subwg_endpoint *endpoint, const char *key)
{
    const char *value = NULL;
    for (uint32_t i = 0; i < endpoint->backend_config_count; i++)
        if (strcmp(endpoint->backend_config[i].key, key) == 0)
            value = endpoint->backend_config[i].value;
    return value;
}

int32_t read_identity(const struct call *call, const struct subwg_endpoint *endpoint,
                      struct gateway *ret_gateway)
{
    memset(ret_gateway, 0, sizeof(*ret_gateway));
    int32_t code = check_endpoint(call, endpoint);
    if (code == 0)
        code =
            take_text(call, "cluster_id", endpoint->cluster_id, ret_gateway->cluster_id, NAME_SIZE);
    if (code == 0 && ret_gateway->cluster_id[0] == '\0')
        code = fail(call, -EINVAL, SUBWG_REASON_BAD_ENDPOINT, "cluster_id is empty");
    if (code == 0)
        code = take_text(call, CONFIG_KEY, config_value(endpoint, CONFIG_KEY), ret_gateway->key,
                         NAME_SIZE);
    return code;
}

static int32_t read_names(const struct call *call, const struct subwg_endpoint *endpoint,
                          struct gateway *gateway)
{
    int32_t code =
        take_text(call, "cable_name", endpoint->cable_name, gateway->cable_name, NAME_SIZE);
    if (code == 0)
        code = take_text(call, "hostname", endpoint->hostname, gateway->hostname, NAME_SIZE);
    if (code == 0)
        code = take_text(call, "private_ip", endpoint->private_ip, gateway->private_ip, TEXT_SIZE);
    if (code == 0)
        code = take_text(call, "public_ip", endpoint->public_ip, gateway->public_ip, TEXT_SIZE);
    return code;
}

static int compare_networks(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct prefix));
}

static int32_t read_subnet(const struct call *call, const char *text, struct gateway *gateway)
{
    struct network subnet = {.text = {0}};
    int32_t code = take_text(call, "subnet", text, subnet.text, sizeof(subnet.text));
    if (code < 0)
        return code;
    const char *fault = parse_prefix(subnet.text, &subnet.prefix);
    if (fault != NULL)
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ENDPOINT, "subnet '%s' of cluster '%s' %s",
                    subnet.text, gateway->cluster_id, fault);
    for (uint32_t i = 0; i < gateway->subnet_count; i++)
        if (compare_networks(&gateway->subnets[i], &subnet) == 0)
            return 0;
    gateway->subnets[gateway->subnet_count++] = subnet;
    return 0;
}

/* A set: the order in which a cluster names its subnets, or how often, changes nothing. */
static int32_t read_subnets(const struct call *call, const struct subwg_endpoint *endpoint,
                            struct gateway *gateway)
{
    int32_t code = 0;
    for (uint32_t i = 0; code == 0 && i < endpoint->subnet_count; i++)
        code = read_subnet(call, endpoint->subnets[i], gateway);
    qsort(gateway->subnets, gateway->subnet_count, sizeof(gateway->subnets[0]), compare_networks);
    return code;
}

int32_t read_local(const struct call *call, const struct subwg_endpoint *endpoint,
                   struct gateway *ret_gateway)
{
    int32_t code = read_identity(call, endpoint, ret_gateway);
    if (code == 0)
        code = read_names(call, endpoint, ret_gateway);
    if (code == 0)
        code = read_subnets(call, endpoint, ret_gateway);
    /* Of a remote, read_address() decides. */
    if (code == 0)
        (void)parse_address(ret_gateway->private_ip, &ret_gateway->address.prefix);
    return code;
}

static int32_t refuse_harmful_subnets(const struct call *call, const struct gateway *gateway)
{
    for (uint32_t i = 0; i < gateway->subnet_count; i++) {
        const struct network *subnet = &gateway->subnets[i];
        unsigned int least = subnet->prefix.bits == 32 ? 8 : 16;
        const char *range = special_range(&subnet->prefix);
        if (subnet->prefix.length < least)
            return fail(call, -EPERM, SUBWG_REASON_REFUSED,
                        "subnet '%s' of cluster '%s' is shorter than /%u", subnet->text,
                        gateway->cluster_id, least);
        if (range != NULL)
            return fail(call, -EPERM, SUBWG_REASON_REFUSED,
                        "subnet '%s' of cluster '%s' touches %s range", subnet->text,
                        gateway->cluster_id, range);
    }
    return 0;
}

/* The engine's choice; without one, the public address where there is translation. */
static int32_t read_address(const struct call *call, const struct subwg_endpoint *endpoint,
                            struct gateway *gateway)
{
    const char *field = endpoint->nat_enabled != 0 ? "public_ip" : "private_ip";
    const char *text = endpoint->nat_enabled != 0 ? gateway->public_ip : gateway->private_ip;
    if ((endpoint->present & SUBWG_ENDPOINT_USE_IP) != 0) {
        field = "use_ip";
        text = endpoint->use_ip;
        gateway->path_chosen = 1;
        gateway->use_nat = endpoint->use_nat != 0;
    }
    struct network *address = &gateway->address;
    int32_t code = take_text(call, field, text, address->text, sizeof(address->text));
    if (code < 0)
        return code;
    if (!parse_address(address->text, &address->prefix))
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ENDPOINT,
                    "%s '%s' of cluster '%s' is not an address", field, address->text,
                    gateway->cluster_id);
    const char *range = special_range(&address->prefix);
    if (range != NULL)
        return fail(call, -EPERM, SUBWG_REASON_REFUSED, "%s '%s' of cluster '%s' is in %s range",
                    field, address->text, gateway->cluster_id, range);
    return 0;
}

static int32_t read_backend(const struct call *call, const struct subwg_endpoint *endpoint,
                            struct gateway *gateway)
{
    const char *port = config_value(endpoint, CONFIG_PORT);
    uint32_t number = 0;
    if (gateway->key[0] == '\0')
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ENDPOINT, "cluster '%s' announces no %s",
                    gateway->cluster_id, CONFIG_KEY);
    if (!parse_number(port == NULL ? DEFAULT_PORT : port, 1, 65535, &number))
        return fail(call, -EINVAL, SUBWG_REASON_BAD_ENDPOINT,
                    "%s '%s' of cluster '%s' is not a number from 1 to 65535", CONFIG_PORT,
                    show(port).text, gateway->cluster_id);
    gateway->port = (uint16_t)number;
    return 0;
}

int32_t read_remote(const struct call *call, const struct subwg_endpoint *endpoint,
                    struct gateway *ret_gateway)
{
    int32_t code = read_local(call, endpoint, ret_gateway);
    if (code == 0)
        code = refuse_harmful_subnets(call, ret_gateway);
    if (code == 0)
        code = read_address(call, endpoint, ret_gateway);
    if (code == 0)
        code = read_backend(call, endpoint, ret_gateway);
    return code;
}
