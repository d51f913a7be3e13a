/* SPDX-License-Identifier: MIT */
/*
 * A small seeded generator (splitmix64). Each run has a new seed, which is
 * printed; FOOTING_SEED=… repeats a run.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

/* Seed from the environment or the clock, and print it with the test's name. */
void rng_start(struct rng *rng, const char *test);

uint64_t rng_next(struct rng *rng);

/* 0 to n - 1; n is not 0. */
uint64_t rng_below(struct rng *rng, uint64_t n);

/* True once in n times. */
bool rng_once_in(struct rng *rng, uint64_t n);

#endif
