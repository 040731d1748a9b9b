/* SPDX-License-Identifier: Apache-2.0 */
/* The prefix map against a plain list that is searched from end to end. */
#include <stdlib.h>
#include <string.h>

#include "base/prefix_map.h"
#include "unit.h"

#define NODES  400
#define OWNERS 5

/* Each node is in the map exactly if owner is set. */
struct oracle {
    struct prefix_node nodes[NODES];
    void *owners[NODES];
};

static int owner_marks[OWNERS];

static struct prefix random_prefix(struct chance *chance)
{
    struct prefix prefix = {.family = chance_is(chance, 50) ? FAMILY_IPV4 : FAMILY_IPV6};
    prefix.length = (uint8_t)chance_below(chance, 20);
    if (chance_is(chance, 10))
        prefix.length = prefix.family;
    prefix.bytes[0] = (uint8_t)chance_next(chance);
    prefix.bytes[1] = (uint8_t)chance_next(chance);
    prefix.bytes[2] = (uint8_t)(chance_below(chance, 16) << 4);
    return prefix_masked(&prefix);
}

static bool any_overlaps(const struct oracle *oracle, const struct prefix *prefix,
                         const void *except, const void *also_except)
{
    for (int i = 0; i < NODES; i++)
        if (oracle->owners[i] != NULL && oracle->owners[i] != except &&
            oracle->owners[i] != also_except && prefix_overlaps(&oracle->nodes[i].prefix, prefix))
            return true;
    return false;
}

static void check_find(const struct prefix_map *map, const struct oracle *oracle,
                       const struct prefix *prefix, const void *except, const void *also_except)
{
    const struct prefix_node *found = prefix_map_find(map, prefix, except, also_except);
    CHECK((found != NULL) == any_overlaps(oracle, prefix, except, also_except));
    if (found == NULL)
        return;
    CHECK(found >= oracle->nodes && found < oracle->nodes + NODES);
    CHECK(found->owner == oracle->owners[found - oracle->nodes]);
    CHECK(found->owner != NULL && found->owner != except && found->owner != also_except);
    CHECK(prefix_overlaps(&found->prefix, prefix));
}

static void *random_owner(struct chance *chance)
{
    return &owner_marks[chance_below(chance, OWNERS)];
}

START_TEST(random_operations_match_the_list)
{
    struct chance chance = chance_start("random_operations_match_the_list");
    struct prefix_map map;
    prefix_map_start(&map);
    static struct oracle oracle;
    for (int i = 0; i < 30000; i++) {
        uint32_t at = chance_below(&chance, NODES);
        struct prefix prefix = random_prefix(&chance);
        if (oracle.owners[at] != NULL) {
            prefix_map_remove(&map, &oracle.nodes[at]);
            oracle.owners[at] = NULL;
        } else {
            void *owner = random_owner(&chance);
            bool overlaps = any_overlaps(&oracle, &prefix, NULL, NULL);
            oracle.nodes[at].prefix = prefix;
            CHECK(prefix_map_insert(&map, &oracle.nodes[at], owner) == !overlaps);
            oracle.owners[at] = overlaps ? NULL : owner;
            CHECK(oracle.nodes[at].owner == oracle.owners[at]);
        }
        prefix = random_prefix(&chance);
        check_find(&map, &oracle, &prefix, NULL, NULL);
        check_find(&map, &oracle, &prefix, random_owner(&chance), NULL);
        check_find(&map, &oracle, &prefix, random_owner(&chance), random_owner(&chance));
    }
    for (int i = 0; i < NODES; i++)
        prefix_map_remove(&map, &oracle.nodes[i]);
    ck_assert_ptr_null(map.ipv4);
    ck_assert_ptr_null(map.ipv6);
}
END_TEST

START_TEST(equal_covering_and_more_specific_owners_are_found)
{
    struct prefix_map map;
    prefix_map_start(&map);
    int owner;
    struct prefix_node node = {.prefix = prefix_of("10.1.0.0/16")};
    ck_assert(prefix_map_insert(&map, &node, &owner));
    static const char *const overlapping[] = {"10.1.0.0/16", "10.1.128.0/17", "10.1.2.3/32",
                                              "10.0.0.0/8", "0.0.0.0/0"};
    static const char *const beside[] = {"10.0.0.0/16",     "10.2.0.0/16", "11.0.0.0/8",
                                         "10.0.255.255/32", "::/0",        "a01::/16"};
    for (size_t i = 0; i < sizeof(overlapping) / sizeof(overlapping[0]); i++) {
        struct prefix prefix = prefix_of(overlapping[i]);
        ck_assert_ptr_eq(prefix_map_find(&map, &prefix, NULL, NULL), &node);
        ck_assert_ptr_null(prefix_map_find(&map, &prefix, &owner, NULL));
        ck_assert_ptr_null(prefix_map_find(&map, &prefix, NULL, &owner));
        struct prefix_node claim = {.prefix = prefix};
        ck_assert(!prefix_map_insert(&map, &claim, &claim));
        ck_assert_ptr_null(claim.owner);
    }
    for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
        struct prefix prefix = prefix_of(beside[i]);
        ck_assert_ptr_null(prefix_map_find(&map, &prefix, NULL, NULL));
    }
    prefix_map_remove(&map, &node);
    ck_assert_ptr_null(map.ipv4);
}
END_TEST

START_TEST(behind_excepted_owners_the_other_one_is_found)
{
    enum { COUNT = 256 };
    struct prefix_map map;
    prefix_map_start(&map);
    int mine;
    int others;
    static struct prefix_node nodes[COUNT];
    struct prefix all = prefix_of("10.0.0.0/8");
    for (int other = 0; other < COUNT; other++) {
        for (int i = 0; i < COUNT; i++) {
            nodes[i] = (struct prefix_node){.prefix = prefix_of("10.0.0.0/16")};
            nodes[i].prefix.bytes[1] = (uint8_t)i;
            CHECK(prefix_map_insert(&map, &nodes[i], i == other ? &others : &mine));
        }
        CHECK(prefix_map_find(&map, &all, &mine, NULL) == &nodes[other]);
        CHECK(prefix_map_find(&map, &all, &mine, &others) == NULL);
        for (int i = 0; i < COUNT; i++)
            prefix_map_remove(&map, &nodes[i]);
    }
}
END_TEST

START_TEST(removing_what_is_not_in_a_map_does_nothing)
{
    struct prefix_map map;
    prefix_map_start(&map);
    int owner;
    struct prefix_node inside = {.prefix = prefix_of("10.0.0.0/8")};
    struct prefix_node never = {.prefix = prefix_of("10.0.0.0/8")};
    ck_assert(prefix_map_insert(&map, &inside, &owner));
    prefix_map_remove(&map, &never);
    ck_assert_ptr_eq(prefix_map_find(&map, &inside.prefix, NULL, NULL), &inside);
    prefix_map_remove(&map, &inside);
    prefix_map_remove(&map, &inside);
    ck_assert_ptr_null(prefix_map_find(&map, &never.prefix, NULL, NULL));
    ck_assert(prefix_map_insert(&map, &inside, &owner));
}
END_TEST

/* Branchings above the prefix that a branch leads to, at most; adds each one's for the mean. */
static unsigned depth_of(const struct prefix_node *node, unsigned passed, unsigned depth,
                         uint64_t *sum)
{
    if (node->bit <= passed) {
        *sum += depth;
        return depth;
    }
    unsigned left = depth_of(node->branches[0], node->bit, depth + 1, sum);
    unsigned right = depth_of(node->branches[1], node->bit, depth + 1, sum);
    return left > right ? left : right;
}

/* The number's own /28 or /56, no two of which overlap. */
static struct prefix numbered(uint32_t number, enum family family)
{
    struct prefix prefix = {.family = (uint8_t)family, .length = family == FAMILY_IPV4 ? 28 : 56};
    uint32_t bits = number << 4;
    for (size_t i = 0; i < 4; i++)
        prefix.bytes[i + (family == FAMILY_IPV4 ? 0 : 3)] = (uint8_t)(bits >> (24 - 8 * i));
    return prefix;
}

/* How far a search goes, counted, not timed; and each is found and removed. */
static void check_depth(uint32_t count, uint32_t step, enum family family, unsigned most)
{
    struct prefix_map map;
    prefix_map_start(&map);
    int owner;
    struct prefix_node *nodes = calloc(count, sizeof(*nodes));
    ck_assert_ptr_nonnull(nodes);
    for (uint32_t i = 0; i < count; i++) {
        nodes[i].prefix = numbered(i * step & 0xFFFFFFFu, family);
        CHECK(prefix_map_insert(&map, &nodes[i], &owner));
    }
    uint64_t sum = 0;
    struct prefix_node **root = family == FAMILY_IPV4 ? &map.ipv4 : &map.ipv6;
    unsigned deepest = depth_of(*root, 0, 0, &sum);
    ck_assert_uint_le(deepest, family);
    ck_assert_uint_le(sum, (uint64_t)most * count);
    for (uint32_t i = 0; i < count; i++) {
        CHECK(prefix_map_find(&map, &nodes[i].prefix, NULL, NULL) == &nodes[i]);
        prefix_map_remove(&map, &nodes[i]);
    }
    ck_assert_ptr_null(*root);
    free(nodes);
}

START_TEST(a_million_prefixes_are_as_deep_as_their_logarithm)
{
    const uint32_t in_order = 1;
    const uint32_t in_none = 2654435761u;
    check_depth(1000, in_order, FAMILY_IPV4, 11);
    check_depth(1000, in_none, FAMILY_IPV4, 11);
    check_depth(1000000, in_order, FAMILY_IPV6, 21);
    check_depth(1000000, in_none, FAMILY_IPV4, 21);
}
END_TEST

/* 0/1, 10/2, 110/3, ...: the deepest that there is. */
START_TEST(no_choice_of_prefixes_is_deeper_than_an_address_has_bits)
{
    struct prefix_map map;
    prefix_map_start(&map);
    int owners[2];
    static struct prefix_node nodes[FAMILY_IPV6];
    for (unsigned i = 0; i < FAMILY_IPV6; i++) {
        struct prefix *prefix = &nodes[i].prefix;
        *prefix = (struct prefix){.family = FAMILY_IPV6, .length = (uint8_t)(i + 1)};
        for (unsigned bit = 0; bit < i; bit++)
            prefix->bytes[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
        CHECK(prefix_map_insert(&map, &nodes[i], &owners[i == FAMILY_IPV6 - 1]));
    }
    uint64_t sum = 0;
    ck_assert_uint_eq(depth_of(map.ipv6, 0, 0, &sum), FAMILY_IPV6 - 1);
    struct prefix all = prefix_of("::/0");
    ck_assert_ptr_eq(prefix_map_find(&map, &all, &owners[0], NULL), &nodes[FAMILY_IPV6 - 1]);
    ck_assert_ptr_null(prefix_map_find(&map, &all, &owners[0], &owners[1]));
    for (unsigned i = 0; i < FAMILY_IPV6; i++)
        prefix_map_remove(&map, &nodes[i]);
    ck_assert_ptr_null(map.ipv6);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        random_operations_match_the_list,
        equal_covering_and_more_specific_owners_are_found,
        behind_excepted_owners_the_other_one_is_found,
        removing_what_is_not_in_a_map_does_nothing,
        a_million_prefixes_are_as_deep_as_their_logarithm,
        no_choice_of_prefixes_is_deeper_than_an_address_has_bits,
        NULL,
    };
    return unit_run("base_prefix_map", tests);
}
