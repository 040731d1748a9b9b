/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/gate.h"

#include <errno.h>

#include <subwg/driver.h>

int gate_lock_init(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attributes;
    int code = pthread_mutexattr_init(&attributes);
    if (code != 0)
        return code;
    (void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    code = pthread_mutex_init(lock, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    return code;
}

int32_t gate_init(struct gate *gate, uint32_t thread_model, pthread_mutex_t *serial)
{
    *gate = (struct gate){0};
    if (process_mark_init(&gate->process) != 0)
        goto no_process;
    if (gate_lock_init(&gate->own) != 0)
        goto no_own;
    if (gate_lock_init(&gate->calls_lock) != 0)
        goto no_calls_lock;
    if (pthread_cond_init(&gate->calls_fewer, NULL) != 0)
        goto no_condition;
    if (thread_model == SUBWG_THREADS_SERIAL)
        gate->exclusive = serial;
    else if (thread_model == SUBWG_THREADS_INSTANCE)
        gate->exclusive = &gate->own;
    return 0;

no_condition:
    (void)pthread_mutex_destroy(&gate->calls_lock);
no_calls_lock:
    (void)pthread_mutex_destroy(&gate->own);
no_own:
    process_mark_release(&gate->process);
no_process:
    return -ENOMEM;
}

void gate_release(struct gate *gate)
{
    bool own = process_mark_is_own(&gate->process);
    process_mark_release(&gate->process);
    /* After fork a lock may be held for ever by a thread that this process does not have. */
    if (!own)
        return;
    (void)pthread_cond_destroy(&gate->calls_fewer);
    (void)pthread_mutex_destroy(&gate->calls_lock);
    (void)pthread_mutex_destroy(&gate->own);
}

static const struct gate_call *own_call(const struct gate *gate)
{
    const struct gate_call *call = gate->calls;
    while (call != NULL && !pthread_equal(call->thread, pthread_self()))
        call = call->next;
    return call;
}

bool gate_is_inside(struct gate *gate, const struct subwg_snapshot_builder *builder)
{
    (void)pthread_mutex_lock(&gate->calls_lock);
    const struct gate_call *call = own_call(gate);
    bool inside = call != NULL && (builder == NULL || call->builder == builder);
    (void)pthread_mutex_unlock(&gate->calls_lock);
    return inside;
}

int32_t gate_enter(struct gate *gate, struct gate_call *call)
{
    if (!process_mark_is_own(&gate->process))
        return -ESTALE;
    if (gate_is_inside(gate, NULL))
        return -EDEADLK;
    if (gate->exclusive != NULL && pthread_mutex_lock(gate->exclusive) != 0)
        return -EDEADLK;
    call->thread = pthread_self();
    (void)pthread_mutex_lock(&gate->calls_lock);
    call->next = gate->calls;
    gate->calls = call;
    (void)pthread_mutex_unlock(&gate->calls_lock);
    return 0;
}

void gate_leave(struct gate *gate, struct gate_call *call)
{
    /* Once the call is off the list, a parallel instance's gate may be gone. */
    pthread_mutex_t *exclusive = gate->exclusive;
    (void)pthread_mutex_lock(&gate->calls_lock);
    struct gate_call **link = &gate->calls;
    while (*link != call)
        link = &(*link)->next;
    *link = call->next;
    (void)pthread_cond_broadcast(&gate->calls_fewer);
    (void)pthread_mutex_unlock(&gate->calls_lock);
    if (exclusive != NULL)
        (void)pthread_mutex_unlock(exclusive);
}

void gate_begin_read(struct gate *gate, struct gate_call *call,
                     const struct subwg_snapshot_builder *builder)
{
    call->builder = builder;
    if (gate->exclusive == NULL)
        return;
    atomic_store_explicit(&gate->reader, call->thread, memory_order_relaxed);
    atomic_store_explicit(&gate->reading, builder, memory_order_release);
}

void gate_end_read(struct gate *gate, struct gate_call *call)
{
    call->builder = NULL;
    if (gate->exclusive != NULL)
        atomic_store_explicit(&gate->reading, NULL, memory_order_release);
}

int32_t gate_enter_alone(struct gate *gate, struct gate_call *call)
{
    int32_t code = gate_enter(gate, call);
    if (code != 0)
        return code;
    (void)pthread_mutex_lock(&gate->calls_lock);
    while (gate->calls != call || call->next != NULL)
        (void)pthread_cond_wait(&gate->calls_fewer, &gate->calls_lock);
    (void)pthread_mutex_unlock(&gate->calls_lock);
    return 0;
}
