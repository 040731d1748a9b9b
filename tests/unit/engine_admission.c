/* SPDX-License-Identifier: Apache-2.0 */
/* Admission: every rule, its words, the order of the rules, and that only the head is read at first. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine_fixture.h"

static void refused(const struct subwg_driver *table, int32_t code, const char *words)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_driver copy = {.name = "untouched"};
    ck_assert_int_eq(subwg_driver_admit(table, &copy, &error), code);
    ck_assert_str_eq(copy.name, "untouched");
    ck_assert_int_eq(error.code, code);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_INCOMPATIBLE);
    ck_assert_str_eq(error.text, words);
    ck_assert_int_eq(subwg_driver_admit(table, &copy, NULL), code);
}

START_TEST(good_table_is_copied)
{
    struct subwg_driver table = fixture_table();
    struct subwg_driver copy;
    ck_assert_int_eq(subwg_driver_admit(&table, &copy, NULL), 0);
    ck_assert_mem_eq(&copy, &table, sizeof(table));
    ck_assert(copy.reconcile == NULL);
}
END_TEST

START_TEST(least_size_is_admitted)
{
    struct subwg_driver table = fixture_table();
    table.head.size = SUBWG_DRIVER_SIZE_1_0;
    struct subwg_driver copy;
    ck_assert_int_eq(subwg_driver_admit(&table, &copy, NULL), 0);
    ck_assert_uint_eq(copy.head.size, sizeof(copy));
}
END_TEST

START_TEST(rules_of_the_head)
{
    refused(NULL, -EINVAL, "found NULL in place of a driver table");

    struct subwg_driver table = fixture_table();
    table.head.magic = 0x1234;
    refused(&table, -EINVAL, "no driver table: its magic is 0x00001234, wanted 0x73776472");

    table = fixture_table();
    table.head.abi_major = 2;
    table.head.abi_minor = 7;
    refused(&table, -ENOTSUP, "the driver speaks ABI 2.7, wanted 1");
    table.head.abi_major = 0;
    refused(&table, -ENOTSUP, "the driver speaks ABI 0.7, wanted 1");

    table = fixture_table();
    table.head.size = SUBWG_DRIVER_SIZE_1_0 - 1;
    refused(&table, -EINVAL, "the driver's table has 159 bytes, wanted at least 160");
    table.head.size = 0;
    refused(&table, -EINVAL, "the driver's table has 0 bytes, wanted at least 160");
    table.head.size = SUBWG_STRUCT_SIZE_MAX + 1;
    refused(&table, -EINVAL, "the driver's table has 65537 bytes, wanted at most 65536");
}
END_TEST

START_TEST(rules_beyond_the_head)
{
    struct subwg_driver table = fixture_table();
    table.min_host_minor = 3;
    refused(&table, -ENOTSUP, "the driver wants a host of ABI 1.3 or later, this one is 1.0");

    table = fixture_table();
    table.thread_model = 3;
    refused(&table, -EINVAL,
            "the driver declares thread model 3, wanted 0 (serial), 1 (instance) or 2 (parallel)");
}
END_TEST

START_TEST(missing_operations_are_named)
{
    static const struct {
        const char *name;
        size_t offset;
    } mandatory[] = {
        {"create", offsetof(struct subwg_driver, create)},
        {"destroy", offsetof(struct subwg_driver, destroy)},
        {"init", offsetof(struct subwg_driver, init)},
        {"connect", offsetof(struct subwg_driver, connect)},
        {"disconnect", offsetof(struct subwg_driver, disconnect)},
        {"get_connections", offsetof(struct subwg_driver, get_connections)},
        {"metrics_snapshot", offsetof(struct subwg_driver, metrics_snapshot)},
    };
    for (size_t i = 0; i < sizeof(mandatory) / sizeof(mandatory[0]); i++) {
        struct subwg_driver table = fixture_table();
        memset((unsigned char *)&table + mandatory[i].offset, 0, sizeof(void (*)(void)));
        char words[128];
        snprintf(words, sizeof(words), "the driver lacks mandatory operations: %s",
                 mandatory[i].name);
        refused(&table, -EINVAL, words);
    }
    struct subwg_driver table = fixture_table();
    table.init = NULL;
    table.disconnect = NULL;
    refused(&table, -EINVAL, "the driver lacks mandatory operations: init, disconnect");
}
END_TEST

START_TEST(a_driver_has_a_version)
{
    struct subwg_driver table = fixture_table();
    table.version = NULL;
    refused(&table, -EINVAL, "the driver has no version, wanted a text");
}
END_TEST

START_TEST(names_of_drivers)
{
    struct subwg_driver table = fixture_table();
    struct subwg_driver copy;
    table.name = "a234567890123456789012345678901";
    ck_assert_uint_eq(strlen(table.name), 31);
    ck_assert_int_eq(subwg_driver_admit(&table, &copy, NULL), 0);
    table.name = "9-";
    ck_assert_int_eq(subwg_driver_admit(&table, &copy, NULL), 0);

    table.name = NULL;
    refused(&table, -EINVAL, "the driver has no name, wanted 1 to 31 of a-z, 0-9 and -");
    static const char *const bad[][2] = {
        {"", ""},
        {"Wire", "Wire"},
        {"wire_guard", "wire_guard"},
        {"wire guard", "wire guard"},
        {"wire\033[2J", "wire\\x1b[2J"},
        {"wir\xe9", "wir\\xe9"},
        {"a2345678901234567890123456789012", "a2345678901234567890123456789012"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char words[256];
        table.name = bad[i][0];
        snprintf(words, sizeof(words),
                 "the driver's name is \"%s\", wanted 1 to 31 of a-z, 0-9 and -", bad[i][1]);
        refused(&table, -EINVAL, words);
    }
}
END_TEST

/* Every rule is broken; mending one after the other shows which comes next. */
START_TEST(order_of_the_rules)
{
    struct subwg_driver good = fixture_table();
    struct subwg_driver table = {.min_host_minor = 1, .thread_model = 9};
    struct subwg_driver copy;
    struct subwg_error error = SUBWG_ERROR_INIT;
    static const char *const words[] = {"magic",  "ABI 0.0",         "bytes",   "ABI 1.1",
                                        "thread", "lacks mandatory", "no name", NULL};
    for (size_t step = 0; words[step] != NULL; step++) {
        ck_assert_int_lt(subwg_driver_admit(&table, &copy, &error), 0);
        ck_assert_msg(strstr(error.text, words[step]) != NULL, "step %zu: %s", step, error.text);
        switch (step) {
        case 0:
            table.head.magic = SUBWG_MAGIC_DRIVER;
            break;
        case 1:
            table.head.abi_major = SUBWG_ABI_MAJOR;
            break;
        case 2:
            table.head.size = sizeof(table);
            break;
        case 3:
            table.min_host_minor = 0;
            break;
        case 4:
            table.thread_model = 0;
            break;
        case 5:
            good.name = NULL;
            table = good;
            break;
        default:
            table.name = "good";
        }
    }
    ck_assert_int_eq(subwg_driver_admit(&table, &copy, &error), 0);
}
END_TEST

/* The head ends where readable memory ends: one byte more is a fault. */
START_TEST(nothing_behind_a_refused_head_is_read)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *pages =
        mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(pages, MAP_FAILED);
    ck_assert_int_eq(mprotect(pages + page, page, PROT_NONE), 0);
    static const struct subwg_head heads[] = {
        {sizeof(struct subwg_driver), 1, 0, 0, 0},
        {sizeof(struct subwg_driver), 2, 0, SUBWG_MAGIC_DRIVER, 0},
        {sizeof(struct subwg_head), 1, 0, SUBWG_MAGIC_DRIVER, 0},
        {UINT32_MAX, 1, 0, SUBWG_MAGIC_DRIVER, 0},
    };
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct subwg_driver copy;
        void *head = pages + page - sizeof(heads[i]);
        memcpy(head, &heads[i], sizeof(heads[i]));
        ck_assert_int_lt(subwg_driver_admit(head, &copy, NULL), 0);
    }
    ck_assert_int_eq(munmap(pages, 2 * page), 0);
}
END_TEST

START_TEST(registry_keeps_the_first_of_a_name)
{
    struct subwg_driver table = fixture_table();
    struct subwg_registry *registry = fixture_registry(&table);
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct subwg_driver second = fixture_table();
    second.version = "2";
    ck_assert_int_eq(subwg_registry_add(registry, &second, &error), -EEXIST);
    ck_assert_str_eq(error.text,
                     "a driver named \"wireguard\" is there already; the first one stays");
    ck_assert_uint_eq(subwg_registry_count(registry), 1);
    ck_assert_str_eq(subwg_registry_find(registry, "wireguard", NULL)->version, "1");

    second.name = "null";
    ck_assert_int_eq(subwg_registry_add(registry, &second, NULL), 0);
    ck_assert_str_eq(subwg_registry_name(registry, 1), "null");
    ck_assert_ptr_null(subwg_registry_name(registry, 2));
    subwg_registry_destroy(registry);
}
END_TEST

START_TEST(registry_lists_the_supported_drivers)
{
    struct subwg_registry *registry = NULL;
    struct subwg_error error = SUBWG_ERROR_INIT;
    ck_assert_int_eq(subwg_registry_create(&registry, NULL), 0);
    ck_assert_ptr_null(subwg_registry_find(registry, "vxlan", &error));
    ck_assert_str_eq(error.text, "unknown cable driver \"vxlan\"; no driver is loaded");
    ck_assert_uint_eq(error.reason, SUBWG_REASON_UNKNOWN_DRIVER);

    struct subwg_driver table = fixture_table();
    ck_assert_int_eq(subwg_registry_add(registry, &table, NULL), 0);
    table.name = "null";
    ck_assert_int_eq(subwg_registry_add(registry, &table, NULL), 0);
    ck_assert_ptr_null(subwg_registry_find(registry, "v\n", &error));
    ck_assert_str_eq(error.text, "unknown cable driver \"v\\x0a\"; supported: wireguard, null");
    ck_assert_ptr_null(subwg_registry_find(registry, NULL, &error));
    ck_assert_int_eq(error.code, -EINVAL);
    subwg_registry_destroy(registry);
    subwg_registry_destroy(NULL);
}
END_TEST

START_TEST(registry_is_bounded)
{
    static char names[SUBWG_REGISTRY_DRIVERS_MAX + 1][8];
    struct subwg_registry *registry = NULL;
    struct subwg_error error = SUBWG_ERROR_INIT;
    ck_assert_int_eq(subwg_registry_create(&registry, NULL), 0);
    for (uint32_t i = 0; i <= SUBWG_REGISTRY_DRIVERS_MAX; i++) {
        struct subwg_driver table = fixture_table();
        snprintf(names[i], sizeof(names[i]), "d%u", (unsigned)i);
        table.name = names[i];
        ck_assert_int_eq(subwg_registry_add(registry, &table, &error),
                         i < SUBWG_REGISTRY_DRIVERS_MAX ? 0 : -ENOSPC);
    }
    ck_assert_str_eq(error.text,
                     "no room for driver \"d64\": 64 drivers are there, which is the limit");
    subwg_registry_destroy(registry);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("admission");
    tcase_add_test(tests, good_table_is_copied);
    tcase_add_test(tests, least_size_is_admitted);
    tcase_add_test(tests, rules_of_the_head);
    tcase_add_test(tests, rules_beyond_the_head);
    tcase_add_test(tests, missing_operations_are_named);
    tcase_add_test(tests, a_driver_has_a_version);
    tcase_add_test(tests, names_of_drivers);
    tcase_add_test(tests, order_of_the_rules);
    tcase_add_test(tests, nothing_behind_a_refused_head_is_read);
    tcase_add_test(tests, registry_keeps_the_first_of_a_name);
    tcase_add_test(tests, registry_lists_the_supported_drivers);
    tcase_add_test(tests, registry_is_bounded);
    return fixture_run(tests, "engine-admission");
}
