/* SPDX-License-Identifier: MIT */
#include "pagetable.h"

#include <stdbool.h>

#include "x86.h"

/*
 * Virtual addresses are compared without their sign extension: the slots of
 * the root then ascend with them, low half first, and no end wraps.
 */
static uint64_t linear(uint64_t va, unsigned levels)
{
    return va & ((UINT64_C(1) << (PT_PAGE_SHIFT + PT_BITS * levels)) - 1);
}

static unsigned slot_shift(unsigned level)
{
    return PT_PAGE_SHIFT + PT_BITS * level;
}

/* May this mapping have leaves of this level at all? */
static bool fits(const struct mapping *m, unsigned level)
{
    return level <= m->max_level &&
           ((m->va - m->pa) & ((UINT64_C(1) << slot_shift(level)) - 1)) == 0;
}

/*
 * Windows that need a table of this level: all that the mapping touches, but
 * for those that one larger leaf fills. *seen is the first window that no
 * mapping before has counted.
 */
static size_t count_windows(const struct mapping *m, uint64_t va, unsigned level, uint64_t *seen)
{
    unsigned shift = slot_shift(level + 1);
    uint64_t end = va + m->len;
    uint64_t first = va >> shift;
    uint64_t last = (end - 1) >> shift;
    uint64_t filled = (va + (UINT64_C(1) << shift) - 1) >> shift;
    uint64_t filled_end = end >> shift;
    size_t count;

    if (first < *seen)
        first = *seen;
    if (!fits(m, level + 1) || filled >= filled_end)
        count = first <= last ? (size_t)(last - first + 1) : 0;
    else
        count = (first < filled ? 1u : 0u) + (last >= filled_end && last >= first ? 1u : 0u);
    *seen = last + 1;
    return count;
}

size_t pt_count(const struct plan *plan, unsigned levels)
{
    uint64_t seen[PT_MAX_LEVELS] = {0};
    size_t count = 1;

    for (size_t i = 0; i < plan->count; i++) {
        const struct mapping *m = &plan->entries[i];
        uint64_t va = linear(m->va, levels);

        /* A window of 4 KiB leaves that has its table has all the tables above it. */
        if ((va + m->len - 1) >> slot_shift(1) < seen[0])
            continue;
        for (unsigned level = 0; level + 1 < levels; level++)
            count += count_windows(m, va, level, &seen[level]);
    }
    return count;
}

uint64_t pte_attributes(unsigned rights, enum memtype type, unsigned level)
{
    unsigned pat = pat_index(type);
    uint64_t pte = PTE_P | PTE_A | PTE_G;

    /* Dirty without writable would mark a shadow stack (SDM vol. 3 section 4.6). */
    if (rights & RIGHT_W)
        pte |= PTE_W | PTE_D;
    if (!(rights & RIGHT_X))
        pte |= PTE_NX;
    if (pat & 1)
        pte |= PTE_PWT;
    if (pat & 2)
        pte |= PTE_PCD;
    if (pat & 4)
        pte |= level == 0 ? PTE_PAT_4K : PTE_PAT_LARGE;
    if (level > 0)
        pte |= PTE_PS;
    return pte;
}

/* Where the build stands: at va, in one mapping, and which come after it. */
struct cursor {
    uint64_t va; /* linear; UINT64_MAX when no mapping is left */
    uint64_t end;
    uint64_t delta; /* pa - va, modulo 2^64 */
    const struct mapping *mapping;
    const struct mapping *stop;
    unsigned levels;
    const struct pt_memory *memory;
    struct pt_stats *stats;
};

static void enter(struct cursor *c, const struct mapping *m)
{
    c->mapping = m;
    if (m == c->stop) {
        c->va = UINT64_MAX;
        return;
    }
    c->va = linear(m->va, c->levels);
    c->end = c->va + m->len;
    c->delta = m->pa - c->va;
}

/* Eight stores a turn, so that a slot costs little more than its store. */
static uint64_t *put_empty(uint64_t *slot, uint64_t n)
{
    for (; n >= 8; n -= 8, slot += 8) {
        slot[0] = 0;
        slot[1] = 0;
        slot[2] = 0;
        slot[3] = 0;
        slot[4] = 0;
        slot[5] = 0;
        slot[6] = 0;
        slot[7] = 0;
    }
    for (; n > 0; n--)
        *slot++ = 0;
    return slot;
}

static uint64_t *put_leaves(uint64_t *slot, uint64_t n, uint64_t pte, uint64_t size)
{
    for (; n >= 8; n -= 8, slot += 8) {
        slot[0] = pte;
        slot[1] = pte += size;
        slot[2] = pte += size;
        slot[3] = pte += size;
        slot[4] = pte += size;
        slot[5] = pte += size;
        slot[6] = pte += size;
        slot[7] = pte += size;
        pte += size;
    }
    for (; n > 0; n--, pte += size)
        *slot++ = pte;
    return slot;
}

/* How many leaves of this level the mapping has from va on, in a table that ends at `end`. */
static uint64_t leaf_run(const struct cursor *c, unsigned level, uint64_t va, uint64_t end)
{
    uint64_t to = c->end < end ? c->end : end;

    if (level > 0 && (c->va != va || !fits(c->mapping, level)))
        return 0;
    return (to - va) >> slot_shift(level);
}

static uint64_t build_table(struct cursor *c, unsigned level, uint64_t va);

/* The slots of [va, end): empty up to the mapping, leaves where they fit, else the table below. */
static void fill_slots(struct cursor *c, unsigned level, uint64_t va, uint64_t end, uint64_t *slot)
{
    unsigned shift = slot_shift(level);
    uint64_t size = UINT64_C(1) << shift;

    while (c->va < end) {
        uint64_t gap = (c->va - va) >> shift;

        slot = put_empty(slot, gap);
        va += gap << shift;

        uint64_t n = leaf_run(c, level, va, end);
        if (n > 0) {
            uint64_t pte = (va + c->delta) | pte_attributes(c->mapping->rights,
                                                            c->mapping->type, level);

            slot = put_leaves(slot, n, pte, size);
            c->stats->leaves[level] += n;
            va += n << shift;
            c->va = va;
            if (va == c->end)
                enter(c, c->mapping + 1);
        } else {
            *slot++ = build_table(c, level - 1, va) | PTE_P | PTE_W | PTE_A;
            va += size;
        }
    }
    put_empty(slot, (end - va) >> shift);
}

/* Recursion is as deep as there are levels. */
static uint64_t build_table(struct cursor *c, unsigned level, uint64_t va)
{
    const struct pt_memory *memory = c->memory;
    unsigned unused = 64 - slot_shift(c->levels);
    uint64_t canonical = (uint64_t)((int64_t)(va << unused) >> unused);
    uint64_t frame = memory->alloc(memory->ctx, level, canonical);
    uint64_t *table = memory->map(memory->ctx, frame);

    c->stats->tables++;
    fill_slots(c, level, va, va + (UINT64_C(1) << slot_shift(level + 1)), table);
    memory->unmap(memory->ctx, table);
    return frame;
}

void pt_build(const struct plan *plan, unsigned levels, const struct pt_memory *memory,
              uint64_t *root, struct pt_stats *stats)
{
    struct cursor c = {
        .stop = plan->entries + plan->count,
        .levels = levels,
        .memory = memory,
        .stats = stats,
    };

    *stats = (struct pt_stats){0};
    enter(&c, plan->entries);
    *root = build_table(&c, levels - 1, 0);
}
