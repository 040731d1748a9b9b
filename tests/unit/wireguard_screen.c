/* SPDX-License-Identifier: Apache-2.0 */
/* The quick look against the one that looks at everything: whom it clears overlaps nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "wireguard/instance.h"
#include "wireguard/screen.h"

#define WORLDS      400
#define CONNECTIONS 6
#define ADDRESSES   6

static const struct settings settings = {.keepalive_s = 10,
                                         .remote_port = 5871,
                                         .min_prefix_ipv4 = 8,
                                         .min_prefix_ipv6 = 16,
                                         .max_subnets = 1024};

/* One of few, so that they meet: in 10.0.0.0/11, /16 to /24, and the same by IPv6. */
static const char *some_prefix(struct chance *chance, char text[PREFIX_TEXT_SIZE])
{
    unsigned int net = chance_below(chance, 24);
    unsigned int host = chance_below(chance, 4);
    if (chance_is(chance, 30))
        (void)snprintf(text, PREFIX_TEXT_SIZE, "fd00:%x::/%u", net, 32u);
    else if (chance_is(chance, 50))
        (void)snprintf(text, PREFIX_TEXT_SIZE, "10.%u.%u.0/24", net, host);
    else
        (void)snprintf(text, PREFIX_TEXT_SIZE, "10.%u.0.0/16", net);
    return text;
}

static struct connection *make_connection(struct chance *chance, uint32_t number)
{
    char name[24];
    char key_text[KEY_TEXT_SIZE];
    char address[ADDRESS_TEXT_SIZE];
    char texts[2][PREFIX_TEXT_SIZE];
    const char *const subnets[] = {some_prefix(chance, texts[0]), some_prefix(chance, texts[1])};
    struct key key = key_of(number);
    const struct subwg_setting config[] = {{"publicKey", key_format(&key, key_text)}};
    struct subwg_endpoint endpoint = SUBWG_ENDPOINT_INIT;
    struct connection *connection = NULL;
    (void)snprintf(name, sizeof(name), "cluster%u", (unsigned)number);
    (void)snprintf(address, sizeof(address), "192.0.2.%u", (unsigned)chance_below(chance, 120));
    endpoint.cluster_id = name;
    endpoint.private_ip = address;
    endpoint.subnets = subnets;
    endpoint.subnet_count = 2;
    endpoint.backend_config = config;
    endpoint.backend_config_count = 1;
    CHECK(connection_from_endpoint(&interfaces_here, &endpoint, &settings, &connection, NULL) == 0);
    return connection;
}

static uint32_t make_addresses(struct chance *chance, struct interface_address *addresses)
{
    uint32_t count = chance_below(chance, ADDRESSES + 1);
    for (uint32_t i = 0; i < count; i++) {
        char text[PREFIX_TEXT_SIZE];
        if (chance_is(chance, 50))
            (void)snprintf(text, sizeof(text), "192.0.2.%u/32",
                           (unsigned)chance_below(chance, 120));
        else
            (void)some_prefix(chance, text);
        addresses[i] = (struct interface_address){.ifindex = 2, .prefix = prefix_of(text)};
    }
    return count;
}

static void fill_table(struct chance *chance, struct table *table)
{
    uint32_t count = chance_below(chance, CONNECTIONS + 1);
    table_start(table);
    for (uint32_t i = 0; i < count; i++) {
        CHECK(table_reserve(table));
        table_insert(table, make_connection(chance, i + 1));
    }
}

START_TEST(who_is_cleared_overlaps_nothing_and_most_of_a_quiet_host_are_cleared)
{
    struct chance chance = chance_start("screen");
    struct subwg_instance *instance = calloc(1, sizeof(*instance));
    uint32_t cleared = 0;
    uint32_t overlapping = 0;
    CHECK(instance != NULL);
    for (uint32_t world = 0; world < WORLDS; world++) {
        struct interface_address addresses[ADDRESSES];
        struct prefix own;
        char text[PREFIX_TEXT_SIZE];
        struct screen screen = {0};
        uint32_t count = make_addresses(&chance, addresses);
        own = prefix_of(some_prefix(&chance, text));
        instance->local = (struct local){.private_address = address_of("192.0.2.7"),
                                         .public_address = address_of("192.0.2.8"),
                                         .subnets = &own,
                                         .subnet_count = chance_below(&chance, 2)};
        fill_table(&chance, &instance->table);
        CHECK(screen_make(instance, addresses, count, &screen) == 0);
        for (uint32_t i = 0; i < instance->table.count; i++) {
            const struct connection *connection = instance->table.connections[i];
            bool clear = screen_clears(instance, &screen, connection);
            bool free_of_all =
                overlap_find(instance, connection, addresses, count).kind == OVERLAP_NONE;
            CHECK(!clear || free_of_all);
            cleared += clear;
            overlapping += !free_of_all;
        }
        screen_finish(&screen);
        table_finish(&instance->table);
    }
    free(instance);
    CHECK(cleared > WORLDS && overlapping > WORLDS / 8);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        who_is_cleared_overlaps_nothing_and_most_of_a_quiet_host_are_cleared, NULL};
    return unit_run("screen", tests);
}
