/* SPDX-License-Identifier: Apache-2.0 */
/* A difference between wanted and found, as a sentence: what a step of the plan is for. Pure. */
#ifndef WIREGUARD_DRIFT_H
#define WIREGUARD_DRIFT_H

#include <stdbool.h>
#include <stdint.h>

#include "wireguard/plan.h"

enum drift_outcome {
    DRIFT_WOULD_REPAIR, /* a dry run */
    DRIFT_REPAIRED,
    DRIFT_FAILED,
    DRIFT_UNTRIED,  /* after another one had failed */
    DRIFT_POSTPONED /* repairs of it come too often */
};

#define DRIFT_TEXT_SIZE 384

/* What the sentences are about. */
struct drift_scene {
    const char *device;
    const char *found_name; /* of the device */
    uint32_t table;
    const struct state *wanted;
    const struct state *found;
};

/* False for a step that only completes the one before it. */
bool drift_counts(const struct step *step);

/* The step is needed because of another one, and goes without saying: a new device has no peers, and one
 * that is down no routes. */
bool drift_follows(const struct drift_scene *scene, const struct step *step);

/* subject names whose peer or route it is: "cluster 'west'", "a foreign peer AbC...". */
const char *drift_describe(const struct drift_scene *scene, const struct step *step,
                           const char *subject, enum drift_outcome outcome,
                           char text[DRIFT_TEXT_SIZE]);

#endif
