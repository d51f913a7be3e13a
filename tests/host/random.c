/* SPDX-License-Identifier: MIT */
#include "random.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "test.h"

void rng_start(struct rng *rng, const char *test)
{
    const char *given = getenv("FOOTING_SEED");
    struct timespec now = {0};

    if (given != NULL) {
        rng->state = strtoull(given, NULL, 0);
    } else {
        timespec_get(&now, TIME_UTC);
        rng->state = ((uint64_t)now.tv_sec << 20) ^ (uint64_t)now.tv_nsec;
    }
    print_message("%s: FOOTING_SEED=%" PRIu64 "\n", test, rng->state);
}

uint64_t rng_next(struct rng *rng)
{
    uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t rng_below(struct rng *rng, uint64_t n)
{
    return rng_next(rng) % n;
}

bool rng_once_in(struct rng *rng, uint64_t n)
{
    return rng_below(rng, n) == 0;
}
