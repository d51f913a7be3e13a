/* SPDX-License-Identifier: MIT */
#include "memtype.h"

#include "x86.h"

#define FIXED_TOP UINT64_C(0x100000)

const char *memtype_name(enum memtype type)
{
    switch (type) {
    case MEMTYPE_UC:
        return "UC";
    case MEMTYPE_WC:
        return "WC";
    case MEMTYPE_WT:
        return "WT";
    case MEMTYPE_WP:
        return "WP";
    case MEMTYPE_WB:
        return "WB";
    }
    return "?";
}

unsigned pat_index(enum memtype type)
{
    switch (type) {
    case MEMTYPE_WB:
        return 0;
    case MEMTYPE_WT:
        return 1;
    case MEMTYPE_UC:
        return 3;
    case MEMTYPE_WC:
        return 4;
    case MEMTYPE_WP:
        return 5;
    }
    return 3;
}

/* A type field of an MTRR. Reserved encodings are undefined: UC can do no harm. */
static enum memtype decode(uint64_t field)
{
    switch (field & MTRR_DEF_TYPE_MASK) {
    case MEMTYPE_WC:
        return MEMTYPE_WC;
    case MEMTYPE_WT:
        return MEMTYPE_WT;
    case MEMTYPE_WP:
        return MEMTYPE_WP;
    case MEMTYPE_WB:
        return MEMTYPE_WB;
    default:
        return MEMTYPE_UC;
    }
}

/*
 * The fixed registers divide the first MiB (SDM vol. 3 table 12-9): one with
 * eight 64 KiB fields, two with 16 KiB fields, eight with 4 KiB fields.
 */
static struct memtype_span fixed_span(const struct mtrr_state *mtrr, uint64_t pa)
{
    unsigned reg;
    unsigned shift;

    if (pa < 0x80000) {
        reg = 0;
        shift = 16;
    } else if (pa < 0xc0000) {
        reg = 1 + (unsigned)((pa - 0x80000) >> 17);
        shift = 14;
    } else {
        reg = 3 + (unsigned)((pa - 0xc0000) >> 15);
        shift = 12;
    }
    unsigned field = (unsigned)(pa >> shift) & 7;
    return (struct memtype_span){((pa >> shift) + 1) << shift,
                                 decode(mtrr->fixed[reg] >> (8 * field))};
}

/* One variable range as an extent; a mask with holes matches parts of it only. */
struct extent {
    uint64_t base;
    uint64_t end;
    enum memtype type;
};

static bool variable_extent(const struct mtrr_state *mtrr, unsigned i, struct extent *extent)
{
    uint64_t top = UINT64_C(1) << mtrr->phys_bits;
    uint64_t mask = mtrr->var[i].mask & (top - 1) & ~PAGE_MASK;
    uint64_t lowest = mask & -mask;
    bool solid = mask == 0 || mask + lowest == top;

    if (!(mtrr->var[i].mask & MTRR_MASK_VALID))
        return false;
    extent->base = mtrr->var[i].base & mask;
    extent->end = (extent->base | (~mask & (top - 1))) + 1;
    extent->type = solid ? decode(mtrr->var[i].base) : MEMTYPE_UC;
    return true;
}

/* Two ranges over one address (SDM vol. 3 section 12.11.4.1). */
static enum memtype combine(enum memtype a, enum memtype b)
{
    if (a == b)
        return a;
    if ((a == MEMTYPE_WB && b == MEMTYPE_WT) || (a == MEMTYPE_WT && b == MEMTYPE_WB))
        return MEMTYPE_WT;
    return MEMTYPE_UC;
}

static struct memtype_span variable_span(const struct mtrr_state *mtrr, uint64_t pa, uint64_t limit)
{
    struct memtype_span span = {limit, decode(mtrr->def_type)};
    bool matched = false;

    for (unsigned i = 0; i < mtrr->variable; i++) {
        struct extent extent;

        if (!variable_extent(mtrr, i, &extent) || extent.end <= pa)
            continue;
        if (extent.base > pa) {
            if (extent.base < span.end)
                span.end = extent.base;
            continue;
        }
        if (extent.end < span.end)
            span.end = extent.end;
        span.type = matched ? combine(span.type, extent.type) : extent.type;
        matched = true;
    }
    return span;
}

static struct memtype_span piece_at(const struct mtrr_state *mtrr, uint64_t pa, uint64_t limit)
{
    if (!mtrr->present)
        return (struct memtype_span){limit, MEMTYPE_WB};
    if (!(mtrr->def_type & MTRR_DEF_ENABLE))
        return (struct memtype_span){limit, MEMTYPE_UC};
    if (!(mtrr->def_type & MTRR_DEF_FIXED_ENABLE))
        return variable_span(mtrr, pa, limit);
    if (pa < FIXED_TOP)
        return fixed_span(mtrr, pa);
    return variable_span(mtrr, pa, limit);
}

struct memtype_span memtype_span(const struct mtrr_state *mtrr, uint64_t pa, uint64_t limit)
{
    struct memtype_span span = piece_at(mtrr, pa, limit);

    while (span.end < limit) {
        struct memtype_span next = piece_at(mtrr, span.end, limit);

        if (next.type != span.type)
            break;
        span.end = next.end;
    }
    if (span.end > limit)
        span.end = limit;
    return span;
}
