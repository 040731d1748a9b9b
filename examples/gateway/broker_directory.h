/* SPDX-License-Identifier: Apache-2.0 */
/* A broker that is a directory: one JSON file for each endpoint, `<cluster_id>.<cable_name>.json`.
 *
 * A file appears by rename, so no reader ever sees half of one. The directory as a scan finds it is
 * the truth; inotify only says when to scan. A file is read again when it looks changed, or when all are. Names with a leading dot or without `.json` are ignored.
 * What is broken, too large, or no regular file is refused with one line in the log, once for each
 * change. A file that was good before counts as it was until it is good again or gone, so that a
 * mishap of the writer cuts no tunnel. */
#ifndef GATEWAY_BROKER_DIRECTORY_H
#define GATEWAY_BROKER_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <time.h>

#include "endpoint_json.h"

#define BROKER_FILES_MAX  65536u
#define BROKER_FAULT_SIZE 256

struct broker_entry {
    char *name;                    /* the file's */
    struct endpoint *endpoint;     /* as last read well; NULL if it never was */
    struct timespec written;       /* when that version was written */
    struct stat seen;              /* before the last reading */
    char fault[BROKER_FAULT_SIZE]; /* why the file of now is refused; empty if it is good */
};

struct broker {
    char *path;
    int inotify_fd;               /* to be polled; when readable: broker_drain() */
    struct broker_entry *entries; /* in the order of their names */
    size_t count;
    bool read_all; /* asks the next scan to read every file, not only those that look changed */
};

/* All return 0 or a negative errno value. */
int broker_open(struct broker *broker, const char *path);
void broker_close(struct broker *broker);

/* Reads the notices that wait. True if a scan is due: a file came, changed or went, or notices were lost. */
bool broker_drain(struct broker *broker);

/* Makes `entries` what the directory holds. On failure they stay as they were. */
int broker_scan(struct broker *broker);

/* Files that were never read well: there may be endpoints that nobody knows of. */
size_t broker_unreadable(const struct broker *broker);

const struct broker_entry *broker_find(const struct broker *broker, const char *name);
bool broker_holds(const struct broker *broker, const char *name);

/* Writes a file of the directory at path as a whole, or not at all. */
int broker_publish(const char *path, const char *name, const char *text);

/* Removes a file; -ENOENT if it is not there. */
int broker_withdraw(const char *path, const char *name);

#endif
