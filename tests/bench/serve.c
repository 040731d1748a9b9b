/* SPDX-License-Identifier: Apache-2.0 */
#include "serve.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t serve_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint32_t serve_number(const struct order *order, uint32_t index)
{
    return (uint32_t)strtoul(order->arguments[index], NULL, 10);
}

int serve_fail(struct order *order, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(order->failure, sizeof(order->failure), format, arguments);
    va_end(arguments);
    return -1;
}

static void answer(const struct order *order, int status)
{
    if (status != 0) {
        printf("failed %s\n", order->failure);
    } else {
        printf("ok %" PRIu64, order->ns);
        for (uint32_t i = 0; i < order->number_count; i++)
            printf(" %" PRIu64, order->numbers[i]);
        printf("\n");
    }
    (void)fflush(stdout);
}

static int obey(const struct verb *verbs, const char *name, struct order *order)
{
    for (; verbs->name != NULL; verbs++)
        if (strcmp(verbs->name, name) == 0)
            return verbs->obey(order);
    return serve_fail(order, "no such verb: %s", name);
}

int serve(const struct verb *verbs)
{
    static char empty[1];
    char line[4096];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        struct order order = {.number_count = 0};
        char *rest = NULL;
        const char *name = strtok_r(line, " \n", &rest);
        for (uint32_t i = 0; i < SERVE_ARGUMENTS_MAX; i++) {
            char *word = strtok_r(NULL, " \n", &rest);
            order.arguments[i] = word == NULL ? empty : word;
        }
        answer(&order,
               name == NULL ? serve_fail(&order, "an empty line") : obey(verbs, name, &order));
    }
    return 0;
}
