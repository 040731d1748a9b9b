/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/trust.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"

/* A command for the caller's shell; the path may hold anything, and a hint ends on a terminal. */
static void hint_command(struct subwg_error *error, const char *command, const char *path)
{
    char escaped[SUBWG_ERROR_HINT_SIZE];
    struct text shown = text_over(escaped, sizeof(escaped));
    text_append_escaped(&shown, path);
    error_hint(error, "%s %s", command, escaped);
}

/* What is wrong with the owner or the mode, and the command that mends it. */
static int32_t judge_writers(const struct stat *status, const char *what, const char *path,
                             struct subwg_error *error)
{
    if (status->st_uid != 0 && status->st_uid != geteuid()) {
        (void)error_set(error, -EACCES, SUBWG_REASON_UNTRUSTED, "load",
                        "the %s belongs to user %lu, wanted root or user %lu", what,
                        (unsigned long)status->st_uid, (unsigned long)geteuid());
        hint_command(error, "chown root", path);
        return -EACCES;
    }
    if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        (void)error_set(error, -EACCES, SUBWG_REASON_UNTRUSTED, "load",
                        "the %s has mode %04o: %s can write it", what,
                        (unsigned)(status->st_mode & 07777),
                        (status->st_mode & S_IWOTH) != 0 ? "everyone" : "its group");
        hint_command(error, "chmod go-w", path);
        return -EACCES;
    }
    return 0;
}

static int32_t judge(const struct stat *status, mode_t wanted_type, const char *what,
                     const char *path, struct subwg_error *error)
{
    const char *fault = S_ISLNK(status->st_mode)                    ? "a symbolic link"
                        : (status->st_mode & S_IFMT) == wanted_type ? NULL
                        : wanted_type == S_IFDIR                    ? "no directory"
                                                                    : "no regular file";
    if (fault == NULL)
        return judge_writers(status, what, path, error);
    (void)error_set(error, -EACCES, SUBWG_REASON_UNTRUSTED, "load", "the %s is %s", what, fault);
    return -EACCES;
}

static int32_t trust(const char *path, mode_t type, const char *what, struct subwg_error *error)
{
    struct stat status = {0};
    int32_t code = lstat(path, &status) != 0 ? -errno : 0;
    if (code != 0)
        return error_set(error, code,
                         code == -ENOENT ? SUBWG_REASON_NOT_LOADABLE : SUBWG_REASON_UNTRUSTED,
                         "load", "cannot look at the %s: %s", what, error_phrase(code));
    return judge(&status, type, what, path, error);
}

int32_t trust_directory(const char *path, struct subwg_error *error)
{
    return trust(path, S_IFDIR, "directory", error);
}

int32_t trust_file(const char *path, struct subwg_error *error)
{
    char directory[LIMIT_DRIVER_PATH];
    if (!text_copy(directory, sizeof(directory), path))
        return error_set(error, -ENAMETOOLONG, SUBWG_REASON_LIMIT, "load",
                         "the path is longer than %u bytes", LIMIT_DRIVER_PATH - 1);
    char *slash = strrchr(directory, '/');
    slash[slash == directory ? 1 : 0] = '\0';
    int32_t code = trust(directory, S_IFDIR, "directory", error);
    return code != 0 ? code : trust(path, S_IFREG, "file", error);
}
