/* SPDX-License-Identifier: Apache-2.0 */
/* The connection table: the seed's bytes, reasons inside STATUS, and rows that try to spoil it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <subwg/render.h>

#include "engine_golden.h"
#include "engine_render_rows.h"

static const char title[] = "kubernetes-admin@cluster.local";
static struct fixture_text text;

static struct subwg_connection row_of(const char *hostname, const char *cluster,
                                      const char *remote_ip)
{
    static const char *const subnets[] = {"10.234.0.0/18", "10.234.64.0/18"};
    struct subwg_connection row = SUBWG_CONNECTION_INIT;
    row.status = SUBWG_STATUS_CONNECTED;
    row.hostname = hostname;
    row.cluster_id = cluster;
    row.remote_ip = remote_ip;
    row.subnets = subnets;
    row.subnet_count = 2;
    return row;
}

static void render(const struct subwg_connection *rows, size_t count)
{
    struct subwg_snapshot *snapshot = connection_snapshot("wireguard", rows, count);
    free(text.bytes);
    text = (struct fixture_text){0};
    ck_assert_int_eq(subwg_write_connection_table(title, &snapshot, 1, fixture_write, &text), 0);
    subwg_snapshot_unref(snapshot);
}

static size_t lines(void)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += text.bytes[i] == '\n';
    return count;
}

/* The second example of the seed pads CABLE DRIVER to 20 and not to 24 as its first: the first wins. */
START_TEST(examples_of_the_seed)
{
    static const char *const other_subnets[] = {"11.235.0.0/18", "11.235.64.0/18"};
    struct subwg_connection rows[] = {
        row_of("omer-sub2-vm-worker3", "cluster3", "10.243.64.9"),
        row_of("omer-sub2-vm-worker2", "cluster2", "10.243.64.7"),
    };
    rows[0].subnets = other_subnets;
    render(&rows[1], 1);
    golden_equal(text.bytes, "seed-one.table");
    render(rows, 2);
    golden_equal(text.bytes, "seed-two.table");
}
END_TEST

START_TEST(reason_stands_inside_status)
{
    struct subwg_connection row = row_of("worker2", "cluster2", "10.243.64.7");
    row.status = SUBWG_STATUS_ERROR;
    row.status_text = "no handshake for 195 s";
    render(&row, 1);
    ck_assert_ptr_nonnull(strstr(text.bytes, "  error (no handshake for 195 s)\n"));
}
END_TEST

START_TEST(foreign_rows_show_and_come_last)
{
    struct subwg_connection rows[] = {
        row_of("", "", ""),
        row_of("worker2", "cluster2", ""),
    };
    rows[0].status = SUBWG_STATUS_ERROR;
    rows[0].status_reason = SUBWG_STATUS_REASON_FOREIGN;
    rows[0].status_text = "not configured here";
    rows[0].subnet_count = 0;
    rows[1].private_ip = "10.0.0.2";
    render(rows, 2);
    const char *foreign = strstr(
        text.bytes, "-                               -                       -               "
                    "wireguard               -                                       "
                    "error (not configured here)\n");
    ck_assert_msg(foreign != NULL, "%s", text.bytes);
    const char *known = strstr(text.bytes, "worker2                         cluster2               "
                                           " 10.0.0.2        wireguard ");
    ck_assert_msg(known != NULL && known < foreign, "%s", text.bytes);
}
END_TEST

START_TEST(columns_grow_with_their_content)
{
    struct subwg_connection rows[] = {
        row_of("a-host-name-that-is-longer-than-its-column", "cluster2", "2001:db8:1:2:3:4:5:6"),
        row_of("short", "cluster3", "10.0.0.1"),
    };
    render(rows, 2);
    const char *header = strchr(text.bytes, '\n') + 1;
    const char *first = strchr(header, '\n') + 1;
    const char *second = strchr(first, '\n') + 1;
    ck_assert_int_eq(strncmp(header + 44, "CLUSTER ", 8), 0);
    ck_assert_int_eq(strncmp(first + 44, "cluster2 ", 9), 0);
    ck_assert_int_eq(strncmp(second + 44, "cluster3 ", 9), 0);
    ck_assert_int_eq(strncmp(header + 44 + 24 + 22, "CABLE DRIVER", 12), 0);
    ck_assert_int_eq(strncmp(first + 44 + 24 + 22, "wireguard", 9), 0);
}
END_TEST

/* Widths count characters, not bytes; and one endless cell does not blow up every line. */
START_TEST(widths)
{
    static char endless[SUBWG_SNAPSHOT_STRING_MAX + 1];
    memset(endless, 'a', sizeof(endless) - 1);
    struct subwg_connection rows[] = {
        row_of("caf\xc3\xa9", "cluster2", "10.0.0.1"),
        row_of(endless, "cluster3", "10.0.0.2"),
    };
    render(rows, 2);
    ck_assert_ptr_nonnull(
        strstr(text.bytes, "\ncaf\xc3\xa9                            cluster2  "));
    ck_assert_ptr_nonnull(strstr(text.bytes, "a  cluster3  "));
    ck_assert_uint_lt(text.length, SUBWG_SNAPSHOT_STRING_MAX + 1000);
}
END_TEST

START_TEST(hostile_cells)
{
    static const char *const subnets[] = {"10.0.0.0/8\nforged line", "\xff"};
    struct subwg_connection row = row_of("host\033[2J", "a\nb",
                                         "\xc2\x9b"
                                         "31m");
    row.subnets = subnets;
    row.status_text = "\xe2\x80\xae\r";
    row.status = 17;
    struct subwg_snapshot *snapshot = connection_snapshot("wireguard", &row, 1);
    free(text.bytes);
    text = (struct fixture_text){0};
    ck_assert_int_eq(subwg_write_connection_table("t\033\n", &snapshot, 1, fixture_write, &text),
                     0);
    subwg_snapshot_unref(snapshot);
    ck_assert_uint_eq(lines(), 3);
    ck_assert_int_eq(strncmp(text.bytes, "Showing information for cluster \"t\\x1b\\x0a\":\n", 45),
                     0);
    ck_assert_ptr_nonnull(strstr(text.bytes, "host\\x1b[2J  "));
    ck_assert_ptr_nonnull(strstr(text.bytes, "a\\x0ab  "));
    ck_assert_ptr_nonnull(strstr(text.bytes, "\\xc2\\x9b31m  "));
    ck_assert_ptr_nonnull(strstr(text.bytes, "10.0.0.0/8\\x0aforged line, \\xff  "));
    ck_assert_ptr_nonnull(strstr(text.bytes, "unknown (\\xe2\\x80\\xae\\x0d)\n"));
    for (size_t i = 0; i < text.length; i++)
        ck_assert(text.bytes[i] == '\n' || (text.bytes[i] >= 0x20 && text.bytes[i] < 0x7f));
}
END_TEST

START_TEST(misuse)
{
    struct subwg_snapshot *nothing[] = {NULL};
    ck_assert_int_eq(subwg_write_connection_table(NULL, NULL, 0, fixture_write, &text), -EINVAL);
    ck_assert_int_eq(subwg_write_connection_table("", NULL, 0, NULL, &text), -EINVAL);
    ck_assert_int_eq(subwg_write_connection_table("", NULL, 1, fixture_write, &text), -EINVAL);
    ck_assert_int_eq(subwg_write_connection_table("", nothing, 1, fixture_write, &text), -EINVAL);
    render(NULL, 0);
    ck_assert_uint_eq(lines(), 2);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("table");
    tcase_add_test(tests, examples_of_the_seed);
    tcase_add_test(tests, reason_stands_inside_status);
    tcase_add_test(tests, foreign_rows_show_and_come_last);
    tcase_add_test(tests, columns_grow_with_their_content);
    tcase_add_test(tests, widths);
    tcase_add_test(tests, hostile_cells);
    tcase_add_test(tests, misuse);
    return fixture_run(tests, "engine-table");
}
