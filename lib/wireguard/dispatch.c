/* SPDX-License-Identifier: Apache-2.0 */
#include "wireguard/dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "wireguard/instance.h"
#include "wireguard/moves.h"
#include "wireguard/reconcile.h"

#define OPERATION "dispatch"

/* The descriptors. */

static int32_t watch(const struct dispatch *dispatch, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(dispatch->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static int32_t open_descriptors(struct dispatch *dispatch)
{
    dispatch->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (dispatch->epoll_fd < 0)
        return -errno;
    dispatch->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (dispatch->timer_fd < 0)
        return -errno;
    int32_t code = watch(dispatch, dispatch->timer_fd);
    return code < 0 ? code : watch(dispatch, dispatch->events.fd);
}

void dispatch_close(struct dispatch *dispatch)
{
    if (dispatch == NULL)
        return;
    events_close(&dispatch->events);
    if (dispatch->timer_fd >= 0)
        (void)close(dispatch->timer_fd);
    if (dispatch->epoll_fd >= 0)
        (void)close(dispatch->epoll_fd);
    free(dispatch);
}

static int32_t open_dispatch(struct subwg_instance *instance, struct dispatch **ret_dispatch,
                             struct subwg_error *error)
{
    struct dispatch *dispatch = calloc(1, sizeof(*dispatch));
    if (dispatch == NULL)
        return error_no_memory(error, OPERATION);
    dispatch->epoll_fd = -1;
    dispatch->timer_fd = -1;
    int32_t code = events_open(instance->namespace_cookie, &dispatch->events, error);
    if (code == 0) {
        code = open_descriptors(dispatch);
        if (code < 0)
            error_set(error, code, SUBWG_REASON_NO_MEMORY, OPERATION,
                      "open the event descriptor of device %s: %s", instance->settings.device,
                      error_phrase(code));
    }
    if (code < 0) {
        dispatch_close(dispatch);
        return code;
    }
    *ret_dispatch = dispatch;
    return 0;
}

/* The timer. */

/* Once it has been set, an expiry before no longer makes it readable. */
static int32_t set_timer(const struct dispatch *dispatch, uint64_t wait_ns)
{
    const struct itimerspec wanted = {.it_value = {.tv_sec = (time_t)(wait_ns / NS_PER_S),
                                                   .tv_nsec = (long)(wait_ns % NS_PER_S)}};
    return timerfd_settime(dispatch->timer_fd, 0, &wanted, NULL) == 0 ? 0 : -errno;
}

/* Something that is due already makes the descriptor readable soon, not at once: whatever the host's clock
 * says, the engine's loop never spins. */
static int32_t arm(const struct subwg_instance *instance)
{
    const struct dispatch *dispatch = instance->dispatch;
    if (!instance->initialized)
        return set_timer(dispatch, 0);
    uint64_t now_ns = instance_now(instance);
    uint64_t next_ns = schedule_next_ns(&dispatch->schedule);
    uint64_t wait_ns = next_ns > now_ns ? next_ns - now_ns : 0;
    return set_timer(dispatch, wait_ns > NS_PER_MS ? wait_ns : NS_PER_MS);
}

void dispatch_begin(struct subwg_instance *instance)
{
    if (instance->dispatch == NULL)
        return;
    schedule_start(&instance->dispatch->schedule, instance_now(instance));
    (void)arm(instance);
}

void dispatch_attend(struct subwg_instance *instance)
{
    uint64_t at_ns = moves_due_ns(instance);
    if (instance->dispatch == NULL || at_ns == UINT64_MAX)
        return;
    schedule_ask(&instance->dispatch->schedule, at_ns);
    (void)arm(instance);
}

int32_t dispatch_event_fd(struct subwg_instance *instance, struct subwg_error *error)
{
    if (instance->dispatch == NULL) {
        struct dispatch *dispatch = NULL;
        int32_t code = open_dispatch(instance, &dispatch, error);
        if (code == 0)
            code = probe_open(instance, error);
        if (code < 0) {
            dispatch_close(dispatch);
            return code;
        }
        instance->dispatch = dispatch;
        moves_dispatched(instance);
        dispatch_begin(instance);
    }
    return instance->dispatch->epoll_fd;
}

/* What the kernel tells. */

/* Our own requests are told to us, too. A new address anywhere may lie in a connection's subnets; of
 * links and routes only what we made can differ from what we want. */
static bool concerns(const struct subwg_instance *instance, const struct event *event)
{
    const struct settings *settings = &instance->settings;
    if (netlink_is_own(instance->netlink, event->port_id))
        return false;
    bool on_device = instance->ifindex != 0 && event->ifindex == instance->ifindex;
    switch (event->kind) {
    case EVENT_LINK:
        return on_device || strcmp(event->name, settings->device) == 0;
    case EVENT_ROUTE:
        return settings->routes && (on_device || event->table == settings->table);
    case EVENT_RULE:
        return settings->routes;
    default:
        return true;
    }
}

static void take_event(void *context, const struct event *event)
{
    struct subwg_instance *instance = context;
    if (concerns(instance, event))
        schedule_changed(&instance->dispatch->schedule);
}

static int32_t drain(struct subwg_instance *instance, struct subwg_error *error)
{
    struct dispatch *dispatch = instance->dispatch;
    bool lost = false;
    int32_t code = events_read(&dispatch->events, take_event, instance, &lost, error);
    if (lost) {
        dispatch->losses++;
        schedule_changed(&dispatch->schedule);
        instance_log(
            instance, SUBWG_LOG_INFO,
            "the kernel told of more changes than there was room for: comparing everything");
    }
    return code < 0 ? code : 0;
}

/* The regular work. */

/* What it finds goes to the log. */
static int32_t reconcile(struct subwg_instance *instance, bool *ret_failed,
                         struct subwg_error *error)
{
    instance->dispatch->reconciles++;
    int32_t code = reconcile_run(instance, 0, NULL, NULL, error);
    *ret_failed = code < 0;
    return code;
}

/* Of what WireGuard has of its own nobody is told: the dump alone shows that somebody changed it. */
static bool dump_differs(const struct subwg_instance *instance)
{
    const struct wg_device *dump = &instance->dump;
    for (uint32_t i = 0; i < instance->table.count; i++) {
        const struct connection *connection = instance->table.connections[i];
        bool wanted = !connection->adopted && connection->withheld.kind == OVERLAP_NONE;
        if (wanted && connection->installed != INSTALLED_AS_WANTED)
            return true;
    }
    return (instance->list_completed && instance->stranger_count > 0) ||
           dump->listen_port != instance->settings.port || dump->mark != instance->settings.mark ||
           !key_equal(&dump->public_key, &instance->public_key);
}

/* A move that fails asks for its own next look; all others are looked at, and asked, as ever. */
static int32_t poll_peers(struct subwg_instance *instance, bool *ret_failed,
                          struct subwg_error *error)
{
    int32_t code = instance_dump(instance, error);
    *ret_failed = code < 0;
    if (code < 0) {
        schedule_changed(&instance->dispatch->schedule);
        return code;
    }
    report_take_dump(instance);
    if (dump_differs(instance))
        schedule_changed(&instance->dispatch->schedule);
    code = moves_advance(instance, error);
    schedule_ask(&instance->dispatch->schedule, moves_due_ns(instance));
    if (probe_send_due(instance) > 0)
        schedule_ask(&instance->dispatch->schedule, instance_now(instance) + NS_PER_S);
    report_status_changes(instance);
    return code < 0 ? code : 0;
}

/* ret_failed: it has to be tried again with patience. */
typedef int32_t (*work_fn)(struct subwg_instance *instance, bool *ret_failed,
                           struct subwg_error *error);

/* Runs what is due. The first failure is dispatch's own; what follows has its turn all the same. */
static void work(struct subwg_instance *instance, uint32_t what, work_fn run, int32_t *code,
                 struct subwg_error *error)
{
    struct schedule *schedule = &instance->dispatch->schedule;
    uint64_t begun_ns = instance_now(instance);
    if ((schedule_due(schedule, begun_ns) & what) == 0)
        return;
    schedule_begin(schedule, what);
    bool failed = false;
    int32_t result = run(instance, &failed, *code == 0 ? error : NULL);
    schedule_end(schedule, what, begun_ns, instance_now(instance), failed);
    if (result < 0 && *code == 0)
        *code = result;
}

int32_t dispatch_run(struct subwg_instance *instance, struct subwg_error *error)
{
    if (instance->dispatch == NULL)
        return 0;
    moves_dispatched(instance);
    int32_t code = drain(instance, error);
    if (instance->initialized) {
        work(instance, SCHEDULE_RECONCILE, reconcile, &code, error);
        work(instance, SCHEDULE_POLL, poll_peers, &code, error);
    }
    int32_t armed = arm(instance);
    if (armed < 0 && code == 0)
        code = error_set(error, armed, SUBWG_REASON_UNSPECIFIED, OPERATION,
                         "set the timer of device %s: %s", instance->settings.device,
                         error_phrase(armed));
    return code;
}
