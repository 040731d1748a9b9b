/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/connection.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"

#define OPERATION "check endpoint"

static const char *or_empty(const char *string)
{
    return string != NULL ? string : "";
}

/* Remote text inside our own: escaped and short. */
struct shown {
    char text[80];
};

static struct shown show(const char *string)
{
    struct shown shown;
    struct text text = text_over(shown.text, sizeof(shown.text));
    text_append_escaped(&text, or_empty(string));
    return shown;
}

__attribute__((format(printf, 4, 5))) static int32_t
refuse(struct subwg_error *error, uint32_t reason, const char *cluster_id, const char *format, ...)
{
    char what[SUBWG_ERROR_TEXT_SIZE];
    struct text text = text_over(what, sizeof(what));
    va_list arguments;
    va_start(arguments, format);
    text_append_list(&text, format, arguments);
    va_end(arguments);
    return error_set(error, reason == SUBWG_REASON_REFUSED ? -EPERM : -EINVAL, reason, OPERATION,
                     "endpoint of cluster '%s': %s", show(cluster_id).text, what);
}

int32_t endpoint_check_head(const struct subwg_endpoint *endpoint, struct subwg_error *error)
{
    if (endpoint == NULL)
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, OPERATION,
                         "the endpoint is NULL");
    const struct subwg_head *head = &endpoint->head;
    if (head->magic != SUBWG_MAGIC_ENDPOINT || head->abi_major != SUBWG_ABI_MAJOR ||
        head->size < SUBWG_ENDPOINT_SIZE_1_0 || head->size > SUBWG_STRUCT_SIZE_MAX)
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, OPERATION,
                         "the endpoint's head is not one of ABI %u (magic %#x, size %u)",
                         SUBWG_ABI_MAJOR, (unsigned)head->magic, (unsigned)head->size);
    if (head->flags != 0 || (endpoint->present & ~SUBWG_ENDPOINT_USE_IP) != 0)
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, OPERATION,
                         "the endpoint has unknown flags (%#x, present %#x)", (unsigned)head->flags,
                         (unsigned)endpoint->present);
    if (endpoint->reserved != 0)
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, OPERATION,
                         "the endpoint's reserved field is not zero");
    const unsigned char *bytes = (const unsigned char *)endpoint;
    for (size_t i = sizeof(*endpoint); i < head->size; i++)
        if (bytes[i] != 0)
            return error_set(error, -E2BIG, SUBWG_REASON_BAD_ARGUMENT, OPERATION,
                             "the endpoint uses a field that this driver does not know");
    return 0;
}

/* A name that people and other programs will see: bounded UTF-8 without control characters. */
static int32_t check_name(const char *cluster_id, const char *field, const char *value,
                          size_t limit, bool required, struct subwg_error *error)
{
    const char *bytes = or_empty(value);
    size_t length = strnlen(bytes, limit + 1);
    if (length == 0 && required)
        return refuse(error, SUBWG_REASON_BAD_ENDPOINT, cluster_id, "%s is empty", field);
    if (length > limit)
        return refuse(error, SUBWG_REASON_LIMIT, cluster_id, "%s is longer than %zu bytes", field,
                      limit);
    for (size_t i = utf8_plain(bytes, length); i < length;) {
        size_t sequence = utf8_sequence(bytes + i, length - i);
        if (sequence == 0 || utf8_is_control(bytes + i, sequence))
            return refuse(error, SUBWG_REASON_BAD_ENDPOINT, cluster_id,
                          "%s '%s' has a control character or is not UTF-8", field,
                          show(value).text);
        i += sequence;
    }
    return 0;
}

static int32_t check_backend_config(const struct subwg_endpoint *endpoint,
                                    struct subwg_error *error)
{
    const char *cluster_id = endpoint->cluster_id;
    if (endpoint->backend_config_count > LIMIT_BACKEND_CONFIG)
        return refuse(error, SUBWG_REASON_LIMIT, cluster_id,
                      "%u entries of backend_config, at most %u are allowed",
                      (unsigned)endpoint->backend_config_count, LIMIT_BACKEND_CONFIG);
    if (endpoint->backend_config_count > 0 && endpoint->backend_config == NULL)
        return refuse(error, SUBWG_REASON_BAD_ARGUMENT, cluster_id, "backend_config is NULL");
    for (uint32_t i = 0; i < endpoint->backend_config_count; i++) {
        const struct subwg_setting *entry = &endpoint->backend_config[i];
        if (entry->key == NULL || entry->value == NULL)
            return refuse(error, SUBWG_REASON_BAD_ARGUMENT, cluster_id,
                          "backend_config entry %u has a NULL", (unsigned)i);
        if (strnlen(entry->key, LIMIT_BACKEND_VALUE + 1) > LIMIT_BACKEND_VALUE ||
            strnlen(entry->value, LIMIT_BACKEND_VALUE + 1) > LIMIT_BACKEND_VALUE)
            return refuse(error, SUBWG_REASON_LIMIT, cluster_id,
                          "backend_config entry %u ('%s') is longer than %u bytes", (unsigned)i,
                          show(entry->key).text, LIMIT_BACKEND_VALUE);
    }
    return 0;
}

/* The limits on every length and count, before anything is allocated. */
static int32_t check_shape(const struct subwg_endpoint *endpoint, const struct settings *settings,
                           struct subwg_error *error)
{
    const char *cluster_id = endpoint->cluster_id;
    int32_t code = check_name(cluster_id, "cluster_id", cluster_id, LIMIT_CLUSTER_ID, true, error);
    if (code == 0)
        code = check_name(cluster_id, "cable_name", endpoint->cable_name, LIMIT_CABLE_NAME, false,
                          error);
    if (code == 0)
        code = check_name(cluster_id, "hostname", endpoint->hostname, LIMIT_HOSTNAME, false, error);
    if (code == 0)
        code = check_name(cluster_id, "private_ip", endpoint->private_ip, ADDRESS_TEXT_SIZE - 1,
                          false, error);
    if (code == 0)
        code = check_name(cluster_id, "public_ip", endpoint->public_ip, ADDRESS_TEXT_SIZE - 1,
                          false, error);
    if (code != 0)
        return code;
    if (endpoint->subnet_count > settings->max_subnets)
        return refuse(error, SUBWG_REASON_LIMIT, cluster_id,
                      "%u subnets, at most %u are allowed (setting max-subnets)",
                      (unsigned)endpoint->subnet_count, (unsigned)settings->max_subnets);
    if (endpoint->subnet_count > 0 && endpoint->subnets == NULL)
        return refuse(error, SUBWG_REASON_BAD_ARGUMENT, cluster_id, "subnets is NULL");
    return check_backend_config(endpoint, error);
}

/* The last value of a key, NULL if it has none. */
static const char *backend_value(const struct subwg_endpoint *endpoint, const char *key)
{
    const char *value = NULL;
    for (uint32_t i = 0; i < endpoint->backend_config_count; i++)
        if (strcmp(endpoint->backend_config[i].key, key) == 0)
            value = endpoint->backend_config[i].value;
    return value;
}

static int32_t read_key(const struct subwg_endpoint *endpoint, struct key *ret_key,
                        struct subwg_error *error)
{
    const char *text = backend_value(endpoint, "publicKey");
    if (text == NULL)
        return refuse(error, SUBWG_REASON_BAD_ENDPOINT, endpoint->cluster_id,
                      "backend_config has no publicKey");
    enum key_fault fault = key_parse_public(text, ret_key);
    if (fault != KEY_OK)
        return refuse(error, SUBWG_REASON_BAD_ENDPOINT, endpoint->cluster_id,
                      "publicKey '%s' is %s", show(text).text, key_fault_text(fault));
    return 0;
}

int32_t connection_key_of_endpoint(const struct subwg_endpoint *endpoint, struct key *ret_key,
                                   bool *ret_named, struct subwg_error *error)
{
    int32_t code = check_backend_config(endpoint, error);
    *ret_named = code == 0 && backend_value(endpoint, "publicKey") != NULL;
    return *ret_named ? read_key(endpoint, ret_key, error) : code;
}

static int32_t read_port(const struct subwg_endpoint *endpoint, uint16_t default_port,
                         uint16_t *ret_port, struct subwg_error *error)
{
    const char *text = backend_value(endpoint, "udp-port");
    if (text == NULL) {
        *ret_port = default_port;
        return 0;
    }
    uint32_t port = 0;
    size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; i < digits && i < 6; i++)
        port = port * 10 + (uint32_t)(text[i] - '0');
    if (digits == 0 || digits > 5 || text[digits] != '\0' || port < 1 || port > 65535)
        return refuse(error, SUBWG_REASON_BAD_ENDPOINT, endpoint->cluster_id,
                      "udp-port '%s' is not a number from 1 to 65535", show(text).text);
    *ret_port = (uint16_t)port;
    return 0;
}

static const char *fault_text(enum address_fault fault)
{
    switch (fault) {
    case ADDRESS_HOST_BITS:
        return "has bits set beyond its length";
    case ADDRESS_NO_SCOPE:
        return "is link-local and names no interface (address%interface)";
    case ADDRESS_BAD_SCOPE:
        return "names an interface that does not exist or that it cannot have";
    case ADDRESS_MALFORMED:
    case ADDRESS_OK:
        break;
    }
    return "is malformed";
}

/* The address to connect to: the engine's choice, else the public one behind NAT, else the private. */
static int32_t read_address(const struct subwg_endpoint *endpoint,
                            const struct interfaces *interfaces, struct address *ret_address,
                            bool *ret_use_nat, struct subwg_error *error)
{
    const char *field = endpoint->nat_enabled != 0 ? "public_ip" : "private_ip";
    const char *text = endpoint->nat_enabled != 0 ? endpoint->public_ip : endpoint->private_ip;
    bool use_nat = endpoint->nat_enabled != 0;
    if ((endpoint->present & SUBWG_ENDPOINT_USE_IP) != 0) {
        field = "use_ip";
        text = endpoint->use_ip;
        use_nat = endpoint->use_nat != 0;
    }
    if (text == NULL || text[0] == '\0')
        return refuse(error, SUBWG_REASON_BAD_ENDPOINT, endpoint->cluster_id, "%s is empty", field);
    struct address address;
    enum address_fault fault = address_parse_among(interfaces, text, &address);
    if (fault != ADDRESS_OK)
        return refuse(error, SUBWG_REASON_BAD_ENDPOINT, endpoint->cluster_id, "%s '%s' %s", field,
                      show(text).text, fault_text(fault));
    struct prefix host = prefix_of_address(&address);
    const char *range = prefix_special_range(&host);
    /* A link-local gateway with a scope is reachable, if unusual. */
    if (range != NULL && !(address.family == FAMILY_IPV6 && address.scope != 0))
        return refuse(error, SUBWG_REASON_REFUSED, endpoint->cluster_id,
                      "%s '%s' is a %s address, where no gateway can be", field, show(text).text,
                      range);
    *ret_address = address;
    *ret_use_nat = use_nat;
    return 0;
}

static int32_t read_subnet(const struct subwg_endpoint *endpoint, const struct settings *settings,
                           const char *text, struct prefix *ret_prefix, struct subwg_error *error)
{
    struct prefix prefix;
    if (text == NULL)
        return refuse(error, SUBWG_REASON_BAD_ARGUMENT, endpoint->cluster_id, "a subnet is NULL");
    enum address_fault fault = prefix_parse(text, &prefix);
    if (fault != ADDRESS_OK)
        return refuse(error, SUBWG_REASON_BAD_ENDPOINT, endpoint->cluster_id, "subnet '%s' %s",
                      show(text).text, fault_text(fault));
    bool ipv4 = prefix.family == FAMILY_IPV4;
    uint8_t least = ipv4 ? settings->min_prefix_ipv4 : settings->min_prefix_ipv6;
    if (prefix.length < least)
        return refuse(error, SUBWG_REASON_REFUSED, endpoint->cluster_id,
                      "subnet %s is shorter than /%u (setting min-prefix-%s)", text,
                      (unsigned)least, ipv4 ? "ipv4" : "ipv6");
    /* Who allows a whole family allows what lies in it; below that, special ranges are nobody's. */
    const char *range = prefix_special_range(&prefix);
    if (range != NULL && prefix.length >= (ipv4 ? 4 : 8))
        return refuse(error, SUBWG_REASON_REFUSED, endpoint->cluster_id,
                      "subnet %s touches the %s range, which no cluster can own", text, range);
    *ret_prefix = prefix;
    return 0;
}

/* Sorts and drops what another one of the list covers; returns how many are left. */
static uint32_t normalize(struct prefix *prefixes, uint32_t count)
{
    if (count == 0)
        return 0;
    qsort(prefixes, count, sizeof(*prefixes), prefix_order);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < count; i++)
        if (!prefix_overlaps(&prefixes[kept - 1], &prefixes[i]))
            prefixes[kept++] = prefixes[i];
    return kept;
}

/* Cuts pieces off one allocation. */
struct cutter {
    char *next;
};

static size_t rounded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static void *cut(struct cutter *cutter, size_t size)
{
    void *piece = cutter->next;
    cutter->next += rounded(size);
    return piece;
}

static size_t space_for_subnets(uint32_t count)
{
    return rounded(count * sizeof(struct subnet)) + rounded(count * sizeof(struct prefix));
}

static void place_subnets(struct connection *connection, struct cutter *cutter,
                          const struct prefix *prefixes, uint32_t count)
{
    connection->subnets = cut(cutter, count * sizeof(struct subnet));
    connection->allowed_ips = cut(cutter, count * sizeof(struct prefix));
    connection->subnet_count = count;
    for (uint32_t i = 0; i < count; i++) {
        connection->allowed_ips[i] = prefixes[i];
        connection->subnets[i] = (struct subnet){.node.prefix = prefixes[i]};
    }
}

/* What a connection's rows say. */
struct texts {
    const char *cluster_id;
    const char *cable_name;
    const char *hostname;
    const char *private_ip;
    const char *public_ip;
    char remote_ip[ADDRESS_TEXT_SIZE];
    char public_key[KEY_TEXT_SIZE];
    const char *const *subnets;
    uint32_t subnet_count;
};

static void write_address_and_key(struct texts *texts, const struct socket_address *remote,
                                  const struct key *public_key)
{
    texts->remote_ip[0] = '\0';
    if (remote->address.family != FAMILY_NONE)
        (void)address_format(&remote->address, texts->remote_ip);
    (void)key_format(public_key, texts->public_key);
}

static size_t text_size(const char *string)
{
    return strlen(or_empty(string)) + 1;
}

static size_t space_for_texts(const struct texts *texts)
{
    size_t space = rounded(texts->subnet_count * sizeof(char *)) + text_size(texts->cluster_id) +
                   text_size(texts->cable_name) + text_size(texts->hostname) +
                   text_size(texts->private_ip) + text_size(texts->public_ip) +
                   text_size(texts->remote_ip) + text_size(texts->public_key);
    for (uint32_t i = 0; i < texts->subnet_count; i++)
        space += text_size(texts->subnets[i]);
    return space;
}

/* Puts it at *next, which moves behind it. */
static const char *put_text(char **next, const char *string)
{
    size_t size = text_size(string);
    char *text = memcpy(*next, or_empty(string), size);
    *next += size;
    return text;
}

static void place_texts(struct connection *connection, struct cutter *cutter,
                        const struct texts *texts)
{
    const char **subnets = cut(cutter, texts->subnet_count * sizeof(char *));
    char *next = cutter->next;
    const char *begin = next;
    connection->cluster_id = put_text(&next, texts->cluster_id);
    connection->cable_name = put_text(&next, texts->cable_name);
    connection->hostname = put_text(&next, texts->hostname);
    connection->private_ip = put_text(&next, texts->private_ip);
    connection->public_ip = put_text(&next, texts->public_ip);
    connection->remote_ip = put_text(&next, texts->remote_ip);
    connection->metric_texts_bytes = (uint32_t)(next - begin);
    (void)put_text(&next, texts->public_key);
    for (uint32_t i = 0; i < texts->subnet_count; i++)
        subnets[i] = put_text(&next, texts->subnets[i]);
    connection->subnet_texts = subnets;
    connection->subnet_text_count = texts->subnet_count;
    connection->texts_bytes = (uint32_t)(next - begin);
    cutter->next = next;
}

/* With its normalized prefixes and all of its text, in one allocation. NULL when out of memory. */
static struct connection *assemble(const struct texts *texts, const struct prefix *prefixes,
                                   uint32_t prefix_count)
{
    struct connection *connection =
        calloc(1, rounded(sizeof(struct connection)) + space_for_subnets(prefix_count) +
                      space_for_texts(texts));
    if (connection == NULL)
        return NULL;
    struct cutter cutter = {(char *)connection};
    (void)cut(&cutter, sizeof(struct connection));
    place_subnets(connection, &cutter, prefixes, prefix_count);
    place_texts(connection, &cutter, texts);
    return connection;
}

/* The endpoint's texts as announced. */
static struct texts announced_texts(const struct subwg_endpoint *endpoint)
{
    return (struct texts){
        .cluster_id = endpoint->cluster_id,
        .cable_name = endpoint->cable_name,
        .hostname = endpoint->hostname,
        .private_ip = endpoint->private_ip,
        .public_ip = endpoint->public_ip,
        .subnets = endpoint->subnets,
        .subnet_count = endpoint->subnet_count,
    };
}

static int32_t no_memory(const struct subwg_endpoint *endpoint, struct subwg_error *error)
{
    return error_set(error, -ENOMEM, SUBWG_REASON_NO_MEMORY, OPERATION,
                     "endpoint of cluster '%s': %s", show(endpoint->cluster_id).text,
                     error_phrase(ENOMEM));
}

/* What is to be freed comes only with success. */
static int32_t read_subnets(const struct subwg_endpoint *endpoint, const struct settings *settings,
                            struct prefix **ret_prefixes, uint32_t *ret_count,
                            struct subwg_error *error)
{
    struct prefix *prefixes = calloc((size_t)endpoint->subnet_count + 1, sizeof(*prefixes));
    int32_t code = prefixes != NULL ? 0 : no_memory(endpoint, error);
    for (uint32_t i = 0; i < endpoint->subnet_count && code == 0; i++)
        code = read_subnet(endpoint, settings, endpoint->subnets[i], &prefixes[i], error);
    if (code != 0) {
        free(prefixes);
        return code;
    }
    *ret_count = normalize(prefixes, endpoint->subnet_count);
    *ret_prefixes = prefixes;
    return 0;
}

int32_t connection_from_endpoint(const struct interfaces *interfaces,
                                 const struct subwg_endpoint *endpoint,
                                 const struct settings *settings,
                                 struct connection **ret_connection, struct subwg_error *error)
{
    struct prefix *prefixes = NULL;
    uint32_t prefix_count = 0;
    struct key public_key;
    struct socket_address remote = {0};
    bool use_nat = false;

    int32_t code = check_shape(endpoint, settings, error);
    if (code == 0)
        code = read_key(endpoint, &public_key, error);
    if (code == 0)
        code = read_port(endpoint, settings->remote_port, &remote.port, error);
    if (code == 0)
        code = read_address(endpoint, interfaces, &remote.address, &use_nat, error);
    if (code == 0)
        code = read_subnets(endpoint, settings, &prefixes, &prefix_count, error);
    if (code != 0)
        return code;

    struct texts texts = announced_texts(endpoint);
    write_address_and_key(&texts, &remote, &public_key);
    struct connection *connection = assemble(&texts, prefixes, prefix_count);
    free(prefixes);
    if (connection == NULL)
        return no_memory(endpoint, error);
    connection->public_key = public_key;
    connection->endpoint = remote;
    connection->use_nat = use_nat;
    connection->keepalive_s = settings->keepalive_s;
    *ret_connection = connection;
    return 0;
}

struct connection *connection_from_peer(const struct wg_device *device, const struct wg_peer *peer)
{
    const struct prefix none = {0};
    struct texts texts = {0};
    write_address_and_key(&texts, &peer->endpoint, &peer->public_key);
    struct connection *connection = assemble(
        &texts, peer->allowed_ip_count > 0 ? &device->allowed_ips[peer->allowed_ip_first] : &none,
        peer->allowed_ip_count);
    if (connection == NULL)
        return NULL;
    connection->public_key = peer->public_key;
    connection->endpoint = peer->endpoint;
    connection->installed_endpoint = peer->endpoint;
    connection->keepalive_s = peer->keepalive_s;
    connection->installed = INSTALLED_AS_WANTED;
    connection->installed_preshared_key = peer->preshared_key;
    connection->adopted = true;
    /* Sorted, because plans merge lists. */
    qsort(connection->allowed_ips, connection->subnet_count, sizeof(struct prefix), prefix_order);
    for (uint32_t i = 0; i < connection->subnet_count; i++)
        connection->subnets[i].node.prefix = connection->allowed_ips[i];
    return connection;
}

const char *connection_key_text(const struct connection *connection)
{
    return connection->cluster_id + connection->metric_texts_bytes;
}

void connection_doubt(struct connection *connection)
{
    connection->installed = INSTALLED_OTHERWISE;
    connection->routes_doubtful = true;
}

struct subnet *connection_find_subnet(const struct connection *connection,
                                      const struct prefix *prefix)
{
    const struct prefix *there = NULL;
    if (connection->subnet_count > 0)
        there = bsearch(prefix, connection->allowed_ips, connection->subnet_count, sizeof(*there),
                        prefix_order);
    return there != NULL ? &connection->subnets[there - connection->allowed_ips] : NULL;
}

uint32_t connection_carried_count(const struct connection *connection)
{
    return connection->predecessor == NULL ? connection->subnet_count : 0;
}

uint16_t connection_keepalive_s(const struct connection *connection)
{
    return connection->predecessor != NULL && connection->keepalive_s == 0
               ? LIMIT_MOVE_KEEPALIVE_S
               : connection->keepalive_s;
}

const char *connection_cluster_id(const struct connection *connection)
{
    return connection->successor != NULL ? connection->successor->cluster_id
                                         : connection->cluster_id;
}

void connection_destroy(struct connection *connection)
{
    free(connection);
}
