/* SPDX-License-Identifier: MIT */
/* One case through all of mm/, held against the naive model. */
#ifndef CHECK_H
#define CHECK_H

#include "naive.h"

/* An empty world: write-back all over, the directmap in the upper half, its largest page 2. */
void world_clear(struct world *world);

void world_add(struct world *world, unsigned unit, unsigned units, enum mem_type type);
void world_mtrr(struct world *world, uint64_t base, uint64_t mask, unsigned type);
void world_want(struct world *world, uint64_t va, uint64_t pa, uint64_t len, unsigned rights,
                unsigned type, unsigned max_level);

/*
 * Map, plan, count, build, look up, walk and audit. The first case that
 * differs from the model is printed in full and ends the program.
 */
void check(const struct world *world);

/*
 * After check(): each bit of each slot flipped in turn is a case; the audit must
 * see it, if it changes what is mapped or makes an entry that no table has.
 */
void check_damage(const struct world *world);

/* After check(): the audit tells these tables from those with pages up to this level. */
void check_larger(const struct world *world, unsigned max_level);

/* How many cases have passed. */
uint64_t checked(void);

#endif
