/* SPDX-License-Identifier: Apache-2.0 */
#include "message.h"

#include <errno.h>
#include <string.h>

static size_t reserve(struct fake_writer *writer, size_t size)
{
    size_t start = writer->size, whole = FAKE_ALIGNED(size);

    if (whole > writer->limit - writer->size)
        return FAKE_WRITER_FULL;
    memset(writer->data + start, 0, whole);
    writer->size += whole;
    return start;
}

size_t fake_message_start(struct fake_writer *writer, const struct nlmsghdr *head,
                          const void *payload, size_t payload_size)
{
    size_t start = reserve(writer, FAKE_MESSAGE_HEAD + payload_size);

    if (start == FAKE_WRITER_FULL)
        return start;
    memcpy(writer->data + start, head, sizeof(*head));
    if (payload_size > 0)
        memcpy(writer->data + start + FAKE_MESSAGE_HEAD, payload, payload_size);
    fake_message_end(writer, start);
    return start;
}

void fake_message_end(struct fake_writer *writer, size_t start)
{
    uint32_t length = (uint32_t)(writer->size - start);

    memcpy(writer->data + start, &length, sizeof(length));
}

size_t fake_nest_start(struct fake_writer *writer, uint16_t type)
{
    struct nlattr head = {.nla_len = sizeof(head), .nla_type = (uint16_t)(type | NLA_F_NESTED)};
    size_t start = reserve(writer, sizeof(head));

    if (start != FAKE_WRITER_FULL)
        memcpy(writer->data + start, &head, sizeof(head));
    return start;
}

void fake_nest_end(struct fake_writer *writer, size_t start)
{
    uint16_t length = (uint16_t)(writer->size - start);

    memcpy(writer->data + start, &length, sizeof(length));
}

void fake_cancel(struct fake_writer *writer, size_t start)
{
    writer->size = start;
}

bool fake_put(struct fake_writer *writer, uint16_t type, const void *data, size_t size)
{
    struct nlattr head = {.nla_len = (uint16_t)(FAKE_ATTRIBUTE_HEAD + size), .nla_type = type};
    size_t start = reserve(writer, FAKE_ATTRIBUTE_HEAD + size);

    if (start == FAKE_WRITER_FULL)
        return false;
    memcpy(writer->data + start, &head, sizeof(head));
    if (size > 0)
        memcpy(writer->data + start + FAKE_ATTRIBUTE_HEAD, data, size);
    return true;
}

bool fake_put_u8(struct fake_writer *writer, uint16_t type, uint8_t value)
{
    return fake_put(writer, type, &value, sizeof(value));
}

bool fake_put_u16(struct fake_writer *writer, uint16_t type, uint16_t value)
{
    return fake_put(writer, type, &value, sizeof(value));
}

bool fake_put_u32(struct fake_writer *writer, uint16_t type, uint32_t value)
{
    return fake_put(writer, type, &value, sizeof(value));
}

bool fake_put_u64(struct fake_writer *writer, uint16_t type, uint64_t value)
{
    return fake_put(writer, type, &value, sizeof(value));
}

bool fake_put_text(struct fake_writer *writer, uint16_t type, const char *text)
{
    return fake_put(writer, type, text, strlen(text) + 1);
}

const void *fake_data(const struct nlattr *attribute)
{
    return (const uint8_t *)attribute + FAKE_ATTRIBUTE_HEAD;
}

size_t fake_size(const struct nlattr *attribute)
{
    return (size_t)attribute->nla_len - FAKE_ATTRIBUTE_HEAD;
}

uint8_t fake_u8(const struct nlattr *attribute)
{
    return attribute != NULL ? *(const uint8_t *)fake_data(attribute) : 0;
}

uint16_t fake_u16(const struct nlattr *attribute)
{
    uint16_t value = 0;

    if (attribute != NULL)
        memcpy(&value, fake_data(attribute), sizeof(value));
    return value;
}

uint32_t fake_u32(const struct nlattr *attribute)
{
    uint32_t value = 0;

    if (attribute != NULL)
        memcpy(&value, fake_data(attribute), sizeof(value));
    return value;
}

void fake_text(const struct nlattr *attribute, char *target, size_t size)
{
    size_t length = attribute != NULL ? fake_size(attribute) : 0;

    if (length > size - 1)
        length = size - 1;
    memset(target, 0, size);
    if (length > 0)
        memcpy(target, fake_data(attribute), length);
}

/* All attributes of a request are copied to aligned memory before they are read. */
static const struct nlattr *attribute_at(const void *data, size_t offset, size_t size)
{
    const struct nlattr *attribute;

    if (offset > size || size - offset < FAKE_ATTRIBUTE_HEAD)
        return NULL;
    attribute = (const void *)((const uint8_t *)data + offset);
    if (attribute->nla_len < FAKE_ATTRIBUTE_HEAD || attribute->nla_len > size - offset)
        return NULL;
    return attribute;
}

bool fake_next_attribute(const void *data, size_t size, const struct nlattr **cursor)
{
    size_t offset = 0;

    if (*cursor != NULL)
        offset = (size_t)((const uint8_t *)*cursor - (const uint8_t *)data) +
                 FAKE_ALIGNED((*cursor)->nla_len);
    *cursor = attribute_at(data, offset, size);
    return *cursor != NULL;
}

static int check_nul_string(const struct nlattr *attribute, size_t limit)
{
    size_t size = fake_size(attribute);
    size_t searched = limit > 0 && size > limit + 1 ? limit + 1 : size;

    return searched > 0 && memchr(fake_data(attribute), 0, searched) != NULL ? 0 : -EINVAL;
}

static int check_string(const struct nlattr *attribute, size_t limit)
{
    size_t size = fake_size(attribute);
    const char *text = fake_data(attribute);

    if (size < 1)
        return -ERANGE;
    if (text[size - 1] == '\0')
        size--;
    return limit > 0 && size > limit ? -ERANGE : 0;
}

static int check_flag(const struct fake_attribute_rule *rule, const struct nlattr *attribute,
                      const char **ret_sentence)
{
    bool flagged = (attribute->nla_type & NLA_F_NESTED) != 0;

    if (rule->kind == FAKE_ATTRIBUTE_NEST && !flagged) {
        *ret_sentence = "NLA_F_NESTED is missing";
        return -EINVAL;
    }
    if (rule->kind != FAKE_ATTRIBUTE_NEST && flagged) {
        *ret_sentence = "NLA_F_NESTED not expected";
        return -EINVAL;
    }
    return 0;
}

static int check_size(const struct fake_attribute_rule *rule, const struct nlattr *attribute)
{
    size_t size = fake_size(attribute);
    int status = 0;

    switch (rule->kind) {
    case FAKE_ATTRIBUTE_NUMBER:
    case FAKE_ATTRIBUTE_AT_LEAST:
        status = size < rule->size ? -ERANGE : 0;
        break;
    case FAKE_ATTRIBUTE_AT_MOST:
        status = size > rule->size ? -ERANGE : 0;
        break;
    case FAKE_ATTRIBUTE_EXACT:
        status = size != rule->size ? -ERANGE : 0;
        break;
    case FAKE_ATTRIBUTE_NUL_STRING:
        status = check_nul_string(attribute, rule->size);
        if (status == 0)
            status = check_string(attribute, rule->size);
        break;
    case FAKE_ATTRIBUTE_STRING:
        status = check_string(attribute, rule->size);
        break;
    case FAKE_ATTRIBUTE_NEST:
        status = size > 0 && size < FAKE_ATTRIBUTE_HEAD ? -ERANGE : 0;
        break;
    default:
        break;
    }
    return status;
}

static int check_attribute(const struct fake_policy *policy, const struct nlattr *attribute,
                           uint16_t type, const char **ret_sentence)
{
    const struct fake_attribute_rule *rule = &policy->rules[type];
    int status;

    if (policy->strict && rule->kind == FAKE_ATTRIBUTE_NUMBER &&
        fake_size(attribute) != rule->size) {
        *ret_sentence = "invalid attribute length";
        return -EINVAL;
    }
    status = policy->strict ? check_flag(rule, attribute, ret_sentence) : 0;
    if (status != 0)
        return status;
    status = check_size(rule, attribute);
    if (status != 0)
        *ret_sentence = rule->kind == FAKE_ATTRIBUTE_EXACT ? "binary attribute size out of range"
                                                           : "Attribute failed policy validation";
    return status;
}

int fake_parse(const struct fake_policy *policy, const void *data, size_t size,
               const struct nlattr **table, const char **ret_sentence)
{
    const struct nlattr *attribute = NULL;
    size_t end = 0;

    memset(table, 0, ((size_t)policy->highest + 1) * sizeof(*table));
    while (fake_next_attribute(data, size, &attribute)) {
        uint16_t type = attribute->nla_type & 0x3fffu;
        int status;

        end = (size_t)((const uint8_t *)attribute - (const uint8_t *)data) +
              FAKE_ALIGNED(attribute->nla_len);
        if (type == 0 || type > policy->highest) {
            if (!policy->strict)
                continue;
            *ret_sentence = "Unknown attribute type";
            return -EINVAL;
        }
        status = check_attribute(policy, attribute, type, ret_sentence);
        if (status != 0)
            return status;
        table[type] = attribute;
    }
    if (policy->strict && end < size) {
        *ret_sentence = "bytes leftover after parsing attributes";
        return -EINVAL;
    }
    return 0;
}

int fake_parse_nest(const struct fake_policy *policy, const struct nlattr *nest,
                    const struct nlattr **table, const char **ret_sentence)
{
    if (policy->strict && (nest->nla_type & NLA_F_NESTED) == 0) {
        *ret_sentence = "NLA_F_NESTED is missing";
        return -EINVAL;
    }
    return fake_parse(policy, fake_data(nest), fake_size(nest), table, ret_sentence);
}
