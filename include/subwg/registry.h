/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file registry.h
 * @brief The engine's side: drivers, linked or loaded, each admitted by the same rules and found by name.
 */
#ifndef SUBWG_REGISTRY_H
#define SUBWG_REGISTRY_H

#include <subwg/api.h>
#include <subwg/driver.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most drivers in one registry. */
#define SUBWG_REGISTRY_DRIVERS_MAX 64u

/**
 * A set of admitted drivers. Not for use by two threads at once while drivers are added.
 *
 * One registry for a process is enough, and a driver that asks for #SUBWG_THREADS_SERIAL should be
 * in one only: its calls are serialized over all cables of one registry.
 */
struct subwg_registry;

/**
 * @brief Takes the outcome of each file that subwg_registry_load_directory() looked at.
 * @param context as handed in.
 * @param path the file.
 * @param error NULL if it was admitted, otherwise why not; `text` is the one line to show.
 */
typedef void (*subwg_load_fn)(void *context, const char *path, const struct subwg_error *error);

/**
 * @brief Makes an empty registry.
 * @param ret_registry the registry; to be ended with subwg_registry_destroy(). Untouched on failure.
 * @param error may be NULL.
 * @return 0; -EINVAL for a NULL @p ret_registry; -ENOMEM.
 */
SUBWG_API int32_t subwg_registry_create(struct subwg_registry **ret_registry,
                                        struct subwg_error *error);

/**
 * @brief Frees the registry. Drivers stay loaded: their code may still be in use. NULL is accepted.
 * Cables made from it must have been destroyed before.
 */
SUBWG_API void subwg_registry_destroy(struct subwg_registry *registry);

/**
 * @brief Judges a driver's table without loading or keeping anything: pure.
 *
 * In order: the head (magic, major, sizes), then min_host_minor, thread model, mandatory operations,
 * the name. Nothing beyond the head is read before the head is accepted. Every refusal is one line
 * that says what was found and what is wanted.
 * @param driver the table as the driver returned it.
 * @param ret_copy receives the host's own copy, absent operations NULL. Untouched on failure.
 * @param error may be NULL; reason #SUBWG_REASON_INCOMPATIBLE, and the text says found and wanted.
 * @return 0; -EINVAL for NULL or a malformed table; -ENOTSUP for another ABI version.
 */
SUBWG_API int32_t subwg_driver_admit(const struct subwg_driver *driver,
                                     struct subwg_driver *ret_copy, struct subwg_error *error);

/**
 * @brief Adds a linked driver.
 * @return 0; as subwg_driver_admit(); -EEXIST a driver of that name is there already, and stays;
 *         -ENOSPC at #SUBWG_REGISTRY_DRIVERS_MAX; -ENOMEM.
 */
SUBWG_API int32_t subwg_registry_add(struct subwg_registry *registry,
                                     const struct subwg_driver *driver, struct subwg_error *error);

/**
 * @brief Loads a driver from a file.
 *
 * @p path must be absolute. Refused before any of its code runs: a file that is no regular file (a
 * symbolic link is none), and a file or a directory of it that someone other than root or the
 * effective user owns or can write. The folders above that directory are the caller's choice.
 *
 * Opened with RTLD_NOW and RTLD_LOCAL; never unloaded, not even when it is refused after its code
 * ran. The environment is not consulted.
 * @return 0; -EINVAL a relative path, or a module without the entry symbol; -ENOENT; -ENAMETOOLONG;
 *         -EACCES not trustworthy (#SUBWG_REASON_UNTRUSTED); -ENOEXEC not loadable
 *         (#SUBWG_REASON_NOT_LOADABLE, with the dynamic linker's own words); -ENOTSUP a module that
 *         offers only another major version; as subwg_registry_add().
 */
SUBWG_API int32_t subwg_registry_load_file(struct subwg_registry *registry, const char *path,
                                           struct subwg_error *error);

/**
 * @brief Loads every `*.so` file of a directory, in the byte order of their names; hidden files are
 * passed over. One refused driver stops no other: its outcome goes to @p each.
 * @param registry where they go.
 * @param directory absolute; pkg-config's variable `driverdir` names the installed one.
 * @param each takes each outcome; may be NULL.
 * @param context handed to @p each.
 * @param error may be NULL.
 * @return the number of drivers admitted; -EINVAL a relative path; -EACCES a directory that is not
 *         trustworthy; -ENOSPC more than 1024 modules; -ENOENT and other errors of reading it.
 */
SUBWG_API int32_t subwg_registry_load_directory(struct subwg_registry *registry,
                                                const char *directory, subwg_load_fn each,
                                                void *context, struct subwg_error *error);

/** @brief The number of drivers in the registry. */
SUBWG_API uint32_t subwg_registry_count(const struct subwg_registry *registry);

/** @brief The name of driver @p index in the order of admission; NULL beyond the last. Valid until destroy. */
SUBWG_API const char *subwg_registry_name(const struct subwg_registry *registry, uint32_t index);

/**
 * @brief Finds a driver by name.
 * @return the host's copy of its table, valid until destroy; NULL if there is none, and then
 *         @p error lists the supported names (#SUBWG_REASON_UNKNOWN_DRIVER).
 */
SUBWG_API const struct subwg_driver *subwg_registry_find(const struct subwg_registry *registry,
                                                         const char *name,
                                                         struct subwg_error *error);

#ifdef __cplusplus
}
#endif

#endif
