/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus text: the seed's bytes, the names of profile submariner, and hostile rows. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <subwg/render.h>

#include "engine/writer.h"
#include "engine_golden.h"
#include "engine_render_rows.h"

static struct fixture_text text;

static void render(uint32_t profile, struct subwg_snapshot *const *snapshots, uint32_t count)
{
    free(text.bytes);
    text = (struct fixture_text){0};
    ck_assert_int_eq(subwg_write_exposition(profile, snapshots, count, fixture_write, &text), 0);
}

static void render_one(uint32_t profile, const char *driver, const struct subwg_metric *rows,
                       size_t count)
{
    struct subwg_endpoint local = fixture_local();
    struct subwg_snapshot *snapshot = metric_snapshot(driver, &local, rows, count);
    render(profile, &snapshot, 1);
    subwg_snapshot_unref(snapshot);
}

static size_t occurrences(const char *word)
{
    size_t count = 0;
    for (const char *found = text.bytes; (found = strstr(found, word)) != NULL; found++)
        count++;
    return count;
}

START_TEST(examples_of_the_seed)
{
    struct subwg_metric one =
        metric_row("cluster2", "omer-sub2-vm-worker2", "10.243.64.7", 2488, 7716, 6048);
    render_one(SUBWG_PROFILE_SEED, "wireguard", &one, 1);
    golden_equal(text.bytes, "seed-one.metrics");

    /* Pushed in another order. */
    struct subwg_metric two[] = {
        metric_row("cluster3", "omer-sub2-vm-worker3", "10.243.64.9", 83, 308, 400),
        metric_row("cluster2", "omer-sub2-vm-worker2", "10.243.64.7", 2904, 8896, 6996),
    };
    render_one(SUBWG_PROFILE_SEED, "wireguard", two, 2);
    golden_equal(text.bytes, "seed-two.metrics");
    ck_assert_uint_eq(text.writes, 1);
}
END_TEST

START_TEST(nothing_connected)
{
    render_one(SUBWG_PROFILE_SEED, "wireguard", NULL, 0);
    ck_assert_str_eq(text.bytes,
                     "# HELP wireguard_connected_endpoints wireguard connected endpoints\n"
                     "# TYPE wireguard_connected_endpoints gauge\n"
                     "wireguard_connected_endpoints 0\n");
    render(SUBWG_PROFILE_SEED, NULL, 0);
    ck_assert_uint_eq(text.writes, 0);
    render_one(SUBWG_PROFILE_SUBMARINER, "wireguard", NULL, 0);
    ck_assert_uint_eq(text.writes, 0);
}
END_TEST

START_TEST(only_connected_rows_count_but_all_have_series)
{
    struct subwg_metric rows[] = {
        metric_row("a", "h", "10.0.0.1", 1, 2, 3),
        metric_row("b", "h", "10.0.0.2", 4, 5, 6),
        metric_row("c", "h", "10.0.0.3", 7, 8, 9),
    };
    rows[1].status = SUBWG_STATUS_ERROR;
    rows[2].status = SUBWG_STATUS_CONNECTING;
    rows[2].present = 0;
    rows[2].lifetime_s = 0;
    render_one(SUBWG_PROFILE_SEED, "wireguard", rows, 3);
    ck_assert_uint_eq(occurrences("\nwireguard_connected_endpoints 1\n"), 1);
    ck_assert_uint_eq(occurrences("\nwireguard_connection_lifetime{"), 3);
    ck_assert_uint_eq(occurrences("dst_clusterID=\"c\"} 0\n"), 1);
    /* A row that has no counters has no series of them. */
    ck_assert_uint_eq(occurrences("\nwireguard_rx_bytes{"), 2);
    ck_assert_uint_eq(occurrences("\nwireguard_tx_bytes{"), 2);
}
END_TEST

START_TEST(drivers_by_name_and_cables_together)
{
    struct subwg_endpoint local = fixture_local();
    struct subwg_metric first = metric_row("b", "h", "10.0.0.1", 1, 2, 3);
    struct subwg_metric second = metric_row("a", "h", "10.0.0.2", 1, 2, 3);
    struct subwg_snapshot *snapshots[] = {
        metric_snapshot("wireguard", &local, &first, 1),
        metric_snapshot("vxlan", &local, &first, 1),
        metric_snapshot("wireguard", &local, &second, 1),
        metric_snapshot("4-in-6", &local, &second, 1),
    };
    render(SUBWG_PROFILE_SEED, snapshots, 4);
    ck_assert_uint_eq(occurrences("# HELP "), 12);
    ck_assert_uint_eq(occurrences("# HELP wireguard_rx_bytes "), 1);
    ck_assert_uint_eq(occurrences("\nwireguard_connected_endpoints 2\n"), 1);
    ck_assert_ptr_eq(strstr(text.bytes, "# HELP __in_6_connected_endpoints 4-in-6 connected "),
                     text.bytes);
    ck_assert_uint_eq(occurrences("\n__in_6_rx_bytes{Backend=\"4-in-6\","), 1);
    ck_assert(strstr(text.bytes, "vxlan_tx_bytes{") <
              strstr(text.bytes, "# HELP wireguard_connected_endpoints"));
    ck_assert(strstr(text.bytes, "dst_clusterID=\"a\"") <
              strstr(text.bytes, "dst_clusterID=\"b\""));
    for (size_t i = 0; i < 4; i++)
        subwg_snapshot_unref(snapshots[i]);
}
END_TEST

/* Two names that become one prefix share their families. */
START_TEST(names_with_one_prefix)
{
    struct subwg_endpoint local = fixture_local();
    struct subwg_metric row = metric_row("a", "h", "10.0.0.1", 1, 2, 3);
    struct subwg_snapshot *snapshots[] = {
        metric_snapshot("4in6", &local, &row, 1),
        metric_snapshot("-in6", &local, &row, 1),
    };
    render(SUBWG_PROFILE_SEED, snapshots, 2);
    ck_assert_uint_eq(occurrences("# TYPE _in6_rx_bytes gauge\n"), 1);
    ck_assert_uint_eq(occurrences("\n_in6_connected_endpoints 2\n"), 1);
    ck_assert_uint_eq(occurrences("\n_in6_rx_bytes{Backend=\"4in6\","), 1);
    ck_assert_uint_eq(occurrences("\n_in6_rx_bytes{Backend=\"-in6\","), 1);
    subwg_snapshot_unref(snapshots[0]);
    subwg_snapshot_unref(snapshots[1]);
}
END_TEST

START_TEST(numbers)
{
    struct subwg_metric row = metric_row("a", "h", "10.0.0.1", 0, UINT64_MAX, 10);
    render_one(SUBWG_PROFILE_SEED, "wireguard", &row, 1);
    ck_assert_uint_eq(occurrences("} 18446744073709551615\n"), 1);
    ck_assert_uint_eq(occurrences("} 0\n"), 1);
    ck_assert_uint_eq(occurrences("} 10\n"), 1);
}
END_TEST

START_TEST(numbers_around_powers_of_ten)
{
    uint64_t power = 1;
    for (int digits = 1; digits <= 20; digits++, power *= 10) {
        char wanted[3][32];
        struct subwg_metric row = metric_row("a", "h", "10.0.0.1", power - 1, power, power + 1);
        render_one(SUBWG_PROFILE_SEED, "wireguard", &row, 1);
        for (uint64_t i = 0; i < 3; i++) {
            (void)snprintf(wanted[i], sizeof(wanted[i]), "} %" PRIu64 "\n", power - 1 + i);
            ck_assert_uint_eq(occurrences(wanted[i]), 1);
        }
    }
}
END_TEST

/* Names and labels of the 2024 drivers; one series for each connection, whatever its status was. */
START_TEST(names_of_submariner)
{
    struct subwg_endpoint local = fixture_local();
    local.public_ip = "192.0.2.1";
    struct subwg_metric rows[] = {
        metric_row("cluster2", "worker2", "10.243.64.7", 1, 7716, 6048),
        metric_row("cluster3", "worker3", "10.243.64.9", 1, 308, 400),
    };
    rows[0].public_ip = "198.51.100.7";
    rows[0].present |= SUBWG_HAS_ESTABLISHED | SUBWG_HAS_LATENCY;
    rows[0].established_realtime_s = 1700000000;
    rows[0].latency_ns = 1020304050;
    rows[1].status = SUBWG_STATUS_ERROR;
    struct subwg_snapshot *snapshot = metric_snapshot("wireguard", &local, rows, 2);
    render(SUBWG_PROFILE_SUBMARINER, &snapshot, 1);
    golden_equal(text.bytes, "submariner.metrics");
    subwg_snapshot_unref(snapshot);
}
END_TEST

/* Fault 18: a status change leaves no series of the old status behind. */
START_TEST(fault_18_one_series_for_each_connection)
{
    for (uint32_t status = SUBWG_STATUS_CONNECTING; status <= SUBWG_STATUS_ERROR; status++) {
        char wanted[32];
        struct subwg_metric row = metric_row("cluster2", "worker2", "10.243.64.7", 1, 2, 3);
        row.status = status;
        render_one(SUBWG_PROFILE_SUBMARINER, "wireguard", &row, 1);
        ck_assert_uint_eq(occurrences("\nsubmariner_connections{"), 1);
        snprintf(wanted, sizeof(wanted), ",status=\"%s\"} 1\n", subwg_status_name(status));
        ck_assert_uint_eq(occurrences(wanted), 2); /* and in the summary */
    }
}
END_TEST

/* What a driver may push to spoil a scrape or a terminal. */
START_TEST(hostile_labels)
{
    struct subwg_metric rows[] = {
        metric_row("a\"} 1\nevil_metric 2", "back\\slash", "10.0.0.1", 1, 2, 3),
        metric_row("b\033[2J", "\xe2\x80\xaeoverride", "tab\tnul", 1, 2, 3),
        metric_row("c\xff\xc3(", "\xf0\x9f\x98\x80", "\xc2\x9b", 1, 2, 3),
        metric_row("d\\x1b", "\\", "\xed\xa0\x80", 1, 2, 3),
    };
    render_one(SUBWG_PROFILE_SEED, "wireguard", rows, 4);
    golden_equal(text.bytes, "hostile.metrics");
}
END_TEST

/* One byte among letters, as a label shows it. */
static void show_byte(char *shown, size_t size, unsigned char byte)
{
    if (byte == '"' || byte == '\\')
        (void)snprintf(shown, size, "\\%c", byte);
    else if (byte == '\n')
        (void)snprintf(shown, size, "\\n");
    else if (byte < ' ' || byte > '~')
        (void)snprintf(shown, size, "\\\\x%02x", byte);
    else
        (void)snprintf(shown, size, "%c", byte);
}

/* Labels are looked at word by word. */
START_TEST(every_byte_at_every_place)
{
    static const char letters[] = "abcdefghijklmnopq";
    for (size_t length = 1; length < sizeof(letters); length++)
        for (unsigned int place = 0; place < length; place++)
            for (unsigned int byte = 1; byte < 256; byte++) {
                struct writer writer;
                char value[sizeof(letters)] = "", shown[8], wanted[64];
                memcpy(value, letters, length);
                value[place] = (char)byte;
                show_byte(shown, sizeof(shown), (unsigned char)byte);
                (void)snprintf(wanted, sizeof(wanted), "%.*s%s%s", (int)place, letters, shown,
                               value + place + 1);
                ck_assert_int_eq(writer_init_memory(&writer, 0), 0);
                writer_label_value(&writer, value);
                ck_assert_int_eq(writer_finish(&writer), 0);
                ck_assert_uint_eq(writer.used, strlen(wanted));
                ck_assert(memcmp(writer.bytes, wanted, writer.used) == 0);
                free(writer.bytes);
            }
}
END_TEST

/* Labels of many times the usual length. */
START_TEST(long_labels)
{
    static struct subwg_metric rows[9];
    static char names[9][SUBWG_SNAPSHOT_STRING_MAX + 1];
    for (size_t i = 0; i < 9; i++) {
        memset(names[i], 'a' + (int)i, SUBWG_SNAPSHOT_STRING_MAX);
        rows[i] = metric_row(names[i], names[i], names[8 - i], 1, 2, 3);
    }
    for (uint32_t profile = SUBWG_PROFILE_SEED; profile <= SUBWG_PROFILE_SUBMARINER; profile++) {
        render_one(profile, "wireguard", rows, 9);
        for (size_t i = 0; i < 9; i++)
            ck_assert_uint_eq(occurrences(names[i]), 9);
    }
}
END_TEST

START_TEST(repeated_series_are_written_once)
{
    struct subwg_metric rows[] = {
        metric_row("a", "h", "10.0.0.1", 1, 111, 3),
        metric_row("a", "h", "10.0.0.1", 1, 222, 3),
        metric_row("a", "h", "10.0.0.2", 1, 333, 3),
        /* Different strings stay different, however they are escaped. */
        metric_row("\x1b", "h", "", 1, 444, 3),
        metric_row("\\x1b", "h", "", 1, 555, 3),
        metric_row("\\\\x1b", "h", "", 1, 666, 3),
    };
    render_one(SUBWG_PROFILE_SEED, "wireguard", rows, 6);
    ck_assert_uint_eq(occurrences("\nwireguard_rx_bytes{"), 5);
    ck_assert_uint_eq(occurrences("} 111\n"), 1);
    ck_assert_uint_eq(occurrences("} 222\n"), 0);
    ck_assert_uint_eq(occurrences("dst_clusterID=\"\\\\x1b\"} 444\n"), 1);
    ck_assert_uint_eq(occurrences("dst_clusterID=\"\\\\x5cx1b\"} 555\n"), 1);
    ck_assert_uint_eq(occurrences("dst_clusterID=\"\\\\\\\\x5cx1b\"} 666\n"), 1);
    render_one(SUBWG_PROFILE_SUBMARINER, "wireguard", rows, 3);
    ck_assert_uint_eq(occurrences("\nsubmariner_gateway_rx_bytes{"), 2);
    ck_assert_uint_eq(occurrences("\nsubmariner_connections{"), 2);
}
END_TEST

START_TEST(few_writes)
{
    static struct subwg_metric rows[1000];
    static char names[1000][16];
    for (size_t i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof(names[i]), "cluster%zu", i);
        rows[i] = metric_row(names[i], "h", "10.0.0.1", 1, 2, 3);
    }
    render_one(SUBWG_PROFILE_SEED, "wireguard", rows, 1000);
    ck_assert_uint_eq(occurrences("\nwireguard_tx_bytes{"), 1000);
    ck_assert_uint_le(text.writes, text.length / 16384 + 1);
}
END_TEST

/* Rows that come in the order of the exposition are not sorted: the bytes are the same. */
START_TEST(order_of_pushing_does_not_show)
{
    static struct subwg_metric rows[2][500];
    static char names[500][16];
    for (size_t i = 0; i < 500; i++) {
        snprintf(names[i], sizeof(names[i]), "cluster%03zu", i);
        rows[0][i] = metric_row(names[i], i % 2 == 0 ? "h\"" : "h", "10.0.0.1", i, i * i, 3);
        rows[1][499 - i] = rows[0][i];
    }
    for (uint32_t profile = SUBWG_PROFILE_SEED; profile <= SUBWG_PROFILE_SUBMARINER; profile++) {
        render_one(profile, "wireguard", rows[0], 500);
        char *in_order = strdup(text.bytes);
        ck_assert_uint_eq(occurrences("cluster499"), 3);
        render_one(profile, "wireguard", rows[1], 500);
        ck_assert_str_eq(text.bytes, in_order);
        free(in_order);
    }
}
END_TEST

static int32_t write_fails(void *context, const char *bytes, size_t count)
{
    (void)bytes, (void)count;
    ++*(int *)context;
    return -EPIPE;
}

START_TEST(failures)
{
    int writes = 0;
    struct subwg_endpoint local = fixture_local();
    struct subwg_metric row = metric_row("a", "h", "10.0.0.1", 1, 2, 3);
    struct subwg_snapshot *snapshots[] = {metric_snapshot("wireguard", &local, &row, 1), NULL};
    ck_assert_int_eq(subwg_write_exposition(0, snapshots, 1, write_fails, &writes), -EPIPE);
    ck_assert_int_eq(writes, 1);
    ck_assert_int_eq(subwg_write_exposition(2, snapshots, 1, write_fails, &writes), -EINVAL);
    ck_assert_int_eq(subwg_write_exposition(0, snapshots, 2, write_fails, &writes), -EINVAL);
    ck_assert_int_eq(subwg_write_exposition(0, NULL, 1, write_fails, &writes), -EINVAL);
    ck_assert_int_eq(subwg_write_exposition(0, snapshots, 1, NULL, &writes), -EINVAL);
    ck_assert_int_eq(writes, 1);
    subwg_snapshot_unref(snapshots[0]);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("exposition");
    tcase_add_test(tests, examples_of_the_seed);
    tcase_add_test(tests, nothing_connected);
    tcase_add_test(tests, only_connected_rows_count_but_all_have_series);
    tcase_add_test(tests, drivers_by_name_and_cables_together);
    tcase_add_test(tests, names_with_one_prefix);
    tcase_add_test(tests, numbers);
    tcase_add_test(tests, numbers_around_powers_of_ten);
    tcase_add_test(tests, names_of_submariner);
    tcase_add_test(tests, fault_18_one_series_for_each_connection);
    tcase_add_test(tests, hostile_labels);
    tcase_add_test(tests, every_byte_at_every_place);
    tcase_add_test(tests, long_labels);
    tcase_add_test(tests, repeated_series_are_written_once);
    tcase_add_test(tests, few_writes);
    tcase_add_test(tests, order_of_pushing_does_not_show);
    tcase_add_test(tests, failures);
    return fixture_run(tests, "engine-exposition");
}
