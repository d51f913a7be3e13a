/* SPDX-License-Identifier: MIT */
/* What pt_update() knows while it is at work, inside mm/. */
#ifndef UPDATE_PASS_H
#define UPDATE_PASS_H

#include "alias.h"
#include "update_table.h"

/* Slots of one table, from va on, that are alike: all empty, or leaves in a row. */
struct row {
    uint64_t *slot;
    uint64_t va;
    uint64_t n;
    unsigned level;
};

/*
 * Two ways through the tables: the first checks and counts, the second commits.
 * Both begin at the lowest table that holds all of the change, and that stays
 * open in between with those above it.
 */
struct pass {
    struct pt_space *space;
    const struct pt_live_memory *memory;
    const struct pt_change *change;
    uint64_t sign;     /* of the change's addresses; inside, they go without */
    uint64_t va;       /* so it begins */
    uint64_t last;     /* and ends: its last byte */
    uint64_t distance; /* of PT_MAP: from va to pa */
    unsigned level;    /* of the lowest table that holds all of the change */
    uint64_t *tables[PT_MAX_LEVELS];
    bool commit;
    struct error err; /* of the first way */
    size_t frames;
    long growth; /* of the list of aliases, and the most that it came to on the way */
    long peak;
    struct pt_run run; /* pages in a row, as they are met; len 0: none yet */
};

/* A table's entries, until close_table(); ctx: the pass. */
uint64_t *open_table(void *ctx, uint64_t frame);
void close_table(void *ctx, uint64_t *table);

void pass_wrong(struct pass *p, enum error_code code, uint64_t va, uint64_t pa);

/* How far from pa on, at most to `end`, one memory type holds by the MTRRs: that of `typed`. */
uint64_t pt_same_type(struct pt_space *space, uint64_t pa, uint64_t end);

/* Is that of this page write-back? */
static inline bool pt_is_wb(struct pt_space *space, uint64_t pa)
{
    if (pa - space->typed.pa >= space->typed.len)
        pt_same_type(space, pa, pa + span_of(0));
    return space->typed.type == MEMTYPE_WB;
}

/* The run has ended: on the first way check its aliases, on the second keep account of it. */
void pass_end_run(struct pass *p);

/* Are frames mapped with another type than the cacheable one that the MTRRs' last word gave them? */
bool pt_leaves_lines(const struct pt_space *space, const struct pt_change *change);

/* New entries, from this one on; in place where only rights change. */
void put_row(const struct pt_space *space, const struct pt_change *change, const struct row *row,
             uint64_t entry);

/*
 * Done with the table below `slot`. Is it gone? Then so may be the one that
 * slot is in. Only here do tables of a space go that is there still, so here
 * the one that it remembers is forgotten.
 */
bool pass_leave(struct pass *p, unsigned level, uint64_t *slot, uint64_t *table, uint64_t va);

/* All of the change, in the lowest table and below; one of the two ways. */
void pass_walk(struct pass *p);

#endif
