/* SPDX-License-Identifier: Apache-2.0 */
/* The directory broker, in a directory of its own. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker_directory.h"
#include "broker_file.h"

static char folder[] = "/tmp/subwg-broker-XXXXXX";
static struct broker broker;

static const char *below(const char *name)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(below(name), "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static const char *endpoint_text(const char *cluster, const char *address)
{
    static char text[512];

    snprintf(text, sizeof text,
             "{\"cluster_id\": \"%s\", \"cable_name\": \"cable\", \"hostname\": \"h\", "
             "\"subnets\": [], \"private_ip\": \"%s\"}",
             cluster, address);
    return text;
}

static struct endpoint *endpoint(const char *cluster, const char *cable)
{
    char text[2048];
    static struct faults faults;

    faults_begin(&faults, NULL);
    snprintf(text, sizeof text,
             "{\"cluster_id\": \"%s\", \"cable_name\": \"%s\", \"hostname\": \"h\", "
             "\"subnets\": [], \"private_ip\": \"10.0.0.1\"}",
             cluster, cable);
    struct endpoint *made = endpoint_parse(text, strlen(text), &faults);
    ck_assert_msg(made != NULL, "%s", faults.text);
    return made;
}

static const struct broker_entry *entry(const char *name)
{
    for (size_t i = 0; i < broker.count; i++)
        if (strcmp(broker.entries[i].name, name) == 0)
            return &broker.entries[i];
    return NULL;
}

static const char *address_of(const char *name)
{
    const struct broker_entry *found = entry(name);

    return found != NULL && found->endpoint != NULL ? found->endpoint->view.private_ip : "(absent)";
}

static void scan(void)
{
    int result = broker_scan(&broker);

    ck_assert_msg(result == 0, "%s", strerror(-result));
}

static void open_broker(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(broker_open(&broker, folder), 0);
}

static void close_broker(void)
{
    char command[600];

    broker_close(&broker);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(what_is_published_is_found_and_notified)
{
    ck_assert(!broker_drain(&broker));
    ck_assert_int_eq(broker_publish(folder, "a.cable.json", endpoint_text("a", "10.0.0.1")), 0);
    ck_assert(broker_drain(&broker));
    ck_assert(!broker_drain(&broker));
    scan();
    ck_assert_uint_eq(broker.count, 1);
    ck_assert_str_eq(address_of("a.cable.json"), "10.0.0.1");
    ck_assert(broker_holds(&broker, "a.cable.json"));
    ck_assert_int_eq(broker_withdraw(folder, "a.cable.json"), 0);
    ck_assert_int_eq(broker_withdraw(folder, "a.cable.json"), -ENOENT);
    ck_assert(broker_drain(&broker));
    scan();
    ck_assert_uint_eq(broker.count, 0);
    ck_assert(!broker_holds(&broker, "a.cable.json"));
}
END_TEST

START_TEST(a_reader_sees_the_old_file_or_the_new_one)
{
    char long_name[64 + 1], buffer[8];
    struct stat before, after;
    int reader;

    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    ck_assert_int_eq(broker_publish(folder, "a.json", "old"), 0);
    reader = open(below("a.json"), O_RDONLY);
    ck_assert_int_eq(fstat(reader, &before), 0);
    /* What a crash left under the temporary name is in nobody's way. */
    write_file(".a.json.tmp", "half");
    ck_assert_int_eq(broker_publish(folder, "a.json", "new"), 0);
    ck_assert_int_eq(read(reader, buffer, sizeof buffer), 3);
    ck_assert_int_eq(memcmp(buffer, "old", 3), 0);
    ck_assert_int_eq(stat(below("a.json"), &after), 0);
    ck_assert_uint_ne(before.st_ino, after.st_ino);
    ck_assert_uint_eq(after.st_mode & 0777u & ~0644u, 0);
    ck_assert_int_ne(access(below(".a.json.tmp"), F_OK), 0);
    close(reader);
}
END_TEST

START_TEST(a_failed_publish_leaves_the_old_file_and_no_other)
{
    ck_assert_int_eq(broker_publish(folder, "a.json", "old"), 0);
    ck_assert_int_eq(mkdir(below("b.json"), 0755), 0);
    ck_assert_int_eq(broker_publish(folder, "b.json", "new"), -EISDIR);
    ck_assert_int_ne(access(below(".b.json.tmp"), F_OK), 0);
    ck_assert_int_eq(access(below("a.json"), F_OK), 0);
}
END_TEST

START_TEST(dot_files_and_other_names_are_ignored)
{
    write_file(".a.json.tmp", endpoint_text("a", "10.0.0.1"));
    write_file(".hidden.json", endpoint_text("a", "10.0.0.1"));
    write_file("README", "hello");
    write_file(".json", endpoint_text("a", "10.0.0.1"));
    ck_assert(!broker_drain(&broker));
    scan();
    ck_assert_uint_eq(broker.count, 0);
}
END_TEST

START_TEST(what_is_refused_stops_nothing)
{
    write_file("a.json", endpoint_text("a", "10.0.0.1"));
    write_file("broken.json", "{\"cluster_id\": ");
    write_file("large.json", "{}");
    ck_assert_int_eq(truncate(below("large.json"), BROKER_FILE_BYTES_MAX + 1), 0);
    ck_assert_int_eq(mkdir(below("folder.json"), 0755), 0);
    ck_assert_int_eq(mkfifo(below("pipe.json"), 0644), 0);
    ck_assert_int_eq(symlink("a.json", below("link.json")), 0);
    write_file("z.json", endpoint_text("z", "10.0.0.26"));
    scan();
    ck_assert_uint_eq(broker.count, 7);
    ck_assert_uint_eq(broker_unreadable(&broker), 5);
    ck_assert_str_eq(address_of("a.json"), "10.0.0.1");
    ck_assert_str_eq(address_of("z.json"), "10.0.0.26");
    ck_assert_ptr_nonnull(strstr(entry("broken.json")->fault, "not valid JSON"));
    ck_assert_ptr_nonnull(strstr(entry("large.json")->fault, "larger than 1048576 bytes"));
    ck_assert_ptr_nonnull(strstr(entry("folder.json")->fault, "not a regular file"));
    ck_assert_ptr_nonnull(strstr(entry("pipe.json")->fault, "not a regular file"));
    ck_assert_ptr_nonnull(strstr(entry("link.json")->fault, "symbolic link"));
    ck_assert_str_eq(entry("a.json")->fault, "");
}
END_TEST

START_TEST(a_file_that_broke_counts_as_it_was)
{
    write_file("a.json", endpoint_text("a", "10.0.0.1"));
    scan();
    write_file("a.json", "{");
    scan();
    ck_assert_str_eq(address_of("a.json"), "10.0.0.1");
    ck_assert_str_ne(entry("a.json")->fault, "");
    ck_assert_uint_eq(broker_unreadable(&broker), 0);
    write_file("a.json", endpoint_text("a", "10.0.0.2"));
    scan();
    ck_assert_str_eq(address_of("a.json"), "10.0.0.2");
    ck_assert_str_eq(entry("a.json")->fault, "");
    ck_assert_int_eq(unlink(below("a.json")), 0);
    scan();
    ck_assert_uint_eq(broker.count, 0);
}
END_TEST

static int queue_length(void)
{
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
    int length = 0;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%d", &length), 1);
    fclose(file);
    return length;
}

START_TEST(only_what_looks_changed_is_read_again)
{
    const struct endpoint *a;

    ck_assert_int_eq(broker_publish(folder, "a.json", endpoint_text("a", "10.0.0.1")), 0);
    ck_assert_int_eq(broker_publish(folder, "b.json", endpoint_text("b", "10.0.0.2")), 0);
    scan();
    a = entry("a.json")->endpoint;
    ck_assert_int_eq(broker_publish(folder, "b.json", endpoint_text("b", "10.0.0.3")), 0);
    scan();
    ck_assert_ptr_eq(entry("a.json")->endpoint, a);
    ck_assert_str_eq(address_of("b.json"), "10.0.0.3");
    /* Held, so that another one cannot come to lie where it was. */
    struct endpoint *held = endpoint_ref(entry("a.json")->endpoint);
    broker.read_all = true;
    scan();
    ck_assert_ptr_ne(entry("a.json")->endpoint, held);
    ck_assert_str_eq(address_of("a.json"), "10.0.0.1");
    ck_assert(!broker.read_all);
    endpoint_unref(held);
}
END_TEST

START_TEST(lost_notices_lead_to_a_scan)
{
    char other[512];
    int length = queue_length();

    /* Notices of files that nobody cares for fill the queue, so that the one that matters is lost. */
    snprintf(other, sizeof other, "%s", below(".other"));
    write_file(".file", "");
    for (int i = 0; i <= length; i += 4) {
        ck_assert_int_eq(rename(below(".file"), other), 0);
        ck_assert_int_eq(rename(other, below(".file")), 0);
    }
    write_file("a.json", endpoint_text("a", "10.0.0.1"));
    ck_assert(broker_drain(&broker));
    scan();
    ck_assert_str_eq(address_of("a.json"), "10.0.0.1");
}
END_TEST

START_TEST(a_directory_that_vanished_keeps_what_was_known)
{
    char moved[600];

    write_file("a.json", endpoint_text("a", "10.0.0.1"));
    scan();
    broker_drain(&broker);
    snprintf(moved, sizeof moved, "%s.moved", folder);
    ck_assert_int_eq(rename(folder, moved), 0);
    ck_assert(broker_drain(&broker));
    ck_assert_int_eq(broker_scan(&broker), -ENOENT);
    ck_assert_str_eq(address_of("a.json"), "10.0.0.1");
    /* Another one in its place is watched from the next scan on. */
    ck_assert_int_eq(mkdir(folder, 0755), 0);
    scan();
    ck_assert_uint_eq(broker.count, 0);
    broker_drain(&broker);
    write_file("b.json", endpoint_text("b", "10.0.0.2"));
    ck_assert(broker_drain(&broker));
    snprintf(moved, sizeof moved, "rm -rf '%s.moved'", folder);
    ck_assert_int_eq(system(moved), 0);
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_an_error)
{
    struct broker none;

    ck_assert_int_eq(broker_open(&none, "/nonexistent/broker"), -ENOENT);
    ck_assert_int_eq(broker_open(&none, below("absent")), -ENOENT);
    write_file("file", "");
    ck_assert_int_eq(broker_open(&none, below("file")), -ENOTDIR);
}
END_TEST

static const struct {
    const char *cluster, *cable, *name;
} names[] = {
    {"cluster1", "cable-1", "cluster1.cable-1.json"},
    {"a.b", "c", "a%2Eb.c.json"},
    {"a", "b.c", "a.b.c.json"},
    {"../../etc", "passwd/x", "%2E%2E%2F%2E%2E%2Fetc.passwd%2Fx.json"},
    {"\\u00e9 %", "\\n", "%C3%A9%20%25.%0A.json"},
    {".hidden", "..", "%2Ehidden....json"},
};

START_TEST(file_names_are_safe_and_tell_endpoints_apart)
{
    char name[BROKER_FILE_NAME_SIZE];
    struct endpoint *named = endpoint(names[_i].cluster, names[_i].cable);

    ck_assert_int_eq(broker_file_name(named, name), 0);
    ck_assert_str_eq(name, names[_i].name);
    endpoint_unref(named);
}
END_TEST

START_TEST(a_name_too_long_for_a_file_is_refused)
{
    char name[BROKER_FILE_NAME_SIZE], cluster[256], cable[256];

    /* The longest: 100 bytes, a dot, 144 bytes, ".json": 250, and its temporary has 255. */
    memset(cluster, 'a', 100);
    cluster[100] = '\0';
    memset(cable, 'b', 144);
    cable[144] = '\0';
    struct endpoint *longest = endpoint(cluster, cable);
    ck_assert_int_eq(broker_file_name(longest, name), 0);
    ck_assert_uint_eq(strlen(name), 250);
    ck_assert_int_eq(broker_publish(folder, name, "x"), 0);
    endpoint_unref(longest);
    cable[144] = 'b';
    cable[145] = '\0';
    struct endpoint *longer = endpoint(cluster, cable);
    ck_assert_int_eq(broker_file_name(longer, name), -ENAMETOOLONG);
    endpoint_unref(longer);
    memset(cluster, 'a', 255);
    cluster[255] = '\0';
    struct endpoint *far_longer = endpoint(cluster, "c");
    ck_assert_int_eq(broker_file_name(far_longer, name), -ENAMETOOLONG);
    endpoint_unref(far_longer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway-broker");
    TCase *tests = tcase_create("directory");
    tcase_add_checked_fixture(tests, open_broker, close_broker);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, what_is_published_is_found_and_notified);
    tcase_add_test(tests, a_reader_sees_the_old_file_or_the_new_one);
    tcase_add_test(tests, a_failed_publish_leaves_the_old_file_and_no_other);
    tcase_add_test(tests, dot_files_and_other_names_are_ignored);
    tcase_add_test(tests, what_is_refused_stops_nothing);
    tcase_add_test(tests, a_file_that_broke_counts_as_it_was);
    tcase_add_test(tests, only_what_looks_changed_is_read_again);
    tcase_add_test(tests, lost_notices_lead_to_a_scan);
    tcase_add_test(tests, a_directory_that_vanished_keeps_what_was_known);
    tcase_add_test(tests, a_directory_that_is_not_there_is_an_error);
    tcase_add_loop_test(tests, file_names_are_safe_and_tell_endpoints_apart, 0,
                        sizeof names / sizeof names[0]);
    tcase_add_test(tests, a_name_too_long_for_a_file_is_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
