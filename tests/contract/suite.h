/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests share: a checking host, an engine that calls the driver through it, and remotes. */
#ifndef CONTRACT_SUITE_H
#define CONTRACT_SUITE_H

#include <pthread.h>

#include <check.h>

#include "contract.h"

extern const struct contract_subject *subject;
extern const struct subwg_driver *driver; /* subject's */

/* Host.c: the host table, which looks at everything that the driver hands to it. */

#define NAME_SIZE        256
#define ROWS_MAX         16
#define ROW_SUBNETS_MAX  8
#define ADDRESS_SIZE     SUBWG_ADDRESS_TEXT_SIZE
#define FAULTS_TEXT_SIZE 2048

/* What a row said, copied before its callback returned. Of a metric, the fields that it has. */
struct row {
    struct subwg_connection numbers; /* its pointers are not to be used */
    char status_text[NAME_SIZE];
    char cluster_id[NAME_SIZE];
    char cable_name[NAME_SIZE];
    char hostname[NAME_SIZE];
    char private_ip[ADDRESS_SIZE];
    char public_ip[ADDRESS_SIZE];
    char remote_ip[ADDRESS_SIZE];
    char peer[NAME_SIZE];
    char subnets[ROW_SUBNETS_MAX][ADDRESS_SIZE];
};

struct published {
    char key[NAME_SIZE];
    char value[NAME_SIZE];
};

struct host {
    struct subwg_host table;
    bool in_operation;
    pthread_t thread; /* that the operation runs on */

    struct published published[8];
    uint32_t published_count; /* different keys */
    uint32_t publish_calls;
    uint32_t log_calls;
    uint32_t event_calls;

    struct row connections[ROWS_MAX];
    uint32_t connection_count;
    struct row metrics[ROWS_MAX];
    uint32_t metric_count;

    /* What the callbacks are to answer; 0 is success. */
    int32_t publish_code;
    int32_t add_connection_code;
    int32_t add_metric_code;

    char faults[FAULTS_TEXT_SIZE]; /* of the driver, as seen by the host; empty if there are none */
};

void host_make(struct host *host);
/* What the reads hand to the driver as their snapshot. */
struct subwg_snapshot_builder *host_snapshot(void);
const char *host_published(const struct host *host, const char *key); /* NULL if it was not */
__attribute__((format(printf, 2, 3))) void host_fault(struct host *host, const char *format, ...);

/* Texts.c. */

/* What is wrong with a text that people are going to read, or NULL. */
const char *text_fault(const char *text);

/* Every text that a driver hands out is kept; the secrets must not be among them. */
void transcript_add(const char *text);
bool transcript_holds(const char *text);
void transcript_clear(void);
/* Fails the test if a secret was handed out. */
void transcript_check(void);

/* The value given for the secret setting. */
#define CANARY "canary-5ecret-That-no-text-may-show"

/* Engine.c: an instance and its host; every operation goes through these. */

struct engine {
    struct host host;
    struct subwg_instance *instance;
    struct subwg_error error; /* as the last operation left it */
    struct subwg_error error_before;
    uint32_t reports; /* of the last reconcile */
    uint32_t repairs; /* among them */
};

/* One result of a list operation. */
struct result {
    uint32_t calls;
    int32_t code;
    char address[ADDRESS_SIZE];
    uint32_t reason;
    char text[SUBWG_ERROR_TEXT_SIZE];
};

struct remote;

/* Around an operation that a test calls by itself. */
void operation_begin(struct engine *engine);
int32_t operation_end(struct engine *engine, int32_t code);

/* Prepares the host; then create with the subject's settings and secret, or with those given. */
void engine_prepare(struct engine *engine);
int32_t engine_create_with(struct engine *engine, const struct subwg_setting *settings,
                           uint32_t count);
void engine_create(struct engine *engine);
void engine_create_other(struct engine *engine);
/* engine_create() and init, which have to succeed. */
void engine_start(struct engine *engine);
void engine_destroy(struct engine *engine);

int32_t engine_init(struct engine *engine);
int32_t engine_connect(struct engine *engine, const struct remote *remote);
int32_t engine_connect_address(struct engine *engine, const struct remote *remote, char *address);
int32_t engine_disconnect(struct engine *engine, const struct remote *remote);
int32_t engine_connect_many(struct engine *engine, const struct subwg_endpoint *const *remotes,
                            uint32_t count, struct result *results);
int32_t engine_disconnect_many(struct engine *engine, const struct subwg_endpoint *const *remotes,
                               uint32_t count, struct result *results);
int32_t engine_read(struct engine *engine);         /* get_connections, into host.connections */
int32_t engine_read_metrics(struct engine *engine); /* metrics_snapshot, into host.metrics */
int32_t engine_list_complete(struct engine *engine);
int32_t engine_reconcile(struct engine *engine, uint32_t flags);
int32_t engine_event_fd(struct engine *engine);
int32_t engine_dispatch(struct engine *engine);
int32_t engine_cleanup(struct engine *engine);

/* Reads first; rows of our own connections, foreign ones not counted. NULL if there is none. */
const struct row *engine_row(struct engine *engine, const char *cluster_id);
const struct row *engine_metric(struct engine *engine, const char *cluster_id);
uint32_t engine_row_count(struct engine *engine);
uint32_t engine_metric_count(struct engine *engine);

/* The last operation failed with this code and reason. */
void expect_failure(const struct engine *engine, int32_t code, int32_t expected_code,
                    uint32_t expected_reason);

/* Remote.c: endpoints, all of them valid until a test spoils one. */

#define KEY_TEXT_SIZE 64

/* Not to be copied: its endpoint points into it. */
struct remote {
    struct subwg_endpoint endpoint;
    char cluster_id[32];
    char cable_name[64];
    char hostname[48];
    char address[ADDRESS_SIZE];
    char subnets_text[2][ADDRESS_SIZE];
    const char *subnets[2];
    char key[KEY_TEXT_SIZE];
    struct subwg_setting config[2];
};

#define REMOTE_CONFIG_KEY  0
#define REMOTE_CONFIG_PORT 1

/* Cluster "clusterN": gateway 192.0.2.(100+N), key N, subnets 10.N.0.0/16 and fd00:N::/48. */
void remote_make(struct remote *remote, unsigned int number);
/* The own cluster's: "local", 192.0.2.1, subnets 10.200.0.0/16 and fd00:200::/48. */
void remote_make_local(struct remote *remote);
void remote_key(unsigned int number, char text[KEY_TEXT_SIZE]);

/* Digests of the kernel: NULL, and equal, for a driver without one. */

char *digest_take(void);
void digest_expect(char *before, const char *when); /* as it was; frees before */

/* The tests, one file for each chapter of the contract. */

TCase *table_tests(void);
TCase *create_tests(void);
TCase *settings_tests(void);
TCase *life_tests(void);
TCase *connect_tests(void);
TCase *refusal_tests(void);
TCase *limit_tests(void);
TCase *conflict_tests(void);
TCase *many_tests(void);
TCase *drift_tests(void);
TCase *event_tests(void);
TCase *read_tests(void);
TCase *restart_tests(void);
TCase *manners_tests(void);

#endif
