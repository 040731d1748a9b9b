/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"

#define MODE_OWNER  0600u
#define MODE_OTHERS 0077u

#define TEMPORARY_SIZE (LIMIT_KEY_FILE_PATH + sizeof(KEY_FILE_TEMPORARY))

/* Reading. */

static int32_t refuse(struct subwg_error *error, const char *path, const char *why)
{
    return error_set(error, -EINVAL, SUBWG_REASON_BAD_SETTING, "read key file", "key file %s %s",
                     path, why);
}

static int32_t read_failed(struct subwg_error *error, const char *path, int32_t code)
{
    error_set(error, code, SUBWG_REASON_UNSPECIFIED, "read key file", "read key file %s: %s", path,
              error_phrase(code));
    if (code == -EACCES)
        error_hint(error, "the process's user needs to search its folder and to own the file");
    return code;
}

static int32_t open_for_reading(const char *path, int *ret_fd, struct subwg_error *error)
{
    /* O_NONBLOCK: a pipe in its place would wait for a writer. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 1;
    if (fd < 0 && errno == ELOOP)
        return refuse(error, path, "is a symbolic link; name the file itself");
    if (fd < 0)
        return read_failed(error, path, -errno);
    *ret_fd = fd;
    return 0;
}

static int32_t check_guarded(int fd, const char *path, struct subwg_error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return read_failed(error, path, -errno);
    if (!S_ISREG(status.st_mode))
        return refuse(error, path, "is not a regular file");
    if (status.st_uid != 0 && status.st_uid != geteuid()) {
        error_set(error, -EINVAL, SUBWG_REASON_BAD_SETTING, "read key file",
                  "key file %s belongs to user %u, neither to root nor to the user of this process",
                  path, (unsigned)status.st_uid);
        error_hint(error, "if the key is yours: chown %u %s", (unsigned)geteuid(), path);
        return -EINVAL;
    }
    if ((status.st_mode & MODE_OTHERS) != 0) {
        error_set(error, -EINVAL, SUBWG_REASON_BAD_SETTING, "read key file",
                  "key file %s is open to others (mode %04o)", path,
                  (unsigned)status.st_mode & 07777u);
        error_hint(error, "if nobody has read the key: chmod 600 %s; otherwise remove the file",
                   path);
        return -EINVAL;
    }
    return 0;
}

/* Reads until the text is full or the file ends. */
static int32_t read_text(int fd, char *text, size_t size, size_t *ret_length)
{
    size_t length = 0;
    while (length < size) {
        ssize_t count = read(fd, text + length, size - length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        if (count == 0)
            break;
        length += (size_t)count;
    }
    *ret_length = length;
    return 0;
}

static int32_t parse(const char *path, const char *text, size_t length, struct key *ret_private_key,
                     struct subwg_error *error)
{
    int32_t code = 0;
    if (length != KEY_FILE_BYTES || text[KEY_FILE_BYTES - 1] != '\n' ||
        !key_decode(text, ret_private_key))
        code = refuse(error, path, "does not hold one base64 key of 44 characters and a newline");
    else if (key_is_zero(ret_private_key))
        code = refuse(error, path, "holds a key of zeroes");
    if (code == 0)
        return 0;
    key_wipe(ret_private_key);
    error_hint(error,
               "restore it from a copy; or remove it, and the device's key is saved there, or "
               "a new one where there is no device");
    return code;
}

int32_t key_file_read(const char *path, struct key *ret_private_key, struct subwg_error *error)
{
    char text[KEY_FILE_BYTES + 1]; /* one more shows that there is more */
    size_t length = 0;
    int fd = -1;
    int32_t code = open_for_reading(path, &fd, error);
    if (code != 0)
        return code;
    code = check_guarded(fd, path, error);
    if (code == 0) {
        code = read_text(fd, text, sizeof(text), &length);
        if (code != 0)
            read_failed(error, path, code);
    }
    if (code == 0)
        code = parse(path, text, length, ret_private_key, error);
    sodium_memzero(text, sizeof(text));
    (void)close(fd);
    return code;
}

/* Writing. */

static int32_t write_failed(struct subwg_error *error, const char *path, const char *step,
                            int32_t code)
{
    error_set(error, code, SUBWG_REASON_UNSPECIFIED, "write key file", "write key file %s: %s: %s",
              path, step, error_phrase(code));
    if (code == -ENOENT || code == -EACCES || code == -EROFS || code == -ENOTDIR)
        error_hint(error, "its folder has to exist and to be writable for the process's user; or "
                          "choose another file (setting key-file)");
    else if (code == -ENOSPC || code == -EDQUOT)
        error_hint(error,
                   "make room on its file system, or choose another file (setting key-file)");
    return code;
}

static int32_t write_text(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t count = write(fd, text, length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? -errno : -EIO;
        text += count;
        length -= (size_t)count;
    }
    return 0;
}

/* Content and mode are on the disk before anything has the file's final name. */
static int32_t fill(int fd, const char *path, const struct key *private_key,
                    struct subwg_error *error)
{
    char text[KEY_FILE_BYTES];
    _Static_assert(KEY_FILE_BYTES == KEY_TEXT_SIZE, "the newline takes the place of the NUL");
    (void)key_format(private_key, text);
    text[KEY_FILE_BYTES - 1] = '\n';
    int32_t code = write_text(fd, text, sizeof(text));
    sodium_memzero(text, sizeof(text));
    if (code != 0)
        return write_failed(error, path, "write", code);
    if (fchmod(fd, MODE_OWNER) != 0) /* whatever the umask took */
        return write_failed(error, path, "set its mode", -errno);
    if (fsync(fd) != 0)
        return write_failed(error, path, "synchronize", -errno);
    return 0;
}

/* Makes the rename last. */
static int32_t synchronize_folder(const char *path, struct subwg_error *error)
{
    char folder[LIMIT_KEY_FILE_PATH];
    const char *slash = strrchr(path, '/');
    size_t length = slash == path ? 1 : (size_t)(slash - path);
    memcpy(folder, path, length);
    folder[length] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return write_failed(error, path, "open its folder", -errno);
    int32_t code = 0;
    if (fsync(fd) != 0 && errno != EINVAL) /* a file system that cannot: nothing more can be done */
        code = write_failed(error, path, "synchronize its folder", -errno);
    (void)close(fd);
    return code;
}

static int32_t write_temporary(const char *path, const char *temporary,
                               const struct key *private_key, struct subwg_error *error)
{
    (void)unlink(temporary); /* of a write that the power cut */
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE_OWNER);
    if (fd < 0)
        return write_failed(error, path, "create " KEY_FILE_TEMPORARY " beside it", -errno);
    int32_t code = fill(fd, path, private_key, error);
    if (close(fd) != 0 && code == 0)
        code = write_failed(error, path, "close", -errno);
    if (code == 0 && rename(temporary, path) != 0)
        code = write_failed(error, path, "rename", -errno);
    if (code != 0)
        (void)unlink(temporary);
    return code;
}

int32_t key_file_write(const char *path, const struct key *private_key, struct subwg_error *error)
{
    char temporary[TEMPORARY_SIZE];
    if (path[0] != '/' || strlen(path) >= LIMIT_KEY_FILE_PATH)
        return write_failed(error, path, "its path", -EINVAL);
    struct text name = text_over(temporary, sizeof(temporary));
    text_append(&name, "%s%s", path, KEY_FILE_TEMPORARY);
    int32_t code = write_temporary(path, temporary, private_key, error);
    return code != 0 ? code : synchronize_folder(path, error);
}
