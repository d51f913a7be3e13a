/* SPDX-License-Identifier: MIT */
#include "walk.h"

#include "x86.h"

/* The walk's constants, for as long as it lasts. */
struct walk {
    unsigned levels;
    uint64_t frame_mask; /* the address bits that this CPU has */
    const struct pt_reader *reader;
    const struct pt_visitor *visitor;
};

/* What the entries above grant: a right holds only if every level grants it. */
struct grant {
    bool write;
    bool execute;
    bool user;
};

static uint64_t span_of(unsigned level)
{
    uint64_t span = PAGE_SIZE;

    while (level-- > 0)
        span *= PT_SLOTS;
    return span;
}

static struct grant narrow(struct grant above, uint64_t entry)
{
    return (struct grant){
        .write = above.write && (entry & PTE_W),
        .execute = above.execute && !(entry & PTE_NX),
        .user = above.user && (entry & PTE_U),
    };
}

static bool is_leaf(uint64_t entry, unsigned level)
{
    return level == 0 || (level < PT_LEAF_LEVELS && (entry & PTE_PS));
}

/* Reserved bits: SDM vol. 3 tables 4-15 to 4-20. */
static bool is_valid(const struct walk *w, uint64_t entry, unsigned level)
{
    uint64_t address = entry & PTE_ADDR;

    if (!(entry & PTE_P))
        return entry == 0;
    if (is_leaf(entry, level)) {
        if (level > 0)
            address &= ~PTE_PAT_LARGE;
        return (address & ~w->frame_mask) == 0 && address % span_of(level) == 0;
    }
    return (address & ~w->frame_mask) == 0 && !(entry & PTE_PS);
}

/* Which type the PAT index of a leaf selects, by the PAT that Footing loads. */
static enum memtype type_of(uint64_t entry, unsigned level)
{
    uint64_t pat_bit = level == 0 ? PTE_PAT_4K : PTE_PAT_LARGE;
    unsigned index = ((entry & pat_bit) ? 4u : 0u) + ((entry & PTE_PCD) ? 2u : 0u) +
                     ((entry & PTE_PWT) ? 1u : 0u);
    uint64_t field = PAT_VALUE >> (8 * index) & 0xff;

    /* 7 is UC-, which only a WC range register could change. */
    return field == 7 ? MEMTYPE_UC : (enum memtype)field;
}

static bool report_bad(const struct walk *w, unsigned level, uint64_t va, uint64_t entry)
{
    return !w->visitor->bad || w->visitor->bad(w->visitor->ctx, level, va, entry);
}

static bool report_leaf(const struct walk *w, unsigned level, uint64_t va, uint64_t entry,
                        struct grant grant)
{
    uint64_t low = level > 0 ? PTE_PAT_LARGE : 0;
    struct pt_leaf leaf = {
        .va = va,
        .pa = entry & PTE_ADDR & ~low,
        .len = span_of(level),
        .level = level,
        .rights = (grant.write ? RIGHT_W : 0) | (grant.execute ? RIGHT_X : 0),
        .user = grant.user,
        .type = type_of(entry, level),
    };

    return !w->visitor->leaf || w->visitor->leaf(w->visitor->ctx, &leaf);
}

static uint64_t sign_extend(uint64_t va, unsigned levels)
{
    uint64_t half = span_of(levels) / 2;

    return va >= half ? va - 2 * half : va;
}

static bool walk_table(const struct walk *w, unsigned level, uint64_t frame, uint64_t va,
                       struct grant grant);

static bool walk_entry(const struct walk *w, unsigned level, uint64_t entry, uint64_t va,
                       struct grant grant)
{
    if (entry == 0)
        return true;

    uint64_t canonical = sign_extend(va, w->levels);
    if (!is_valid(w, entry, level))
        return report_bad(w, level, canonical, entry);
    grant = narrow(grant, entry);
    if (is_leaf(entry, level))
        return report_leaf(w, level, canonical, entry, grant);
    return walk_table(w, level - 1, entry & PTE_ADDR, va, grant);
}

static bool walk_table(const struct walk *w, unsigned level, uint64_t frame, uint64_t va,
                       struct grant grant)
{
    const struct pt_visitor *visitor = w->visitor;
    bool going =
        !visitor->table || visitor->table(visitor->ctx, level, frame, sign_extend(va, w->levels));
    const uint64_t *table = w->reader->map(w->reader->ctx, frame);
    uint64_t span = span_of(level);

    for (unsigned i = 0; i < PT_SLOTS && going; i++, va += span)
        going = walk_entry(w, level, table[i], va, grant);
    w->reader->unmap(w->reader->ctx, table);
    return going;
}

bool pt_walk(uint64_t root, unsigned levels, unsigned phys_bits, const struct pt_reader *reader,
             const struct pt_visitor *visitor)
{
    struct walk w = {
        .levels = levels,
        .frame_mask = ((UINT64_C(1) << phys_bits) - 1) & PTE_ADDR,
        .reader = reader,
        .visitor = visitor,
    };

    return walk_table(&w, levels - 1, root & PTE_ADDR, 0, (struct grant){true, true, true});
}

unsigned pt_lookup(uint64_t root, unsigned levels, uint64_t va, const struct pt_reader *reader,
                   uint64_t *entries)
{
    uint64_t frame = root & PTE_ADDR;
    unsigned read = 0;

    while (read < levels) {
        unsigned level = levels - 1 - read;
        const uint64_t *table = reader->map(reader->ctx, frame);
        uint64_t entry = table[va / span_of(level) % PT_SLOTS];

        reader->unmap(reader->ctx, table);
        entries[read++] = entry;
        if (!(entry & PTE_P) || is_leaf(entry, level))
            break;
        frame = entry & PTE_ADDR;
    }
    return read;
}
