/* SPDX-License-Identifier: MIT */
/*
 * From plan to page tables (SDM vol. 3 chapter 4): count the frames, then
 * write every slot of every table in one pass. What a frame held before does
 * not matter, and nothing is read back.
 *
 * A level is a number: 0 holds 4 KiB leaves, and a slot of level l spans
 * 2^(PT_PAGE_SHIFT + PT_BITS * l) bytes.
 */
#ifndef PAGETABLE_H
#define PAGETABLE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "plan.h"
#include "x86.h"

/* The geometry; tests compile mm/ with a small one, where all maps can be tried. */
#ifndef PT_BITS
#define PT_BITS       9
#define PT_PAGE_SHIFT 12
#endif
_Static_assert(PT_PAGE_SHIFT == 12 && PT_BITS >= 1, "attribute bits of entries lie below 12");
#define PT_SLOTS     (1u << PT_BITS)
#define PT_PAGE_SIZE (UINT64_C(1) << PT_PAGE_SHIFT)

/* log2 of the bytes that a slot of this level spans. */
static inline unsigned slot_shift(unsigned level)
{
    return PT_PAGE_SHIFT + PT_BITS * level;
}

#define PT_MAX_LEVELS  5
#define PT_LEAF_LEVELS 3

/* Memory is injected: what a frame is, and how to reach it. */
struct pt_memory {
    void *ctx;
    /* A frame for the table of this level that translates va. Cannot fail: they were counted. */
    uint64_t (*alloc)(void *ctx, unsigned level, uint64_t va);
    /* A frame's PT_SLOTS entries, writable, until unmap(); nested, last in first out. */
    uint64_t *(*map)(void *ctx, uint64_t frame);
    void (*unmap)(void *ctx, uint64_t *table);
};

struct pt_stats {
    size_t tables; /* frames, the root included */
    size_t leaves[PT_LEAF_LEVELS];
};

/*
 * How many frames pt_build() takes for this plan: the minimum, since a table
 * is counted only where a mapping is in its window that no larger page holds.
 * The plan has passed plan_check(). An empty plan needs the root alone.
 */
size_t pt_count(const struct plan *plan, unsigned levels);

/*
 * Build it: root receives the root's frame, stats what was written. A leaf is
 * accessed, global, and dirty if writable; an entry that links a table is
 * writable and executable, so that the leaf alone decides. A slot that the
 * plan leaves empty is zero.
 */
void pt_build(const struct plan *plan, unsigned levels, const struct pt_memory *memory,
              uint64_t *root, struct pt_stats *stats);

/*
 * The same for one mapping's part of a single slot of a table of this level,
 * level > 0: how many frames it takes, and a table of level - 1 that is not
 * linked yet. m lies in the slot, and does not fill it with one leaf.
 */
size_t pt_count_under(const struct mapping *m, unsigned levels, unsigned level);
uint64_t pt_build_under(const struct mapping *m, unsigned levels, unsigned level,
                        const struct pt_memory *memory);

/* What an entry that links a table has besides the frame. */
#define PT_LINK (PTE_P | PTE_W | PTE_A)

/* A run of n >= 1 entries: slot[i] = pte + i * size. Slots may be stored twice. */
void pt_put(uint64_t *slot, uint64_t n, uint64_t pte, uint64_t size);

/* What a leaf of this level that pte_attributes() made says. */
void pte_decode(uint64_t pte, unsigned level, unsigned *rights, enum memtype *type);

/* Have two such leaves of this level the same memory type? */
static inline bool pte_same_type(uint64_t pte, uint64_t other, unsigned level)
{
    uint64_t pat_bit = level > 0 ? PTE_PAT_LARGE : PTE_PAT_4K;

    return ((pte ^ other) & (PTE_PWT | PTE_PCD | pat_bit)) == 0;
}

/* An entry's bits for rights and memory type at a leaf level; the frame is 0. */
static inline uint64_t pte_attributes(unsigned rights, enum memtype type, unsigned level)
{
    unsigned pat = pat_index(type);
    uint64_t pte = PTE_P | PTE_A | (rights & RIGHT_LOCAL ? 0 : PTE_G);

    /* Dirty without writable would mark a shadow stack (SDM vol. 3 section 4.6). */
    if (rights & RIGHT_W)
        pte |= PTE_W | PTE_D;
    if (!(rights & RIGHT_X))
        pte |= PTE_NX;
    pte |= (pat & 3) * PTE_PWT; /* and PTE_PCD, which is next to it */
    if (level == 0)
        return pte | (pat & 4) * (PTE_PAT_4K / 4);
    return pte | (pat & 4) * (PTE_PAT_LARGE / 4) | PTE_PS;
}

#endif
