/* SPDX-License-Identifier: MIT */
#include "memtype.h"

#include "x86.h"

#define FIXED_TOP      UINT64_C(0x100000)
#define FORCED_WB_BASE UINT64_C(0x100000000)

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

/* A type field of an MTRR. Reserved encodings are undefined: UC can do no harm. */
static enum memtype decode(uint64_t field)
{
    enum memtype type = (enum memtype)(field & MTRR_DEF_TYPE_MASK);

    return pat_index(type) == pat_index(MEMTYPE_UC) ? MEMTYPE_UC : type;
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
    return (struct memtype_span){.end = ((pa >> shift) + 1) << shift,
                                 .type = decode(mtrr->fixed[reg] >> (8 * field))};
}

/*
 * A variable range holds the addresses that agree with its base in the bits
 * of its mask (SDM vol. 3 section 12.11.2.3). A mask with holes, as firmware
 * leaves it that takes the physical width for less than it is, holds several
 * stretches; so it is the comparison that is carried out here, not a range.
 */
struct pattern {
    uint64_t mask;
    uint64_t base; /* base & mask */
    uint64_t top;  /* 2^phys_bits */
};

static bool variable_pattern(const struct mtrr_state *mtrr, unsigned i, struct pattern *p)
{
    p->top = UINT64_C(1) << mtrr->phys_bits;
    p->mask = mtrr->var[i].mask & (p->top - 1) & ~PAGE_MASK;
    p->base = mtrr->var[i].base & p->mask;
    return (mtrr->var[i].mask & MTRR_MASK_VALID) != 0;
}

/* Where the stretch that holds pa ends: with the block of the mask's lowest bit. */
static uint64_t match_end(const struct pattern *p, uint64_t pa)
{
    uint64_t lowest = p->mask & -p->mask;

    return lowest ? (pa | (lowest - 1)) + 1 : p->top;
}

/*
 * The next address above pa that matches, where pa does not; top if none does.
 * From the highest differing bit down, the match has the base's bits and
 * zeros; if that bit must fall, a free bit above it has to rise first.
 */
static uint64_t next_match(const struct pattern *p, uint64_t pa)
{
    uint64_t differing = (pa ^ p->base) & p->mask;
    uint64_t bit = UINT64_C(1) << (63 - __builtin_clzll(differing));

    if (pa & bit) {
        uint64_t free = ~p->mask & ~pa & (p->top - 1) & -(bit << 1);

        if (free == 0)
            return p->top;
        bit = free & -free;
        return (pa & -(bit << 1)) | bit | (p->base & (bit - 1));
    }
    return (pa & -(bit << 1)) | (p->base & ((bit << 1) - 1));
}

#define SEEN(type) (1u << (type))

/* The type where ranges of the types in `seen` overlap (SDM vol. 3 section 12.11.4.1). */
static void resolve(struct memtype_span *span, unsigned seen)
{
    if ((seen & (seen - 1)) == 0)
        span->type = (enum memtype)__builtin_ctz(seen);
    else if (seen == (SEEN(MEMTYPE_WB) | SEEN(MEMTYPE_WT)))
        span->type = MEMTYPE_WT;
    else
        span->type = MEMTYPE_UC;
    span->undefined = span->type == MEMTYPE_UC && !(seen & SEEN(MEMTYPE_UC));
}

/* The type where no variable range matches, and how far it is the same. */
static struct memtype_span default_span(const struct mtrr_state *mtrr, uint64_t pa, uint64_t limit)
{
    struct memtype_span span = {.end = limit, .type = decode(mtrr->def_type)};

    if (pa >= mtrr->wb_top)
        return span;
    if (pa >= FORCED_WB_BASE) {
        span.type = MEMTYPE_WB;
        span.end = mtrr->wb_top;
    } else {
        span.end = FORCED_WB_BASE;
    }
    if (span.end > limit)
        span.end = limit;
    return span;
}

static struct memtype_span variable_span(const struct mtrr_state *mtrr, uint64_t pa, uint64_t limit)
{
    struct memtype_span span = default_span(mtrr, pa, limit);
    unsigned seen = 0;

    for (unsigned i = 0; i < mtrr->variable; i++) {
        struct pattern p;
        uint64_t change;

        if (!variable_pattern(mtrr, i, &p))
            continue;
        if ((pa & p.mask) == p.base) {
            seen |= SEEN(decode(mtrr->var[i].base));
            change = match_end(&p, pa);
        } else {
            change = next_match(&p, pa);
        }
        if (change < span.end)
            span.end = change;
    }
    if (seen)
        resolve(&span, seen);
    return span;
}

static struct memtype_span piece_at(const struct mtrr_state *mtrr, uint64_t pa, uint64_t limit)
{
    if (!mtrr->present)
        return (struct memtype_span){.end = limit, .type = MEMTYPE_WB};
    if (!(mtrr->def_type & MTRR_DEF_ENABLE))
        return (struct memtype_span){.end = limit, .type = MEMTYPE_UC};
    if (!(mtrr->def_type & MTRR_DEF_FIXED_ENABLE))
        return variable_span(mtrr, pa, limit);
    if (pa < FIXED_TOP)
        return fixed_span(mtrr, pa);
    return variable_span(mtrr, pa, limit);
}

struct memtype_span memtype_step(const struct mtrr_state *mtrr, uint64_t pa, uint64_t limit)
{
    struct memtype_span span = piece_at(mtrr, pa, limit);

    if (span.end > limit)
        span.end = limit;
    return span;
}

struct memtype_span memtype_span(const struct mtrr_state *mtrr, uint64_t pa, uint64_t limit)
{
    struct memtype_span span = piece_at(mtrr, pa, limit);

    while (span.end < limit) {
        struct memtype_span next = piece_at(mtrr, span.end, limit);

        if (next.type != span.type)
            break;
        span.end = next.end;
        span.undefined |= next.undefined;
    }
    if (span.end > limit)
        span.end = limit;
    return span;
}

bool memtype_is(const struct mtrr_state *mtrr, uint64_t base, uint64_t len, enum memtype type)
{
    struct memtype_span span = memtype_span(mtrr, base, base + len);

    return span.type == type && span.end == base + len;
}
