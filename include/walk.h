/* SPDX-License-Identifier: MIT */
/*
 * Reading page tables back, for the audit, the dump and the fault handler.
 * Shares no code with the builder: it decodes entries on its own.
 */
#ifndef WALK_H
#define WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "memtype.h"
#include "pagetable.h"
#include "plan.h"

/* How to read a frame; unmap() gives back what map() gave, last in first out. */
struct pt_reader {
    void *ctx;
    const uint64_t *(*map)(void *ctx, uint64_t frame);
    void (*unmap)(void *ctx, const uint64_t *table);
};

struct pt_leaf {
    uint64_t va;
    uint64_t pa;
    uint64_t len;      /* the page's size */
    unsigned level;    /* 0 to 2 */
    unsigned rights;   /* RIGHT_W, RIGHT_X: effective, over all levels */
    bool user;         /* effective */
    enum memtype type; /* of the PAT index, under PAT_VALUE */
};

/* Callbacks; each may be null. Return false to stop the walk. */
struct pt_visitor {
    void *ctx;
    bool (*table)(void *ctx, unsigned level, uint64_t frame, uint64_t va);
    bool (*leaf)(void *ctx, const struct pt_leaf *leaf);
    /* An entry no valid table has: not present but not zero, a reserved bit set. */
    bool (*bad)(void *ctx, unsigned level, uint64_t va, uint64_t entry);
};

/* Visit all tables and leaves in ascending order of va. False if a callback stopped it. */
bool pt_walk(uint64_t root, unsigned levels, unsigned phys_bits, const struct pt_reader *reader,
             const struct pt_visitor *visitor);

/*
 * The entries met on the way to va, from the root down; entries[] needs room
 * for `levels`. Returns how many were read (the last is a leaf, not present,
 * or of level 0). The entry of step i is of level levels - 1 - i.
 */
unsigned pt_lookup(uint64_t root, unsigned levels, uint64_t va, const struct pt_reader *reader,
                   uint64_t *entries);

/*
 * Hold live tables against the plan: every byte of every entry mapped where
 * and as planned, by the largest pages that the plan allows; no page over two
 * memory types of the MTRRs; nothing else mapped; no bad entry; as many tables
 * as pt_count().
 * ERR_AUDIT with at = va and a text that says what is wrong.
 */
struct error pt_audit(uint64_t root, unsigned levels, unsigned phys_bits,
                      const struct pt_reader *reader, const struct plan *plan,
                      const struct mtrr_state *mtrr, struct pt_stats *found);

#endif
