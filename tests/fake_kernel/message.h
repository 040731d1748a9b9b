/* SPDX-License-Identifier: Apache-2.0 */
/* Netlink messages as the kernel writes and reads them: bounded writing, validation by policy. */
#ifndef FAKE_MESSAGE_H
#define FAKE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

/* The headers' own macros are of signed type. */
#define FAKE_MESSAGE_HEAD   sizeof(struct nlmsghdr)
#define FAKE_ATTRIBUTE_HEAD sizeof(struct nlattr)
#define FAKE_ALIGNED(size)  (((size_t)(size) + 3u) & ~(size_t)3u)

/* What a datagram is written into. Nothing is written beyond the limit: a thing fits whole or not. */
struct fake_writer {
    uint8_t *data;
    size_t size;
    size_t limit;
};

#define FAKE_WRITER_FULL SIZE_MAX

/* Both return the offset at which it began, to end it or to cancel it, or FAKE_WRITER_FULL. */
size_t fake_message_start(struct fake_writer *writer, const struct nlmsghdr *head,
                          const void *payload, size_t payload_size);
size_t fake_nest_start(struct fake_writer *writer, uint16_t type);
void fake_message_end(struct fake_writer *writer, size_t start);
void fake_nest_end(struct fake_writer *writer, size_t start);
void fake_cancel(struct fake_writer *writer, size_t start);

bool fake_put(struct fake_writer *writer, uint16_t type, const void *data, size_t size);
bool fake_put_u8(struct fake_writer *writer, uint16_t type, uint8_t value);
bool fake_put_u16(struct fake_writer *writer, uint16_t type, uint16_t value);
bool fake_put_u32(struct fake_writer *writer, uint16_t type, uint32_t value);
bool fake_put_u64(struct fake_writer *writer, uint16_t type, uint64_t value);
bool fake_put_text(struct fake_writer *writer, uint16_t type, const char *text);

enum fake_attribute_kind {
    FAKE_ATTRIBUTE_ANY = 0,
    FAKE_ATTRIBUTE_NUMBER,     /* of `size` bytes; exactly so where the policy is strict */
    FAKE_ATTRIBUTE_EXACT,      /* so many bytes */
    FAKE_ATTRIBUTE_AT_LEAST,   /* so many bytes */
    FAKE_ATTRIBUTE_AT_MOST,    /* so many bytes */
    FAKE_ATTRIBUTE_NUL_STRING, /* with its NUL within size + 1 bytes */
    FAKE_ATTRIBUTE_STRING,     /* at most so many bytes without the NUL */
    FAKE_ATTRIBUTE_NEST
};

struct fake_attribute_rule {
    uint8_t kind;
    uint16_t size;
};

struct fake_policy {
    const struct fake_attribute_rule *rules; /* by type, [0] unused */
    uint16_t highest;
    bool strict; /* unknown types, wrong sizes and bytes left over are errors */
};

/* Fills table[0..highest]; of a repeated attribute the last one counts. Returns 0 or a negative
 * errno, with the kernel's sentence where it has one. */
int fake_parse(const struct fake_policy *policy, const void *data, size_t size,
               const struct nlattr **table, const char **ret_sentence);
/* The inside of a nest, which must carry the flag for it where the policy is strict. */
int fake_parse_nest(const struct fake_policy *policy, const struct nlattr *nest,
                    const struct nlattr **table, const char **ret_sentence);

/* Steps through attributes: *cursor starts at NULL. Returns false at the end. */
bool fake_next_attribute(const void *data, size_t size, const struct nlattr **cursor);

const void *fake_data(const struct nlattr *attribute);
size_t fake_size(const struct nlattr *attribute);
/* A missing attribute is 0. */
uint8_t fake_u8(const struct nlattr *attribute);
uint16_t fake_u16(const struct nlattr *attribute);
uint32_t fake_u32(const struct nlattr *attribute);
/* Copies a string attribute, always terminated. A missing one is empty. */
void fake_text(const struct nlattr *attribute, char *target, size_t size);

#endif
