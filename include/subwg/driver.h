/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file driver.h
 * @brief The cable driver ABI, version 1.0-draft: what passes between an engine and a driver.
 *
 * A *gateway engine* (the host) joins clusters: it learns the other clusters' gateways and asks a
 * *cable driver* to connect to each. This header and @ref abi (what is refused, what is checked)
 * together are the contract between the two. A driver includes the header, links nothing of the host,
 * and exports one function:
 *
 * @code
 * const struct subwg_driver *subwg_driver_v1(void);
 * @endcode
 *
 * ### The rules, once
 * 1. **Entry.** subwg_driver_v1() is pure: no allocation, no input or output, no side effect; it
 *    returns a static const table, the same at each call. The symbol carries the ABI's major version.
 * 2. **Head.** Every struct that crosses begins with #subwg_head. Nothing else of it is read before
 *    the head is accepted. Fields are appended, never moved, never given another meaning. The least
 *    acceptable size is the end of the last field of minor 0 (the `SUBWG_..._SIZE_1_0` constants).
 * 3. **Three classes.** *Tables* (#subwg_driver, #subwg_host): the receiver zeroes its own copy,
 *    copies the smaller of both sizes and ignores the rest; an operation exists if the size covers it
 *    and it is not NULL (#SUBWG_HAS). *Inputs* (#subwg_endpoint): a non-zero byte beyond what the
 *    receiver knows is -E2BIG, an unknown flag -EINVAL. *Rows* (#subwg_connection, #subwg_metric,
 *    #subwg_event, #subwg_error): the smaller size is copied, what is missing is zero.
 * 4. **Ownership.** Inputs are borrowed for the call. Outputs go into memory of the host. Nothing is
 *    ever freed by the other side.
 * 5. **Errors.** An operation returns 0 or a positive value for success and a negative errno value
 *    for failure, and then fills the caller's #subwg_error, if there is one. The record is written
 *    on failure only. No text ever holds key material. Beside what each lists, any operation may answer
 *    -EINVAL (a bad argument), -E2BIG (rule 3), -ESTALE (rule 8), -ENOMEM, -ENOSPC (the instance or the
 *    kernel is full), -EPERM and -ETIMEDOUT. An input over a limit is -EINVAL with #SUBWG_REASON_LIMIT.
 * 6. **Manners.** A driver never aborts, exits, prints, installs a signal handler, starts a thread
 *    that the host can notice, changes the process's environment, locale, umask or namespaces, or
 *    keeps mutable globals: two instances of one driver never meet.
 * 7. **Threads.** The driver declares its model (#subwg_driver::thread_model) and the host enforces
 *    it. Callbacks of the host table may be made only from within an operation, on its thread, and
 *    must not call back into the same instance (-EDEADLK).
 * 8. **Fork.** After fork() the child must not use an instance: operations answer -ESTALE there.
 * 9. **Text** is UTF-8, NUL-terminated, without a line break at its end. Strings in rows may hold
 *    anything: whoever prints them escapes them.
 *
 * Units are in the names: `_s` seconds, `_ns` nanoseconds, `_bytes` bytes. Absence is a bit in
 * `present`, never a magic value. Ages and lifetimes are elapsed time (CLOCK_BOOTTIME), only names with
 * `realtime` are wall clock.
 */
#ifndef SUBWG_DRIVER_H
#define SUBWG_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Major version of this ABI; also part of the entry symbol's name and of the driver directory's. */
#define SUBWG_ABI_MAJOR 1
/** Minor version: what has been appended since major began. */
#define SUBWG_ABI_MINOR 0

/** Largest size a head may claim; more is refused as nonsense. */
#define SUBWG_STRUCT_SIZE_MAX 65536u

/** Marks a driver's entry symbol: visible, and with C linkage. */
#if defined(__GNUC__)
#define SUBWG_DRIVER_EXPORT __attribute__((visibility("default")))
#else
#define SUBWG_DRIVER_EXPORT
#endif

/**
 * @name Magic numbers, one for each kind of struct, so that a wrong pointer is noticed.
 * @{
 */
#define SUBWG_MAGIC_DRIVER     0x73776472u /**< Of a #subwg_driver. */
#define SUBWG_MAGIC_HOST       0x73776873u /**< Of a #subwg_host. */
#define SUBWG_MAGIC_ENDPOINT   0x73776570u /**< Of a #subwg_endpoint. */
#define SUBWG_MAGIC_CONNECTION 0x7377636eu /**< Of a #subwg_connection. */
#define SUBWG_MAGIC_METRIC     0x73776d74u /**< Of a #subwg_metric. */
#define SUBWG_MAGIC_EVENT      0x73776576u /**< Of a #subwg_event. */
#define SUBWG_MAGIC_ERROR      0x73776572u /**< Of a #subwg_error. */
/** @} */

/** The first 16 bytes of every struct that crosses; frozen for all versions. */
struct subwg_head {
    uint32_t size; /**< Bytes of the whole struct as its producer knows it, this head included. */
    uint16_t abi_major; /**< #SUBWG_ABI_MAJOR of the producer. */
    uint16_t abi_minor; /**< #SUBWG_ABI_MINOR of the producer. */
    uint32_t magic;     /**< The struct's kind, `SUBWG_MAGIC_...`. */
    uint32_t flags;     /**< Zero unless the struct's description names flags. */
};

/** Initializer for the head of @p type, whose kind is @p magic_number. The rest becomes zero. */
#define SUBWG_HEAD(type, magic_number)                                              \
    {                                                                               \
        (uint32_t)sizeof(type), SUBWG_ABI_MAJOR, SUBWG_ABI_MINOR, (magic_number), 0 \
    }

/** End of @p member in @p type: the least size that covers it. */
#define SUBWG_END_OF(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/** True if the table @p table (a pointer to @p type) is long enough to hold @p op, and has it. */
#define SUBWG_HAS(table, type, op) \
    ((table)->head.size >= SUBWG_END_OF(type, op) && (table)->op != NULL)

/**
 * @name Sizes of inline text, NUL included.
 * @{
 */
#define SUBWG_ADDRESS_TEXT_SIZE    64  /**< An IP address, with a scope where it has one. */
#define SUBWG_ERROR_OPERATION_SIZE 32  /**< #subwg_error::operation */
#define SUBWG_ERROR_TEXT_SIZE      512 /**< #subwg_error::text */
#define SUBWG_ERROR_HINT_SIZE      256 /**< #subwg_error::hint */
#define SUBWG_DRIVER_NAME_SIZE     32  /**< A driver's name: `[a-z0-9-]`, at most 31 characters. */
/** @} */

/**
 * @brief Why an operation failed: one value for each thing that a person does differently.
 *
 * Values are stable and only appended. They refine the errno value; an unknown one is to be read as
 * #SUBWG_REASON_UNSPECIFIED.
 */
enum subwg_reason {
    SUBWG_REASON_UNSPECIFIED = 0, /**< Nothing more precise than the errno value. */
    SUBWG_REASON_BAD_ARGUMENT =
        1, /**< A NULL, a bad head, a call out of order: a fault of the host. */
    SUBWG_REASON_BAD_SETTING =
        2, /**< A setting's key or value; the text lists every fault found. */
    SUBWG_REASON_BAD_ENDPOINT =
        3,                    /**< An endpoint's field is malformed; found before the kernel. */
    SUBWG_REASON_REFUSED = 4, /**< Well-formed, but harmful: policy refuses it. */
    SUBWG_REASON_CONFLICT =
        5, /**< Another cluster, route or rule owns it; the text names the owner. */
    SUBWG_REASON_NOT_SUPPORTED = 6, /**< The kernel lacks the feature (WireGuard not installed). */
    SUBWG_REASON_PERMISSION = 7,    /**< A capability is missing; the text names it. */
    SUBWG_REASON_BUSY = 8,          /**< Another live instance owns the device. */
    SUBWG_REASON_NAME_TAKEN = 9,    /**< The device's name belongs to something that is not ours. */
    SUBWG_REASON_PORT_IN_USE = 10,  /**< The listen port is taken. */
    SUBWG_REASON_NO_DEVICE = 11,    /**< Device vanished; reconcile or dispatch brings it back. */
    SUBWG_REASON_NAMESPACE = 12,    /**< The device's network namespace is gone. */
    SUBWG_REASON_INTERRUPTED = 13,  /**< A dump was interrupted too often; try again. */
    SUBWG_REASON_TIMEOUT = 14,      /**< The kernel did not answer in time; state may be unknown. */
    SUBWG_REASON_NO_MEMORY = 15,    /**< Out of memory, or of descriptors. */
    SUBWG_REASON_LIMIT = 16,        /**< A named limit is reached. */
    SUBWG_REASON_KERNEL =
        17, /**< The kernel refused what should be valid: a fault of the driver. */
    SUBWG_REASON_INCOMPATIBLE =
        18, /**< Admission: the driver and the host do not fit each other. */
    SUBWG_REASON_NOT_LOADABLE = 19,  /**< Admission: the file cannot be loaded. */
    SUBWG_REASON_UNTRUSTED = 20,     /**< Admission: someone else could have written the file. */
    SUBWG_REASON_UNKNOWN_DRIVER = 21 /**< No driver of that name; the text lists those there are. */
};

/** #subwg_error::flags: the operation's effect on the kernel is not known; reconcile or a read tells. */
#define SUBWG_ERROR_STATE_UNKNOWN 0x1u

/**
 * @brief The error record: caller-owned, all text inline, no lifetime to think about (a *row*).
 *
 * The caller initializes it with #SUBWG_ERROR_INIT; NULL in its place is always allowed. Written on
 * failure only. `text` is a whole sentence fragment for a person: what was attempted, on what, and
 * why it failed; the kernel's own explanation (extended acknowledgement) is part of `text` or `hint`.
 */
struct subwg_error {
    struct subwg_head head; /**< Size, version and kind. */
    int32_t code;           /**< The value the operation returned: a negative errno. */
    uint32_t reason;        /**< One of #subwg_reason. */
    int32_t kernel_errno;   /**< The kernel's errno as it came (positive), 0 if none. */
    uint32_t flags;         /**< #SUBWG_ERROR_STATE_UNKNOWN or 0. */
    char operation
        [SUBWG_ERROR_OPERATION_SIZE]; /**< The step that failed, `connect`, `add route`, ... */
    char text[SUBWG_ERROR_TEXT_SIZE]; /**< What failed and why. */
    char hint[SUBWG_ERROR_HINT_SIZE]; /**< What to do about it; may be empty. */
};
/** Initializer for a #subwg_error. */
#define SUBWG_ERROR_INIT                                                         \
    {                                                                            \
        SUBWG_HEAD(struct subwg_error, SUBWG_MAGIC_ERROR), 0, 0, 0, 0, {0}, {0}, \
        {                                                                        \
            0                                                                    \
        }                                                                        \
    }
/** Least size of a #subwg_error. */
#define SUBWG_ERROR_SIZE_1_0 SUBWG_END_OF(struct subwg_error, hint)

/** One key and value, both text; an element of an array, never extended. */
struct subwg_setting {
    const char *key;   /**< Not NULL. */
    const char *value; /**< Not NULL. */
};

/**
 * @name #subwg_endpoint::present
 * @{
 */
#define SUBWG_ENDPOINT_USE_IP \
    0x1u /**< `use_ip` and `use_nat` are set: the engine chose the path. */
/** @} */

/**
 * @brief A cluster's gateway as its cluster published it (an *input*).
 *
 * The fields are those that the ecosystem's brokers carry. Everything of a remote endpoint is
 * hostile until the driver has validated it. Strings that are absent are NULL or empty.
 *
 * connect needs `cluster_id`, the address to use and `publicKey` in `backend_config`; disconnect needs
 * `cluster_id` alone. Keys of `backend_config` that a driver does not know it ignores.
 *
 * The driver `wireguard`: `publicKey` is 32 bytes in base64, `udp-port` may be absent (setting
 * `remote-port`), and of a key given twice the last counts. Its limits: names of 253 bytes, addresses of
 * 63; 1,024 subnets (setting `max-subnets`); 64 entries of `backend_config`, each key and value of 1,024
 * bytes; 128 settings, each value of 4,096 bytes.
 */
struct subwg_endpoint {
    struct subwg_head head;     /**< Size, version and kind. */
    uint32_t present;           /**< `SUBWG_ENDPOINT_...` bits. */
    uint32_t nat_enabled;       /**< 1: the gateway is reached through address translation. */
    const char *cluster_id;     /**< The cluster; the identity of a connection. */
    const char *cable_name;     /**< Unique name of this gateway's cable. */
    const char *hostname;       /**< The gateway node. */
    const char *private_ip;     /**< Its address in its own network. */
    const char *public_ip;      /**< Its address as seen from outside; may be empty. */
    const char *backend;        /**< The driver it wants to be reached by, `wireguard`. */
    const char *const *subnets; /**< The prefixes behind it, CIDR text without host bits. */
    const struct subwg_setting *backend_config; /**< What its driver published, `publicKey`, ... */
    uint32_t subnet_count;                      /**< Length of `subnets`. */
    uint32_t backend_config_count;              /**< Length of `backend_config`. */
    const char *use_ip; /**< Remote endpoints: the address the engine chose to connect to. */
    uint32_t use_nat;   /**< 1: that address is a translated one. */
    uint32_t reserved;  /**< Zero. */
};
/** Initializer for a #subwg_endpoint. */
#define SUBWG_ENDPOINT_INIT                                                                    \
    {                                                                                          \
        SUBWG_HEAD(struct subwg_endpoint, SUBWG_MAGIC_ENDPOINT), 0, 0, NULL, NULL, NULL, NULL, \
            NULL, NULL, NULL, NULL, 0, 0, NULL, 0, 0                                           \
    }
/** Least size of a #subwg_endpoint. */
#define SUBWG_ENDPOINT_SIZE_1_0 SUBWG_END_OF(struct subwg_endpoint, reserved)

/** @brief A connection's status. */
enum subwg_status {
    SUBWG_STATUS_CONNECTING = 0, /**< Configured; nothing proves yet that the remote is there. */
    SUBWG_STATUS_CONNECTED = 1,  /**< The remote was heard recently enough. */
    SUBWG_STATUS_ERROR = 2 /**< It is not working; `status_reason` and `status_text` say why. */
};

/** @brief Why a connection has its status. Stable, only appended. */
enum subwg_status_reason {
    SUBWG_STATUS_REASON_NONE = 0,         /**< Nothing to add: it works. */
    SUBWG_STATUS_REASON_STARTING = 1,     /**< No handshake yet, and not late. */
    SUBWG_STATUS_REASON_ADOPTED = 2,      /**< Taken over from an earlier run; not heard since. */
    SUBWG_STATUS_REASON_IDLE = 3,         /**< Nothing to hear: no keepalive and no traffic. */
    SUBWG_STATUS_REASON_NO_HANDSHAKE = 4, /**< The remote never answered. */
    SUBWG_STATUS_REASON_SILENT = 5,       /**< The remote answered once and went silent. */
    SUBWG_STATUS_REASON_MISSING = 6,      /**< Configured, but gone from the kernel. */
    SUBWG_STATUS_REASON_FOREIGN = 7,  /**< In the kernel, but not configured by this instance. */
    SUBWG_STATUS_REASON_CONFLICT = 8, /**< Withheld: it overlaps a network of this host. */
    SUBWG_STATUS_REASON_CLOCK_BACK =
        9 /**< Silent, and the own clock went back: the remote may take handshakes for replayed. */
};

/**
 * @name #subwg_connection::present and #subwg_metric::present
 * @{
 */
#define SUBWG_HAS_COUNTERS    0x1u  /**< `rx_bytes`, `tx_bytes` */
#define SUBWG_HAS_LIFETIME    0x2u  /**< `lifetime_s` */
#define SUBWG_HAS_HANDSHAKE   0x4u  /**< `last_handshake_realtime_s` */
#define SUBWG_HAS_ESTABLISHED 0x8u  /**< `established_realtime_s` */
#define SUBWG_HAS_LATENCY     0x10u /**< `latency_ns`: only where it is measured. */
#define SUBWG_HAS_USE_NAT     0x20u /**< `use_nat` */
/** @} */

/**
 * @brief One connection, as get_connections pushes it (a *row*).
 *
 * The host copies strings and numbers before add_connection returns.
 */
struct subwg_connection {
    struct subwg_head head;     /**< Size, version and kind. */
    uint32_t present;           /**< `SUBWG_HAS_...` bits. */
    uint32_t status;            /**< One of #subwg_status. */
    uint32_t status_reason;     /**< One of #subwg_status_reason. */
    uint32_t subnet_count;      /**< Length of `subnets`. */
    const char *status_text;    /**< A sentence; empty where there is nothing to say. */
    const char *cluster_id;     /**< NULL or empty in a foreign row. */
    const char *cable_name;     /**< As in the endpoint. */
    const char *hostname;       /**< As in the endpoint. */
    const char *private_ip;     /**< As in the endpoint. */
    const char *public_ip;      /**< As in the endpoint. */
    const char *remote_ip;      /**< The address in use. */
    const char *peer;           /**< How the driver names the remote (a WireGuard public key). */
    const char *const *subnets; /**< CIDR text. */
    uint64_t rx_bytes;          /**< Received from the remote; never decreases in an instance. */
    uint64_t tx_bytes;          /**< Sent to the remote; never decreases in an instance. */
    uint64_t lifetime_s;        /**< Since the first handshake that this instance saw or adopted. */
    uint64_t last_handshake_realtime_s; /**< Wall clock, seconds since 1970. */
    uint64_t established_realtime_s;    /**< Wall clock at that first handshake. */
    uint64_t latency_ns;                /**< Round trip. */
    uint64_t changed_ns;                /**< Host's elapsed clock when `status` last changed. */
    uint32_t flap_count;                /**< Times the status left connected. */
    uint32_t reconnect_count;           /**< Times it came back. */
    uint32_t use_nat;                   /**< As the engine chose. */
    uint32_t reserved;                  /**< Zero. */
    /**
     * One piece of memory in which strings of the row, and those of its subnets, lie: the host copies
     * it at once. It ends in NUL and has at most 4 MiB; a string that lies elsewhere is copied by itself.
     * NULL: all are. In a snapshot: its copy.
     */
    const char *texts;
    uint64_t texts_bytes; /**< Length of `texts`, its last NUL included; 0 where that is NULL. */
};
/** Initializer for a #subwg_connection. */
#define SUBWG_CONNECTION_INIT                                                                      \
    {                                                                                              \
        SUBWG_HEAD(struct subwg_connection, SUBWG_MAGIC_CONNECTION), 0, 0, 0, 0, NULL, NULL, NULL, \
            NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, 0           \
    }
/** Least size of a #subwg_connection. */
#define SUBWG_CONNECTION_SIZE_1_0 SUBWG_END_OF(struct subwg_connection, texts_bytes)

/**
 * @brief The figures of one connection, as metrics_snapshot pushes them (a *row*).
 *
 * A connection that has no figures (missing in the kernel, foreign) is not pushed. Names and labels
 * are the host's business: it renders rows into its exposition.
 */
struct subwg_metric {
    struct subwg_head head;          /**< Size, version and kind. */
    uint32_t present;                /**< `SUBWG_HAS_...` bits. */
    uint32_t status;                 /**< One of #subwg_status. */
    const char *cluster_id;          /**< As in the endpoint. */
    const char *cable_name;          /**< As in the endpoint. */
    const char *hostname;            /**< As in the endpoint. */
    const char *private_ip;          /**< As in the endpoint. */
    const char *public_ip;           /**< As in the endpoint. */
    const char *remote_ip;           /**< The address in use. */
    uint64_t rx_bytes;               /**< As in #subwg_connection. */
    uint64_t tx_bytes;               /**< As in #subwg_connection. */
    uint64_t lifetime_s;             /**< As in #subwg_connection. */
    uint64_t established_realtime_s; /**< As in #subwg_connection. */
    uint64_t latency_ns;             /**< As in #subwg_connection. */
    const char *texts;               /**< As in #subwg_connection. */
    uint64_t texts_bytes;            /**< As in #subwg_connection. */
};
/** Initializer for a #subwg_metric. */
#define SUBWG_METRIC_INIT                                                                        \
    {                                                                                            \
        SUBWG_HEAD(struct subwg_metric, SUBWG_MAGIC_METRIC), 0, 0, NULL, NULL, NULL, NULL, NULL, \
            NULL, 0, 0, 0, 0, 0, NULL, 0                                                         \
    }
/** Least size of a #subwg_metric. */
#define SUBWG_METRIC_SIZE_1_0 SUBWG_END_OF(struct subwg_metric, texts_bytes)

/** @brief What an event is about. Stable, only appended. */
enum subwg_event_kind {
    SUBWG_EVENT_STATUS = 1,  /**< A connection's status changed. */
    SUBWG_EVENT_DRIFT = 2,   /**< The kernel differs from what is wanted. */
    SUBWG_EVENT_REPAIR = 3,  /**< A difference was repaired. */
    SUBWG_EVENT_CONFLICT = 4 /**< Two claims on one prefix or key. */
};

/** An advisory notice (a *row*): it may be dropped and is never the only way to learn something. */
struct subwg_event {
    struct subwg_head head; /**< Size, version and kind. */
    uint32_t kind;          /**< One of #subwg_event_kind. */
    uint32_t status;        /**< One of #subwg_status, for #SUBWG_EVENT_STATUS. */
    const char *cluster_id; /**< Whom it concerns; may be empty. */
    const char *text;       /**< A sentence. */
};
/** Initializer for a #subwg_event. */
#define SUBWG_EVENT_INIT                                                    \
    {                                                                       \
        SUBWG_HEAD(struct subwg_event, SUBWG_MAGIC_EVENT), 0, 0, NULL, NULL \
    }
/** Least size of a #subwg_event. */
#define SUBWG_EVENT_SIZE_1_0 SUBWG_END_OF(struct subwg_event, text)

/** @brief Levels of a log line. */
enum subwg_log_level {
    SUBWG_LOG_ERROR = 0,   /**< Something failed that the driver cannot return. */
    SUBWG_LOG_WARNING = 1, /**< Works, but not as a person would expect. */
    SUBWG_LOG_INFO = 2,    /**< Worth a line in normal operation. */
    SUBWG_LOG_DEBUG = 3    /**< Detail. */
};

/** A snapshot under construction; belongs to the host, opaque to the driver. */
struct subwg_snapshot_builder;

/**
 * @brief What the host does for an instance (a *table*).
 *
 * Valid from create until destroy has returned. Every callback gets `context` first. Callbacks may
 * be made only while an operation of the instance runs, on that thread.
 */
struct subwg_host {
    struct subwg_head head; /**< Size, version and kind. */
    void *context;          /**< The host's; the driver passes it back untouched. */

    /** Takes one finished line of text, never a format. @p level is one of #subwg_log_level. */
    void (*log)(void *context, uint32_t level, const char *text);

    /**
     * Takes what the engine must advertise in the local endpoint's backend config (`publicKey`,
     * `udp-port`, `interface-name`). Called during init, and again when a value changes. Never
     * dropped. @return 0, or a negative errno, which the operation passes on.
     */
    int32_t (*publish)(void *context, const char *key, const char *value);

    /** Takes an advisory notice. Optional: may be NULL. */
    void (*event)(void *context, const struct subwg_event *event);

    /** Copies a row into the snapshot. @return 0, -ENOMEM or -EINVAL, which the operation passes on. */
    int32_t (*add_connection)(void *context, struct subwg_snapshot_builder *snapshot,
                              const struct subwg_connection *row);

    /** Copies a row into the snapshot. @return 0, -ENOMEM or -EINVAL, which the operation passes on. */
    int32_t (*add_metric)(void *context, struct subwg_snapshot_builder *snapshot,
                          const struct subwg_metric *row);

    /** Elapsed nanoseconds since boot, suspend included (CLOCK_BOOTTIME); never goes back. */
    uint64_t (*elapsed_ns)(void *context);

    /** Wall clock in nanoseconds since 1970 (CLOCK_REALTIME); may step. */
    uint64_t (*realtime_ns)(void *context);
};
/** Least size of a #subwg_host. */
#define SUBWG_HOST_SIZE_1_0 SUBWG_END_OF(struct subwg_host, realtime_ns)

/** One instance of a driver: opaque to the host. */
struct subwg_instance;

/**
 * @brief Takes the result of one endpoint of connect_many or disconnect_many.
 * @param context as handed to the operation.
 * @param index of the endpoint in the list.
 * @param code what connect or disconnect would have returned for it.
 * @param address what connect would have stored; empty on failure and for disconnect.
 * @param error set if @p code is negative, else NULL; borrowed for the call.
 */
typedef void (*subwg_result_fn)(void *context, uint32_t index, int32_t code, const char *address,
                                const struct subwg_error *error);

/**
 * @brief Takes one difference that reconcile found.
 * @param context as handed to the operation.
 * @param repaired 1 if it was repaired, 0 if only reported.
 * @param text a sentence; borrowed for the call.
 */
typedef void (*subwg_report_fn)(void *context, uint32_t repaired, const char *text);

/** reconcile only reports and changes nothing. */
#define SUBWG_RECONCILE_DRY_RUN 0x1u

/** @brief Which calls may run at the same time. The host enforces it; 0 is the strictest. */
enum subwg_thread_model {
    SUBWG_THREADS_SERIAL = 0,   /**< One call at a time into this driver, over all its instances. */
    SUBWG_THREADS_INSTANCE = 1, /**< One call at a time for each instance. */
    SUBWG_THREADS_PARALLEL = 2  /**< Any calls at any time, but destroy comes alone and last. */
};

/**
 * @brief A driver (a *table*).
 *
 * Mandatory: create, destroy, init, connect, disconnect, get_connections, metrics_snapshot. The
 * others are NULL where a driver lacks them; the host then answers -EOPNOTSUPP, or falls back where
 * the operation's text says so.
 *
 * Every operation may come from another thread than the one before; an instance stays bound to the
 * network namespace of the thread that called create.
 */
struct subwg_driver {
    struct subwg_head head; /**< Size, version and kind. */
    const char *name;       /**< `[a-z0-9-]{1,31}`; the engine's users select the driver by it. */
    const char *version;    /**< The driver's own version, for people. */
    uint32_t thread_model;  /**< One of #subwg_thread_model. */
    uint32_t
        min_host_minor;    /**< Least #SUBWG_ABI_MINOR of a host that this driver can work with. */
    uint64_t capabilities; /**< Reserved for facts that no NULL shows; zero in 1.0. */

    /**
     * @brief Makes an instance; touches nothing outside the process's own memory and sockets.
     * @param host services; the pointer stays valid until destroy has returned.
     * @param local the own cluster's endpoint: borrowed for the call, so the driver copies.
     * @param settings key and value pairs; an unknown key or a bad value is refused, all faults in
     *        one report. A key given twice is refused.
     * @param setting_count length of @p settings.
     * @param ret_instance the instance; untouched on failure.
     * @param error may be NULL.
     * @return 0; -EINVAL for a bad argument, setting or local endpoint; -E2BIG for an input from a
     *         newer host that asks for what this driver does not know; -ENOMEM.
     */
    int32_t (*create)(const struct subwg_host *host, const struct subwg_endpoint *local,
                      const struct subwg_setting *settings, uint32_t setting_count,
                      struct subwg_instance **ret_instance, struct subwg_error *error);

    /**
     * @brief Frees the instance. The data plane keeps running, so that an engine can restart.
     * Accepts NULL and an instance whose init failed. Called exactly once, after every other call
     * has returned. Cannot fail.
     */
    void (*destroy)(struct subwg_instance *instance);

    /**
     * @brief Sets up what all connections share, or takes over what an earlier run left.
     * Publishes what remotes need. A failed init leaves nothing behind and may be tried again.
     * @return 0 = set up; 1 = this instance was already initialized, even if its device has vanished
     *         since; -EBUSY another live instance owns the device; -EEXIST something foreign has its name,
     *         or it has another identity than the one that the settings name; -EADDRINUSE the port is
     *         taken; -EOPNOTSUPP the kernel lacks the feature; -EPERM; -ENOMEM; -ETIMEDOUT.
     */
    int32_t (*init)(struct subwg_instance *instance, struct subwg_error *error);

    /**
     * @brief Connects to a remote gateway, or changes the connection to what is now asked.
     *
     * The connection's identity is the cluster id. Nothing is recorded before the kernel has
     * accepted it; a failure undoes what was done. The own cluster is a no-op.
     * @param instance initialized.
     * @param remote with `use_ip` chosen by the engine; without it the driver takes the public
     *        address when `nat_enabled`, else the private one.
     * @param ret_address receives the remote address used, at least #SUBWG_ADDRESS_TEXT_SIZE bytes;
     *        empty for the own cluster. Untouched on failure. May be NULL.
     * @param error may be NULL.
     * @return 0 = made or updated; 1 = already so, nothing was changed; -EINVAL malformed endpoint;
     *         -EPERM refused by policy (see the reason) or lack of a capability; -EEXIST a conflict
     *         with another owner; -EAGAIN this cluster's endpoint changed too often: the text says when
     *         to ask again; -ENODEV the device vanished; -ENOTCONN not initialized; -ENOMEM; -ETIMEDOUT.
     */
    int32_t (*connect)(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                       char *ret_address, struct subwg_error *error);

    /**
     * @brief Removes the connection to @p remote's cluster.
     *
     * If @p remote names a key (backend config) that is not the connection's current one, the
     * current one is left alone.
     * @return 0 = removed; 1 = was not there; -EINVAL; -ENOTCONN; -ETIMEDOUT.
     */
    int32_t (*disconnect)(struct subwg_instance *instance, const struct subwg_endpoint *remote,
                          struct subwg_error *error);

    /**
     * @brief Pushes one row for each connection, and one for each foreign peer. A pure read.
     * @return 0; -ENOTCONN not initialized; -ENODEV the device vanished; -EINTR the kernel's dump was
     *         interrupted too often; what the host's callback returned.
     */
    int32_t (*get_connections)(struct subwg_instance *instance,
                               struct subwg_snapshot_builder *snapshot, struct subwg_error *error);

    /**
     * @brief Pushes the figures of each connection that the kernel has. A pure read. Returns as
     * get_connections.
     */
    int32_t (*metrics_snapshot)(struct subwg_instance *instance,
                                struct subwg_snapshot_builder *snapshot, struct subwg_error *error);

    /**
     * @brief Optional. connect for many: two claims on one prefix within the list are both refused.
     * Without it the host calls connect for each, and then the first claim wins. When the kernel does not
     * answer for one endpoint, those that are left may fail with the same code without having been tried.
     * @param instance initialized.
     * @param remotes the endpoints; a NULL among them is -EINVAL for itself.
     * @param count length of @p remotes.
     * @param result never NULL; called once for each index, in any order, before the return.
     * @param result_context handed to @p result.
     * @param error for the list as a whole; may be NULL.
     * @return 0 when every endpoint got its result through @p result; -ENOTCONN not initialized, -EINVAL
     *         no list, -ENOMEM: then nothing was connected, and only endpoints that were refused may have
     *         had their result.
     */
    int32_t (*connect_many)(struct subwg_instance *instance,
                            const struct subwg_endpoint *const *remotes, uint32_t count,
                            subwg_result_fn result, void *result_context,
                            struct subwg_error *error);

    /**
     * @brief Optional. disconnect for many; without it the host calls disconnect for each. Otherwise as
     * connect_many.
     */
    int32_t (*disconnect_many)(struct subwg_instance *instance,
                               const struct subwg_endpoint *const *remotes, uint32_t count,
                               subwg_result_fn result, void *result_context,
                               struct subwg_error *error);

    /**
     * @brief Optional. The engine has named every endpoint that it knows: what an earlier run left
     * and nobody claimed may go now. Whoever was refused for its sake may connect from now on, also where
     * it is kept for a while so that its subnets can go from hand to hand: to be tried again whatever this
     * returns. It is kept so only for an engine that dispatches or reconciles.
     * @return the number of leftovers removed, or a negative errno.
     */
    int32_t (*list_complete)(struct subwg_instance *instance, struct subwg_error *error);

    /**
     * @brief Optional. Compares what is wanted with what the kernel has, reports and repairs.
     *
     * For an engine without a loop of its own for event_fd: call it now and then. What is wanted of
     * other clusters' endpoints is checked again as well: an endpoint that has become harmful since
     * (its subnets now overlap a network of this host) is taken out until it no longer is. A new key pair,
     * where the device had to be made anew, is published. Repairs of one connection are limited in their
     * rate: a difference that waits for its turn is reported as not repaired.
     * @param instance initialized.
     * @param flags #SUBWG_RECONCILE_DRY_RUN or 0; others are -EINVAL.
     * @param report takes each difference; may be NULL.
     * @param report_context handed to @p report.
     * @param error may be NULL.
     * @return the number of differences found, 0 if there is none; -ENOTCONN not initialized; or the
     *         negative errno of the first repair that failed, after the others were tried.
     */
    int32_t (*reconcile)(struct subwg_instance *instance, uint32_t flags, subwg_report_fn report,
                         void *report_context, struct subwg_error *error);

    /**
     * @brief Optional. One descriptor to poll for input; when it is readable, call dispatch.
     *
     * Whoever asks for it promises to call dispatch: the driver then finds out by itself whether remotes
     * are alive, replaces keys step by step, and repairs what others change. Owned by the instance,
     * close-on-exec, the same at each call; closed by destroy. Works before and after init.
     * @return the descriptor; -ENONET the calling thread is in another network namespace than the one
     *         that called create; -EMFILE and friends.
     */
    int32_t (*event_fd)(struct subwg_instance *instance, struct subwg_error *error);

    /**
     * @brief Optional. Handles what made event_fd readable: changes that others made to links, routes,
     * rules and addresses, and what is due by time. Never waits for a remote. With nothing to do, and
     * before init, it does nothing.
     * @return 0; a negative errno where something failed: the driver tries again by itself, and event_fd
     *         becomes readable when it is time.
     */
    int32_t (*dispatch)(struct subwg_instance *instance, struct subwg_error *error);

    /**
     * @brief Optional. Uninstalls exactly what is this instance's: connections, routes, rules,
     * device. Works with and without a preceding init; nothing there is success. The instance can be
     * initialized again afterwards.
     * @return 0; -EBUSY another live instance owns the device; -EPERM; -ETIMEDOUT.
     */
    int32_t (*cleanup)(struct subwg_instance *instance, struct subwg_error *error);
};
/** Least size of a #subwg_driver. */
#define SUBWG_DRIVER_SIZE_1_0 SUBWG_END_OF(struct subwg_driver, cleanup)

/** Type of the entry function. */
typedef const struct subwg_driver *(*subwg_driver_v1_fn)(void);
/** The entry function, defined by each driver; a host looks it up by #SUBWG_DRIVER_ENTRY. */
SUBWG_DRIVER_EXPORT const struct subwg_driver *subwg_driver_v1(void);
/** Name of the entry function. */
#define SUBWG_DRIVER_ENTRY "subwg_driver_v1"

#ifdef __cplusplus
}
#endif

#endif
