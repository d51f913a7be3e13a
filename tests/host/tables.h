/* SPDX-License-Identifier: MIT */
/* Plans for tests, and tables built from them in fake memory. */
#ifndef TABLES_H
#define TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "fake_memory.h"
#include "plan.h"
#include "random.h"
#include "reference.h"

#define TABLES_MAX_ENTRIES 32

struct tables {
    struct mapping entries[TABLES_MAX_ENTRIES];
    struct plan plan;
    unsigned levels;
    unsigned phys_bits;
    struct mtrr_state mtrr; /* for the audit: none, unless a test sets some */
    struct fake_memory fake;
    uint64_t root;
    struct pt_stats stats;
};

void tables_start(struct tables *tables, unsigned levels);
void tables_add(struct tables *tables, struct mapping mapping);

/* A sound plan of some entries of odd sizes and alignments, with disjoint frames. */
void tables_random(struct tables *tables, struct rng *rng);

/* Count, build, and hold the number of frames, the stats and the writes against the oracle. */
void tables_build(struct tables *tables);
void tables_build_plan(struct fake_memory *fake, const struct plan *plan, unsigned levels,
                       uint64_t *root, struct pt_stats *stats);
void tables_end(struct tables *tables);

/* The slot of this level on the way to va. */
uint64_t *tables_slot(struct tables *tables, uint64_t va, unsigned level);

#endif
