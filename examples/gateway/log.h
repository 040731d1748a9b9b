/* SPDX-License-Identifier: Apache-2.0 */
/* One line to stderr for each event: time, level, text. Whatever the text holds, it stays one line. */
#ifndef GATEWAY_LOG_H
#define GATEWAY_LOG_H

#include <stddef.h>
#include <stdint.h>

#define LOG_TEXT_SIZE 2048

/* Levels are those of enum subwg_log_level; lines above the threshold are dropped. */
void log_threshold(uint32_t level);
__attribute__((format(printf, 2, 3))) void log_line(uint32_t level, const char *format, ...);

/* Copies text with everything but printable ASCII as \xNN, so that names from elsewhere can neither
 * start a line nor steer a terminal. Cuts what does not fit; returns buffer. */
const char *log_escape(char *buffer, size_t size, const char *text);

#endif
