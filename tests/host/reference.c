/* SPDX-License-Identifier: MIT */
#include "reference.h"

/* The last byte of a range, which saturates where the range wraps. */
static uint64_t last_byte(const struct ref_range *range)
{
    uint64_t last = range->base + (range->len - 1);

    return last < range->base ? UINT64_MAX : last;
}

static bool counts(const struct ref_range *range)
{
    bool wraps = range->len != 0 && range->base + (range->len - 1) < range->base;

    return range->len != 0 && !(wraps && range->type == MEM_USABLE);
}

bool ref_type_at(const struct ref_map *map, uint64_t pa, enum mem_type *type)
{
    bool covered = false;

    if (pa >> map->phys_bits != 0)
        return false;
    for (size_t i = 0; i < map->count; i++) {
        const struct ref_range *range = &map->in[i];

        if (!counts(range) || pa < range->base || pa > last_byte(range))
            continue;
        if (!covered || range->type > *type)
            *type = range->type;
        covered = true;
    }
    return covered;
}

static void insert(uint64_t *sorted, size_t count, uint64_t value)
{
    while (count > 0 && sorted[count - 1] > value) {
        sorted[count] = sorted[count - 1];
        count--;
    }
    sorted[count] = value;
}

size_t ref_edges(const struct ref_map *map, uint64_t *edges)
{
    uint64_t width = UINT64_C(1) << map->phys_bits;
    size_t n = 0;

    insert(edges, n++, 0);
    insert(edges, n++, width);
    for (size_t i = 0; i < map->count; i++) {
        const struct ref_range *range = &map->in[i];

        if (!counts(range) || range->base >= width)
            continue;
        insert(edges, n++, range->base);
        if (last_byte(range) < width)
            insert(edges, n++, last_byte(range) + 1);
    }
    return n;
}

uint64_t ref_bytes(const struct ref_map *map, enum mem_type type)
{
    uint64_t edges[2 * 256 + 2];
    size_t n = ref_edges(map, edges);
    uint64_t sum = 0;
    enum mem_type here;

    for (size_t i = 0; i + 1 < n; i++) {
        if (ref_type_at(map, edges[i], &here) && here == type)
            sum += edges[i + 1] - edges[i];
    }
    return sum;
}

bool ref_is(const struct ref_map *map, uint64_t base, uint64_t len, enum mem_type type)
{
    enum mem_type here;

    if (len == 0 || base + (len - 1) < base)
        return false;
    if (!ref_type_at(map, base, &here) || here != type)
        return false;
    if (!ref_type_at(map, base + (len - 1), &here) || here != type)
        return false;
    for (size_t i = 0; i < map->count; i++) {
        uint64_t at[2] = {map->in[i].base, last_byte(&map->in[i]) + 1};

        for (unsigned k = 0; k < 2 && counts(&map->in[i]); k++) {
            if (at[k] < base || at[k] - base >= len)
                continue;
            if (!ref_type_at(map, at[k], &here) || here != type)
                return false;
        }
    }
    return true;
}

static enum memtype known_type(uint64_t encoding)
{
    switch (encoding) {
    case 1:
        return MEMTYPE_WC;
    case 4:
        return MEMTYPE_WT;
    case 5:
        return MEMTYPE_WP;
    case 6:
        return MEMTYPE_WB;
    default:
        return MEMTYPE_UC;
    }
}

/* SDM vol. 3 section 12.11.2.2: 8 × 64 KiB, 16 × 16 KiB, 64 × 4 KiB. */
static enum memtype fixed_type(const struct mtrr_state *mtrr, uint64_t pa)
{
    uint64_t field;

    if (pa < 0x80000)
        field = pa / 0x10000;
    else if (pa < 0xc0000)
        field = 8 + (pa - 0x80000) / 0x4000;
    else
        field = 24 + (pa - 0xc0000) / 0x1000;
    return known_type((mtrr->fixed[field / 8] >> (field % 8 * 8)) & 0xff);
}

/* Does a variable pair hold this address? Bit by bit, wherever the mask has one. */
static bool variable_holds(const struct mtrr_state *mtrr, unsigned i, uint64_t pa,
                           enum memtype *type)
{
    *type = known_type(mtrr->var[i].base & 0xff);
    if ((mtrr->var[i].mask & 0x800) == 0)
        return false;
    for (unsigned bit = 12; bit < mtrr->phys_bits; bit++) {
        if ((mtrr->var[i].mask >> bit & 1) != 0 &&
            (mtrr->var[i].base >> bit & 1) != (pa >> bit & 1))
            return false;
    }
    return true;
}

enum memtype ref_mtrr_type(const struct mtrr_state *mtrr, uint64_t pa)
{
    bool seen[8] = {false};
    unsigned kinds = 0;
    bool forced = pa >= UINT64_C(0x100000000) && pa < mtrr->wb_top;
    enum memtype type = forced ? MEMTYPE_WB : known_type(mtrr->def_type & 0xff);

    if (!mtrr->present)
        return MEMTYPE_WB;
    if ((mtrr->def_type & 0x800) == 0)
        return MEMTYPE_UC;
    if (pa < 0x100000 && (mtrr->def_type & 0x400) != 0)
        return fixed_type(mtrr, pa);
    for (unsigned i = 0; i < mtrr->variable; i++) {
        enum memtype here;

        if (!variable_holds(mtrr, i, pa, &here))
            continue;
        kinds += seen[here] ? 0 : 1;
        seen[here] = true;
        type = here;
    }
    if (kinds <= 1)
        return type;
    if (kinds == 2 && seen[MEMTYPE_WB] && seen[MEMTYPE_WT])
        return MEMTYPE_WT;
    return MEMTYPE_UC;
}

bool ref_page_is_ram(const struct ref_map *map, const struct mtrr_state *mtrr, uint64_t page,
                     uint64_t top)
{
    return page < top && top - page >= 4096 && ref_is(map, page, 4096, MEM_USABLE) &&
           ref_mtrr_type(mtrr, page) == MEMTYPE_WB;
}

bool ref_frames_agree(const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        for (size_t k = 0; k < plan->count; k++) {
            const struct mapping *a = &plan->entries[i];
            const struct mapping *b = &plan->entries[k];

            if (a->pa >= b->pa + b->len || b->pa >= a->pa + a->len)
                continue;
            if ((a->rights & 2) != 0 && (b->rights & 4) != 0)
                return false;
            if (a->type != b->type)
                return false;
        }
    }
    return true;
}
