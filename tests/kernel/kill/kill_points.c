/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGKILL at every system call of every operation: a gateway that starts anew gets to the very state that
 * it would have got to without, keeps the device's key, and its cleanup leaves nothing (T44, T45, T46).
 *
 * KILL_OPERATION=NAME takes one operation alone. Several processes, each in a network namespace of its own,
 * share the points: most of the time passes waiting for the kernel's grace periods.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "gateway.h"
#include "operations.h"
#include "state.h"
#include "tracer.h"

#define WORKERS       4
#define WORDS         1024u
#define TEXT          (1024u * 1024)
#define NEVER         UINT64_MAX
#define LATE_S        60 /* a recovery takes no longer */
#define FAILURES_TOLD 5u

/* What all processes share. */
struct board {
    struct {
        _Atomic uint64_t next;     /* the next point to take */
        uint64_t calls;            /* of the operation when nobody kills it */
        _Atomic uint64_t tried;    /* points */
        _Atomic uint64_t failures; /* of them */
        char wanted[TEXT];
        char clean[TEXT]; /* after cleanup */
    } operations[OPERATIONS_MAX];
    _Atomic uint32_t measured; /* operations */
};

/* What a worker shares with those that it starts. */
struct slate {
    char words[WORDS];
    char text[TEXT];
    char clean[TEXT];
    struct key key_before; /* of the device as the killed process left it; zero: none */
    struct key key_after;
};

static struct board *board;
static struct slate *slate;
static const struct operation *operation;
static char folder[64]; /* for key files; a worker's own */

static void *share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    return memory;
}

static void command(const char *line)
{
    if (system(line) != 0) {
        printf("# failed: %s\n", line);
        _exit(EXIT_FAILURE);
    }
}

/* A network card without IPv6, whose addresses would come late by themselves; an address in an own
 * subnet. */
static void make_namespace(void)
{
    if (unshare(CLONE_NEWNET) != 0)
        abort();
    command("ip link set lo up && ip link add underlay type dummy && "
            "echo 1 >/proc/sys/net/ipv6/conf/underlay/disable_ipv6 && "
            "ip addr add 10.243.64.6/24 dev underlay && ip addr add 10.233.0.6/32 dev underlay && "
            "ip link set underlay up && ip route add 10.243.64.7/32 dev underlay mtu 1400");
}

static void set_text(char *place, char *text)
{
    if (strlen(text) >= TEXT)
        gateway_die("a state of %zu bytes", strlen(text));
    memcpy(place, text, strlen(text) + 1);
    free(text);
}

static void remove_key_file(void)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/key", folder);
    (void)unlink(path);
}

/* In a process of its own: what the killed one left, what becomes of it, and that it can all go. */
_Noreturn static void recover(void)
{
    struct key key;
    (void)alarm(LATE_S);
    state_device_key(&slate->key_before);
    operation->recover();
    set_text(slate->text, state_text(folder, &slate->key_after));
    gateway_create();
    gateway_cleanup();
    gateway_leave();
    remove_key_file();
    set_text(slate->clean, state_text(folder, &key));
    _exit(EXIT_SUCCESS);
}

static bool run_recovery(void)
{
    int status = 0;
    slate->words[0] = '\0';
    pid_t process = fork();
    if (process == 0)
        recover();
    if (process < 0 || waitpid(process, &status, 0) != process)
        abort();
    if (WIFSIGNALED(status))
        (void)snprintf(slate->words, WORDS, "signal %d", WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void choose_operation(size_t index)
{
    char path[128];
    operation = &operations[index];
    (void)snprintf(path, sizeof(path), "%s/key", folder);
    gateway_key_file(operation->key_file ? path : "");
}

/* The operation without a kill, and what comes of it. */
static void measure(size_t index)
{
    bool ended = false;
    choose_operation(index);
    const struct traced traced = {operation->arrange, operation->run};
    slate->words[0] = '\0';
    int64_t calls = tracer_kill(&traced, NEVER, &ended);
    if (calls < 0 || !ended || !run_recovery()) {
        printf("not ok %s: without a kill: %s\n", operation->name, slate->words);
        (void)fflush(stdout);
        board->operations[index].failures++;
        calls = 0;
    }
    board->operations[index].calls = (uint64_t)calls;
    memcpy(board->operations[index].wanted, slate->text, strlen(slate->text) + 1);
    memcpy(board->operations[index].clean, slate->clean, strlen(slate->clean) + 1);
    board->operations[index].next = 1;
}

static void complain(size_t index, uint64_t number, const char *what, const char *has,
                     const char *wanted)
{
    size_t line = 0;
    if (atomic_fetch_add(&board->operations[index].failures, 1) >= FAILURES_TOLD)
        return;
    for (size_t i = 0; has[i] != '\0' && has[i] == wanted[i]; i++)
        if (has[i] == '\n')
            line = i + 1;
    printf("# %s, killed at call %" PRIu64 ": %s: '%.*s' instead of '%.*s'\n", operation->name,
           number, what, (int)strcspn(has + line, "\n"), has + line,
           (int)strcspn(wanted + line, "\n"), wanted + line);
    (void)fflush(stdout);
}

static void check(size_t index, uint64_t number)
{
    const char *wanted = board->operations[index].wanted;
    const char *clean = board->operations[index].clean;
    if (strcmp(slate->text, wanted) != 0)
        complain(index, number, "after recovery", slate->text, wanted);
    if (strcmp(slate->clean, clean) != 0)
        complain(index, number, "after cleanup", slate->clean, clean);
    if (!key_is_zero(&slate->key_before) && !key_is_zero(&slate->key_after) &&
        !key_equal(&slate->key_before, &slate->key_after))
        complain(index, number, "the device", "another key", "the key of before");
}

static void try_point(size_t index, uint64_t number)
{
    bool ended = false;
    const struct traced traced = {operation->arrange, operation->run};
    slate->words[0] = '\0';
    int64_t made = tracer_kill(&traced, number, &ended);
    if (made < 0)
        complain(index, number, "before the kill", slate->words, "");
    if (!run_recovery())
        complain(index, number, "recovery", slate->words, "");
    else
        check(index, number);
    /* One that made fewer calls than usual was killed when it had ended: that point counts once. */
    if (made >= 0 && (!ended || number == board->operations[index].calls + 1))
        board->operations[index].tried++;
}

static void try_points(size_t index)
{
    uint64_t number;
    choose_operation(index);
    while ((number = atomic_fetch_add(&board->operations[index].next, 1)) <=
           board->operations[index].calls + 1)
        try_point(index, number);
}

static void wait_for_all(void)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    while (board->measured < operation_count)
        (void)nanosleep(&pause, NULL);
}

static bool is_chosen(size_t index)
{
    const char *chosen = getenv("KILL_OPERATION");
    return chosen == NULL || strcmp(chosen, operations[index].name) == 0;
}

static void work(unsigned int worker)
{
    make_namespace();
    slate = share(sizeof(*slate));
    gateway_words(slate->words, WORDS);
    (void)snprintf(folder, sizeof(folder), "/tmp/kill-points-%d", (int)getpid());
    if (mkdir(folder, 0700) != 0)
        abort();
    for (size_t i = worker; i < operation_count; i += WORKERS) {
        measure(i);
        board->measured++;
    }
    wait_for_all();
    for (size_t i = 0; i < operation_count; i++)
        if (is_chosen(i))
            try_points(i);
    (void)rmdir(folder);
}

static bool report(void)
{
    uint64_t points = 0;
    bool passed = true;
    for (size_t i = 0; i < operation_count; i++) {
        uint64_t tried = board->operations[i].tried;
        uint64_t failures = board->operations[i].failures;
        uint64_t all = board->operations[i].calls + 1;
        points += tried;
        passed = passed && failures == 0;
        if (!is_chosen(i))
            continue;
        printf("%s %s: killed at %" PRIu64 " of %" PRIu64 " points, %" PRIu64 " times wrongly\n",
               failures == 0 && tried > 0 ? "ok" : "not ok", operations[i].name, tried, all,
               failures);
        passed = passed && tried > 0;
    }
    printf("figure kill-points %" PRIu64 "\n", points);
    return passed;
}

int main(void)
{
    if (sodium_init() < 0 || operation_count > OPERATIONS_MAX)
        return EXIT_FAILURE;
    board = share(sizeof(*board));
    pid_t workers[WORKERS];
    bool passed = true;
    for (unsigned int i = 0; i < WORKERS; i++) {
        workers[i] = fork();
        if (workers[i] == 0) {
            work(i);
            _exit(EXIT_SUCCESS);
        }
    }
    for (unsigned int i = 0; i < WORKERS; i++) {
        int status = -1;
        if (workers[i] < 0 || waitpid(workers[i], &status, 0) != workers[i] || status != 0) {
            printf("not ok a process with a share of the points: status %d\n", status);
            passed = false;
            board->measured = (uint32_t)operation_count; /* or the others would wait for ever */
        }
    }
    return report() && passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
