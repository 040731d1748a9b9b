/* SPDX-License-Identifier: Apache-2.0 */
/* Who may be inside a driver's instance, and when: the thread model that its driver declared, no
 * re-entrance from callbacks, no use after fork. Every call into an instance passes its gate. */
#ifndef ENGINE_GATE_H
#define ENGINE_GATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/process_mark.h"

struct subwg_snapshot_builder;

/* One call that is inside; lives on its caller's stack. */
struct gate_call {
    pthread_t thread;
    const struct subwg_snapshot_builder *builder; /* what a read may push to, else NULL */
    struct gate_call *next;
};

struct gate {
    struct process_mark process; /* of the one that made the instance */
    pthread_mutex_t
        *exclusive;      /* held by a call that is inside; NULL where calls run in parallel */
    pthread_mutex_t own; /* what exclusive points to, unless instances share one */
    pthread_mutex_t calls_lock;
    pthread_cond_t calls_fewer;
    struct gate_call *calls;
    /* Where exclusive is held by a read: by whom, and what it may push to. So a row needs no lock: what
     * a thread finds here of itself, it wrote itself. */
    _Atomic(pthread_t) reader;
    _Atomic(const struct subwg_snapshot_builder *) reading;
};

/* A lock that answers -EDEADLK to the thread that holds it. Returns 0 or an errno. */
int gate_lock_init(pthread_mutex_t *lock);

/* thread_model is one of subwg_thread_model; serial is the lock that all of a driver's gates share.
 * Returns 0 or -ENOMEM. */
int32_t gate_init(struct gate *gate, uint32_t thread_model, pthread_mutex_t *serial);
void gate_release(struct gate *gate);

/* Waits for admission. -EDEADLK: this thread is inside already; -ESTALE: another process. */
int32_t gate_enter(struct gate *gate, struct gate_call *call);
void gate_leave(struct gate *gate, struct gate_call *call);

/* As gate_enter(), and waits until every other call has left. */
int32_t gate_enter_alone(struct gate *gate, struct gate_call *call);

/* A call that is inside may push to builder from now on; to nothing any more. */
void gate_begin_read(struct gate *gate, struct gate_call *call,
                     const struct subwg_snapshot_builder *builder);
void gate_end_read(struct gate *gate, struct gate_call *call);

/* True on a thread that is inside, with that builder unless it is NULL. */
bool gate_is_inside(struct gate *gate, const struct subwg_snapshot_builder *builder);

/* The same for each row. */
static inline bool gate_is_reading(struct gate *gate, const struct subwg_snapshot_builder *builder)
{
    if (atomic_load_explicit(&gate->reading, memory_order_acquire) == builder &&
        pthread_equal(atomic_load_explicit(&gate->reader, memory_order_relaxed), pthread_self()))
        return true;
    return gate_is_inside(gate, builder);
}

#endif
