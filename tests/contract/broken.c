/* SPDX-License-Identifier: Apache-2.0 */
#include "broken.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

static struct subwg_driver broken; /* the sound driver's table with one entry exchanged */
static const struct subwg_driver *sound;
static struct subwg_host host; /* of the instance made last */
static struct subwg_host filtered_host;
static pid_t process;

static const struct subwg_driver *broken_entry(void)
{
    return &broken;
}

static const struct subwg_driver *other_table_each_time(void)
{
    static struct subwg_driver tables[2];
    static int calls;
    tables[calls % 2] = broken;
    return &tables[calls++ % 2];
}

/* The record of a failure that the fault does not hide. */
static int32_t hand_over(int32_t code, const struct subwg_error *unseen, struct subwg_error *error)
{
    if (code < 0 && error != NULL)
        *error = *unseen;
    return code;
}

static int32_t log_the_settings(const struct subwg_host *given, const struct subwg_endpoint *local,
                                const struct subwg_setting *settings, uint32_t count,
                                struct subwg_instance **ret_instance, struct subwg_error *error)
{
    for (uint32_t i = 0; settings != NULL && i < count; i++)
        if (settings[i].value != NULL)
            given->log(given->context, SUBWG_LOG_DEBUG, settings[i].value);
    return sound->create(given, local, settings, count, ret_instance, error);
}

static int32_t keep_the_host(const struct subwg_host *given, const struct subwg_endpoint *local,
                             const struct subwg_setting *settings, uint32_t count,
                             struct subwg_instance **ret_instance, struct subwg_error *error)
{
    process = getpid();
    if (given != NULL && given->head.size == sizeof(host))
        host = *given;
    return sound->create(given, local, settings, count, ret_instance, error);
}

static int32_t ignore_bad_settings(const struct subwg_host *given,
                                   const struct subwg_endpoint *local,
                                   const struct subwg_setting *settings, uint32_t count,
                                   struct subwg_instance **ret_instance, struct subwg_error *error)
{
    struct subwg_error unseen = SUBWG_ERROR_INIT;
    int32_t code = sound->create(given, local, settings, count, ret_instance, &unseen);
    if (code < 0 && unseen.reason == SUBWG_REASON_BAD_SETTING)
        return sound->create(given, local, NULL, 0, ret_instance, error);
    return hand_over(code, &unseen, error);
}

static int32_t drop_the_port(void *context, const char *key, const char *value)
{
    return strcmp(key, "udp-port") == 0 ? 0 : host.publish(context, key, value);
}

static int32_t publish_no_port(const struct subwg_host *given, const struct subwg_endpoint *local,
                               const struct subwg_setting *settings, uint32_t count,
                               struct subwg_instance **ret_instance, struct subwg_error *error)
{
    host = *given;
    filtered_host = *given;
    filtered_host.publish = drop_the_port;
    return sound->create(&filtered_host, local, settings, count, ret_instance, error);
}

static int32_t log_a_line_break(struct subwg_instance *instance, struct subwg_error *error)
{
    host.log(host.context, SUBWG_LOG_INFO, "ready\n");
    return sound->init(instance, error);
}

static void *log_from_here(void *nothing)
{
    host.log(host.context, SUBWG_LOG_INFO, "from another thread");
    return nothing;
}

static int32_t log_from_a_thread(struct subwg_instance *instance, struct subwg_error *error)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, log_from_here, NULL) == 0)
        (void)pthread_join(thread, NULL);
    return sound->init(instance, error);
}

static int32_t print(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)puts("ready");
    return sound->init(instance, error);
}

static int32_t leak_a_descriptor(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)open("/dev/null", O_RDONLY | O_CLOEXEC);
    return sound->init(instance, error);
}

static int32_t change_the_mask(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)umask(0777);
    return sound->init(instance, error);
}

static int32_t ignore_sigpipe(struct subwg_instance *instance, struct subwg_error *error)
{
    (void)signal(SIGPIPE, SIG_IGN);
    return sound->init(instance, error);
}

static int32_t never_initialized_before(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t code = sound->init(instance, error);
    return code > 0 ? 0 : code;
}

static int32_t serve_the_child(struct subwg_instance *instance, struct subwg_error *error)
{
    return getpid() == process ? sound->init(instance, error) : 1;
}

static int32_t always_new(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                          char *ret_address, struct subwg_error *error)
{
    int32_t code = sound->connect(instance, remote, ret_address, error);
    return code > 0 ? 0 : code;
}

static int32_t write_the_address(struct subwg_instance *instance,
                                 const struct subwg_endpoint *remote, char *ret_address,
                                 struct subwg_error *error)
{
    if (ret_address != NULL)
        ret_address[0] = '\0';
    return sound->connect(instance, remote, ret_address, error);
}

static int32_t write_the_record(struct subwg_instance *instance,
                                const struct subwg_endpoint *remote, char *ret_address,
                                struct subwg_error *error)
{
    int32_t code = sound->connect(instance, remote, ret_address, error);
    if (error != NULL)
        error->code = code;
    return code;
}

static int32_t answer_another_code(struct subwg_instance *instance,
                                   const struct subwg_endpoint *remote, char *ret_address,
                                   struct subwg_error *error)
{
    int32_t code = sound->connect(instance, remote, ret_address, error);
    return code == -EPERM ? -EINVAL : code;
}

static int32_t ignore_the_tail(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                               char *ret_address, struct subwg_error *error)
{
    if (remote == NULL || remote->head.size <= sizeof(*remote))
        return sound->connect(instance, remote, ret_address, error);
    struct subwg_endpoint known = *remote;
    known.head.size = sizeof(known);
    return sound->connect(instance, &known, ret_address, error);
}

/* As if there were no policy: what is refused by it is connected without its subnets. */
static int32_t allow_harm(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                          char *ret_address, struct subwg_error *error)
{
    struct subwg_error unseen = SUBWG_ERROR_INIT;
    int32_t code = sound->connect(instance, remote, ret_address, &unseen);
    if (code != -EPERM)
        return hand_over(code, &unseen, error);
    struct subwg_endpoint bare = *remote;
    bare.subnet_count = 0;
    return sound->connect(instance, &bare, ret_address, error);
}

static int32_t ignore_the_key(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                              struct subwg_error *error)
{
    if (remote == NULL)
        return sound->disconnect(instance, remote, error);
    struct subwg_endpoint bare = *remote;
    bare.backend_config_count = 0;
    return sound->disconnect(instance, &bare, error);
}

static int32_t swallow_the_failure(struct subwg_instance *instance,
                                   struct subwg_snapshot_builder *snapshot,
                                   struct subwg_error *error)
{
    struct subwg_error unseen = SUBWG_ERROR_INIT;
    int32_t code = sound->get_connections(instance, snapshot, &unseen);
    return code == -ENOMEM ? 0 : hand_over(code, &unseen, error);
}

static int32_t push_a_bad_row(struct subwg_instance *instance,
                              struct subwg_snapshot_builder *snapshot, struct subwg_error *error)
{
    struct subwg_connection row = SUBWG_CONNECTION_INIT;
    row.status = 7;
    int32_t code = sound->get_connections(instance, snapshot, error);
    return code < 0 ? code : host.add_connection(host.context, snapshot, &row);
}

static int32_t push_no_figures(struct subwg_instance *instance,
                               struct subwg_snapshot_builder *snapshot, struct subwg_error *error)
{
    (void)snapshot;
    int32_t code = sound->init(instance, NULL);
    return code == 1 ? 0 : sound->metrics_snapshot(instance, snapshot, error);
}

/* A loop over connect: the first of two claims gets the prefix. */
struct shifted {
    subwg_result_fn result;
    void *context;
    uint32_t index;
};

static void pass_on(void *context, uint32_t index, int32_t code, const char *address,
                    const struct subwg_error *error)
{
    const struct shifted *shifted = context;
    shifted->result(shifted->context, shifted->index + index, code, address, error);
}

static int32_t first_come(struct subwg_instance *instance,
                          const struct subwg_endpoint *const *remotes, uint32_t count,
                          subwg_result_fn result, void *result_context, struct subwg_error *error)
{
    if (remotes == NULL)
        return sound->connect_many(instance, remotes, count, result, result_context, error);
    int32_t code = 0;
    for (uint32_t i = 0; code == 0 && i < count; i++) {
        struct shifted shifted = {result, result_context, i};
        code = sound->connect_many(instance, &remotes[i], 1, pass_on, &shifted, error);
    }
    return code;
}

static int32_t clean_once(struct subwg_instance *instance, struct subwg_error *error)
{
    static bool cleaned;
    if (cleaned)
        return sound->cleanup(NULL, error);
    cleaned = true;
    return sound->cleanup(instance, error);
}

static int32_t accept_any_flag(struct subwg_instance *instance, uint32_t flags,
                               subwg_report_fn report, void *report_context,
                               struct subwg_error *error)
{
    return sound->reconcile(instance, flags & SUBWG_RECONCILE_DRY_RUN, report, report_context,
                            error);
}

static int32_t count_without_a_word(struct subwg_instance *instance, uint32_t flags,
                                    subwg_report_fn report, void *report_context,
                                    struct subwg_error *error)
{
    int32_t code = sound->reconcile(instance, flags, report, report_context, error);
    return code == 0 ? 1 : code;
}

static int32_t need_a_report(struct subwg_instance *instance, uint32_t flags,
                             subwg_report_fn report, void *report_context,
                             struct subwg_error *error)
{
    if (report == NULL)
        return sound->reconcile(NULL, flags, report, report_context, error);
    return sound->reconcile(instance, flags, report, report_context, error);
}

static int32_t another_descriptor(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t fd = sound->event_fd(instance, error);
    return fd < 0 ? fd : eventfd(0, EFD_CLOEXEC);
}

static int32_t inherited_descriptor(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t fd = sound->event_fd(instance, error);
    if (fd >= 0)
        (void)fcntl(fd, F_SETFD, 0);
    return fd;
}

static int32_t shared_descriptor(struct subwg_instance *instance, struct subwg_error *error)
{
    static int shared = -1;
    int32_t fd = sound->event_fd(instance, error);
    if (fd >= 0 && shared < 0)
        shared = eventfd(0, EFD_CLOEXEC);
    return fd < 0 ? fd : shared;
}

static int32_t readable_descriptor(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t fd = sound->event_fd(instance, error);
    if (fd >= 0)
        (void)eventfd_write(fd, 1);
    return fd;
}

static int32_t dispatch_after_init_only(struct subwg_instance *instance, struct subwg_error *error)
{
    int32_t code = sound->dispatch(instance, error);
    return code < 0 ? code : sound->list_complete(instance, error);
}

static int32_t dispatch_in_the_child(struct subwg_instance *instance, struct subwg_error *error)
{
    return getpid() == process ? sound->dispatch(instance, error) : 0;
}

/* Each of them in its place. */

const struct broken_fault broken_faults[] = {
    {.name = "another table at each call", .chapter = "table", .entry = other_table_each_time},
    {"a name with capitals", "table", {.name = "Null"}, NULL},
    {"settings in the log", "connect", {.create = log_the_settings}, NULL},
    {"bad settings ignored", "settings", {.create = ignore_bad_settings}, NULL},
    {"no port published", "life", {.create = publish_no_port}, NULL},
    {"a line break in the log", "life", {.create = keep_the_host, .init = log_a_line_break}, NULL},
    {"a callback on a thread", "life", {.create = keep_the_host, .init = log_from_a_thread}, NULL},
    {"output", "manners", {.init = print}, NULL},
    {"a descriptor leaked", "manners", {.init = leak_a_descriptor}, NULL},
    {"the umask changed", "manners", {.init = change_the_mask}, NULL},
    {"a signal ignored", "manners", {.init = ignore_sigpipe}, NULL},
    {"init never says 1", "life", {.init = never_initialized_before}, NULL},
    {"works after fork", "life", {.create = keep_the_host, .init = serve_the_child}, NULL},
    {"connect never says 1", "connect", {.connect = always_new}, NULL},
    {"address written on failure", "refusal", {.connect = write_the_address}, NULL},
    {"record written on success", "connect", {.connect = write_the_record}, NULL},
    {"another code than the record", "refusal", {.connect = answer_another_code}, NULL},
    {"unknown fields ignored", "create", {.connect = ignore_the_tail}, NULL},
    {"harmful subnets accepted", "refusal", {.connect = allow_harm}, NULL},
    {"disconnect of any key", "connect", {.disconnect = ignore_the_key}, NULL},
    {"host's failure swallowed", "read", {.get_connections = swallow_the_failure}, NULL},
    {"a row that is none",
     "read",
     {.create = keep_the_host, .get_connections = push_a_bad_row},
     NULL},
    {"no figures", "read", {.metrics_snapshot = push_no_figures}, NULL},
    {"first come, first served", "many", {.connect_many = first_come}, NULL},
    {"unknown flags accepted", "drift", {.reconcile = accept_any_flag}, NULL},
    {"differences counted, not told", "drift", {.reconcile = count_without_a_word}, NULL},
    {"a report demanded", "drift", {.reconcile = need_a_report}, NULL},
    {"another descriptor at each call", "events", {.event_fd = another_descriptor}, NULL},
    {"a descriptor for programs started", "events", {.event_fd = inherited_descriptor}, NULL},
    {"a descriptor that nobody closes", "events", {.event_fd = shared_descriptor}, NULL},
    {"a descriptor that stays readable", "events", {.event_fd = readable_descriptor}, NULL},
    {"dispatch refused before init", "events", {.dispatch = dispatch_after_init_only}, NULL},
    {"dispatch works after fork",
     "life",
     {.create = keep_the_host, .dispatch = dispatch_in_the_child},
     NULL},
    {"cleanup fails the second time", "life", {.cleanup = clean_once}, NULL},
};
const int broken_fault_count = (int)(sizeof(broken_faults) / sizeof(broken_faults[0]));

#define EXCHANGE(op)               \
    do {                           \
        if (parts->op != NULL)     \
            broken.op = parts->op; \
    } while (0)

subwg_driver_v1_fn broken_install(subwg_driver_v1_fn sound_entry, const struct broken_fault *fault)
{
    const struct subwg_driver *parts = fault != NULL ? &fault->parts : NULL;
    sound = sound_entry();
    broken = *sound;
    if (parts == NULL)
        return broken_entry;
    EXCHANGE(name);
    EXCHANGE(create);
    EXCHANGE(init);
    EXCHANGE(connect);
    EXCHANGE(disconnect);
    EXCHANGE(get_connections);
    EXCHANGE(metrics_snapshot);
    EXCHANGE(connect_many);
    EXCHANGE(reconcile);
    EXCHANGE(event_fd);
    EXCHANGE(dispatch);
    EXCHANGE(cleanup);
    return fault->entry != NULL ? fault->entry : broken_entry;
}
