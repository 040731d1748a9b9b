/* SPDX-License-Identifier: Apache-2.0 */
/* The hash index against a plain list. */
#include <string.h>

#include "base/index.h"
#include "unit.h"

#define ITEMS 600

struct item {
    int before; /* so that the node is not at the struct's beginning */
    struct index_node node;
    char key[8];
    size_t length;
    bool in;
};

static struct item items[ITEMS];

static void make_items(void)
{
    /* Keys of all lengths from 1 on, some the beginning of others, with zero bytes as well. */
    for (uint32_t i = 0; i < ITEMS; i++) {
        uint64_t value = i;
        items[i] = (struct item){.length = 4 + i % 5};
        memcpy(items[i].key, &value, sizeof(items[i].key));
    }
}

static struct item *find(const struct index *index, const struct item *wanted)
{
    char copy[8]; /* equal keys are found by what they hold, not by where they are */
    memcpy(copy, wanted->key, sizeof(copy));
    return INDEX_OWNER(index_find(index, copy, wanted->length), struct item, node);
}

START_TEST(random_operations_match_the_list)
{
    struct chance chance = chance_start("random_operations_match_the_list");
    struct index index;
    index_start(&index);
    make_items();
    size_t count = 0;
    ck_assert_ptr_null(index_find(&index, "x", 1));
    for (int i = 0; i < 60000; i++) {
        struct item *item = &items[chance_below(&chance, ITEMS)];
        if (item->in || chance_is(&chance, 10)) {
            index_remove(&index, &item->node); /* sometimes one that is not in */
            count -= item->in;
            item->in = false;
        } else {
            CHECK(index_reserve(&index, count + 1));
            index_insert(&index, &item->node, item->key, item->length);
            count++;
            item->in = true;
        }
        CHECK(index.count == count);
        const struct item *other = &items[chance_below(&chance, ITEMS)];
        CHECK(find(&index, other) == (other->in ? other : NULL));
    }
    for (int i = 0; i < ITEMS; i++)
        CHECK(find(&index, &items[i]) == (items[i].in ? &items[i] : NULL));
    index_finish(&index);
}
END_TEST

START_TEST(growing_keeps_everything)
{
    struct index index;
    index_start(&index);
    make_items();
    for (uint32_t i = 0; i < ITEMS; i++) {
        CHECK(index_reserve(&index, i + 1));
        index_insert(&index, &items[i].node, items[i].key, items[i].length);
        for (uint32_t j = 0; j <= i; j += 37)
            CHECK(find(&index, &items[j]) == &items[j]);
    }
    CHECK(index_reserve(&index, 100000));
    for (uint32_t i = 0; i < ITEMS; i++)
        CHECK(find(&index, &items[i]) == &items[i]);
    CHECK(index_reserve(&index, 1)); /* never shrinks below what is in */
    CHECK(find(&index, &items[0]) == &items[0]);
    index_finish(&index);
}
END_TEST

START_TEST(the_length_is_part_of_the_key)
{
    struct index index;
    struct index_node node = {0};
    index_start(&index);
    ck_assert(index_reserve(&index, 1));
    index_insert(&index, &node, "cluster2", 8);
    ck_assert_ptr_eq(index_find(&index, "cluster2", 8), &node);
    ck_assert_ptr_null(index_find(&index, "cluster2", 9));
    ck_assert_ptr_null(index_find(&index, "cluster", 7));
    ck_assert_ptr_null(index_find(&index, "", 0));
    index_finish(&index);
}
END_TEST

START_TEST(remotes_cannot_foresee_the_collisions)
{
    struct index a;
    struct index b;
    index_start(&a);
    index_start(&b);
    ck_assert(memcmp(a.secret, b.secret, sizeof(a.secret)) != 0);
    index_finish(&a);
    index_finish(&b);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        random_operations_match_the_list,
        growing_keeps_everything,
        the_length_is_part_of_the_key,
        remotes_cannot_foresee_the_collisions,
        NULL,
    };
    return unit_run("base_index", tests);
}
