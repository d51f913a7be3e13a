/* SPDX-License-Identifier: MIT */
/*
 * The builder on the host. Usage: builder CASE [time]
 * Prints "tables N ranges N"; with "time", also how long counting and
 * building take as a ratio to a loop that stores every slot once. Under
 * callgrind, bench.py collects what happens inside measured().
 */
#define _POSIX_C_SOURCE 199309L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "layout.h"
#include "measured.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

#define MAX_RANGES 8192
#define RUNS       51
#define SECONDS    0.2

static struct mem_range ranges[MAX_RANGES];
static struct mapping entries[MAX_RANGES];

struct input {
    struct memmap map;
    const struct mtrr_state *mtrr;
    unsigned max_level;
};

static void usable(struct input *in, uint64_t base, uint64_t end)
{
    in->map.ranges[in->map.count++] = (struct mem_range){base, end, MEM_USABLE};
}

/* A laptop with 16 GiB: holes for firmware tables below 2 GiB, the rest above 4 GiB. */
static void laptop(struct input *in)
{
    usable(in, 0, 0x9d000);
    usable(in, MIB, 0x1ef00000);
    usable(in, 0x1f100000, 0x20000000);
    usable(in, 0x20100000, 0x99615000);
    usable(in, 0x99afc000, 0x99afd000);
    usable(in, 0x99b3f000, 0x99cae000);
    usable(in, 0x99ffa000, 0x9a000000);
    usable(in, 4 * GIB, 0x45e600000);
}

/* A server with 1 TiB, in front of and behind AMD's HyperTransport hole. */
static void server(struct input *in)
{
    usable(in, 0, 0xa0000);
    usable(in, MIB, 0x75db0000);
    usable(in, 0x76000000, 0xa5c7f000);
    usable(in, 4 * GIB, UINT64_C(0xfd00000000));
    usable(in, TIB, TIB + 16 * GIB);
}

/* 5,000 pieces of 12 KiB, as many holes of 12 KiB. */
static void pieces(struct input *in)
{
    for (uint64_t i = 0; i < 5000; i++)
        usable(in, MIB + i * 24 * KIB, MIB + i * 24 * KIB + 12 * KIB);
}

static void contiguous(struct input *in)
{
    usable(in, 0, 64 * TIB);
}

static const struct bench_case {
    const char *name;
    void (*fill)(struct input *in);
    unsigned max_level;
} cases[] = {
    {"laptop-4k", laptop, 0},    {"laptop-2m", laptop, 1},    {"laptop-1g", laptop, 2},
    {"server-2m", server, 1},    {"server-1g", server, 2},    {"pieces-12k", pieces, 2},
    {"64tib-2m", contiguous, 1}, {"64tib-1g", contiguous, 2},
};

/* The floor: every slot stored once, eight a turn. */
__attribute__((noipa)) static void store_once(uint64_t *slots, size_t n, uint64_t pte)
{
    for (size_t i = 0; i < n; i += 8, slots += 8) {
        slots[0] = pte;
        slots[1] = pte += PAGE_SIZE;
        slots[2] = pte += PAGE_SIZE;
        slots[3] = pte += PAGE_SIZE;
        slots[4] = pte += PAGE_SIZE;
        slots[5] = pte += PAGE_SIZE;
        slots[6] = pte += PAGE_SIZE;
        slots[7] = pte += PAGE_SIZE;
        pte += PAGE_SIZE;
    }
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/*
 * The best of many runs of each, taken in turn, so that both meet the same
 * machine, and for so long that another program cannot disturb them all.
 */
static double ratio(const struct plan *plan, struct pool *pool, size_t tables)
{
    double build = 1e9;
    double store = 1e9;
    double began = now();

    for (int run = 0; run < RUNS || now() - began < SECONDS; run++) {
        double t0 = now();
        measured(plan, pool);
        double t1 = now();
        store_once(pool->slots, tables * PT_SLOTS, 0x63);
        double t2 = now();

        build = t1 - t0 < build ? t1 - t0 : build;
        store = t2 - t1 < store ? t2 - t1 : store;
    }
    return build / store;
}

/* Page by page, the largest that fits. */
static size_t count_leaves(const struct plan *plan)
{
    size_t count = 0;

    for (size_t i = 0; i < plan->count; i++) {
        const struct mapping *m = &plan->entries[i];

        for (uint64_t at = 0; at < m->len; count++) {
            uint64_t size = PAGE_SIZE << (9 * m->max_level);

            while (((m->va + at) | (m->pa + at)) & (size - 1) || size > m->len - at)
                size >>= 9;
            at += size;
        }
    }
    return count;
}

static int run(const struct bench_case *c, int timed)
{
    static const struct mtrr_state no_mtrr = {.present = false, .phys_bits = 52};
    struct input in = {.map = {.ranges = ranges, .phys_bits = 52}};
    struct plan plan = {.entries = entries, .max = MAX_RANGES};
    struct pool pool = {0};

    c->fill(&in);
    const struct plan_request request = {
        .map = &in.map,
        .mtrr = &no_mtrr,
        .directmap_base = DIRECTMAP_BASE_4,
        .directmap_size = DIRECTMAP_SIZE_4,
        .directmap = true,
        .ram_limit = UINT64_MAX,
        .levels = 4,
        .phys_bits = 52,
        .max_level = c->max_level,
    };
    struct error err = plan_make(&plan, &request);
    if (err.code) {
        fprintf(stderr, "%s: %s\n", c->name, error_words(err.code).says);
        return 1;
    }
    size_t tables = pt_count(&plan, 4);
    pool.slots = aligned_alloc(PAGE_SIZE, tables * PAGE_SIZE);
    if (!pool.slots)
        abort();
    if (timed) {
        memset(pool.slots, 1, tables * PAGE_SIZE);
        printf("ratio %.2f\n", ratio(&plan, &pool, tables));
    } else {
        measured(&plan, &pool);
        printf("leaves %zu tables %zu ranges %zu\n", count_leaves(&plan), tables, in.map.count);
    }
    free(pool.slots);
    return 0;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (strcmp(argv[1], cases[i].name) == 0)
            return run(&cases[i], argc > 2);
    }
    fprintf(stderr, "usage: builder CASE [time]\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        fprintf(stderr, "  %s\n", cases[i].name);
    return 2;
}
