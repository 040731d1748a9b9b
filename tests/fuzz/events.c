/* SPDX-License-Identifier: Apache-2.0 */
/* One datagram of the kernel's notices, of any bytes. */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "netlink/events.h"

static void take(void *context, const struct event *event)
{
    size_t *events = context;
    FUZZ_CHECK(event->kind <= EVENT_RULE);
    FUZZ_CHECK(strnlen(event->name, sizeof(event->name)) < sizeof(event->name));
    (*events)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t events = 0;
    int32_t code = events_decode(data, size, take, &events);
    FUZZ_CHECK(code == 0 || code == -EBADMSG || code == -ENOBUFS);
    FUZZ_CHECK(events <= size / 16); /* no message is shorter */
    return 0;
}
