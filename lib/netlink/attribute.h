/* SPDX-License-Identifier: Apache-2.0 */
/* Reading netlink attributes: a cursor that never looks beyond its bytes, whatever they claim. */
#ifndef NETLINK_ATTRIBUTE_H
#define NETLINK_ATTRIBUTE_H

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct attribute {
    uint16_t type; /* without the nested and byte order bits */
    uint16_t length;
    const uint8_t *value; /* length bytes, of any alignment */
};

struct attributes {
    const uint8_t *next;
    size_t left;
};

static inline struct attributes attributes_over(const void *bytes, size_t length)
{
    return (struct attributes){.next = bytes, .left = length};
}

static inline struct attributes attributes_nested(const struct attribute *nest)
{
    return attributes_over(nest->value, nest->length);
}

/* The attributes of a message, behind its header and the family's own of head_size (aligned) bytes.
 * -EBADMSG if it is too short for them. */
static inline int32_t attributes_of_message(const struct nlmsghdr *message, size_t head_size,
                                            struct attributes *ret_attributes)
{
    size_t before = sizeof(*message) + head_size;
    if (message->nlmsg_len < before)
        return -EBADMSG;
    *ret_attributes =
        attributes_over((const uint8_t *)message + before, message->nlmsg_len - before);
    return 0;
}

/* 1: *ret_attribute is the next one; 0: no more; -EBADMSG: its length cannot be true. Trailing bytes
 * too few for an attribute are padding. */
static inline int32_t attribute_next(struct attributes *attributes, struct attribute *ret_attribute)
{
    struct nlattr head;
    if (attributes->left < sizeof(head))
        return 0;
    memcpy(&head, attributes->next, sizeof(head));
    if (head.nla_len < sizeof(head) || head.nla_len > attributes->left)
        return -EBADMSG;
    ret_attribute->type = head.nla_type & (uint16_t)NLA_TYPE_MASK;
    ret_attribute->length = (uint16_t)(head.nla_len - sizeof(head));
    ret_attribute->value = attributes->next + sizeof(head);
    size_t step = (head.nla_len + (NLA_ALIGNTO - 1u)) & ~(size_t)(NLA_ALIGNTO - 1u);
    if (step > attributes->left)
        step = attributes->left;
    attributes->next += step;
    attributes->left -= step;
    return 1;
}

/* The bytes that an attribute of this size takes, with its head and the padding behind it. */
#define ATTRIBUTE_HEAD sizeof(struct nlattr)
#define ATTRIBUTE_ROOM(size) \
    (ATTRIBUTE_HEAD + (((size) + (NLA_ALIGNTO - 1u)) & ~(NLA_ALIGNTO - 1u)))

/* True if these bytes begin with the head of such an attribute, without any bits beside its type. For who
 * knows where it should lie, and that there is room for it. */
static inline bool attribute_is_at(const uint8_t *bytes, uint16_t type, size_t size)
{
    const struct nlattr wanted = {.nla_len = (uint16_t)(ATTRIBUTE_HEAD + size), .nla_type = type};
    return memcmp(bytes, &wanted, sizeof(wanted)) == 0;
}

/* The attribute of which that is known. */
static inline struct attribute attribute_at(const uint8_t *bytes, size_t size)
{
    return (struct attribute){.length = (uint16_t)size, .value = bytes + ATTRIBUTE_HEAD};
}

/* Copies a value of exactly this size; false if the attribute has another. */
static inline bool attribute_copy(const struct attribute *attribute, void *value, size_t size)
{
    if (attribute->length != size)
        return false;
    memcpy(value, attribute->value, size);
    return true;
}

/* Copies the value of the last attribute of this type, if there is one. 0, or -EBADMSG if its size is
 * another or a length cannot be true. */
static inline int32_t attributes_find(struct attributes attributes, uint16_t type, void *value,
                                      size_t size)
{
    struct attribute attribute;
    int32_t code;
    while ((code = attribute_next(&attributes, &attribute)) > 0)
        if (attribute.type == type && !attribute_copy(&attribute, value, size))
            return -EBADMSG;
    return code;
}

#endif
