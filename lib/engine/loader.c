/* SPDX-License-Identifier: Apache-2.0 */
/* Drivers from files. Never unloaded: their code may be running, and their destructors are theirs. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <subwg/registry.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "engine/trust.h"

#define NEXT_ENTRY "subwg_driver_v2"

static int32_t refuse_without_entry(void *module, struct subwg_error *error)
{
    if (dlsym(module, NEXT_ENTRY) != NULL)
        return error_set(error, -ENOTSUP, SUBWG_REASON_INCOMPATIBLE, "load",
                         "the driver speaks ABI 2 only (it has %s), wanted ABI %u (%s)", NEXT_ENTRY,
                         (unsigned)SUBWG_ABI_MAJOR, SUBWG_DRIVER_ENTRY);
    return error_set(error, -EINVAL, SUBWG_REASON_INCOMPATIBLE, "load",
                     "no cable driver: the symbol %s is missing", SUBWG_DRIVER_ENTRY);
}

/* ISO C has no conversion from an object's to a function's pointer; POSIX promises that it works. */
static subwg_driver_v1_fn find_entry(void *module)
{
    union {
        void *object;
        subwg_driver_v1_fn function;
    } entry = {.object = dlsym(module, SUBWG_DRIVER_ENTRY)};
    return entry.function;
}

static int32_t load(struct subwg_registry *registry, const char *path, struct subwg_error *error)
{
    int32_t code = trust_file(path, error);
    if (code != 0)
        return code;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module == NULL) {
        const char *words = dlerror();
        return error_set(error, -ENOEXEC, SUBWG_REASON_NOT_LOADABLE, "load", "%s",
                         words == NULL ? "the dynamic linker gave no reason" : words);
    }
    subwg_driver_v1_fn entry = find_entry(module);
    if (entry == NULL)
        return refuse_without_entry(module, error);
    const struct subwg_driver *driver = entry();
    if (driver == NULL)
        return error_set(error, -EINVAL, SUBWG_REASON_INCOMPATIBLE, "load",
                         "%s returned NULL, wanted a driver table", SUBWG_DRIVER_ENTRY);
    return subwg_registry_add(registry, driver, error);
}

/* Puts the path in front of a reason; of a very long one the end, so that the reason has room. */
static void name_path(struct subwg_error *error, const char *attempt, const char *path)
{
    char escaped[SUBWG_ERROR_TEXT_SIZE / 2];
    struct text shown = text_over(escaped, sizeof(escaped));
    size_t length = strlen(path);
    size_t room = sizeof(escaped) / 2;
    text_append(&shown, "%s", length > room ? "..." : "");
    text_append_escaped(&shown, length > room ? path + length - room : path);
    error_prefix(error, "%s %s", attempt, escaped);
}

int32_t subwg_registry_load_file(struct subwg_registry *registry, const char *path,
                                 struct subwg_error *error)
{
    if (registry == NULL || path == NULL)
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "load", "no %s",
                         registry == NULL ? "registry" : "path");
    int32_t code = path[0] == '/' ? load(registry, path, error)
                                  : error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "load",
                                              "the path is relative, wanted an absolute one");
    if (code != 0)
        name_path(error, "cannot load driver", path);
    return code;
}

static int is_module(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 3 && strcmp(entry->d_name + length - 3, ".so") == 0;
}

/* By bytes: the order must not depend on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Returns 1 if the file's driver was admitted, else 0. */
static int32_t load_one(struct subwg_registry *registry, const char *directory, const char *name,
                        subwg_load_fn each, void *context)
{
    char path[LIMIT_DRIVER_PATH];
    struct subwg_error error = SUBWG_ERROR_INIT;
    struct text text = text_over(path, sizeof(path));
    text_append(&text, "%s%s%s", directory, directory[strlen(directory) - 1] == '/' ? "" : "/",
                name);
    int32_t code = text.cut ? error_set(&error, -ENAMETOOLONG, SUBWG_REASON_LIMIT, "load",
                                        "the path of %s is too long", name)
                            : subwg_registry_load_file(registry, path, &error);
    if (each != NULL)
        each(context, path, code == 0 ? NULL : &error);
    return code == 0 ? 1 : 0;
}

static int32_t load_all(struct subwg_registry *registry, const char *directory, subwg_load_fn each,
                        void *context, struct subwg_error *error)
{
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, is_module, by_name);
    if (count < 0) {
        int32_t code = -errno;
        return error_set(error, code, SUBWG_REASON_NOT_LOADABLE, "load",
                         "cannot read the directory: %s", error_phrase(code));
    }
    bool too_many = count > LIMIT_DRIVER_FILES;
    int32_t admitted = 0;
    for (int i = 0; i < count; i++) {
        if (!too_many)
            admitted += load_one(registry, directory, entries[i]->d_name, each, context);
        free(entries[i]);
    }
    free(entries);
    if (too_many)
        return error_set(error, -ENOSPC, SUBWG_REASON_LIMIT, "load",
                         "%d modules are there, at most %d are allowed", count, LIMIT_DRIVER_FILES);
    return admitted;
}

int32_t subwg_registry_load_directory(struct subwg_registry *registry, const char *directory,
                                      subwg_load_fn each, void *context, struct subwg_error *error)
{
    if (registry == NULL || directory == NULL)
        return error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "load", "no %s",
                         registry == NULL ? "registry" : "directory");
    int32_t code = directory[0] == '/'
                       ? trust_directory(directory, error)
                       : error_set(error, -EINVAL, SUBWG_REASON_BAD_ARGUMENT, "load",
                                   "the path is relative, wanted an absolute one");
    if (code == 0)
        code = load_all(registry, directory, each, context, error);
    if (code < 0)
        name_path(error, "cannot load drivers from", directory);
    return code;
}
