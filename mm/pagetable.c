/* SPDX-License-Identifier: MIT */
#include "pagetable.h"

#include <stdbool.h>

#include "x86.h"

#define FALL_THROUGH __attribute__((fallthrough))

/*
 * Virtual addresses are compared without their sign extension: the slots of
 * the root then ascend with them, low half first, and no end wraps.
 */
static uint64_t linear_mask(unsigned levels)
{
    return (UINT64_C(1) << (PT_PAGE_SHIFT + PT_BITS * levels)) - 1;
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
    uint64_t mask = linear_mask(levels);
    uint64_t settled = 0; /* below it, all tables of level 0 are counted, and so those above them */
    size_t count = 1;

    for (size_t i = 0; i < plan->count; i++) {
        const struct mapping *m = &plan->entries[i];
        uint64_t va = m->va & mask;

        if (va + m->len <= settled)
            continue;
        for (unsigned level = 0; level + 1 < levels; level++)
            count += count_windows(m, va, level, &seen[level]);
        settled = seen[0] << slot_shift(1);
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
    uint64_t pte;   /* the mapping's attributes in a leaf of level 0 */
    size_t leaves;  /* of level 0, so far */
    const struct mapping *mapping;
    const struct mapping *stop;
    uint64_t mask;
    unsigned levels;
    const struct pt_memory *memory;
    struct pt_stats *stats;
};

static inline void enter(struct cursor *c, const struct mapping *m)
{
    const struct mapping *before = c->mapping;

    c->mapping = m;
    if (m == c->stop) {
        c->va = UINT64_MAX;
        return;
    }
    c->va = m->va & c->mask;
    c->end = c->va + m->len;
    c->delta = m->pa - c->va;
    /* Neighbours in the directmap are mostly alike. */
    if (!before || m->rights != before->rights || m->type != before->type)
        c->pte = pte_attributes(m->rights, (enum memtype)m->type, 0);
}

/* Eight stores a turn, so that a slot costs little more than its store. */
static inline uint64_t *put_empty(uint64_t *slot, uint64_t n)
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
    /* A loop here would be made a call of memset, which costs more than seven stores. */
    switch (n) {
    case 7:
        slot[6] = 0;
        FALL_THROUGH;
    case 6:
        slot[5] = 0;
        FALL_THROUGH;
    case 5:
        slot[4] = 0;
        FALL_THROUGH;
    case 4:
        slot[3] = 0;
        FALL_THROUGH;
    case 3:
        slot[2] = 0;
        FALL_THROUGH;
    case 2:
        slot[1] = 0;
        FALL_THROUGH;
    case 1:
        slot[0] = 0;
    }
    return slot + n;
}

/* The same; in two chains, so that no store has to wait for the addition before it. */
static inline uint64_t *put_leaves(uint64_t *slot, uint64_t n, uint64_t pte, uint64_t size)
{
    uint64_t odd = pte + size;
    uint64_t step = 2 * size;

    for (; n >= 8; n -= 8, slot += 8) {
        slot[0] = pte;
        slot[1] = odd;
        slot[2] = pte += step;
        slot[3] = odd += step;
        slot[4] = pte += step;
        slot[5] = odd += step;
        slot[6] = pte += step;
        slot[7] = odd += step;
        pte += step;
        odd += step;
    }
    switch (n) {
    case 7:
        slot[6] = pte + 6 * size;
        FALL_THROUGH;
    case 6:
        slot[5] = pte + 5 * size;
        FALL_THROUGH;
    case 5:
        slot[4] = pte + 4 * size;
        FALL_THROUGH;
    case 4:
        slot[3] = pte + 3 * size;
        FALL_THROUGH;
    case 3:
        slot[2] = pte + 2 * size;
        FALL_THROUGH;
    case 2:
        slot[1] = pte + size;
        FALL_THROUGH;
    case 1:
        slot[0] = pte;
    }
    return slot + n;
}

/*
 * A table of level 0, the slots of [va, end): every page of a mapping has its
 * leaf. The cursor is a copy meanwhile, which stores to slots cannot alias.
 */
static void fill_last(struct cursor *cursor, uint64_t va, uint64_t end, uint64_t *slot)
{
    struct cursor c = *cursor;

    while (c.va < end) {
        uint64_t stop = c.end < end ? c.end : end;
        uint64_t leaves = (stop - c.va) >> PT_PAGE_SHIFT;

        slot = put_empty(slot, (c.va - va) >> PT_PAGE_SHIFT);
        slot = put_leaves(slot, leaves, (c.va + c.delta) | c.pte, PT_PAGE_SIZE);
        c.leaves += leaves;
        c.va = stop;
        va = stop;
        if (stop == c.end)
            enter(&c, c.mapping + 1);
    }
    put_empty(slot, (end - va) >> PT_PAGE_SHIFT);
    *cursor = c;
}

/* Large leaves from the cursor to `stop`, which is in or at the end of its mapping. */
static uint64_t *map_large(struct cursor *c, unsigned level, uint64_t *slot, uint64_t stop)
{
    const struct mapping *m = c->mapping;
    unsigned shift = slot_shift(level);
    uint64_t n = (stop - c->va) >> shift;
    uint64_t pte = pte_attributes(m->rights, (enum memtype)m->type, level);

    slot = put_leaves(slot, n, (c->va + c->delta) | pte, UINT64_C(1) << shift);
    c->stats->leaves[level] += n;
    c->va = stop;
    if (stop == c->end)
        enter(c, m + 1);
    return slot;
}

static uint64_t build_table(struct cursor *c, unsigned level, uint64_t va);

/* A table of a higher level: leaves where they fit, else the table below. */
static void fill_upper(struct cursor *c, unsigned level, uint64_t va, uint64_t end, uint64_t *slot)
{
    unsigned shift = slot_shift(level);

    while (c->va < end) {
        uint64_t gap = (c->va - va) >> shift;
        uint64_t stop = c->end < end ? c->end : end;

        slot = put_empty(slot, gap);
        va += gap << shift;
        stop = va + ((stop - va) >> shift << shift);
        if (c->va == va && stop > va && fits(c->mapping, level)) {
            slot = map_large(c, level, slot, stop);
            va = stop;
        } else {
            *slot++ = build_table(c, level - 1, va) | PTE_P | PTE_W | PTE_A;
            va += UINT64_C(1) << shift;
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
    uint64_t end = va + (UINT64_C(1) << slot_shift(level + 1));

    c->stats->tables++;
    if (level == 0)
        fill_last(c, va, end, table);
    else
        fill_upper(c, level, va, end, table);
    memory->unmap(memory->ctx, table);
    return frame;
}

void pt_build(const struct plan *plan, unsigned levels, const struct pt_memory *memory,
              uint64_t *root, struct pt_stats *stats)
{
    struct cursor c = {
        .mapping = NULL,
        .stop = plan->entries + plan->count,
        .mask = linear_mask(levels),
        .levels = levels,
        .memory = memory,
        .stats = stats,
    };

    *stats = (struct pt_stats){0};
    enter(&c, plan->entries);
    *root = build_table(&c, levels - 1, 0);
    stats->leaves[0] = c.leaves;
}
