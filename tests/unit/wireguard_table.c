/* SPDX-License-Identifier: Apache-2.0 */
/* The table of connections against a plain list. */
#include <stdio.h>
#include <string.h>

#include "unit.h"
#include "wireguard/table.h"

#define CLUSTERS 60
#define POOL     48

static void name_of(uint32_t number, char name[16])
{
    (void)snprintf(name, 16, "cluster%u", (unsigned)number);
}

static struct prefix pool_prefix(uint32_t number)
{
    /* One in four covers the three that follow. */
    struct prefix prefix = {.family = FAMILY_IPV4, .length = number % 4 == 0 ? 16 : 24};
    prefix.bytes[0] = 10;
    prefix.bytes[1] = (uint8_t)(number / 4);
    prefix.bytes[2] = (uint8_t)(number % 4);
    return prefix;
}

static const struct settings settings = {.keepalive_s = 10,
                                         .remote_port = 5871,
                                         .min_prefix_ipv4 = 8,
                                         .min_prefix_ipv6 = 16,
                                         .max_subnets = 1024};

/* Several behind one address. */
#define GATEWAYS 7
static const char *const gateways[GATEWAYS] = {"192.0.2.7",        "192.0.2.8",     "198.51.100.7",
                                               "203.0.113.200",    "203.0.113.201", "2001:db8::7",
                                               "2001:db8:0:100::7"};

/* A connection of the cluster with this number; its key has the same number. */
static struct connection *make_connection(uint32_t number, const struct prefix *prefixes,
                                          uint32_t count)
{
    char name[16];
    char key_text[KEY_TEXT_SIZE];
    static char texts[POOL][PREFIX_TEXT_SIZE];
    const char *subnets[POOL];
    struct key key = key_of(number);
    const struct subwg_setting config[] = {{"publicKey", key_format(&key, key_text)}};
    struct subwg_endpoint endpoint = SUBWG_ENDPOINT_INIT;
    struct connection *connection = NULL;
    name_of(number, name);
    for (uint32_t i = 0; i < count; i++)
        subnets[i] = prefix_format(&prefixes[i], texts[i]);
    endpoint.cluster_id = name;
    endpoint.private_ip = gateways[number % GATEWAYS];
    endpoint.subnets = subnets;
    endpoint.subnet_count = count;
    endpoint.backend_config = config;
    endpoint.backend_config_count = 1;
    CHECK(connection_from_endpoint(&interfaces_here, &endpoint, &settings, &connection, NULL) == 0);
    return connection;
}

/* A leftover with that key. */
static struct connection *make_leftover(uint32_t number, const struct prefix *prefixes,
                                        uint32_t count)
{
    struct prefix allowed_ips[POOL];
    memcpy(allowed_ips, prefixes, count * sizeof(*prefixes));
    const struct wg_peer peer = {.public_key = key_of(number), .allowed_ip_count = count};
    const struct wg_device device = {.allowed_ips = allowed_ips, .allowed_ip_count = count};
    struct connection *connection = connection_from_peer(&device, &peer);
    CHECK(connection != NULL);
    return connection;
}

struct oracle {
    struct connection *of[CLUSTERS]; /* by number */
    uint32_t count;
    struct {
        struct prefix prefix;
        const struct connection *owner;
    } owners[CLUSTERS * POOL];
    uint32_t owner_count;
};

static const struct connection *owner_in_list(const struct oracle *oracle,
                                              const struct prefix *prefix)
{
    for (uint32_t i = 0; i < oracle->owner_count; i++)
        if (prefix_overlaps(&oracle->owners[i].prefix, prefix))
            return oracle->owners[i].owner;
    return NULL;
}

/* Of its prefixes those that nobody owns. */
static void oracle_insert(struct oracle *oracle, uint32_t number, struct connection *connection)
{
    oracle->of[number] = connection;
    oracle->count++;
    for (uint32_t i = 0; i < connection->subnet_count; i++) {
        if (owner_in_list(oracle, &connection->allowed_ips[i]) != NULL)
            continue;
        oracle->owners[oracle->owner_count].prefix = connection->allowed_ips[i];
        oracle->owners[oracle->owner_count++].owner = connection;
    }
}

static void oracle_remove(struct oracle *oracle, uint32_t number)
{
    for (uint32_t i = oracle->owner_count; i-- > 0;)
        if (oracle->owners[i].owner == oracle->of[number])
            oracle->owners[i] = oracle->owners[--oracle->owner_count];
    oracle->of[number] = NULL;
    oracle->count--;
}

static void check_number(const struct table *table, const struct oracle *oracle, uint32_t number)
{
    char name[16];
    struct key key = key_of(number);
    const struct connection *expected = oracle->of[number];
    name_of(number, name);
    CHECK(table_find_key(table, &key) == expected);
    /* A leftover that nobody claimed has no cluster. */
    CHECK(table_find_cluster(table, name) ==
          (expected != NULL && !expected->adopted ? expected : NULL));
}

static void check_prefix(const struct table *table, const struct oracle *oracle,
                         const struct prefix *prefix)
{
    const struct prefix_node *node = prefix_map_find(&table->owners, prefix, NULL, NULL);
    const struct connection *expected = owner_in_list(oracle, prefix);
    CHECK((node != NULL) == (expected != NULL));
    if (node == NULL)
        return;
    bool in_list = false;
    for (uint32_t i = 0; i < oracle->owner_count; i++)
        in_list = in_list || (oracle->owners[i].owner == node->owner &&
                              prefix_equal(&oracle->owners[i].prefix, &node->prefix));
    CHECK(in_list && prefix_overlaps(&node->prefix, prefix));
}

static uint32_t random_path_mtu(struct chance *chance)
{
    uint32_t value = chance_below(chance, 40);
    return value == 0 ? 0 : 1280 + value;
}

/* The smallest path without up to three connections, and the number of leftovers, by looking at all. */
static void check_counts(const struct table *table, struct chance *chance)
{
    uint32_t first = chance_below(chance, table->count + 1);
    uint32_t except_count = 0;
    uint32_t except[3];
    uint32_t least = 0;
    uint32_t adopted = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        uint32_t mtu = table->connections[i]->path_mtu;
        adopted += table->connections[i]->adopted;
        if (i >= first && except_count < 3)
            except[except_count++] = mtu;
        else if (mtu != 0 && (least == 0 || mtu < least))
            least = mtu;
    }
    CHECK(path_mtus_least(&table->path_mtus, except, except_count) == least);
    CHECK(table->adopted_count == adopted);
}

/* Which gateways lie in a prefix, by looking at all. */
static void check_endpoints(struct table *table, struct chance *chance)
{
    struct address gateway;
    CHECK(address_parse(gateways[chance_below(chance, GATEWAYS)], &gateway) == ADDRESS_OK);
    struct prefix prefix = prefix_of_address(&gateway);
    prefix.length = (uint8_t)chance_below(chance, prefix.length + 1u);
    prefix = prefix_masked(&prefix);
    bool expected = false;
    for (uint32_t i = 0; i < table->count; i++)
        expected = expected || prefix_contains(&prefix, &table->connections[i]->endpoint.address);
    CHECK(table_has_endpoint_in(table, &prefix) == expected);
}

/* Whatever was at a place before: what is found there is what has the key. */
static void check_dumped(struct table *table, const struct oracle *oracle, struct chance *chance)
{
    uint32_t turned = chance_below(chance, 4) == 0 ? chance_below(chance, CLUSTERS) : 0;
    for (uint32_t place = 0; place < CLUSTERS; place++) {
        uint32_t number = (place + turned) % CLUSTERS;
        struct key key = key_of(number);
        CHECK(table_find_dumped(table, place, &key) == oracle->of[number]);
    }
}

static void check_order(struct table *table)
{
    table_order(table);
    for (uint32_t i = 0; i < table->count; i++) {
        CHECK(table->connections[i]->position == i);
        CHECK(i == 0 || strcmp(table->connections[i - 1]->cluster_id,
                               table->connections[i]->cluster_id) <= 0);
    }
}

START_TEST(random_operations_match_the_list)
{
    struct chance chance = chance_start("random_operations_match_the_list");
    static struct oracle oracle;
    struct table table;
    table_start(&table);
    for (int i = 0; i < 3000; i++) {
        uint32_t number = chance_below(&chance, CLUSTERS);
        struct connection *there = oracle.of[number];
        if (there != NULL) {
            oracle_remove(&oracle, number);
            table_remove(&table, there);
            CHECK(there->by_key.key == NULL && there->by_cluster.key == NULL);
            connection_destroy(there);
        } else {
            struct prefix prefixes[4];
            uint32_t count = chance_below(&chance, 5);
            for (uint32_t j = 0; j < count; j++)
                prefixes[j] = pool_prefix(chance_below(&chance, POOL));
            struct connection *fresh = chance_is(&chance, 30)
                                           ? make_leftover(number, prefixes, count)
                                           : make_connection(number, prefixes, count);
            oracle_insert(&oracle, number, fresh);
            fresh->path_mtu = random_path_mtu(&chance);
            CHECK(table_reserve(&table));
            table_insert(&table, fresh);
        }
        CHECK(table.count == oracle.count);
        if (table.count > 0)
            table_set_path_mtu(&table, table.connections[chance_below(&chance, table.count)],
                               random_path_mtu(&chance));
        check_counts(&table, &chance);
        check_dumped(&table, &oracle, &chance);
        if (i >= 100)
            check_endpoints(&table, &chance);
        if (chance_is(&chance, 30))
            check_order(&table);
        CHECK(table_find_cluster(&table, "") == NULL); /* leftovers are nobody's */
        check_number(&table, &oracle, number);
        check_number(&table, &oracle, chance_below(&chance, CLUSTERS));
        struct prefix prefix = pool_prefix(chance_below(&chance, POOL));
        check_prefix(&table, &oracle, &prefix);
        for (uint32_t j = 0; j < table.count; j++)
            CHECK(table.connections[j]->position == j);
    }
    table_finish(&table); /* with what is left in it */
    ck_assert_uint_eq(table.count, 0);
    ck_assert_ptr_null(table.connections);
}
END_TEST

START_TEST(the_first_owner_keeps_a_prefix)
{
    struct table table;
    struct prefix wide = pool_prefix(0);
    struct prefix narrow = pool_prefix(1);
    struct connection *first = make_connection(1, &narrow, 1);
    struct connection *second = make_connection(2, &wide, 1);
    table_start(&table);
    ck_assert(table_reserve(&table));
    table_insert(&table, first);
    ck_assert(table_reserve(&table));
    table_insert(&table, second);
    ck_assert_ptr_eq(prefix_map_find(&table.owners, &wide, NULL, NULL)->owner, first);
    ck_assert_ptr_null(prefix_map_find(&table.owners, &wide, first, NULL));
    table_remove(&table, second); /* which owned nothing, and takes nothing away */
    ck_assert_ptr_eq(prefix_map_find(&table.owners, &narrow, NULL, NULL)->owner, first);
    connection_destroy(second);
    table_remove(&table, first);
    ck_assert_ptr_null(prefix_map_find(&table.owners, &narrow, NULL, NULL));
    connection_destroy(first);
    table_finish(&table);
}
END_TEST

START_TEST(an_empty_table_has_nothing)
{
    struct table table;
    struct key key = key_of(1);
    table_start(&table);
    ck_assert_ptr_null(table_find_key(&table, &key));
    ck_assert_ptr_null(table_find_cluster(&table, "cluster1"));
    ck_assert_ptr_null(table_find_cluster(&table, ""));
    table_finish(&table);
}
END_TEST

START_TEST(it_grows)
{
    struct table table;
    table_start(&table);
    for (uint32_t number = 0; number < 2000; number++) {
        CHECK(table_reserve(&table));
        table_insert(&table, make_connection(number, NULL, 0));
    }
    for (uint32_t number = 0; number < 2000; number++) {
        char name[16];
        struct key key = key_of(number);
        name_of(number, name);
        struct connection *connection = table_find_cluster(&table, name);
        CHECK(connection != NULL && strcmp(connection->cluster_id, name) == 0);
        CHECK(table_find_key(&table, &key) == connection);
    }
    table_finish(&table);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        random_operations_match_the_list,
        the_first_owner_keeps_a_prefix,
        an_empty_table_has_nothing,
        it_grows,
        NULL,
    };
    return unit_run("wireguard_table", tests);
}
