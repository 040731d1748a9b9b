/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"

static int32_t refuse(struct subwg_error *error, const char *what, const char *why,
                      const char *hint)
{
    (void)error_set(error, -EACCES, SUBWG_REASON_UNTRUSTED, "load", "the %s %s", what, why);
    error_hint(error, "%s", hint);
    return -EACCES;
}

static int32_t judge(const struct stat *status, mode_t wanted_type, const char *what,
                     struct subwg_error *error)
{
    if (S_ISLNK(status->st_mode))
        return refuse(error, what, "is a symbolic link", "name what it points to");
    if ((status->st_mode & S_IFMT) != wanted_type) {
        (void)error_set(error, -EACCES, SUBWG_REASON_UNTRUSTED, "load", "%s",
                        wanted_type == S_IFDIR ? "it is no directory" : "it is no regular file");
        return -EACCES;
    }
    if (status->st_uid != 0 && status->st_uid != geteuid()) {
        (void)error_set(error, -EACCES, SUBWG_REASON_UNTRUSTED, "load",
                        "the %s belongs to user %lu, wanted root or user %lu", what,
                        (unsigned long)status->st_uid, (unsigned long)geteuid());
        return -EACCES;
    }
    if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        (void)error_set(error, -EACCES, SUBWG_REASON_UNTRUSTED, "load",
                        "the %s has mode %04o: its %s can write it", what,
                        (unsigned)(status->st_mode & 07777),
                        (status->st_mode & S_IWOTH) != 0 ? "others" : "group");
        error_hint(error, "chmod go-w");
        return -EACCES;
    }
    return 0;
}

static int32_t trust(int directory, const char *path, mode_t type, const char *what,
                     struct subwg_error *error)
{
    struct stat status = {0};
    int fd = openat(directory, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    int code = fd < 0 || fstat(fd, &status) != 0 ? -errno : 0;
    if (fd >= 0)
        (void)close(fd);
    if (code != 0)
        return error_set(error, code,
                         code == -ENOENT ? SUBWG_REASON_NOT_LOADABLE : SUBWG_REASON_UNTRUSTED,
                         "load", "cannot look at the %s: %s", what, error_phrase(code));
    return judge(&status, type, what, error);
}

int32_t trust_directory(const char *path, struct subwg_error *error)
{
    return trust(AT_FDCWD, path, S_IFDIR, "directory", error);
}

int32_t trust_file(const char *path, struct subwg_error *error)
{
    char directory[LIMIT_DRIVER_PATH];
    if (!text_copy(directory, sizeof(directory), path))
        return error_set(error, -ENAMETOOLONG, SUBWG_REASON_LIMIT, "load",
                         "the path is longer than %u bytes", LIMIT_DRIVER_PATH - 1);
    char *slash = strrchr(directory, '/');
    slash[slash == directory ? 1 : 0] = '\0';
    int32_t code = trust(AT_FDCWD, directory, S_IFDIR, "directory", error);
    return code != 0 ? code : trust(AT_FDCWD, path, S_IFREG, "file", error);
}
