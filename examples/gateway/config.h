/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: JSON, read as a whole, every fault reported at once. */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>
#include <subwg/driver.h>

#include "endpoint_json.h"
#include "fields.h"
#include "listen_address.h"

#define CONFIG_FILE_BYTES_MAX 1048576u
#define EXIT_MISCONFIGURED    2 /* of the program; also for a fault in its command */

struct config {
    const char *path; /* of the file; the caller's */
    json_t *document; /* owns every text below */
    const char *cable_driver;
    const char *driver_file; /* NULL: driver_directory counts */
    const char *driver_directory;
    const char *broker_path;
    const char *title;
    struct listen_address listen;
    uint32_t metrics_profile; /* enum subwg_profile */
    uint32_t log_level;       /* enum subwg_log_level */
    uint32_t reconcile_s;
    uint32_t status_s;
    bool repair;    /* what others change in the kernel; otherwise only told */
    json_t *use_ip; /* an object: cluster to address; may be NULL */
    struct endpoint *local;
    struct subwg_setting *settings;
    uint32_t setting_count;
};

/* Returns 0, or -EINVAL with the faults; the configuration is empty then. */
int config_read(struct config *config, const char *path, struct faults *faults);
int config_parse(struct config *config, const char *bytes, size_t count, struct faults *faults);
/* Wipes the settings, which may hold a preshared key: the driver has taken them. */
void config_forget_settings(struct config *config);
void config_free(struct config *config);

#endif
