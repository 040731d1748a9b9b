/* SPDX-License-Identifier: Apache-2.0 */
/* Filling the error record of driver.h, whatever size the caller's record has. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdint.h>

#include <subwg/driver.h>

/* Fills the record (NULL is fine) and returns code, so that a failure is one statement. */
__attribute__((format(printf, 5, 6))) int32_t error_set(struct subwg_error *error, int32_t code,
                                                        uint32_t reason, const char *operation,
                                                        const char *format, ...);

/* The record of an operation that had no memory; returns -ENOMEM. */
int32_t error_no_memory(struct subwg_error *error, const char *operation);

/* Adds what to do about it to a record that is set. */
__attribute__((format(printf, 2, 3))) void error_hint(struct subwg_error *error, const char *format,
                                                      ...);

/* Notes the kernel's own errno (positive) in a record that is set. */
void error_kernel(struct subwg_error *error, int kernel_errno);

/* Marks the operation's effect as unknown. */
void error_state_unknown(struct subwg_error *error);

/* Copies a record to the caller's (NULL is fine), whatever size that has. */
void error_copy(struct subwg_error *error, const struct subwg_error *from);

/* The record of what was not tried because something before it failed; returns that one's code. */
int32_t error_not_tried(struct subwg_error *error, const struct subwg_error *before);

/* Puts "before: " in front of the text of a record that is set. */
__attribute__((format(printf, 2, 3))) void error_prefix(struct subwg_error *error,
                                                        const char *format, ...);

/* An errno value (positive or negative) as a lower-case phrase without a period; never NULL. Safe
 * from any thread, independent of the locale. */
const char *error_phrase(int errno_value);

#endif
