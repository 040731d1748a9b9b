/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include <subwg/driver.h>

static uint32_t threshold = SUBWG_LOG_INFO;

void log_threshold(uint32_t level)
{
    threshold = level;
}

const char *log_escape(char *buffer, size_t size, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    size_t used = 0;

    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        bool printable = *at >= 0x20 && *at < 0x7f;
        if (used + (printable ? 1 : 4) >= size)
            break;
        if (printable) {
            buffer[used++] = (char)*at;
            continue;
        }
        buffer[used++] = '\\';
        buffer[used++] = 'x';
        buffer[used++] = digits[*at >> 4];
        buffer[used++] = digits[*at & 0xf];
    }
    buffer[used] = '\0';
    return buffer;
}

void log_line(uint32_t level, const char *format, ...)
{
    static const char *const names[] = {"ERROR", "WARNING", "INFO", "DEBUG"};
    char text[LOG_TEXT_SIZE], escaped[LOG_TEXT_SIZE], when[32] = "";
    time_t now = time(NULL);
    struct tm parts;
    va_list arguments;

    if (level > threshold)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (gmtime_r(&now, &parts) != NULL)
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
    fprintf(stderr, "%s %s %s\n", when, names[level > SUBWG_LOG_DEBUG ? SUBWG_LOG_DEBUG : level],
            log_escape(escaped, sizeof escaped, text));
}
