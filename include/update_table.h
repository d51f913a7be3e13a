/* SPDX-License-Identifier: MIT */
/* Parts of pt_update(), inside mm/: geometry, and single tables as they are split and merged. */
#ifndef UPDATE_TABLE_H
#define UPDATE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "update.h"
#include "x86.h"

static inline uint64_t span_of(unsigned level)
{
    return UINT64_C(1) << slot_shift(level);
}

static inline bool is_leaf(uint64_t entry, unsigned level)
{
    return level == 0 || (entry & PTE_PS);
}

static inline uint64_t frame_of(uint64_t leaf, unsigned level)
{
    return leaf & PTE_ADDR & ~(span_of(level) - 1);
}

static inline uint64_t *slot_of(uint64_t *table, unsigned level, uint64_t va)
{
    return &table[va >> slot_shift(level) & (PT_SLOTS - 1)];
}

/* The first entry on the way to va that is a leaf, or zero, or of level `lowest`; and its level. */
uint64_t table_find(const struct pt_space *space, uint64_t root, uint64_t va, unsigned lowest,
                    unsigned *level);

/* The table of pages that translates va, if it is this root's own to change; 0: there is none. */
uint64_t table_of_pages(const struct pt_space *space, uint64_t va);

/* Tables for a leaf that changes only on [va, stop): two at most on each level. */
size_t table_count_split(unsigned level, uint64_t va, uint64_t stop);

/* A leaf's rights: where roots may differ, translations must not outlive a change of CR3. */
static inline unsigned rights_in(const struct pt_space *space, unsigned rights)
{
    bool alone = space->root == space->main_root && space->sharers == 0;

    return alone ? rights : rights | RIGHT_LOCAL;
}

/* What a leaf of this level becomes that leads to pa; 0 if it goes. */
static inline uint64_t table_entry(const struct pt_space *space, const struct pt_change *change,
                                   uint64_t pa, unsigned level)
{
    if (change->op == PT_UNMAP)
        return 0;
    return pa | pte_attributes(rights_in(space, change->rights), change->type, level);
}

/* A table of this level that says what the leaf above it said, but for [va, stop). */
uint64_t table_split(const struct pt_space *space, const struct pt_change *change, unsigned level,
                     uint64_t leaf, uint64_t va, uint64_t stop);

/*
 * Is there no entry? A table that is in use mostly has one near the one that
 * went: four at a time, those come first whose index has the most high bits in
 * common with it.
 */
bool table_is_empty(const uint64_t *table, size_t gone);

/*
 * The leaf of `level` that says what this table below it says; 0: there is
 * none. Which of its entries are global does not matter. What is likeliest to
 * differ is next to the entry that changed.
 */
uint64_t table_merged(const struct pt_space *space, unsigned level, const uint64_t *table,
                      size_t changed);

#endif
