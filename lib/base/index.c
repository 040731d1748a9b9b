/* SPDX-License-Identifier: Apache-2.0 */
#include "base/index.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

void index_start(struct index *index)
{
    *index = (struct index){0};
    randombytes_buf(index->secret, sizeof(index->secret));
}

void index_finish(struct index *index)
{
    free(index->buckets);
    *index = (struct index){0};
}

bool index_reserve(struct index *index, size_t count)
{
    size_t wanted = index->bucket_count == 0 ? 16 : index->bucket_count;
    while (wanted < count)
        wanted *= 2;
    if (wanted == index->bucket_count)
        return true;
    struct index_node **buckets = calloc(wanted, sizeof(struct index_node *));
    if (buckets == NULL)
        return false;
    for (size_t i = 0; i < index->bucket_count; i++) {
        struct index_node *node = index->buckets[i];
        while (node != NULL) {
            struct index_node *next = node->next;
            struct index_node **bucket = &buckets[node->hash & (wanted - 1)];
            node->next = *bucket;
            *bucket = node;
            node = next;
        }
    }
    free((void *)index->buckets);
    index->buckets = buckets;
    index->bucket_count = wanted;
    return true;
}

static uint32_t hash_of(const struct index *index, const void *key, size_t length)
{
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, key, length, index->secret);
    return (uint32_t)hash;
}

void index_insert(struct index *index, struct index_node *node, const void *key, size_t length)
{
    node->key = key;
    node->length = (uint32_t)length;
    node->hash = hash_of(index, key, length);
    struct index_node **bucket = &index->buckets[node->hash & (index->bucket_count - 1)];
    node->next = *bucket;
    *bucket = node;
    index->count++;
}

void index_remove(struct index *index, struct index_node *node)
{
    if (node->key == NULL)
        return;
    struct index_node **link = &index->buckets[node->hash & (index->bucket_count - 1)];
    while (*link != node)
        link = &(*link)->next;
    *link = node->next;
    *node = (struct index_node){0};
    index->count--;
}

struct index_node *index_find(const struct index *index, const void *key, size_t length)
{
    if (index->bucket_count == 0)
        return NULL;
    uint32_t hash = hash_of(index, key, length);
    struct index_node *node = index->buckets[hash & (index->bucket_count - 1)];
    while (node != NULL &&
           (node->hash != hash || node->length != length || memcmp(node->key, key, length) != 0))
        node = node->next;
    return node;
}
