/* SPDX-License-Identifier: MIT */
#include "blanket.h"

#include <stdlib.h>

#include "out.h"

static void make_runs(struct blanket *blanket, const struct memmap *map)
{
    uint64_t inside = (UINT64_C(1) << (PT_PAGE_SHIFT + PT_BITS * blanket->level)) - 1;
    uint64_t top = UINT64_C(1) << map->phys_bits;

    for (size_t i = 0; i < map->count; i++) {
        uint64_t base = map->ranges[i].base & ~inside;
        uint64_t end = (map->ranges[i].end + inside) & ~inside;
        struct blanket_run *last = blanket->count ? &blanket->runs[blanket->count - 1] : NULL;

        if (map->ranges[i].type != MEM_USABLE)
            continue;
        if (end > top)
            end = top;
        if (last && base <= last->end)
            last->end = end;
        else
            blanket->runs[blanket->count++] = (struct blanket_run){base, end};
    }
}

/* Both lists ascend: one pass over them together. */
static void charge_types(struct blanket *blanket, const struct memmap *map)
{
    size_t r = 0;

    for (size_t i = 0; i < blanket->count; i++) {
        const struct blanket_run *run = &blanket->runs[i];
        uint64_t described = 0;

        blanket->reached += run->end - run->base;
        while (r < map->count && map->ranges[r].end <= run->base)
            r++;
        for (size_t k = r; k < map->count && map->ranges[k].base < run->end; k++) {
            const struct mem_range *range = &map->ranges[k];
            uint64_t from = range->base > run->base ? range->base : run->base;
            uint64_t to = range->end < run->end ? range->end : run->end;

            described += to - from;
            if (range->type != MEM_USABLE)
                blanket->types[range->type] += to - from;
            if (range->end <= run->end)
                r = k + 1;
        }
        blanket->undescribed += run->end - run->base - described;
    }
}

void blanket_make(struct blanket *blanket, const struct result *result, unsigned level)
{
    struct ram_iter iter;
    struct ram_piece piece;

    *blanket = (struct blanket){.level = level};
    blanket->runs = out_alloc(result->map.count, sizeof(*blanket->runs));
    make_runs(blanket, &result->map);
    charge_types(blanket, &result->map);
    ram_first(&iter, &result->request);
    while (ram_next(&iter, &piece)) {
        /* What only has no room in the directmap is RAM all the same. */
        if (piece.fate == RAM_PARTIAL_PAGE || piece.fate == RAM_NOT_WB)
            blanket->fates[piece.fate] += piece.end - piece.base;
    }
    blanket->not_ram = blanket->undescribed;
    for (unsigned type = 0; type < MEM_TYPES; type++)
        blanket->not_ram += blanket->types[type];
    for (unsigned fate = 0; fate < RAM_FATES; fate++)
        blanket->not_ram += blanket->fates[fate];
}

void blanket_free(struct blanket *blanket)
{
    free(blanket->runs);
    *blanket = (struct blanket){0};
}
