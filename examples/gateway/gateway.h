/* SPDX-License-Identifier: Apache-2.0 */
/* The running gateway: one thread, one loop, all state in one struct. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "broker_directory.h"
#include "broker_file.h"
#include "config.h"
#include "debounce.h"
#include "difference_log.h"
#include "engine.h"
#include "http.h"
#include "remotes.h"
#include "views.h"

struct gateway {
    const struct config *config;
    struct engine engine;
    struct views views;
    struct http_server *http;
    struct broker broker;
    struct remotes remotes;
    char own_file[BROKER_FILE_NAME_SIZE]; /* in the broker */
    int signal_fd;
    int event_fd;        /* the driver's; -1 if it has none */
    bool broker_failed;  /* the last scan failed, and that has been logged */
    bool publish_failed; /* likewise the last publishing: the next scan's turn to try again */
    bool list_complete;  /* the driver knows that it knows all */
    bool list_logged;    /* why not yet, has been logged */
    bool repair_due;     /* somebody asked for it, configured or not */
    struct difference_log differences;
    struct debounce changes; /* of the broker */
    uint64_t dispatch_at_ms; /* a driver that just failed is left alone until then */
    uint64_t next_status_ms;
    uint64_t next_reconcile_ms;
};

/* Milliseconds since boot. */
uint64_t gateway_now_ms(void);

/* Runs until a signal ends it. Returns the program's exit status. */
int gateway_run(struct config *config);

#endif
