/* SPDX-License-Identifier: Apache-2.0 */
/* Settings read in a line, and what the report of a refusal says. */
#ifndef UNIT_WIREGUARD_SETTINGS_READ_H
#define UNIT_WIREGUARD_SETTINGS_READ_H

#include "unit.h"
#include "wireguard/settings.h"

extern struct settings settings; /* as the last successful read left them */
extern struct secret_page *secrets;
extern struct subwg_error error; /* of the last read */

/* Reads a list that ends with a NULL key. */
int32_t settings_of_list(const struct subwg_setting *list, const struct setting_source *environment,
                         uint32_t environment_count);
int32_t settings_of_one(const char *key, const char *value);

bool report_has(const char *text);
void settings_check_taken(const char *key, const char *value);
/* Refused, and the report names key, value and what is allowed. */
void settings_check_refused(const char *key, const char *value);

#endif
