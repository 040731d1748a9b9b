/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls of each operation on the real kernel, beside a few connections and beside more: all but
 * looks at the clock, and those that are neither a message to the kernel nor its answer.
 *
 * Each operation runs in a process and a network namespace of its own; another process watches.
 */
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "crowd.h"
#include "operations.h"
#include "system_call_bounds.h"

#define FEW  5u
#define MANY 45u

/* A call with an argument that it ignores and nobody else gives it, right before the first that counts and
 * right after the last. */
#define MARK_CALL     SYS_getppid
#define MARK_ARGUMENT 0x73756277u

#define ENDED  (-1)
#define MARKED (-2)

struct counted {
    uint32_t all;
    uint32_t other;
    int64_t last_other; /* which, for whoever wonders */
};

_Noreturn static void be_watched(const struct operation *operation, uint32_t beside)
{
    if (unshare(CLONE_NEWNET) != 0 ||
        system("ip link set lo up && ip link add eth0 type dummy && "
               "ip addr add " CROWD_NETWORK " dev eth0 && ip link set eth0 up && "
               "ip route add default via " CROWD_ROUTER) != 0)
        _exit(EXIT_FAILURE);
    crowd_start();
    crowd_connect_many(0, beside);
    if (operation->prepare != NULL)
        operation->prepare();
    (void)fflush(stdout);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 || raise(SIGSTOP) != 0)
        _exit(EXIT_FAILURE);
    (void)syscall(MARK_CALL, MARK_ARGUMENT);
    operation->run();
    (void)syscall(MARK_CALL, MARK_ARGUMENT);
    _exit(EXIT_SUCCESS);
}

/* The number of the system call that the process is about to make next; or MARKED or ENDED. */
static int64_t next_call(pid_t process)
{
    for (;;) {
        struct __ptrace_syscall_info info;
        int status;
        if (ptrace(PTRACE_SYSCALL, process, NULL, NULL) != 0 ||
            waitpid(process, &status, 0) != process || !WIFSTOPPED(status))
            return ENDED;
        if (WSTOPSIG(status) != (SIGTRAP | 0x80) ||
            ptrace(PTRACE_GET_SYSCALL_INFO, process, sizeof(info), &info) <= 0 ||
            info.op != PTRACE_SYSCALL_INFO_ENTRY)
            continue;
        bool marked = info.entry.nr == MARK_CALL && info.entry.args[0] == MARK_ARGUMENT;
        return marked ? MARKED : (int64_t)info.entry.nr;
    }
}

static bool is_other(int64_t call)
{
    return call != SYS_sendto && call != SYS_sendmsg && call != SYS_recvmsg && call != SYS_recvfrom;
}

static bool watch(pid_t process, struct counted *ret_counted)
{
    int64_t call;
    *ret_counted = (struct counted){0};
    do
        call = next_call(process);
    while (call >= 0);
    while (call != ENDED) {
        call = next_call(process);
        if (call == MARKED)
            return true;
        if (call == SYS_clock_gettime) /* one where the machine's clock cannot be read without */
            continue;
        ret_counted->all++;
        if (is_other(call)) {
            ret_counted->other++;
            ret_counted->last_other = call;
        }
    }
    return false;
}

static struct counted count(const struct operation *operation, uint32_t beside)
{
    struct counted counted = {0};
    bool counting = false;
    int status;
    (void)fflush(stdout);
    pid_t process = fork();
    if (process == 0)
        be_watched(operation, beside);
    if (process > 0 && waitpid(process, &status, 0) == process && WIFSTOPPED(status) &&
        ptrace(PTRACE_SETOPTIONS, process, NULL,
               (void *)(long)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) == 0)
        counting = watch(process, &counted);
    if (process > 0) {
        (void)kill(process, SIGKILL);
        (void)waitpid(process, &status, 0);
    }
    if (!counting) {
        printf("not ok %s: nothing was counted\n", operation->name);
        exit(EXIT_FAILURE);
    }
    return counted;
}

static const struct system_call_bounds *find_bounds(const char *name)
{
    for (size_t i = 0; i < sizeof(system_call_bounds) / sizeof(system_call_bounds[0]); i++)
        if (strcmp(system_call_bounds[i].name, name) == 0)
            return &system_call_bounds[i];
    printf("not ok %s: no bounds\n", name);
    exit(EXIT_FAILURE);
}

static bool check(const struct operation *operation)
{
    const struct system_call_bounds *bounds = find_bounds(operation->name);
    struct counted few = count(operation, FEW);
    struct counted many = count(operation, MANY);
    uint32_t added = many.all > few.all ? many.all - few.all : 0;
    bool held = few.all <= bounds->alone && added <= bounds->added && few.other <= bounds->other;
    printf("%s %s, system calls: %" PRIu32 " of %" PRIu32 ", beside 40 more %" PRIu32 " of %" PRIu32
           " more, not for messages %" PRIu32 " of %" PRIu32 " (last %" PRId64 ")\n",
           held ? "ok" : "not ok", operation->name, few.all, bounds->alone, added, bounds->added,
           few.other, bounds->other, few.last_other);
    return held;
}

int main(void)
{
    bool held = true;
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    for (size_t i = 0; i < operation_count; i++)
        held &= check(&operations[i]);
    return held ? EXIT_SUCCESS : EXIT_FAILURE;
}
