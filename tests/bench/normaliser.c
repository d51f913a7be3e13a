/* SPDX-License-Identifier: MIT */
/*
 * The normaliser on random ranges. Prints, for growing n, the time per range
 * and per log2(n): were it quadratic, the last column would grow with n.
 */
#define _POSIX_C_SOURCE 199309L

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "memmap.h"

#define RUNS 5

static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t random_bits(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double seconds_for(size_t n)
{
    uint64_t *keys = malloc(2 * n * sizeof(*keys));
    struct mem_range *ranges = malloc(2 * n * sizeof(*ranges));
    double best = 1e9;

    if (!keys || !ranges)
        abort();
    for (int run = 0; run < RUNS; run++) {
        struct memmap map;
        double start = now();

        memmap_init(&map, keys, ranges, n, 46);
        for (size_t i = 0; i < n; i++)
            memmap_add(&map, random_bits() >> 18, random_bits() >> 34,
                       (enum mem_type)(random_bits() % MEM_TYPES));
        memmap_normalise(&map);
        double taken = now() - start;
        best = taken < best ? taken : best;
    }
    free(keys);
    free(ranges);
    return best;
}

int main(void)
{
    for (size_t n = 1000; n <= 1000000; n *= 10) {
        double per_range = seconds_for(n) * 1e9 / (double)n;

        printf("%zu %.0f %.1f\n", n, per_range, per_range / log2((double)n));
    }
    return 0;
}
