/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENGINE_EXPOSITION_H
#define ENGINE_EXPOSITION_H

#include <subwg/snapshot.h>

#include "engine/writer.h"

/* One label, with the separator in front of it: `{name="` or `,name="`. */
static inline void exposition_label(struct writer *writer, const char *opening, const char *value)
{
    writer_text(writer, opening);
    writer_label_value(writer, value);
}

/* The end of a line after the labels: `"} number`. */
void exposition_value(struct writer *writer, uint64_t value);

/* Profile submariner. 0 or -ENOMEM. */
int32_t submariner_write(struct writer *writer, struct subwg_snapshot *const *snapshots,
                         size_t count);

#endif
