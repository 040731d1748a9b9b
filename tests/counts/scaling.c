/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scaling [REMOTES KEEPALIVE-S]: what the tunnels of so many remotes ask of a gateway's kernel when
 * nothing fails: packets that keep them alive and handshakes, by simulating some of them event by event
 * (the oracle of the status tests, which wireguard-traces holds to measured kernels).
 *
 * Without arguments it is a test: the arithmetic of doc/scaling.md has to enclose what is simulated.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wireguard_tunnel.h"

#define TUNNELS   1200
#define SETTLE_S  600 /* before what is an average: after the first sessions */
#define BUSY_S    60  /* before what counts as a busy second: connecting is known to be one */
#define COUNTED_S 3000
#define KEEPALIVE 32.0
#define HANDSHAKE (148.0 + 92.0)
#define REKEY_S   120.0 /* the initiator asks for a new session when it sends */
#define LAST_S    165.0 /* ... and when it hears something */
#define WHEEL_S   0.26  /* a timer of the kernel's may be as late */

/* Of one tunnel, seen from one end. */
struct load {
    double keepalives_per_s; /* both ways */
    double handshakes_per_s;
    double bytes_per_s;    /* both ways, without outer headers */
    double busiest_second; /* handshakes of one second, as a share of the tunnels */
};

struct situation {
    const char *name;
    uint32_t keepalive_s;
    uint32_t remote_keepalive_s;
    uint32_t data_period_s; /* both ends speak about that often; 0: idle */
    uint32_t connect_s;     /* all tunnels are connected evenly within this time; 0: at once */
};

#define SECONDS (SETTLE_S + COUNTED_S)

struct counts {
    uint64_t bytes;
    uint64_t handshakes;
    uint32_t handshakes_in[SECONDS + 1]; /* the last: what began later than the rest */
};

static void live(const struct situation *situation, struct chance *chance, uint32_t number,
                 struct counts *counts)
{
    uint32_t begin_s = situation->connect_s * number / TUNNELS;
    struct tunnel tunnel;
    struct end before = {0};
    tunnel_start(&tunnel, chance, situation->keepalive_s, situation->remote_keepalive_s);
    tunnel.latency_ms = 1 + chance_below(chance, 100);
    tunnel.ends[1].wheel_ms = chance_below(chance, 256);
    tunnel_run(&tunnel, chance_below(chance, 1000)); /* nobody begins in the same moment */
    tunnel_restart(&tunnel, 1);
    tunnel_run(&tunnel, 1000);
    for (int at = 0; at < 2; at++)
        tunnel_speak(&tunnel, at, situation->data_period_s);
    for (uint32_t second = 0; begin_s + second < SECONDS; second++) {
        uint32_t so_far = tunnel.ends[0].handshake_count;
        if (begin_s + second == SETTLE_S)
            before = tunnel.ends[0];
        tunnel_step(&tunnel);
        counts->handshakes_in[begin_s + second] += tunnel.ends[0].handshake_count - so_far;
    }
    const struct end *after = &tunnel.ends[0];
    counts->bytes += after->rx_bytes - before.rx_bytes + after->tx_bytes - before.tx_bytes;
    counts->handshakes += after->handshake_count - before.handshake_count;
}

static struct load simulate(const struct situation *situation, struct chance *chance)
{
    static struct counts counts;
    const double tunnel_seconds = (double)TUNNELS * COUNTED_S;
    uint32_t busiest = 0;
    memset(&counts, 0, sizeof(counts));
    for (uint32_t i = 0; i < TUNNELS; i++)
        live(situation, chance, i, &counts);
    for (uint32_t second = situation->connect_s + BUSY_S; second < SECONDS; second++)
        if (counts.handshakes_in[second] > busiest)
            busiest = counts.handshakes_in[second];
    struct load load = {.handshakes_per_s = (double)counts.handshakes / tunnel_seconds,
                        .bytes_per_s = (double)counts.bytes / tunnel_seconds,
                        .busiest_second = (double)busiest / TUNNELS};
    if (situation->data_period_s == 0)
        load.keepalives_per_s = (load.bytes_per_s - HANDSHAKE * load.handshakes_per_s) / KEEPALIVE;
    return load;
}

static void print_load(const struct situation *situation, const struct load *load, double remotes)
{
    printf("%-34s %9.0f handshakes/s, %9.0f in the busiest;", situation->name,
           load->handshakes_per_s * remotes, load->busiest_second * remotes);
    if (situation->data_period_s == 0)
        printf(" %9.0f keepalives/s, %7.2f Mbit/s", load->keepalives_per_s * remotes,
               load->bytes_per_s * remotes * 8 / 1e6);
    printf("\n");
}

/* The page's arithmetic, and whether what was simulated is within it. */
static bool is_enclosed(const struct situation *situation, const struct load *load)
{
    double interval_s = situation->keepalive_s != 0 ? (double)situation->keepalive_s
                                                    : (double)situation->remote_keepalive_s;
    double sides = (situation->keepalive_s != 0) + (situation->remote_keepalive_s != 0);
    bool idle = situation->data_period_s == 0;
    bool handshakes = load->handshakes_per_s <= 1 / REKEY_S &&
                      load->handshakes_per_s >= 1 / (LAST_S + interval_s + WHEEL_S);
    bool keepalives = !idle || (load->keepalives_per_s <= sides / interval_s + 1 / REKEY_S &&
                                load->keepalives_per_s >= 1 / (interval_s + WHEEL_S));
    bool busiest = situation->connect_s == 0 || load->busiest_second <= 3 / REKEY_S;
    return handshakes && keepalives && busiest;
}

static bool run(uint32_t keepalive_s, double remotes, bool told)
{
    struct chance chance = chance_start("scaling");
    const struct situation situations[] = {
        {"idle, both ends keep alive", keepalive_s, keepalive_s, 0, 120},
        {"idle, this end alone does", keepalive_s, 0, 0, 120},
        {"idle, the remotes alone do", 0, keepalive_s, 0, 120},
        {"both speak every second or so", keepalive_s, keepalive_s, 1, 120},
        {"idle, all connected at once", keepalive_s, keepalive_s, 0, 0},
    };
    bool passed = true;
    for (size_t i = 0; i < sizeof(situations) / sizeof(situations[0]); i++) {
        struct load load = simulate(&situations[i], &chance);
        bool enclosed = is_enclosed(&situations[i], &load);
        if (!told)
            printf("%s keepalives of %" PRIu32 " s, ", enclosed ? "ok" : "not ok", keepalive_s);
        print_load(&situations[i], &load, remotes);
        passed = passed && enclosed;
    }
    return passed;
}

int main(int argc, char **argv)
{
    static const uint32_t keepalives_s[] = {5, 10, 25, 60};
    bool passed = true;
    if (argc == 3)
        return !run((uint32_t)strtoul(argv[2], NULL, 10), strtod(argv[1], NULL), true);
    for (size_t i = 0; i < sizeof(keepalives_s) / sizeof(keepalives_s[0]); i++)
        passed = run(keepalives_s[i], 100000, false) && passed;
    return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
