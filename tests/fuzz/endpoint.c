/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a remote cluster announces. The input: flags, and strings in the order of the fields; an empty key
 * or address is a good one, so that what comes behind it is looked at.
 */
#include <string.h>

#include <sodium.h>

#include "fuzz.h"
#include "wireguard/connection.h"

#define SUBNETS_MAX 32

static const struct settings *defaults(void)
{
    static struct settings settings;
    if (settings.port != 0)
        return &settings;
    FUZZ_CHECK(sodium_init() >= 0);
    struct secret_page *secrets = secret_page_create();
    FUZZ_CHECK(secrets != NULL);
    FUZZ_CHECK(settings_read(NULL, 0, NULL, 0, &settings, secrets, NULL) == 0);
    secret_page_destroy(secrets);
    return &settings;
}

/* Whatever is taken says the same when it is written and read again. */
static void check_text(const char *text)
{
    struct address address;
    struct address address_again;
    char address_text[ADDRESS_TEXT_SIZE];
    if (address_parse(text, &address) == ADDRESS_OK) {
        FUZZ_CHECK(address_parse(address_format(&address, address_text), &address_again) ==
                   ADDRESS_OK);
        FUZZ_CHECK(address_equal(&address, &address_again));
    }
    struct prefix prefix;
    struct prefix prefix_again;
    char prefix_text[PREFIX_TEXT_SIZE];
    if (prefix_parse(text, &prefix) == ADDRESS_OK) {
        FUZZ_CHECK(prefix_parse(prefix_format(&prefix, prefix_text), &prefix_again) == ADDRESS_OK);
        FUZZ_CHECK(prefix_equal(&prefix, &prefix_again));
        struct prefix masked = prefix_masked(&prefix);
        FUZZ_CHECK(prefix_equal(&prefix, &masked));
    }
}

static void check_key(const char *text)
{
    struct key key;
    char key_text[KEY_TEXT_SIZE];
    if (key_parse_public(text, &key) == KEY_OK)
        FUZZ_CHECK(strcmp(key_format(&key, key_text), text) == 0);
}

static void check_taken(const struct connection *connection, const struct settings *settings)
{
    FUZZ_CHECK(connection->endpoint.port != 0);
    FUZZ_CHECK(!key_is_zero(&connection->public_key));
    FUZZ_CHECK(text_is_clean(connection->cluster_id, strlen(connection->cluster_id), false));
    for (uint32_t i = 0; i < connection->subnet_count; i++) {
        const struct prefix *subnet = &connection->allowed_ips[i];
        FUZZ_CHECK(subnet->length >= (subnet->family == FAMILY_IPV4 ? settings->min_prefix_ipv4
                                                                    : settings->min_prefix_ipv6));
        FUZZ_CHECK(prefix_special_range(subnet) == NULL);
        FUZZ_CHECK(prefix_equal(subnet, &connection->subnets[i].node.prefix));
        if (i > 0) {
            FUZZ_CHECK(prefix_compare(subnet - 1, subnet) < 0);
            FUZZ_CHECK(!prefix_overlaps(subnet - 1, subnet));
        }
    }
}

static const char *or_good(const char *text, const char *good)
{
    check_text(text);
    return text[0] != '\0' ? text : good;
}

static void fill(struct subwg_endpoint *endpoint, struct subwg_setting *config,
                 const char **subnets, struct input *input, struct strings *strings)
{
    uint8_t flags = input_byte(input);
    *strings = strings_of(input);
    endpoint->nat_enabled = flags & 1u;
    endpoint->present = (flags & 2u) != 0 ? SUBWG_ENDPOINT_USE_IP : 0;
    endpoint->use_nat = flags >> 2 & 1u;
    endpoint->cluster_id = or_good(strings_take(strings), "cluster2");
    endpoint->cable_name = strings_take(strings);
    endpoint->hostname = strings_take(strings);
    endpoint->private_ip = or_good(strings_take(strings), "192.0.2.7");
    endpoint->public_ip = or_good(strings_take(strings), "192.0.2.8");
    endpoint->use_ip = or_good(strings_take(strings), "2001:db8::7");
    config[0] = (struct subwg_setting){"publicKey", strings_take(strings)};
    check_key(config[0].value);
    if (config[0].value[0] == '\0')
        config[0].value = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=";
    config[1] = (struct subwg_setting){"udp-port", or_good(strings_take(strings), "5871")};
    config[2].key = strings_take(strings);
    config[2].value = strings_take(strings);
    endpoint->backend_config = config;
    endpoint->backend_config_count = flags >> 3 & 3u;
    endpoint->subnets = subnets;
    while (!strings_end(strings) && endpoint->subnet_count < SUBNETS_MAX)
        subnets[endpoint->subnet_count++] = or_good(strings_take(strings), "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = input_over(data, size);
    struct subwg_endpoint endpoint = SUBWG_ENDPOINT_INIT;
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_setting config[3];
    const char *subnets[SUBNETS_MAX];
    struct connection *connection = NULL;
    struct strings strings;
    const struct settings *settings = defaults();
    fill(&endpoint, config, subnets, &input, &strings);
    int32_t code =
        connection_from_endpoint(&interfaces_here, &endpoint, settings, &connection, &error);
    FUZZ_CHECK((code == 0) == (connection != NULL));
    if (code == 0) {
        check_taken(connection, settings);
    } else {
        FUZZ_CHECK(error.code == code && error.reason != SUBWG_REASON_UNSPECIFIED);
        FUZZ_CHECK(text_is_clean(error.text, strlen(error.text), false));
    }
    connection_destroy(connection);
    strings_free(&strings);
    return 0;
}
