/* SPDX-License-Identifier: Apache-2.0 */
#include "broker_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_plain(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-';
}

/* Appends text to a name of used bytes; returns its new length, which stops growing at the limit. */
static size_t append_safe(char name[BROKER_FILE_NAME_SIZE], size_t used, const char *text,
                          bool dots)
{
    static const char digits[] = "0123456789ABCDEF";

    for (; *text != '\0' && used + 3 < BROKER_FILE_NAME_SIZE; text++) {
        if (is_plain(*text) || (dots && *text == '.')) {
            name[used++] = *text;
            continue;
        }
        name[used++] = '%';
        name[used++] = digits[(unsigned char)*text >> 4];
        name[used++] = digits[(unsigned char)*text & 0xf];
    }
    return *text == '\0' ? used : BROKER_FILE_NAME_SIZE;
}

int broker_file_name(const struct endpoint *endpoint, char name[BROKER_FILE_NAME_SIZE])
{
    size_t used = append_safe(name, 0, endpoint->view.cluster_id, false);

    if (used + 1 < BROKER_FILE_NAME_SIZE) {
        name[used++] = '.';
        used = append_safe(name, used, endpoint->view.cable_name, true);
    }
    if (used + sizeof ".json" > BROKER_FILE_NAME_SIZE)
        return -ENAMETOOLONG;
    memcpy(name + used, ".json", sizeof ".json");
    return 0;
}

/* Reads to the end, at most size bytes. Returns the count or a negative errno. */
static ssize_t read_whole(int fd, char *buffer, size_t size)
{
    size_t used = 0;

    while (used < size) {
        ssize_t got = read(fd, buffer + used, size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    return (ssize_t)used;
}

static struct endpoint *parse_file(const char *bytes, size_t count, char *fault, size_t fault_size)
{
    struct faults *faults = malloc(sizeof *faults);
    struct endpoint *endpoint = NULL;

    snprintf(fault, fault_size, "out of memory");
    if (faults == NULL)
        return NULL;
    faults_begin(faults, NULL);
    endpoint = endpoint_parse(bytes, count, faults);
    faults->text[strcspn(faults->text, "\n")] = '\0';
    snprintf(fault, fault_size, "%.*s%s", (int)fault_size - 32, faults->text,
             faults->count > 1 ? " (and more)" : "");
    free(faults);
    return endpoint;
}

struct endpoint *broker_file_read(int directory_fd, const char *name, struct timespec *ret_written,
                                  char *fault, size_t fault_size)
{
    /* Never waits for the other end of a pipe, never follows a link. */
    int fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct endpoint *endpoint = NULL;
    char *bytes = NULL;
    struct stat status;
    ssize_t count;

    fault[0] = '\0';
    if (fd < 0 || fstat(fd, &status) != 0) {
        snprintf(fault, fault_size, "cannot open it: %s",
                 errno == ELOOP ? "it is a symbolic link" : strerror(errno));
        goto end;
    }
    if (!S_ISREG(status.st_mode)) {
        snprintf(fault, fault_size, "it is not a regular file");
        goto end;
    }
    if (status.st_size > (off_t)BROKER_FILE_BYTES_MAX) {
        snprintf(fault, fault_size, "it is larger than %u bytes", BROKER_FILE_BYTES_MAX);
        goto end;
    }
    bytes = malloc((size_t)status.st_size + 1);
    count = bytes != NULL ? read_whole(fd, bytes, (size_t)status.st_size) : -ENOMEM;
    if (count < 0)
        snprintf(fault, fault_size, "cannot read it: %s", strerror((int)-count));
    else
        endpoint = parse_file(bytes, (size_t)count, fault, fault_size);
    *ret_written = status.st_mtim;
end:
    free(bytes);
    if (fd >= 0)
        close(fd);
    return endpoint;
}

static int write_whole(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t put = write(fd, text, left);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        text += put;
        left -= (size_t)put;
    }
    return fsync(fd) == 0 ? 0 : -errno;
}

int broker_file_write(int directory_fd, const char *name, const char *text)
{
    char temporary[sizeof "." + BROKER_FILE_NAME_SIZE + sizeof ".tmp"];
    int fd, result;

    /* A name of its own for each endpoint: what a crash left behind is replaced by the next try. */
    snprintf(temporary, sizeof temporary, ".%s.tmp", name);
    if (unlinkat(directory_fd, temporary, 0) != 0 && errno != ENOENT)
        return -errno;
    fd =
        openat(directory_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    result = write_whole(fd, text);
    if (close(fd) != 0 && result == 0)
        result = -errno;
    if (result == 0 && renameat(directory_fd, temporary, directory_fd, name) != 0)
        result = -errno;
    if (result < 0)
        unlinkat(directory_fd, temporary, 0);
    else
        fsync(directory_fd); /* some file systems cannot; the rename stands all the same */
    return result;
}
