/* SPDX-License-Identifier: MIT */
#include "update_table.h"

uint64_t table_find(const struct pt_space *space, uint64_t root, uint64_t va, unsigned lowest,
                    unsigned *level)
{
    const struct pt_live_memory *memory = space->memory;
    uint64_t entry = root;

    *level = space->levels;
    do {
        uint64_t *table = memory->map(memory->ctx, entry & PTE_ADDR);

        entry = *slot_of(table, --*level, va);
        memory->unmap(memory->ctx, table);
    } while (*level > lowest && entry != 0 && !(entry & PTE_PS));
    return entry;
}

uint64_t table_of_pages(const struct pt_space *space, uint64_t va)
{
    unsigned top = space->levels - 1;
    unsigned level;
    uint64_t entry;

    if (space->root != space->main_root && table_find(space, space->root, va, top, &level) ==
                                               table_find(space, space->main_root, va, top, &level))
        return 0;
    entry = table_find(space, space->root, va, 1, &level);
    return entry & PTE_PS ? 0 : entry & PTE_ADDR; /* of level 1, unless it is zero */
}

size_t table_count_split(unsigned level, uint64_t va, uint64_t stop)
{
    uint64_t span = span_of(level);
    uint64_t first = va & (span - 1);
    uint64_t last = stop & (span - 1);
    size_t count = 1;

    if (first != 0 && last != 0 && (va & ~(span - 1)) == (stop & ~(span - 1)))
        return count + table_count_split(level - 1, va, stop);
    if (first != 0)
        count += table_count_split(level - 1, va, va - first + span);
    if (last != 0)
        count += table_count_split(level - 1, stop - last, stop);
    return count;
}

uint64_t table_split(const struct pt_space *space, const struct pt_change *change, unsigned level,
                     uint64_t leaf, uint64_t va, uint64_t stop)
{
    const struct pt_live_memory *memory = space->memory;
    uint64_t span = span_of(level);
    uint64_t frame = memory->alloc(memory->ctx);
    uint64_t *table = memory->map(memory->ctx, frame);
    uint64_t i = va >> slot_shift(level) & (PT_SLOTS - 1);

    if (i > 0)
        pt_put(table, i, leaf, span);
    while (va < stop) {
        uint64_t n = va & (span - 1) ? 0 : (stop - va) >> slot_shift(level);
        uint64_t old = leaf + i * span;
        uint64_t end = va + n * span;
        unsigned rights;
        enum memtype type;

        if (n > 0) {
            uint64_t entry = table_entry(space, change, frame_of(old, level), level);

            pt_put(table + i, n, entry, entry ? span : 0);
        } else {
            n = 1;
            end = (va | (span - 1)) + 1;
            end = end < stop ? end : stop;
            pte_decode(old, level, &rights, &type);
            old = frame_of(old, level) | pte_attributes(rights, type, level - 1);
            table[i] = table_split(space, change, level - 1, old, va, end) | PT_LINK;
        }
        i += n;
        va = end;
    }
    if (i < PT_SLOTS)
        pt_put(table + i, PT_SLOTS - i, leaf + i * span, span);
    memory->unmap(memory->ctx, table);
    return frame;
}

bool table_is_empty(const uint64_t *table, size_t gone)
{
    for (size_t i = 0; i < PT_SLOTS; i += 4) {
        const uint64_t *four = &table[(gone ^ i) & (PT_SLOTS - 4)];

        if (four[0] | four[1] | four[2] | four[3])
            return false;
    }
    return true;
}

uint64_t table_merged(const struct pt_space *space, unsigned level, const uint64_t *table,
                      size_t changed)
{
    uint64_t step = span_of(level - 1);
    /* If there is one; no entry, if that is below 0. */
    uint64_t first = table[changed] - changed * step;
    uint64_t pa = frame_of(first, level - 1);
    unsigned rights;
    enum memtype type;

    if (level > space->max_level)
        return 0;
    for (size_t i = 1; i < PT_SLOTS; i++) {
        if ((table[changed ^ i] ^ (first + (changed ^ i) * step)) & ~PTE_G)
            return 0;
    }
    if (first == 0 || !is_leaf(first, level - 1) || (pa & (span_of(level) - 1)) != 0)
        return 0;
    if (memtype_span(space->mtrr, pa, pa + span_of(level)).end != pa + span_of(level))
        return 0;
    pte_decode(first, level - 1, &rights, &type);
    return pa | pte_attributes(rights_in(space, rights & ~RIGHT_LOCAL), type, level);
}
