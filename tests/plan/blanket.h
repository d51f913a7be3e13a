/* SPDX-License-Identifier: MIT */
/*
 * The other way to make a directmap: around every usable range whole
 * superpages, rounded outward. What would they have reached that is not RAM?
 */
#ifndef BLANKET_H
#define BLANKET_H

#include "planner.h"

struct blanket_run {
    uint64_t base;
    uint64_t end; /* exclusive */
};

struct blanket {
    unsigned level;
    struct blanket_run *runs; /* ascending, disjoint */
    size_t count;
    uint64_t reached;
    uint64_t types[MEM_TYPES]; /* of what is not usable, by type */
    uint64_t undescribed;      /* of no range of the map */
    uint64_t fates[RAM_FATES]; /* of usable bytes that cannot be mapped as RAM, by reason */
    uint64_t not_ram;          /* the sum of the three */
};

void blanket_make(struct blanket *blanket, const struct result *result, unsigned level);
void blanket_free(struct blanket *blanket);

#endif
