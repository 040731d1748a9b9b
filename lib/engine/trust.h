/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a file of code can be trusted: only root and the caller own it or can write it. */
#ifndef ENGINE_TRUST_H
#define ENGINE_TRUST_H

#include <subwg/driver.h>

/* Nothing is opened, so neither a FIFO nor a device can block or act. A symbolic link in the last place
 * is not followed. 0, -EACCES (SUBWG_REASON_UNTRUSTED) or the errno of looking. */
int32_t trust_directory(const char *path, struct subwg_error *error);
/* The file, and the directory that holds it. path is absolute. */
int32_t trust_file(const char *path, struct subwg_error *error);

#endif
