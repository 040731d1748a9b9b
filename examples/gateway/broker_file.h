/* SPDX-License-Identifier: Apache-2.0 */
/* One file of the broker directory: its name, reading it warily, writing it as a whole. */
#ifndef GATEWAY_BROKER_FILE_H
#define GATEWAY_BROKER_FILE_H

#include <stddef.h>
#include <time.h>

#include "endpoint_json.h"

#define BROKER_FILE_BYTES_MAX 1048576u
#define BROKER_FILE_NAME_SIZE 251 /* leaves room for what a temporary name adds */

/* The file name of an endpoint, `<cluster_id>.<cable_name>.json`, with each byte outside
 * [A-Za-z0-9._-] as %XX, and the dots of cluster_id too, so that two endpoints never share a name.
 * 0, or -ENAMETOOLONG if the file system could not hold it. */
int broker_file_name(const struct endpoint *endpoint, char name[BROKER_FILE_NAME_SIZE]);

/* The endpoint in a file, and when it was written; or NULL, and fault says why it is refused. */
struct endpoint *broker_file_read(int directory_fd, const char *name, struct timespec *ret_written,
                                  char *fault, size_t fault_size);

/* Writes a file as a whole or not at all: a temporary name, then a rename. 0 or a negative errno. */
int broker_file_write(int directory_fd, const char *name, const char *text);

#endif
