/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file cable.h
 * @brief The engine's side: one driver at work. Each call goes through here to the driver's instance.
 *
 * A *cable* is an instance of a driver together with what the host owes it: services, locking by
 * the thread model that the driver declared, and snapshots that outlive it.
 *
 * ### Threads
 * All functions may be called from any thread at any time; the cable serializes as the driver needs
 * it. subwg_cable_destroy() comes last: it waits for the calls that are inside, and no other may begin
 * any more. Calling a cable from one of its own callbacks is refused with -EDEADLK, and so is calling
 * another cable of the same driver where that driver takes one call at a time over all its instances.
 *
 * ### Order
 * 1. subwg_cable_create(), subwg_cable_init(), and subwg_cable_event_fd() for an engine that polls.
 * 2. subwg_cable_connect_many() with every endpoint that is known.
 * 3. subwg_cable_list_complete(): only now may go what an earlier run left. Without it the tunnels of
 *    clusters that are gone stay up.
 * 4. subwg_cable_connect_many() again, with whoever was refused meanwhile: a leftover may have stood
 *    in the way.
 * 5. subwg_cable_dispatch() whenever the descriptor is readable, or subwg_cable_reconcile() now and
 *    then; connect and disconnect as endpoints come and go.
 * 6. subwg_cable_destroy() keeps the tunnels for the next start; subwg_cable_cleanup() before it
 *    removes them.
 *
 * ### Fork
 * A child process must not use a cable that its parent made: every operation answers -ESTALE there.
 * subwg_cable_destroy() then frees the host's part only and leaves the driver's alone. A child that
 * neither executes another program nor ends keeps open what it inherited: should its parent die, what
 * the driver had locked, such as WireGuard's device, stays busy until that child has ended, too.
 *
 * ### Errors
 * Whatever a driver does with the error record: when a function here returns a negative errno, the
 * caller's record holds the same code, the operation, and a text. On success it is left untouched.
 */
#ifndef SUBWG_CABLE_H
#define SUBWG_CABLE_H

#include <subwg/api.h>
#include <subwg/driver.h>
#include <subwg/registry.h>
#include <subwg/snapshot.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A driver at work. */
struct subwg_cable;

/**
 * @brief What the embedder wants to hear. Every pointer may be NULL.
 *
 * Callbacks come on the thread of the call that caused them, with the cable's lock held; what a
 * driver says outside of a call, or on another thread, is dropped. Text comes as the driver wrote it:
 * whoever prints it escapes it.
 */
struct subwg_cable_callbacks {
    void *context; /**< Handed to each. */
    /** A finished line of text from the driver; @p driver is its name. */
    void (*log)(void *context, const char *driver, uint32_t level, const char *text);
    /** A key and value to advertise in the local endpoint's backend config. @return 0 or -errno. */
    int32_t (*publish)(void *context, const char *key, const char *value);
    /** An advisory notice. */
    void (*event)(void *context, const struct subwg_event *event);
    /** Replaces the elapsed clock (CLOCK_BOOTTIME), for simulations. */
    uint64_t (*elapsed_ns)(void *context);
    /** Replaces the wall clock (CLOCK_REALTIME), for simulations. */
    uint64_t (*realtime_ns)(void *context);
};

/**
 * @brief Makes a cable: the driver's create.
 * @param registry where @p driver is found; must outlive the cable.
 * @param driver its name.
 * @param callbacks copied; may be NULL.
 * @param local the own cluster's endpoint; borrowed.
 * @param settings borrowed.
 * @param setting_count length of @p settings.
 * @param ret_cable the cable; untouched on failure.
 * @param error may be NULL.
 * @return 0; -EINVAL a NULL or a bad head; -E2BIG @p local sets fields that this library does not
 *         know; -ENOENT unknown driver; -ENOMEM; what the driver's create returned; -EPROTO it
 *         returned success but made no instance.
 */
SUBWG_API int32_t subwg_cable_create(struct subwg_registry *registry, const char *driver,
                                     const struct subwg_cable_callbacks *callbacks,
                                     const struct subwg_endpoint *local,
                                     const struct subwg_setting *settings, uint32_t setting_count,
                                     struct subwg_cable **ret_cable, struct subwg_error *error);

/**
 * @brief Ends the cable and the driver's instance; tunnels stay up. NULL is accepted.
 * From within one of the cable's own callbacks it does nothing, and likewise from within a callback of
 * another cable of the same driver where that driver takes one call at a time over all its instances:
 * the cable lives on, and is to be destroyed once the callback has returned.
 */
SUBWG_API void subwg_cable_destroy(struct subwg_cable *cable);

/**
 * @brief The driver's init: sets up what all connections share. What remotes need is handed to
 * subwg_cable_callbacks::publish before it returns.
 * @param cable made by subwg_cable_create().
 * @param error may be NULL.
 * @return 0 = set up; 1 = was so already, which is success; as #subwg_driver::init.
 */
SUBWG_API int32_t subwg_cable_init(struct subwg_cable *cable, struct subwg_error *error);

/**
 * @brief The driver's connect: connects to @p remote's cluster, or changes that connection.
 * @param cable initialized.
 * @param remote borrowed for the call.
 * @param ret_address receives the remote address used, #SUBWG_ADDRESS_TEXT_SIZE bytes of the caller's;
 *        untouched on failure. May be NULL.
 * @param error may be NULL.
 * @return 0 = made or updated; 1 = was so already, which is success; as #subwg_driver::connect.
 */
SUBWG_API int32_t subwg_cable_connect(struct subwg_cable *cable,
                                      const struct subwg_endpoint *remote, char *ret_address,
                                      struct subwg_error *error);

/**
 * @brief The driver's disconnect: removes the connection to @p remote's cluster.
 * @param cable initialized.
 * @param remote borrowed for the call. A connection with another key than it names is left alone.
 * @param error may be NULL.
 * @return 0 = removed; 1 = was not there, which is success; as #subwg_driver::disconnect.
 */
SUBWG_API int32_t subwg_cable_disconnect(struct subwg_cable *cable,
                                         const struct subwg_endpoint *remote,
                                         struct subwg_error *error);

/**
 * @brief The driver's connect_many, or connect for each.
 * @param cable initialized.
 * @param remotes borrowed; none may be NULL.
 * @param count length of @p remotes.
 * @param result takes each outcome, on this thread and with the cable's lock held: it must not call the
 *        cable. May be NULL.
 * @param result_context handed to @p result.
 * @param error may be NULL; the error of the list as a whole.
 * @return 0 when every endpoint got its result; -EPROTO when the driver forgot one; as
 *         #subwg_driver::connect_many.
 */
SUBWG_API int32_t subwg_cable_connect_many(struct subwg_cable *cable,
                                           const struct subwg_endpoint *const *remotes,
                                           uint32_t count, subwg_result_fn result,
                                           void *result_context, struct subwg_error *error);

/**
 * @brief The driver's disconnect_many, or disconnect for each. Otherwise as subwg_cable_connect_many().
 */
SUBWG_API int32_t subwg_cable_disconnect_many(struct subwg_cable *cable,
                                              const struct subwg_endpoint *const *remotes,
                                              uint32_t count, subwg_result_fn result,
                                              void *result_context, struct subwg_error *error);

/**
 * @brief The driver's get_connections, as an immutable snapshot.
 * @param cable initialized.
 * @param ret_snapshot the caller's reference, ended with subwg_snapshot_unref(). Untouched on
 *        failure: there is never half a snapshot.
 * @param error may be NULL.
 * @return 0; -ENOMEM; -EINVAL the driver pushed what no snapshot takes; as
 *         #subwg_driver::get_connections.
 */
SUBWG_API int32_t subwg_cable_get_connections(struct subwg_cable *cable,
                                              struct subwg_snapshot **ret_snapshot,
                                              struct subwg_error *error);

/**
 * @brief The driver's metrics_snapshot, as an immutable snapshot. Otherwise as
 * subwg_cable_get_connections().
 */
SUBWG_API int32_t subwg_cable_metrics_snapshot(struct subwg_cable *cable,
                                               struct subwg_snapshot **ret_snapshot,
                                               struct subwg_error *error);

/**
 * @brief The driver's list_complete: the engine has named every endpoint that it knows, so what an
 * earlier run left and nobody claimed may go.
 *
 * Once after each start, when subwg_cable_connect_many() has had all of them; whoever was refused until
 * then is connected again afterwards.
 * @param cable initialized.
 * @param error may be NULL.
 * @return the number of leftovers removed, 0 if there was none; -EOPNOTSUPP the driver has no such
 *         operation; as #subwg_driver::list_complete.
 */
SUBWG_API int32_t subwg_cable_list_complete(struct subwg_cable *cable, struct subwg_error *error);

/**
 * @brief The driver's reconcile: compares what is wanted with what the kernel has, and repairs.
 * @param cable initialized.
 * @param flags #SUBWG_RECONCILE_DRY_RUN to change nothing, or 0.
 * @param report takes each difference, on this thread and with the cable's lock held: it must not call
 *        the cable. Its text is borrowed for the call. May be NULL.
 * @param report_context handed to @p report.
 * @param error may be NULL.
 * @return the number of differences found, 0 if there is none; -EOPNOTSUPP the driver has no such
 *         operation; as #subwg_driver::reconcile.
 */
SUBWG_API int32_t subwg_cable_reconcile(struct subwg_cable *cable, uint32_t flags,
                                        subwg_report_fn report, void *report_context,
                                        struct subwg_error *error);

/**
 * @brief The driver's event_fd: a descriptor to poll for input.
 *
 * Whoever asks for it calls subwg_cable_dispatch() whenever it is readable. It stays the driver's: the
 * same at each call, not to be read or closed, and gone with subwg_cable_destroy().
 * @param cable initialized or not.
 * @param error may be NULL.
 * @return the descriptor; -EOPNOTSUPP the driver has no such operation; as #subwg_driver::event_fd.
 */
SUBWG_API int32_t subwg_cable_event_fd(struct subwg_cable *cable, struct subwg_error *error);

/**
 * @brief The driver's dispatch: does what made the descriptor of subwg_cable_event_fd() readable. Never
 * waits for a remote.
 * @param cable initialized or not.
 * @param error may be NULL.
 * @return 0; -EOPNOTSUPP the driver has no such operation; as #subwg_driver::dispatch: what failed, the
 *         driver tries again by itself.
 */
SUBWG_API int32_t subwg_cable_dispatch(struct subwg_cable *cable, struct subwg_error *error);

/**
 * @brief The driver's cleanup: uninstalls what is this cable's, tunnels and device included.
 *
 * The cable lives on and may be initialized again; subwg_cable_destroy() is still owed.
 * @param cable initialized or not.
 * @param error may be NULL.
 * @return 0, also where there was nothing; -EOPNOTSUPP the driver has no such operation; as
 *         #subwg_driver::cleanup.
 */
SUBWG_API int32_t subwg_cable_cleanup(struct subwg_cable *cable, struct subwg_error *error);

#ifdef __cplusplus
}
#endif

#endif
