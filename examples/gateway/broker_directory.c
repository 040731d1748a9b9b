/* SPDX-License-Identifier: Apache-2.0 */
#include "broker_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <subwg/driver.h>

#include "broker_file.h"
#include "log.h"

#define WATCHED                                                                                 \
    (IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | \
     IN_ONLYDIR)

int broker_open(struct broker *broker, const char *path)
{
    int result = 0;

    *broker = (struct broker){.inotify_fd = -1, .path = strdup(path)};
    if (broker->path == NULL)
        return -ENOMEM;
    broker->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (broker->inotify_fd < 0 || inotify_add_watch(broker->inotify_fd, path, WATCHED) < 0)
        result = -errno;
    if (result < 0)
        broker_close(broker);
    return result;
}

static void free_entries(struct broker_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(entries[i].name);
        endpoint_unref(entries[i].endpoint);
    }
    free(entries);
}

void broker_close(struct broker *broker)
{
    if (broker->inotify_fd >= 0)
        close(broker->inotify_fd);
    free_entries(broker->entries, broker->count);
    free(broker->path);
    *broker = (struct broker){.inotify_fd = -1};
}

static bool is_endpoint_name(const char *name)
{
    size_t length = strlen(name);

    return name[0] != '.' && length > strlen(".json") &&
           strcmp(name + length - strlen(".json"), ".json") == 0;
}

bool broker_drain(struct broker *broker)
{
    _Alignas(struct inotify_event) char buffer[16384];
    bool due = false;
    ssize_t got;

    while ((got = read(broker->inotify_fd, buffer, sizeof buffer)) > 0) {
        for (char *at = buffer; at < buffer + got;) {
            const struct inotify_event *event = (const struct inotify_event *)(void *)at;
            /* An event without a name is about the directory itself, or about lost events. */
            due = due || event->len == 0 || is_endpoint_name(event->name);
            at += sizeof *event + event->len;
        }
    }
    return due;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct broker_entry *)a)->name, ((const struct broker_entry *)b)->name);
}

static int compare_name(const void *name, const void *entry)
{
    return strcmp(name, ((const struct broker_entry *)entry)->name);
}

const struct broker_entry *broker_find(const struct broker *broker, const char *name)
{
    if (broker->count == 0)
        return NULL;
    return bsearch(name, broker->entries, broker->count, sizeof *broker->entries, compare_name);
}

static int append_entry(struct broker_entry **entries, size_t *count, const char *name)
{
    struct broker_entry *more = *entries;

    if (*count == BROKER_FILES_MAX)
        return -EFBIG;
    if ((*count & (*count - 1)) == 0) { /* full at each power of two */
        more = realloc(*entries, (*count > 0 ? *count * 2 : 1) * sizeof *more);
        if (more == NULL)
            return -ENOMEM;
        *entries = more;
    }
    more[*count] = (struct broker_entry){.name = strdup(name)};
    if (more[*count].name == NULL)
        return -ENOMEM;
    ++*count;
    return 0;
}

static int list_names(DIR *directory, struct broker_entry **ret_entries, size_t *ret_count)
{
    struct broker_entry *entries = NULL;
    const struct dirent *found;
    size_t count = 0;
    int result = 0;

    for (errno = 0; result == 0 && (found = readdir(directory)) != NULL; errno = 0)
        if (is_endpoint_name(found->d_name))
            result = append_entry(&entries, &count, found->d_name);
    if (result == 0)
        result = -errno;
    if (result < 0) {
        free_entries(entries, count);
        return result;
    }
    if (count > 0)
        qsort(entries, count, sizeof *entries, compare_entries);
    *ret_entries = entries;
    *ret_count = count;
    return 0;
}

static bool time_equal(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Every change moves the last of these times, but for two within one tick of the file system's clock. */
static bool is_unchanged(const struct stat *now, const struct stat *then)
{
    return now->st_dev == then->st_dev && now->st_ino == then->st_ino &&
           now->st_mode == then->st_mode && now->st_size == then->st_size &&
           time_equal(&now->st_mtim, &then->st_mtim) && time_equal(&now->st_ctim, &then->st_ctim);
}

/* Reads one file unless it is as it was; what was known of it before stands in for what cannot be read. */
static void read_entry(int directory_fd, bool read_all, struct broker_entry *entry,
                       const struct broker_entry *old)
{
    if (fstatat(directory_fd, entry->name, &entry->seen, AT_SYMLINK_NOFOLLOW) != 0)
        entry->seen = (struct stat){0};
    if (!read_all && old != NULL && entry->seen.st_ino != 0 &&
        is_unchanged(&entry->seen, &old->seen)) {
        entry->endpoint = endpoint_ref(old->endpoint);
        entry->written = old->written;
        memcpy(entry->fault, old->fault, sizeof entry->fault);
        return;
    }
    entry->endpoint = broker_file_read(directory_fd, entry->name, &entry->written, entry->fault,
                                       sizeof entry->fault);
    if (entry->endpoint == NULL && old != NULL) {
        entry->endpoint = endpoint_ref(old->endpoint);
        entry->written = old->written;
    }
    if (entry->fault[0] != '\0' && (old == NULL || strcmp(old->fault, entry->fault) != 0))
        log_line(SUBWG_LOG_WARNING, "broker: refused %s: %s%s", entry->name, entry->fault,
                 entry->endpoint != NULL ? " (its last good version stays in use)" : "");
}

int broker_scan(struct broker *broker)
{
    struct broker_entry *entries = NULL;
    DIR *directory = NULL;
    size_t count = 0;
    int result = 0;

    /* Watching the same directory again changes nothing; one that was replaced has lost its watch. */
    if (inotify_add_watch(broker->inotify_fd, broker->path, WATCHED) < 0 ||
        (directory = opendir(broker->path)) == NULL) {
        result = -errno;
        goto end;
    }
    result = list_names(directory, &entries, &count);
    if (result < 0)
        goto end;
    for (size_t i = 0; i < count; i++)
        read_entry(dirfd(directory), broker->read_all, &entries[i],
                   broker_find(broker, entries[i].name));
    free_entries(broker->entries, broker->count);
    broker->entries = entries;
    broker->count = count;
    broker->read_all = false;
end:
    if (directory != NULL)
        closedir(directory);
    return result;
}

size_t broker_unreadable(const struct broker *broker)
{
    size_t unreadable = 0;

    for (size_t i = 0; i < broker->count; i++)
        unreadable += broker->entries[i].endpoint == NULL;
    return unreadable;
}

bool broker_holds(const struct broker *broker, const char *name)
{
    return broker_find(broker, name) != NULL;
}

int broker_publish(const char *path, const char *name, const char *text)
{
    int directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result;

    if (directory_fd < 0)
        return -errno;
    result = broker_file_write(directory_fd, name, text);
    close(directory_fd);
    return result;
}

int broker_withdraw(const char *path, const char *name)
{
    int directory_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;

    if (directory_fd < 0)
        return -errno;
    if (unlinkat(directory_fd, name, 0) != 0)
        result = -errno;
    close(directory_fd);
    return result;
}
