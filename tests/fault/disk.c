/* SPDX-License-Identifier: Apache-2.0 */
#include "disk.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CONTENT_SIZE 4096
#define PATH_SIZE    384

/* A file that was created: its name by now, and whether its content is on the disk. */
struct new_file {
    int fd; /* -1: closed */
    char path[PATH_SIZE];
    bool unsynchronized;
};

/* A rename that a power cut would undo. */
struct pending_name {
    bool pending;
    char from[PATH_SIZE];
    char to[PATH_SIZE];
    bool had_old;
    char old[CONTENT_SIZE];
};

static struct disk {
    char folder[64];
    int folder_fd; /* opened by the code under test, -1: not */
    unsigned int call_number;
    int error; /* 0: a power cut */
    bool struck;
    bool dark;
    bool bytewise;
    struct new_file file;
    struct pending_name name;
} disk = {.folder_fd = -1, .file = {.fd = -1}};

static bool watched(const char *path)
{
    size_t length = strlen(disk.folder);
    return length > 0 && strncmp(path, disk.folder, length) == 0;
}

/* Counts a call; false, with errno set, if it fails. */
static bool allowed(void)
{
    if (!disk.dark && disk.call_number > 0 && --disk.call_number == 0) {
        disk.struck = true;
        disk.dark = disk.error == 0;
        errno = disk.error != 0 ? disk.error : EIO;
        return false;
    }
    if (disk.dark)
        errno = EIO;
    return !disk.dark;
}

/* The calls of the code under test. */

__attribute__((visibility("default"))) int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (watched(path) && !allowed())
        return -1;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    if (fd < 0 || !watched(path))
        return fd;
    if (strcmp(path, disk.folder) == 0) {
        disk.folder_fd = fd;
        if (disk.file.fd == fd)
            disk.file.fd = -1; /* its number is used again */
    } else if ((flags & O_CREAT) != 0) {
        disk.file.fd = fd;
        disk.file.unsynchronized = true;
        (void)snprintf(disk.file.path, sizeof(disk.file.path), "%s", path);
    }
    return fd;
}

__attribute__((visibility("default"))) ssize_t write(int fd, const void *bytes, size_t size)
{
    if (fd == disk.file.fd) {
        if (!allowed())
            return -1;
        disk.file.unsynchronized = true;
        size = disk.bytewise && size > 1 ? 1 : size;
    }
    return (ssize_t)syscall(SYS_write, fd, bytes, size);
}

__attribute__((visibility("default"))) int fchmod(int fd, mode_t mode)
{
    return fd == disk.file.fd && !allowed() ? -1 : (int)syscall(SYS_fchmod, fd, mode);
}

__attribute__((visibility("default"))) int fsync(int fd)
{
    if (fd != disk.file.fd && fd != disk.folder_fd)
        return (int)syscall(SYS_fsync, fd);
    if (!allowed())
        return -1;
    if (fd == disk.file.fd)
        disk.file.unsynchronized = false;
    else
        disk.name.pending = false;
    return 0;
}

static void read_back(const char *path, char content[CONTENT_SIZE], bool *ret_there)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    *ret_there = fd >= 0;
    if (fd < 0)
        return;
    ssize_t length = (ssize_t)syscall(SYS_read, fd, content, CONTENT_SIZE - 1);
    *ret_there = length >= 0; /* not a folder */
    content[length >= 0 ? length : 0] = '\0';
    (void)close(fd);
}

__attribute__((visibility("default"))) int rename(const char *from, const char *to)
{
    if (watched(to)) {
        if (!allowed())
            return -1;
        disk.name.pending = true;
        (void)snprintf(disk.name.from, sizeof(disk.name.from), "%s", from);
        (void)snprintf(disk.name.to, sizeof(disk.name.to), "%s", to);
        read_back(to, disk.name.old, &disk.name.had_old);
        (void)snprintf(disk.file.path, sizeof(disk.file.path), "%s", to);
    }
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

__attribute__((visibility("default"))) int unlink(const char *path)
{
    return watched(path) && !allowed() ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

/* The test's own. */

const char *disk_start(void)
{
    disk = (struct disk){.folder_fd = -1, .file = {.fd = -1}};
    char folder[] = "/tmp/subwg-disk-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    memcpy(disk.folder, folder, sizeof(folder));
    return disk.folder;
}

const char *disk_path(const char *name)
{
    static char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/%s", disk.folder, name);
    return path;
}

/* Calls remove for each entry, if it is not NULL. */
static unsigned int for_each_file(int (*with)(const char *path))
{
    unsigned int count = 0;
    DIR *folder = opendir(disk.folder);
    ck_assert_ptr_nonnull(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        count++;
        if (with != NULL)
            (void)with(disk_path(entry->d_name));
    }
    (void)closedir(folder);
    return count;
}

unsigned int disk_file_count(void)
{
    return for_each_file(NULL);
}

void disk_stop(void)
{
    char folder[sizeof(disk.folder)];
    if (disk.folder[0] == '\0')
        return;
    disk_power_on(DISK_KEEPS, false);
    (void)for_each_file(remove);
    memcpy(folder, disk.folder, sizeof(folder));
    disk.folder[0] = '\0';
    (void)rmdir(folder);
}

static void order(unsigned int call_number, int error)
{
    disk.call_number = call_number;
    disk.error = error;
    disk.struck = false;
}

void disk_fail_call(unsigned int call_number, int error)
{
    order(call_number, error);
}

void disk_cut_power(unsigned int call_number)
{
    order(call_number, 0);
}

bool disk_struck(void)
{
    return disk.struck;
}

void disk_write_bytewise(bool on)
{
    disk.bytewise = on;
}

void disk_power_on(enum disk_loss content, bool names_lost)
{
    disk.dark = false;
    disk.call_number = 0;
    struct stat status;
    if (disk.file.unsynchronized && content != DISK_KEEPS && stat(disk.file.path, &status) == 0)
        ck_assert_int_eq(truncate(disk.file.path, content == DISK_HALVES ? status.st_size / 2 : 0),
                         0);
    if (disk.name.pending && names_lost) {
        ck_assert_int_eq(
            syscall(SYS_renameat2, AT_FDCWD, disk.name.to, AT_FDCWD, disk.name.from, 0), 0);
        if (disk.name.had_old)
            disk_put(strrchr(disk.name.to, '/') + 1, disk.name.old, 0600);
    }
    disk.file.fd = -1;
    disk.file.unsynchronized = false;
    disk.folder_fd = -1;
    disk.name.pending = false;
}

void disk_put(const char *name, const char *content, unsigned int mode)
{
    const char *path = disk_path(name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(content, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, mode), 0);
}

const char *disk_get(const char *name)
{
    static char content[CONTENT_SIZE];
    bool there;
    read_back(disk_path(name), content, &there);
    return there ? content : NULL;
}

unsigned int disk_mode(const char *name)
{
    struct stat status;
    ck_assert_int_eq(stat(disk_path(name), &status), 0);
    return status.st_mode & 07777u;
}
