/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that fails by order, and whose power can be cut. A test executable that links it has its own
 * open(), write(), fsync(), fchmod(), rename() and unlink(); in the watched folder the disk counts them,
 * everything else goes to the kernel unchanged. What was not synchronized when the power went may be
 * lost: a file's content, and a new name until the folder is synchronized.
 */
#ifndef FAULT_DISK_H
#define FAULT_DISK_H

#include <stdbool.h>

/* A fresh folder, watched from now on; its name. */
const char *disk_start(void);
void disk_stop(void); /* removes the folder with all that is in it */

/* A path in the folder, valid until the next call. */
const char *disk_path(const char *name);

/* The call_number-th call from now (1: the next) fails with this errno. 0: off. */
void disk_fail_call(unsigned int call_number, int error);
/* From the call_number-th call on the power is off: nothing has an effect any more. */
void disk_cut_power(unsigned int call_number);
/* True if what was ordered has happened. */
bool disk_struck(void);
/* While on, each write takes one byte only. */
void disk_write_bytewise(bool on);

/* What the power cut, or one right now, leaves of content that was not synchronized. */
enum disk_loss { DISK_KEEPS, DISK_HALVES, DISK_EMPTIES };
/* Power is back. With names_lost a rename whose folder was not synchronized has not happened. */
void disk_power_on(enum disk_loss content, bool names_lost);

/* For arranging and looking; a fault fails the test. */
void disk_put(const char *name, const char *content, unsigned int mode);
/* The content, valid until the next call; NULL if there is no such file. */
const char *disk_get(const char *name);
unsigned int disk_mode(const char *name);
unsigned int disk_file_count(void);

#endif
