/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets that a hunt looks for: as they are, in base64 and in hex. The canaries themselves are kept
 * masked, so that no hunt finds the hunter. A find is any 16 bytes in a row of a form.
 */
#ifndef SECRETS_CANARY_H
#define SECRETS_CANARY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Adds a secret of 16 to 128 bytes; the caller wipes its own. The name is for the report. */
void canary_add(const char *name, const void *secret, size_t size);
void canary_forget(void);

/* Where finds are reported, standard error at first. */
void canary_report_to(int fd);

enum canary_form { CANARY_RAW, CANARY_BASE64, CANARY_HEX, CANARY_HEX_UPPER, CANARY_FORMS };

/* Writes a form of a canary, for a leak on purpose; its length. The buffer takes 264 bytes. */
size_t canary_reveal(const char *name, enum canary_form form, char *ret_text);

/* How many pieces of canaries there are; each is reported, unless it is on purpose. */
unsigned int canary_in_bytes(const char *where, const void *bytes, size_t size, bool on_purpose);

/* In all memory of a process (0: this one) that can be read. Left out, unless it is asked for: memory
 * that is wiped on fork, where the library may keep secrets. Finding no process, or no memory, aborts. */
unsigned int canary_in_process(pid_t process, bool secret_memory_too, bool on_purpose);

#endif
