/* SPDX-License-Identifier: MIT */
#include "mtrr_rule.h"

#include "x86.h"

/* Bits 2 to 0 of each of the eight fields. */
#define FIXED_TYPES UINT64_C(0x0707070707070707)

#define LOW_TOP          UINT64_C(0x100000)
#define STRETCH_BITS_MIN 30 /* the largest leaf is 1 GiB */

struct error mtrr_count(uint64_t mtrrcap, unsigned *count)
{
    unsigned told = (unsigned)(mtrrcap & MTRRCAP_COUNT);

    *count = told <= MTRR_MAX_VARIABLE ? told : 0;
    if (told <= MTRR_MAX_VARIABLE)
        return SUCCESS;
    return (struct error){.code = ERR_MTRR,
                          .at = MTRR_MAX_VARIABLE,
                          .value = told,
                          .text = "the CPU counts more variable ranges than it can have registers"};
}

uint64_t mtrr_fixed_types(uint64_t value, bool amd)
{
    return amd ? value & FIXED_TYPES : value;
}

/* How many bits the addresses of RAM have. */
static unsigned address_bits(const struct memmap *map)
{
    unsigned bits = STRETCH_BITS_MIN;

    for (size_t i = 0; i < map->count; i++) {
        while (map->ranges[i].type == MEM_USABLE && (map->ranges[i].end - 1) >> bits != 0)
            bits++;
    }
    return bits;
}

/* Into how many stretches a mask divides what it matches: each free bit above its lowest doubles them. */
static uint64_t stretches(uint64_t mask, unsigned phys_bits, const struct memmap *map)
{
    uint64_t top = UINT64_C(1) << phys_bits;
    uint64_t count = 1;
    uint64_t bit;
    unsigned bits;

    mask &= (top - 1) & ~PAGE_MASK;
    bit = mask & -mask;
    if (bit == 0 || mask + bit == top)
        return 1;
    for (bits = address_bits(map); bit >> bits == 0; bit <<= 1)
        count <<= (mask & bit) ? 0 : 1;
    return count;
}

static struct error check_masks(const struct mtrr_state *mtrr, const struct memmap *map)
{
    uint64_t sum = 0;

    for (unsigned i = 0; mtrr->present && i < mtrr->variable; i++) {
        if (mtrr->var[i].mask & MTRR_MASK_VALID)
            sum += stretches(mtrr->var[i].mask, mtrr->phys_bits, map);
    }
    if (sum <= MTRR_STRETCHES_MAX)
        return SUCCESS;
    return (struct error){.code = ERR_MTRR,
                          .at = MTRR_STRETCHES_MAX,
                          .value = sum,
                          .text = "masks with holes cut RAM into too many stretches"};
}

/* Whole pages of usable RAM on one side of 1 MiB: are there any, and is one of them write-back? */
struct side {
    bool any;
    bool write_back;
};

static void look_at(struct side *side, const struct mtrr_state *mtrr, uint64_t base, uint64_t end)
{
    uint64_t pa = (base + PAGE_MASK) & ~PAGE_MASK;
    uint64_t last = end & ~PAGE_MASK;

    while (pa < last && !side->write_back) {
        struct memtype_span span = memtype_step(mtrr, pa, last);

        side->any = true;
        side->write_back = span.type == MEMTYPE_WB;
        pa = span.end;
    }
}

static bool make_ram_write_back(const struct mtrr_state *mtrr, const struct memmap *map)
{
    struct side low = {false, false};
    struct side high = {false, false};

    for (size_t i = map->count; i-- > 0 && !high.write_back;) {
        const struct mem_range *r = &map->ranges[i];

        if (r->type != MEM_USABLE)
            continue;
        look_at(&high, mtrr, r->base < LOW_TOP ? LOW_TOP : r->base, r->end);
        look_at(&low, mtrr, r->base, r->end < LOW_TOP ? r->end : LOW_TOP);
    }
    return high.any ? high.write_back : low.write_back || !low.any;
}

struct error mtrr_settle(struct mtrr_state *mtrr, const struct memmap *map, bool guest,
                         bool *ignored)
{
    struct error err = check_masks(mtrr, map);

    *ignored = !err.code && guest && !make_ram_write_back(mtrr, map);
    if (*ignored)
        mtrr->present = false;
    return err;
}
