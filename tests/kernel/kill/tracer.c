/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A call that nothing else makes, right before the first that counts and right after the last. */
#define MARK SYS_getppid

_Noreturn static void be_traced(const struct traced *traced)
{
    traced->prepare();
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 || raise(SIGSTOP) != 0)
        _exit(EXIT_FAILURE);
    (void)syscall(MARK);
    traced->run();
    (void)syscall(MARK);
    _exit(EXIT_FAILURE); /* never come to */
}

/* Asking for random numbers changes nothing: to be killed behind it is to be killed before it. A thousand
 * subnets ask a thousand times. */
static bool counts(int64_t call)
{
    return call != SYS_getrandom;
}

/* The number of the system call that the process is about to make next; -1: it ended. */
static int64_t next_call(pid_t process)
{
    for (;;) {
        struct __ptrace_syscall_info info;
        int status;
        if (ptrace(PTRACE_SYSCALL, process, NULL, NULL) != 0 ||
            waitpid(process, &status, 0) != process || !WIFSTOPPED(status))
            return -1;
        if (WSTOPSIG(status) != (SIGTRAP | 0x80))
            continue;
        if (ptrace(PTRACE_GET_SYSCALL_INFO, process, sizeof(info), &info) > 0 &&
            info.op == PTRACE_SYSCALL_INFO_ENTRY)
            return (int64_t)info.entry.nr;
    }
}

static int64_t follow(pid_t process, uint64_t number, bool *ret_ended)
{
    int64_t call;
    int64_t made = 0;
    *ret_ended = false;
    do
        call = next_call(process);
    while (call >= 0 && call != MARK);
    while (call >= 0) {
        call = next_call(process);
        if (!counts(call))
            continue;
        *ret_ended = call == MARK;
        if (call == MARK || (call >= 0 && (uint64_t)made + 1 == number))
            return made;
        made++;
    }
    return -1;
}

int64_t tracer_kill(const struct traced *traced, uint64_t number, bool *ret_ended)
{
    int status;
    pid_t process = fork();
    if (process == 0)
        be_traced(traced);
    int64_t made = -1;
    if (process > 0 && waitpid(process, &status, 0) == process && WIFSTOPPED(status) &&
        ptrace(PTRACE_SETOPTIONS, process, NULL,
               (void *)(long)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) == 0)
        made = follow(process, number, ret_ended);
    if (process > 0) {
        (void)kill(process, SIGKILL);
        (void)waitpid(process, &status, 0);
    }
    return made;
}
