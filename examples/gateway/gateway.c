/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "status_log.h"
#include "sync.h"

#define DISPATCH_PAUSE_MS 1000u

uint64_t gateway_now_ms(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void on_difference(void *context, uint32_t repaired, const char *text)
{
    difference_log_take(context, repaired != 0, text);
}

static void reconcile(struct gateway *gateway)
{
    struct subwg_error error = SUBWG_ERROR_INIT;
    bool repair = gateway->config->repair || gateway->repair_due;
    int32_t result;

    gateway->repair_due = false;
    difference_log_begin(&gateway->differences);
    result = subwg_cable_reconcile(gateway->engine.cable, repair ? 0 : SUBWG_RECONCILE_DRY_RUN,
                                   on_difference, &gateway->differences, &error);
    difference_log_end(&gateway->differences);
    if (result < 0 && result != -EOPNOTSUPP)
        log_line(SUBWG_LOG_ERROR, "cannot reconcile: %s", error.text);
}

/* A driver that is asked for its descriptor repairs by itself. */
static void open_events(struct gateway *gateway)
{
    struct subwg_error error = SUBWG_ERROR_INIT;

    if (gateway->event_fd >= 0 || !gateway->config->repair)
        return;
    gateway->event_fd = subwg_cable_event_fd(gateway->engine.cable, &error);
    if (gateway->event_fd < 0 && gateway->event_fd != -EOPNOTSUPP)
        log_line(SUBWG_LOG_WARNING, "the driver cannot watch the kernel: %s", error.text);
}

/* The regular look at everything: no notice of inotify or of the kernel is relied upon alone. */
static void look_at_all(struct gateway *gateway)
{
    reconcile(gateway);
    open_events(gateway);
    remotes_release(&gateway->remotes);
    gateway->broker.read_all = true;
    sync_broker(gateway);
    sync_own_file(gateway);
}

static void look_at_status(struct gateway *gateway)
{
    struct subwg_snapshot *snapshot = views_read_connections(&gateway->views);

    status_log_changes(&gateway->remotes, snapshot);
    subwg_snapshot_unref(snapshot);
}

static void tick(struct gateway *gateway)
{
    uint64_t now_ms = gateway_now_ms();

    if (now_ms >= gateway->next_reconcile_ms) {
        gateway->next_reconcile_ms = now_ms + gateway->config->reconcile_s * UINT64_C(1000);
        look_at_all(gateway);
    }
    if (now_ms >= debounce_at_ms(&gateway->changes))
        sync_broker(gateway);
    if (now_ms >= gateway->next_status_ms || gateway->engine.status_due) {
        gateway->next_status_ms = now_ms + gateway->config->status_s * UINT64_C(1000);
        gateway->engine.status_due = false;
        look_at_status(gateway);
    }
    if (now_ms >= remotes_next_ms(&gateway->remotes))
        sync_connections(gateway);
    if (!gateway->publish_failed)
        sync_own_endpoint(gateway);
}

/* Returns false when the program shall end. */
static bool take_signal(struct gateway *gateway)
{
    struct signalfd_siginfo info;

    if (read(gateway->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
        return true;
    if (info.ssi_signo == SIGHUP) {
        gateway->next_reconcile_ms = 0;
        gateway->repair_due = true;
        return true;
    }
    log_line(SUBWG_LOG_INFO, "ending on signal %u; tunnels stay up", info.ssi_signo);
    return false;
}

/* A driver that fails tells when to come back; one that fails without a pause must not spin the loop. */
static void dispatch(struct gateway *gateway)
{
    struct subwg_error error = SUBWG_ERROR_INIT;

    gateway->dispatch_at_ms = 0;
    if (subwg_cable_dispatch(gateway->engine.cable, &error) >= 0)
        return;
    log_line(SUBWG_LOG_ERROR, "cannot dispatch the driver's events: %s (trying again)", error.text);
    gateway->dispatch_at_ms = gateway_now_ms() + DISPATCH_PAUSE_MS;
}

static int pollable_event_fd(const struct gateway *gateway)
{
    return gateway_now_ms() >= gateway->dispatch_at_ms ? gateway->event_fd : -1;
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int timeout_ms(const struct gateway *gateway)
{
    uint64_t next = remotes_next_ms(&gateway->remotes), now = gateway_now_ms();
    int http = http_timeout_ms(gateway->http);

    next = earliest(next, gateway->next_status_ms);
    next = earliest(next, gateway->next_reconcile_ms);
    next = earliest(next, debounce_at_ms(&gateway->changes));
    if (gateway->dispatch_at_ms > now)
        next = earliest(next, gateway->dispatch_at_ms);
    uint64_t wait = next > now ? next - now : 0;
    if (http >= 0 && (uint64_t)http < wait)
        return http;
    return wait > INT_MAX ? INT_MAX : (int)wait;
}

static int loop(struct gateway *gateway)
{
    for (bool running = true; running;) {
        struct pollfd ready[] = {{.fd = gateway->signal_fd, .events = POLLIN},
                                 {.fd = gateway->broker.inotify_fd, .events = POLLIN},
                                 {.fd = pollable_event_fd(gateway), .events = POLLIN},
                                 {.fd = http_fd(gateway->http), .events = POLLIN}};

        if (poll(ready, sizeof ready / sizeof ready[0], timeout_ms(gateway)) < 0 &&
            errno != EINTR) {
            log_line(SUBWG_LOG_ERROR, "cannot wait for events: %s", strerror(errno));
            return EXIT_FAILURE;
        }
        if (ready[0].revents != 0)
            running = take_signal(gateway);
        if (ready[1].revents != 0 && broker_drain(&gateway->broker))
            debounce_note(&gateway->changes, gateway_now_ms());
        if (ready[2].revents != 0)
            dispatch(gateway);
        http_run(gateway->http);
        tick(gateway);
    }
    return EXIT_SUCCESS;
}

static int open_signals(void)
{
    sigset_t signals;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) != 0)
        return -errno;
    int fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

/* What can fail without a trace comes before the driver's init. */
static int open_surroundings(struct gateway *gateway)
{
    const struct config *config = gateway->config;
    int result = broker_file_name(config->local, gateway->own_file);

    if (result < 0) {
        log_line(SUBWG_LOG_ERROR, "cluster_id and cable_name are too long for a file name");
        return result;
    }
    gateway->signal_fd = open_signals();
    if (gateway->signal_fd < 0) {
        log_line(SUBWG_LOG_ERROR, "cannot wait for signals: %s", strerror(-gateway->signal_fd));
        return gateway->signal_fd;
    }
    result = broker_open(&gateway->broker, config->broker_path);
    if (result < 0) {
        log_line(SUBWG_LOG_ERROR, "cannot watch the broker %s: %s", config->broker_path,
                 strerror(-result));
        return result;
    }
    result = http_start(&config->listen, views_routes, &gateway->views, &gateway->http);
    if (result < 0)
        log_line(SUBWG_LOG_ERROR, "cannot listen on %s: %s", config->listen.text,
                 strerror(-result));
    return result;
}

/* Returns 0, or the program's exit status. */
static int start(struct gateway *gateway, struct config *config)
{
    struct subwg_error error = SUBWG_ERROR_INIT;

    if (engine_create(&gateway->engine, config, &error) < 0)
        return engine_print_fatal(config, &error);
    gateway->views = (struct views){
        .cable = gateway->engine.cable, .title = config->title, .profile = config->metrics_profile};
    if (open_surroundings(gateway) < 0)
        return EXIT_FAILURE;
    if (subwg_cable_init(gateway->engine.cable, &error) < 0)
        return engine_print_fatal(config, &error);
    open_events(gateway);
    log_line(SUBWG_LOG_INFO, "gateway of %s with driver %s, http://%s",
             config->local->view.cluster_id, config->cable_driver, config->listen.text);
    gateway->engine.publish_due = true;
    sync_broker(gateway);
    gateway->next_reconcile_ms = gateway_now_ms() + config->reconcile_s * UINT64_C(1000);
    return 0;
}

int gateway_run(struct config *config)
{
    struct gateway gateway = {
        .config = config, .broker = {.inotify_fd = -1}, .signal_fd = -1, .event_fd = -1};
    int status;

    log_threshold(config->log_level);
    status = start(&gateway, config);
    if (status == 0)
        status = loop(&gateway);
    http_stop(gateway.http);
    broker_close(&gateway.broker);
    remotes_free(&gateway.remotes);
    difference_log_free(&gateway.differences);
    engine_destroy(&gateway.engine);
    if (gateway.signal_fd >= 0)
        close(gateway.signal_fd);
    return status;
}
