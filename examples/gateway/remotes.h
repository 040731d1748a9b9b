/* SPDX-License-Identifier: Apache-2.0 */
/* The remote clusters: what the broker says of each against what the driver has been given.
 * Everything here decides; gateway.c acts. */
#ifndef GATEWAY_REMOTES_H
#define GATEWAY_REMOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <subwg/driver.h>

#include "broker_directory.h"
#include "endpoint_json.h"

#define RETRY_DELAY_FIRST_S 1u
#define RETRY_DELAY_MOST_S  60u

/* What to do about an endpoint that the driver did not take. */
enum retry {
    RETRY_NOT,       /* it is malformed; only another endpoint helps */
    RETRY_ON_CHANGE, /* another cluster or a network of this host is in the way: when any endpoint has
                      * changed or gone, and at each regular look */
    RETRY_LATER      /* it may work in a while */
};

struct remote {
    char *cluster_id;
    struct endpoint *wanted;  /* by the broker; NULL: gone */
    struct endpoint *applied; /* by the driver; NULL: never, or removed */
    bool uncertain;           /* the driver does not know what became of the last call */
    bool refused; /* by the driver, which shows it in the rows of those it is in the way of */
    struct endpoint *tried; /* the last that failed to connect; NULL after success */
    enum retry retry;
    uint32_t retry_delay_s;
    uint64_t retry_at_ms;
    char failure[SUBWG_ERROR_TEXT_SIZE]; /* as last logged */
    uint32_t status, status_reason;      /* as last logged */
    bool status_known;
};

struct remotes {
    struct remote *list;
    size_t count;
};

/* Makes `wanted` of each remote what the broker holds, without the own cluster. Where several files
 * stand for one cluster, the one written last counts, and of equally old ones the last by name.
 * Returns how many changed, or -ENOMEM, after which a repetition completes it. */
int remotes_want(struct remotes *remotes, const struct broker *broker, const char *own_cluster);

/* What is due at a time (milliseconds of any steady clock). */
bool remote_needs_disconnect(const struct remote *remote, uint64_t now_ms);
bool remote_needs_connect(const struct remote *remote, uint64_t now_ms);
/* When something is due next; UINT64_MAX: never. */
uint64_t remotes_next_ms(const struct remotes *remotes);
/* No endpoint still waits for another try. */
bool remotes_settled(const struct remotes *remotes);

/* The endpoint with its path chosen: the configured address, else the public one if the gateway is
 * behind address translation, else the private one. */
struct subwg_endpoint remote_path(const struct endpoint *endpoint, const json_t *use_ip);

/* The endpoint to name in disconnect; without its keys where it is uncertain which one is in use, and
 * where it was refused: the key that it named may be another cluster's. */
struct subwg_endpoint remote_to_disconnect(const struct remote *remote);

/* Records the outcome. remote_failed() returns true if the text is new, so worth a line in the log. */
void remote_connected(struct remote *remote);
void remote_disconnected(struct remote *remote);
bool remote_failed(struct remote *remote, const struct subwg_error *error, uint64_t now_ms);

enum retry remote_retry(const struct subwg_error *error);

struct remote *remotes_find(const struct remotes *remotes, const char *cluster_id);
/* Forgets the clusters that are neither wanted nor known to the driver. */
void remotes_sweep(struct remotes *remotes);

/* Those that something was in the way of are tried again. */
void remotes_release(struct remotes *remotes);

void remotes_free(struct remotes *remotes);

#endif
