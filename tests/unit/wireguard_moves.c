/* SPDX-License-Identifier: Apache-2.0 */
/* When subnets move to a new key: the decision over all that it can see, and two connections of one
 * cluster in the table. */
#include <string.h>

#include "unit.h"
#include "wireguard/moves.h"

static const uint64_t deadline_ns = 30;

static struct move_view view_of(uint32_t number, uint64_t now_ns)
{
    return (struct move_view){
        .attended = (number & 1) != 0,
        .old_works = (number & 2) != 0,
        .new_answers = (number & 4) != 0,
        .new_carries = (number & 8) != 0,
        .now_ns = now_ns,
        .deadline_ns = deadline_ns,
    };
}

START_TEST(it_waits_only_for_an_answer_and_only_while_the_old_peer_works)
{
    static const uint64_t times[] = {0, deadline_ns - 1, deadline_ns, deadline_ns + 1, UINT64_MAX};
    for (uint32_t number = 0; number < 16; number++)
        for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
            struct move_view view = view_of(number, times[i]);
            bool waits = view.attended && view.old_works && !view.new_answers &&
                         !view.new_carries && view.now_ns < deadline_ns;
            CHECK((move_decide(&view) == MOVE_WAIT) == waits);
        }
}
END_TEST

START_TEST(the_verdict_names_the_reason)
{
    struct move_view view = {.attended = true, .old_works = true, .deadline_ns = deadline_ns};
    ck_assert_int_eq(move_decide(&view), MOVE_WAIT);
    view.now_ns = deadline_ns;
    ck_assert_int_eq(move_decide(&view), MOVE_OVERDUE);
    view.old_works = false;
    ck_assert_int_eq(move_decide(&view), MOVE_OLD_DEAD);
    view.new_answers = true; /* better news than the old one's death */
    ck_assert_int_eq(move_decide(&view), MOVE_ANSWERED);
    view.new_carries = true;
    ck_assert_int_eq(move_decide(&view), MOVE_CARRIES);
    view.attended = false;
    ck_assert_int_eq(move_decide(&view), MOVE_UNATTENDED);
}
END_TEST

START_TEST(waiting_never_begins_again)
{
    /* Time and what happens to peers only bring the end nearer. */
    for (uint32_t number = 0; number < 16; number++)
        for (uint64_t now_ns = 0; now_ns < 2 * deadline_ns; now_ns++) {
            struct move_view now = view_of(number, now_ns);
            struct move_view later = view_of((number | 4u) & ~2u, now_ns + 1);
            struct move_view same_later = view_of(number, now_ns + 1);
            CHECK(move_decide(&later) != MOVE_WAIT);
            CHECK(move_decide(&now) == MOVE_WAIT || move_decide(&same_later) != MOVE_WAIT);
        }
}
END_TEST

static const struct settings settings = {
    .remote_port = 5871, .min_prefix_ipv4 = 8, .min_prefix_ipv6 = 16, .max_subnets = 1024};

/* Of the one cluster there is, with this key. */
static struct connection *make(uint32_t key_number, const char *subnet, const char *other_subnet)
{
    char key_text[KEY_TEXT_SIZE];
    struct key key = key_of(key_number);
    const struct subwg_setting config[] = {{"publicKey", key_format(&key, key_text)}};
    const char *subnets[] = {subnet, other_subnet};
    struct subwg_endpoint endpoint = SUBWG_ENDPOINT_INIT;
    struct connection *connection = NULL;
    endpoint.cluster_id = "cluster2";
    endpoint.private_ip = "192.0.2.7";
    endpoint.subnets = subnets;
    endpoint.subnet_count = 2;
    endpoint.backend_config = config;
    endpoint.backend_config_count = 1;
    ck_assert_int_eq(
        connection_from_endpoint(&interfaces_here, &endpoint, &settings, &connection, NULL), 0);
    return connection;
}

static const void *owner_of(const struct table *table, const char *text)
{
    struct prefix prefix = prefix_of(text);
    const struct prefix_node *node = prefix_map_find(&table->owners, &prefix, NULL, NULL);
    return node != NULL ? node->owner : NULL;
}

static struct table table;
static struct connection *old;
static struct connection *new;

static void begin_move(void)
{
    table_start(&table);
    old = make(2, "10.0.0.0/16", "10.1.0.0/16");
    new = make(3, "10.0.0.0/17", "10.2.0.0/16");
    ck_assert(table_reserve(&table));
    table_insert(&table, old);
    ck_assert(table_reserve(&table));
    table_insert_beside(&table, new, old);
}

static void take_out(struct connection *connection)
{
    table_remove(&table, connection);
    connection_destroy(connection);
    ck_assert_ptr_null(table.moving);
}

START_TEST(the_cluster_is_the_new_one_which_answers_for_both)
{
    begin_move();
    ck_assert_uint_eq(table.count, 2);
    ck_assert_ptr_eq(table.moving, new);
    ck_assert_ptr_eq(table_find_cluster(&table, "cluster2"), new);
    ck_assert_ptr_eq(table_find_key(&table, &old->public_key), old);
    ck_assert_ptr_eq(table_find_key(&table, &new->public_key), new);
    ck_assert_uint_eq(connection_carried_count(new), 0);
    ck_assert_uint_eq(connection_carried_count(old), 2);
    ck_assert_ptr_eq(owner_of(&table, "10.0.0.0/24"), new);
    ck_assert_ptr_eq(owner_of(&table, "10.1.0.0/24"), new);
    ck_assert_ptr_eq(owner_of(&table, "10.2.0.0/24"), new);
    table_finish(&table);
}
END_TEST

START_TEST(the_old_one_goes)
{
    begin_move();
    take_out(old);
    ck_assert_ptr_eq(table_find_cluster(&table, "cluster2"), new);
    ck_assert_ptr_null(new->predecessor);
    ck_assert_uint_eq(connection_carried_count(new), 2);
    ck_assert_ptr_eq(owner_of(&table, "10.0.0.0/24"), new);
    ck_assert_ptr_null(owner_of(&table, "10.1.0.0/24"));
    take_out(new);
    ck_assert_ptr_null(owner_of(&table, "10.0.0.0/8"));
    table_finish(&table);
}
END_TEST

START_TEST(the_new_one_goes)
{
    begin_move();
    take_out(new);
    ck_assert_ptr_null(table_find_cluster(&table, "cluster2"));
    ck_assert_ptr_eq(table_find_key(&table, &old->public_key), old);
    ck_assert_ptr_null(old->successor);
    ck_assert_ptr_eq(owner_of(&table, "10.0.200.0/24"), old);
    ck_assert_ptr_null(owner_of(&table, "10.2.0.0/24"));
    take_out(old);
    ck_assert_ptr_null(owner_of(&table, "10.0.0.0/8"));
    table_finish(&table);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        it_waits_only_for_an_answer_and_only_while_the_old_peer_works,
        the_verdict_names_the_reason,
        waiting_never_begins_again,
        the_cluster_is_the_new_one_which_answers_for_both,
        the_old_one_goes,
        the_new_one_goes,
        NULL,
    };
    return unit_run("wireguard_moves", tests);
}
