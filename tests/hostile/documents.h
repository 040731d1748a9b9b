/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoint documents that a hostile cluster may announce: every harm that is known, at every place of a
 * document and in every way to write it. The same thousand at each run; and their harmless neighbours, so
 * that refusing everything does not pass.
 *
 * They are meant for a gateway of cluster1 at 10.243.64.6/24 and 2001:db8:64::6/64 with the own subnets
 * 10.233.0.0/18 and 10.233.64.0/18, connected to cluster2 with 10.234.0.0/18, 10.234.64.0/18 and
 * fd02::/48, whose gateway is 10.243.64.7.
 */
#ifndef HOSTILE_DOCUMENTS_H
#define HOSTILE_DOCUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include <subwg/driver.h>

#define DOCUMENT_SUBNETS_MAX 1025
#define DOCUMENT_CONFIG_MAX  65

struct document {
    struct subwg_endpoint endpoint; /* points into the rest */
    const char *subnets[DOCUMENT_SUBNETS_MAX];
    struct subwg_setting config[DOCUMENT_CONFIG_MAX];
    char cluster_id[32];
    char spelling[80]; /* a value written another way */
    const char *field; /* where the harm is, as the refusal calls it */
    const char *value; /* what it is */
    uint32_t reason;   /* enum subwg_reason: the only right one; UNSPECIFIED: it is to be taken */
    const char *word;  /* of the refusal's sentence */
    uint32_t number;   /* from 0 */
};

/* What the world has that documents reach for. */
struct document_world {
    const char *own_key;      /* base64 */
    const char *cluster2_key; /* NULL: not connected, its tunnel is a leftover */
    bool marked;              /* tunnel packets carry a mark: gateways may lie within tunnels */
};

typedef void (*document_fn)(const struct document *document, void *context);

/* Hands each to take, one after the other; valid for the call. Returns how many. */
uint32_t documents_hostile(const struct document_world *world, document_fn take, void *context);
uint32_t documents_harmless(const struct document_world *world, document_fn take, void *context);

#endif
