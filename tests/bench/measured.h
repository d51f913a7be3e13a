/* SPDX-License-Identifier: MIT */
/* What the benchmarks measure: counting the frames of a plan, then building it. */
#ifndef MEASURED_H
#define MEASURED_H

#include <stdint.h>

#include "pagetable.h"

/* Table frames: one array, numbered from a made-up physical base. */
struct pool {
    uint64_t *slots;
    uint64_t used;
};

/* pt_count() and pt_build() for 4 levels, out of the pool's first frame on; how many were taken. */
size_t measured(const struct plan *plan, struct pool *pool);

#endif
