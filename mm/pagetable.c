/* SPDX-License-Identifier: MIT */
#include "pagetable.h"

#include <stdbool.h>

#include "x86.h"

_Static_assert(PT_SLOTS >= 4, "put_small() looks four slots back from the end of a table");

/*
 * Virtual addresses are compared without their sign extension: the slots of
 * the root then ascend with them, low half first, and no end wraps.
 */
static uint64_t linear_mask(unsigned levels)
{
    return (UINT64_C(1) << (PT_PAGE_SHIFT + PT_BITS * levels)) - 1;
}

/* May this mapping have leaves of this level at all? */
static bool fits(const struct mapping *m, unsigned level)
{
    return level <= m->max_level &&
           ((m->va - m->pa) & ((UINT64_C(1) << slot_shift(level)) - 1)) == 0;
}

/*
 * Windows that need a table of this level: all that the mapping touches, but
 * for those that one larger leaf fills. *seen is the end of the last window
 * that a mapping before has touched.
 */
static size_t count_windows(const struct mapping *m, uint64_t va, unsigned level, uint64_t *seen)
{
    unsigned shift = slot_shift(level + 1);
    uint64_t inside = (UINT64_C(1) << shift) - 1;
    uint64_t end = va + m->len;
    uint64_t touched = va & ~inside;
    uint64_t touched_end = (end + inside) & ~inside;
    uint64_t filled = (va + inside) & ~inside;
    uint64_t filled_end = end & ~inside;
    uint64_t bytes = touched_end - (touched < *seen ? *seen : touched);

    if (fits(m, level + 1) && filled < filled_end)
        bytes -= filled_end - filled; /* all new: what one mapping fills, no other touches */
    *seen = touched_end;
    return bytes >> shift;
}

size_t pt_count(const struct plan *plan, unsigned levels)
{
    const struct mapping *stop = plan->entries + plan->count;
    uint64_t seen[PT_MAX_LEVELS] = {0};
    uint64_t mask = linear_mask(levels);
    size_t count = 1;

    for (const struct mapping *m = plan->entries; m != stop; m++) {
        uint64_t va;

        /* Below seen[0] all is counted, and where the eighth from here begins, these have ended. */
        while (stop - m > 8 && (m[8].va & mask) <= seen[0])
            m += 8;
        va = m->va & mask;
        if (va + m->len <= seen[0])
            continue;
        for (unsigned level = 0; level + 1 < levels; level++)
            count += count_windows(m, va, level, &seen[level]);
    }
    return count;
}

void pte_decode(uint64_t pte, unsigned level, unsigned *rights, enum memtype *type)
{
    static const unsigned char types[] = {MEMTYPE_WB, MEMTYPE_WT, MEMTYPE_UC,
                                          MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WP};
    uint64_t pat_bit = level > 0 ? PTE_PAT_LARGE : PTE_PAT_4K;
    unsigned index = (pte & PTE_PWT ? 1u : 0u) + (pte & PTE_PCD ? 2u : 0u);

    if (pte & pat_bit)
        index = 4 + (index & 1);
    *type = (enum memtype)types[index];
    *rights = (pte & PTE_W ? RIGHT_W : 0) | (pte & PTE_NX ? 0 : RIGHT_X) |
              (pte & PTE_G ? 0 : RIGHT_LOCAL);
}

/* Where the build stands: at va, in one mapping, and which come after it. */
struct cursor {
    uint64_t va; /* linear; with end, UINT64_MAX when no mapping is left */
    uint64_t end;
    uint64_t pa;    /* what va is mapped to */
    uint64_t small; /* the mapping's attributes in a leaf of level 0 */
    uint64_t large; /* and in any other */
    size_t leaves;  /* of level 0, so far */
    const struct mapping *mapping;
    const struct mapping *stop;
    uint64_t mask;
};

struct build {
    struct cursor at;
    unsigned levels;
    const struct pt_memory *memory;
    struct pt_stats *stats;
};

/* What decides over the attributes, as one word to compare. */
static inline unsigned kind(const struct mapping *m)
{
    return m->rights | (unsigned)m->type << 8;
}

static inline void enter(struct cursor *c, const struct mapping *m)
{
    const struct mapping *before = c->mapping;

    c->mapping = m;
    if (m == c->stop) {
        c->va = UINT64_MAX;
        c->end = UINT64_MAX;
        return;
    }
    c->va = m->va & c->mask;
    c->end = c->va + m->len;
    c->pa = m->pa;
    /* Neighbours in the directmap are mostly alike. */
    if (!before || kind(m) != kind(before)) {
        c->small = pte_attributes(m->rights, (enum memtype)m->type, 0);
        c->large = pte_attributes(m->rights, (enum memtype)m->type, 1);
    }
}

/* Of the mapping, all before `stop` is done. */
static inline void advance(struct cursor *c, uint64_t stop)
{
    if (stop == c->end) {
        enter(c, c->mapping + 1);
    } else {
        c->pa += stop - c->va;
        c->va = stop;
    }
}

/*
 * Stores in a row, so that a slot costs little more than its store; a loop
 * over single ones would also be made a call of memset where they are empty.
 */
static inline void put_4(uint64_t *slot, uint64_t pte, uint64_t size)
{
    slot[0] = pte;
    slot[1] = pte + size;
    slot[2] = pte + 2 * size;
    slot[3] = pte + 3 * size;
}

static inline void put_8(uint64_t *slot, uint64_t pte, uint64_t size)
{
    put_4(slot, pte, size);
    put_4(slot + 4, pte + 4 * size, size);
}

/*
 * A run of n >= 1 slots, and none but these. What remains at its end is not
 * counted out, since no CPU can predict how much that is: the last stores go
 * back over slots already written, with the same content.
 */
static inline uint64_t *put(uint64_t *slot, uint64_t n, uint64_t pte, uint64_t size)
{
    uint64_t *end = slot + n;

    if (n < 4) {
        slot[0] = pte;
        slot[n / 2] = pte + n / 2 * size;
        end[-1] = pte + (n - 1) * size;
    } else if (n < 8) {
        put_4(slot, pte, size);
        put_4(end - 4, pte + (n - 4) * size, size);
    } else {
        uint64_t last = pte + (n - 8) * size;

        for (; slot < end - 8; slot += 8, pte += 8 * size)
            put_8(slot, pte, size);
        put_8(end - 8, last, size);
    }
    return end;
}

static inline uint64_t *put_empty(uint64_t *slot, uint64_t n)
{
    return n ? put(slot, n, 0, 0) : slot;
}

/*
 * Small mappings close together, of which bad maps have thousands, and where
 * all the time goes into telling how long each run is: as long as no run has
 * more than four slots, four are stored for each. What follows overwrites the
 * excess; lest that pass the end of the table, none of these mappings ends
 * less than four slots before it (room). *va is where `slot` stands.
 */
static inline uint64_t *put_small(struct cursor *c, uint64_t *va, uint64_t room, uint64_t *slot)
{
    while (c->end <= room) {
        uint64_t gap = (c->va - *va) >> PT_PAGE_SHIFT;
        uint64_t n = (c->end - c->va) >> PT_PAGE_SHIFT;

        if (gap > 4 || n > 4)
            break;
        put_4(slot, 0, 0);
        put_4(slot + gap, c->pa | c->small, PT_PAGE_SIZE);
        slot += gap + n;
        c->leaves += n;
        *va = c->end;
        enter(c, c->mapping + 1);
    }
    return slot;
}

/*
 * A table of level 0, the slots of [va, end): every page of a mapping has its
 * leaf. The cursor is a copy meanwhile, which stores to slots cannot alias.
 */
static void fill_last(struct build *b, uint64_t va, uint64_t end, uint64_t *slot)
{
    struct cursor c = b->at;

    while (c.va < end) {
        uint64_t stop = c.end < end ? c.end : end;
        uint64_t n = (stop - c.va) >> PT_PAGE_SHIFT;

        slot = put_empty(slot, (c.va - va) >> PT_PAGE_SHIFT);
        slot = put(slot, n, c.pa | c.small, PT_PAGE_SIZE);
        c.leaves += n;
        va = stop;
        advance(&c, stop);
        slot = put_small(&c, &va, end - 4 * PT_PAGE_SIZE, slot);
    }
    put_empty(slot, (end - va) >> PT_PAGE_SHIFT);
    b->at = c;
}

/* Large leaves from the cursor to `stop`, which is in or at the end of its mapping. */
static uint64_t *map_large(struct build *b, unsigned level, uint64_t *slot, uint64_t stop)
{
    struct cursor *c = &b->at;
    unsigned shift = slot_shift(level);
    uint64_t n = (stop - c->va) >> shift;

    slot = put(slot, n, c->pa | c->large, UINT64_C(1) << shift);
    b->stats->leaves[level] += n;
    advance(c, stop);
    return slot;
}

static uint64_t build_table(struct build *b, unsigned level, uint64_t va);

/* A table of a higher level: leaves where they fit, else the table below. */
static void fill_upper(struct build *b, unsigned level, uint64_t va, uint64_t end, uint64_t *slot)
{
    const struct cursor *c = &b->at;
    unsigned shift = slot_shift(level);

    while (c->va < end) {
        uint64_t gap = (c->va - va) >> shift;
        uint64_t stop = c->end < end ? c->end : end;

        slot = put_empty(slot, gap);
        va += gap << shift;
        stop = va + ((stop - va) >> shift << shift);
        if (c->va == va && stop > va && fits(c->mapping, level)) {
            slot = map_large(b, level, slot, stop);
            va = stop;
        } else {
            *slot++ = build_table(b, level - 1, va) | PT_LINK;
            va += UINT64_C(1) << shift;
        }
    }
    put_empty(slot, (end - va) >> shift);
}

/* Recursion is as deep as there are levels. */
static uint64_t build_table(struct build *b, unsigned level, uint64_t va)
{
    const struct pt_memory *memory = b->memory;
    unsigned unused = 64 - slot_shift(b->levels);
    uint64_t canonical = (uint64_t)((int64_t)(va << unused) >> unused);
    uint64_t frame = memory->alloc(memory->ctx, level, canonical);
    uint64_t *table = memory->map(memory->ctx, frame);
    uint64_t end = va + (UINT64_C(1) << slot_shift(level + 1));

    b->stats->tables++;
    if (level == 0)
        fill_last(b, va, end, table);
    else
        fill_upper(b, level, va, end, table);
    memory->unmap(memory->ctx, table);
    return frame;
}

void pt_build(const struct plan *plan, unsigned levels, const struct pt_memory *memory,
              uint64_t *root, struct pt_stats *stats)
{
    struct build b = {
        .at = {.stop = plan->entries + plan->count, .mask = linear_mask(levels)},
        .levels = levels,
        .memory = memory,
        .stats = stats,
    };

    *stats = (struct pt_stats){0};
    enter(&b.at, plan->entries);
    *root = build_table(&b, levels - 1, 0);
    stats->leaves[0] = b.at.leaves;
}

size_t pt_count_under(const struct mapping *m, unsigned levels, unsigned level)
{
    size_t count = 0;

    for (unsigned below = 0; below < level; below++) {
        uint64_t seen = 0;

        count += count_windows(m, m->va & linear_mask(levels), below, &seen);
    }
    return count;
}

uint64_t pt_build_under(const struct mapping *m, unsigned levels, unsigned level,
                        const struct pt_memory *memory)
{
    struct pt_stats stats = {0};
    struct build b = {
        .at = {.stop = m + 1, .mask = linear_mask(levels)},
        .levels = levels,
        .memory = memory,
        .stats = &stats,
    };

    enter(&b.at, m);
    return build_table(&b, level - 1,
                       (m->va & b.at.mask) & ~((UINT64_C(1) << slot_shift(level)) - 1));
}

void pt_put(uint64_t *slot, uint64_t n, uint64_t pte, uint64_t size)
{
    put(slot, n, pte, size);
}
