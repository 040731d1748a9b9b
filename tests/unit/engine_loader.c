/* SPDX-License-Identifier: Apache-2.0 */
/* Drivers from files: a zoo of modules that are wrong in one way each, and files not to be trusted. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine_fixture.h"

static char folder[64];
static struct subwg_registry *registry;
static struct subwg_error error;

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

/* A copy that only its owner can write, wherever the build folder lies and whatever the umask is. */
static const char *copy(const char *animal, const char *name)
{
    char source[512];
    snprintf(source, sizeof(source), "%s/zoo-%s.so", ZOO_FOLDER, animal);
    const char *target = path_of(name);
    FILE *from = fopen(source, "rb");
    FILE *to = fopen(target, "wb");
    ck_assert_msg(from != NULL && to != NULL, "cannot copy %s", source);
    char bytes[4096];
    size_t count;
    while ((count = fread(bytes, 1, sizeof(bytes), from)) > 0)
        ck_assert_uint_eq(fwrite(bytes, 1, count, to), count);
    ck_assert_int_eq(fclose(from), 0);
    ck_assert_int_eq(fclose(to), 0);
    ck_assert_int_eq(chmod(target, 0644), 0);
    return target;
}

static void set_up(void)
{
    memcpy(folder, "/tmp/engine-loader.XXXXXX", sizeof("/tmp/engine-loader.XXXXXX"));
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(subwg_registry_create(&registry, NULL), 0);
    error = (struct subwg_error)SUBWG_ERROR_INIT;
    ck_assert_int_eq(unsetenv("ZOO_CODE_RAN"), 0);
}

static void tear_down(void)
{
    subwg_registry_destroy(registry);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

static void refused(const char *path, int32_t code, uint32_t reason, const char *why)
{
    char words[SUBWG_ERROR_TEXT_SIZE];
    snprintf(words, sizeof(words), "cannot load driver %s: %s", path, why);
    ck_assert_int_eq(subwg_registry_load_file(registry, path, &error), code);
    ck_assert_str_eq(error.text, words);
    ck_assert_int_eq(error.code, code);
    ck_assert_uint_eq(error.reason, reason);
    ck_assert_uint_eq(subwg_registry_count(registry), 0);
    ck_assert_int_eq(subwg_registry_load_file(registry, path, NULL), code);
}

START_TEST(good_driver_is_loaded_and_stays)
{
    const char *path = copy("good", "good.so");
    ck_assert_int_eq(subwg_registry_load_file(registry, path, NULL), 0);
    ck_assert_str_eq(subwg_registry_name(registry, 0), "zoo-good");
    ck_assert_str_eq(getenv("ZOO_CODE_RAN"), "zoo-good");
    /* Its symbols are nobody else's. */
    ck_assert_ptr_null(dlsym(RTLD_DEFAULT, SUBWG_DRIVER_ENTRY));
    const struct subwg_driver *table = subwg_registry_find(registry, "zoo-good", NULL);
    void (*destroy)(struct subwg_instance *) = table->destroy;
    subwg_registry_destroy(registry);
    registry = NULL;
    destroy(NULL);
    void *module = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    ck_assert_ptr_nonnull(module);
}
END_TEST

START_TEST(zoo)
{
    refused(copy("no-entry", "a.so"), -EINVAL, SUBWG_REASON_INCOMPATIBLE,
            "no cable driver: the symbol subwg_driver_v1 is missing");
    refused(copy("next-abi", "b.so"), -ENOTSUP, SUBWG_REASON_INCOMPATIBLE,
            "the driver speaks ABI 2 only (it has subwg_driver_v2), wanted ABI 1 "
            "(subwg_driver_v1)");
    refused(copy("wrong-major", "c.so"), -ENOTSUP, SUBWG_REASON_INCOMPATIBLE,
            "the driver speaks ABI 2.0, wanted 1");
    refused(copy("short-table", "d.so"), -EINVAL, SUBWG_REASON_INCOMPATIBLE,
            "the driver's table has 40 bytes, wanted at least 160");
    refused(copy("huge-table", "e.so"), -EINVAL, SUBWG_REASON_INCOMPATIBLE,
            "the driver's table has 65537 bytes, wanted at most 65536");
    refused(copy("no-init", "f.so"), -EINVAL, SUBWG_REASON_INCOMPATIBLE,
            "the driver lacks mandatory operations: init");
    refused(copy("bad-name", "g.so"), -EINVAL, SUBWG_REASON_INCOMPATIBLE,
            "the driver's name is \"Zoo \\x1b[2J\", wanted 1 to 31 of a-z, 0-9 and -");
    refused(copy("null-table", "h.so"), -EINVAL, SUBWG_REASON_INCOMPATIBLE,
            "subwg_driver_v1 returned NULL, wanted a driver table");
}
END_TEST

START_TEST(linker_speaks_for_itself)
{
    const char *path = copy("undefined", "undefined.so");
    ck_assert_int_eq(subwg_registry_load_file(registry, path, &error), -ENOEXEC);
    ck_assert_uint_eq(error.reason, SUBWG_REASON_NOT_LOADABLE);
    ck_assert_msg(strstr(error.text, "zoo_symbol_that_nobody_defines") != NULL, "%s", error.text);

    path = copy("good", "text.so");
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_ge(fputs("not an ELF file at all\n", file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(subwg_registry_load_file(registry, path, &error), -ENOEXEC);
    ck_assert_msg(strstr(error.text, "invalid ELF header") != NULL, "%s", error.text);
}
END_TEST

static void refused_unrun(const char *path, const char *why)
{
    refused(path, -EACCES, SUBWG_REASON_UNTRUSTED, why);
    ck_assert_ptr_null(getenv("ZOO_CODE_RAN"));
}

START_TEST(file_that_others_can_write)
{
    const char *path = copy("good", "good.so");
    ck_assert_int_eq(chmod(path, 0664), 0);
    refused_unrun(path, "the file has mode 0664: its group can write it");
    ck_assert_int_eq(strncmp(error.hint, "chmod go-w /tmp/", 16), 0);
    ck_assert_int_eq(chmod(path, 0646), 0);
    refused_unrun(path, "the file has mode 0646: everyone can write it");
    ck_assert_int_eq(chmod(path, 0644), 0);
    ck_assert_int_eq(subwg_registry_load_file(registry, path, NULL), 0);
}
END_TEST

START_TEST(directory_that_others_can_write)
{
    const char *path = copy("good", "good.so");
    ck_assert_int_eq(chmod(folder, 0775), 0);
    refused_unrun(path, "the directory has mode 0775: its group can write it");
    ck_assert_int_eq(chmod(folder, 01777), 0);
    refused_unrun(path, "the directory has mode 1777: everyone can write it");
    ck_assert_int_eq(subwg_registry_load_directory(registry, folder, NULL, NULL, &error), -EACCES);
    ck_assert_ptr_null(getenv("ZOO_CODE_RAN"));
    ck_assert_int_eq(chmod(folder, 0755), 0);
    ck_assert_int_eq(subwg_registry_load_file(registry, path, NULL), 0);
}
END_TEST

START_TEST(file_and_directory_of_someone_else)
{
    if (geteuid() != 0)
        return;
    const char *path = copy("good", "good.so");
    ck_assert_int_eq(chown(path, 12345, 0), 0);
    refused_unrun(path, "the file belongs to user 12345, wanted root or user 0");
    ck_assert_int_eq(chown(path, 0, 0), 0);
    ck_assert_int_eq(chown(folder, 12345, 0), 0);
    refused_unrun(path, "the directory belongs to user 12345, wanted root or user 0");
}
END_TEST

START_TEST(things_that_are_no_plain_file)
{
    copy("good", "good.so");
    ck_assert_int_eq(symlink("good.so", path_of("link.so")), 0);
    refused_unrun(path_of("link.so"), "the file is a symbolic link");
    ck_assert_int_eq(mkfifo(path_of("fifo.so"), 0600), 0);
    refused_unrun(path_of("fifo.so"), "the file is no regular file");
    ck_assert_int_eq(mkdir(path_of("folder.so"), 0700), 0);
    refused_unrun(path_of("folder.so"), "the file is no regular file");

    char inside[128];
    snprintf(inside, sizeof(inside), "%s/linked/good.so", folder);
    ck_assert_int_eq(symlink(".", path_of("linked")), 0);
    refused_unrun(inside, "the directory is a symbolic link");
}
END_TEST

START_TEST(paths)
{
    refused("good.so", -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
            "the path is relative, wanted an absolute one");
    refused("./good.so", -EINVAL, SUBWG_REASON_BAD_ARGUMENT,
            "the path is relative, wanted an absolute one");
    refused("", -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "the path is relative, wanted an absolute one");
    refused(path_of("missing.so"), -ENOENT, SUBWG_REASON_NOT_LOADABLE,
            "cannot look at the file: no such file or directory");
    refused("/no/such/folder/driver.so", -ENOENT, SUBWG_REASON_NOT_LOADABLE,
            "cannot look at the directory: no such file or directory");
    ck_assert_int_eq(subwg_registry_load_file(registry, NULL, &error), -EINVAL);
    ck_assert_int_eq(subwg_registry_load_file(NULL, "/x", &error), -EINVAL);

    /* However long the path, the reason stays readable. */
    static char endless[5000];
    memset(endless, 'a', sizeof(endless) - 1);
    endless[0] = '/';
    ck_assert_int_eq(subwg_registry_load_file(registry, endless, &error), -ENAMETOOLONG);
    ck_assert_msg(strstr(error.text, "the path is longer than 4095 bytes") != NULL, "%s",
                  error.text);
    ck_assert_int_eq(subwg_registry_load_file(registry, "/tmp/a\033[2J.so", &error), -EACCES);
    ck_assert_ptr_null(strchr(error.text, '\033'));
}
END_TEST

struct outcomes {
    uint32_t count;
    char lines[8][SUBWG_ERROR_TEXT_SIZE];
};

static void take(void *context, const char *path, const struct subwg_error *outcome)
{
    struct outcomes *outcomes = context;
    ck_assert_uint_lt(outcomes->count, 8);
    snprintf(outcomes->lines[outcomes->count++], SUBWG_ERROR_TEXT_SIZE, "%s: %.300s",
             path + strlen(folder) + 1, outcome == NULL ? "admitted" : outcome->text);
}

START_TEST(one_refused_driver_stops_no_other)
{
    copy("good", "20-good.so");
    copy("twin", "30-twin.so");
    copy("no-entry", "10-none.so");
    ck_assert_int_eq(chmod(copy("good", "40-writable.so"), 0666), 0);
    copy("good", "not-a-module.txt");
    copy("good", ".hidden.so");
    copy("good", ".so");
    struct outcomes outcomes = {0};
    ck_assert_int_eq(subwg_registry_load_directory(registry, folder, take, &outcomes, &error), 1);
    ck_assert_uint_eq(outcomes.count, 4);
    ck_assert_ptr_nonnull(strstr(outcomes.lines[0], "10-none.so: cannot load driver"));
    ck_assert_str_eq(outcomes.lines[1], "20-good.so: admitted");
    ck_assert_ptr_nonnull(strstr(outcomes.lines[2], "30-twin.so: cannot load driver"));
    ck_assert_ptr_nonnull(
        strstr(outcomes.lines[2], "a driver named \"zoo-good\" is there already"));
    ck_assert_ptr_nonnull(strstr(outcomes.lines[3], "40-writable.so: cannot load driver"));

    /* Again, with a slash at the end: all that is there is there already. */
    char slashed[80];
    snprintf(slashed, sizeof(slashed), "%s/", folder);
    ck_assert_int_eq(subwg_registry_load_directory(registry, slashed, NULL, NULL, NULL), 0);
    ck_assert_uint_eq(subwg_registry_count(registry), 1);
}
END_TEST

START_TEST(directories)
{
    ck_assert_int_eq(subwg_registry_load_directory(registry, folder, NULL, NULL, NULL), 0);
    ck_assert_int_eq(subwg_registry_load_directory(registry, "drivers", NULL, NULL, &error),
                     -EINVAL);
    ck_assert_str_eq(error.text, "cannot load drivers from drivers: the path is relative, wanted "
                                 "an absolute one");
    ck_assert_int_eq(subwg_registry_load_directory(registry, "/no/such", NULL, NULL, &error),
                     -ENOENT);
    ck_assert_str_eq(error.text, "cannot load drivers from /no/such: cannot look at the directory: "
                                 "no such file or directory");
    ck_assert_int_eq(subwg_registry_load_directory(registry, "/dev/null", NULL, NULL, &error),
                     -EACCES);
    ck_assert_int_eq(subwg_registry_load_directory(registry, NULL, NULL, NULL, &error), -EINVAL);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("loader");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, good_driver_is_loaded_and_stays);
    tcase_add_test(tests, zoo);
    tcase_add_test(tests, linker_speaks_for_itself);
    tcase_add_test(tests, file_that_others_can_write);
    tcase_add_test(tests, directory_that_others_can_write);
    tcase_add_test(tests, file_and_directory_of_someone_else);
    tcase_add_test(tests, things_that_are_no_plain_file);
    tcase_add_test(tests, paths);
    tcase_add_test(tests, one_refused_driver_stops_no_other);
    tcase_add_test(tests, directories);
    return fixture_run(tests, "engine-loader");
}
