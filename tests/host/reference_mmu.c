/* SPDX-License-Identifier: MIT */
/* The oracle's MMU: SDM vol. 3 section 4.5, one level after the other, by plain division. */
#include "reference.h"

static const uint64_t slot_span[5] = {
    UINT64_C(4096),           /* a slot of the table with 4 KiB pages */
    UINT64_C(2097152),        /* 2 MiB */
    UINT64_C(1073741824),     /* 1 GiB */
    UINT64_C(549755813888),   /* 512 GiB */
    UINT64_C(281474976710656) /* 256 TiB */
};

/* The PAT of memtype.h, byte by byte; 7 is UC-, which without WC from MTRRs is UC. */
static const unsigned char pat[8] = {6, 4, 7, 0, 1, 5, 7, 0};

static bool canonical(uint64_t va, unsigned levels)
{
    uint64_t half = levels == 5 ? UINT64_C(1) << 56 : UINT64_C(1) << 47;

    return va < half || va >= (uint64_t)0 - half;
}

static unsigned slot_of(uint64_t va, unsigned level)
{
    return (unsigned)(va / slot_span[level] % 512);
}

static unsigned leaf_type(uint64_t entry, unsigned level)
{
    unsigned index = (entry & 0x08 ? 1 : 0) + (entry & 0x10 ? 2 : 0);

    if (level == 0)
        index += entry & 0x80 ? 4 : 0;
    else
        index += entry & 0x1000 ? 4 : 0;
    return pat[index] == 7 ? 0 : pat[index];
}

struct ref_hit ref_translate(const struct ref_reader *reader, uint64_t root, unsigned levels,
                             uint64_t va)
{
    struct ref_hit hit = {.rights = RIGHT_W | RIGHT_X, .user = true};
    const struct ref_hit nothing = {0};
    uint64_t frame = root;

    if (!canonical(va, levels))
        return nothing;
    for (unsigned level = levels; level-- > 0;) {
        uint64_t entry = reader->read(reader->ctx, frame, slot_of(va, level));

        if ((entry & 1) == 0)
            return nothing;
        hit.rights &= (entry & 2 ? RIGHT_W : 0) | (entry >> 63 ? 0 : RIGHT_X);
        hit.user = hit.user && (entry & 4);
        if (level > 2 || (level > 0 && (entry & 0x80) == 0)) {
            frame = entry & UINT64_C(0xffffffffff000);
            continue;
        }
        hit.present = true;
        hit.level = level;
        hit.pa = (entry & UINT64_C(0xffffffffff000)) / slot_span[level] * slot_span[level] +
                 va % slot_span[level];
        hit.type = leaf_type(entry, level);
        hit.global = (entry & 0x100) != 0;
        hit.accessed = (entry & 0x20) != 0;
        hit.dirty = (entry & 0x40) != 0;
        break;
    }
    return hit;
}

uint64_t ref_table_for(const struct ref_reader *reader, uint64_t root, unsigned levels, uint64_t va,
                       unsigned level)
{
    uint64_t frame = root;

    for (unsigned at = levels - 1; at > level; at--) {
        uint64_t entry = reader->read(reader->ctx, frame, slot_of(va, at));

        if ((entry & 1) == 0 || (at <= 2 && (entry & 0x80) != 0))
            return 0;
        frame = entry & UINT64_C(0xffffffffff000);
    }
    return frame;
}

static void count_table(const struct ref_reader *reader, uint64_t frame, unsigned level,
                        struct ref_census *census)
{
    census->tables++;
    for (unsigned slot = 0; slot < 512; slot++) {
        uint64_t entry = reader->read(reader->ctx, frame, slot);

        if ((entry & 1) == 0) {
            census->stray += entry != 0;
        } else if (level == 0 || (level <= 2 && (entry & 0x80) != 0)) {
            census->leaves[level]++;
        } else {
            census->links_not_open += (entry & 2) == 0 || entry >> 63 != 0;
            count_table(reader, entry & UINT64_C(0xffffffffff000), level - 1, census);
        }
    }
}

void ref_take_census(const struct ref_reader *reader, uint64_t root, unsigned levels,
                     struct ref_census *census)
{
    *census = (struct ref_census){0};
    count_table(reader, root, levels - 1, census);
}

unsigned ref_page_level(const struct mapping *entry, uint64_t va)
{
    for (unsigned level = entry->max_level; level > 0; level--) {
        uint64_t size = slot_span[level];
        uint64_t first = va - va % size;

        if (first < entry->va || (first - entry->va) + (size - 1) > entry->len - 1)
            continue;
        if (entry->va % size == entry->pa % size)
            return level;
    }
    return 0;
}

/* The last entry that begins at or below va, by halving. */
static const struct mapping *entry_at(const struct plan *plan, uint64_t va)
{
    size_t low = 0;
    size_t high = plan->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (plan->entries[mid].va <= va)
            low = mid + 1;
        else
            high = mid;
    }
    return low == 0 ? NULL : &plan->entries[low - 1];
}

struct ref_hit ref_planned(const struct plan *plan, uint64_t va)
{
    const struct mapping *entry = entry_at(plan, va);
    struct ref_hit hit = {0};

    if (entry == NULL || va - entry->va > entry->len - 1)
        return hit;
    hit.present = true;
    hit.pa = entry->pa + (va - entry->va);
    hit.level = ref_page_level(entry, va);
    hit.rights = entry->rights;
    hit.type = entry->type;
    hit.global = true;
    hit.accessed = true;
    hit.dirty = (entry->rights & RIGHT_W) != 0;
    return hit;
}

/*
 * A table of level l is needed for each window of one slot of level l + 1
 * that holds a page of level l or less. Pages ascend, so a window is new
 * exactly if it is not the last one seen.
 */
void ref_minimum(const struct plan *plan, unsigned levels, struct ref_census *census)
{
    uint64_t seen[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};

    *census = (struct ref_census){.tables = 1};
    for (size_t i = 0; i < plan->count; i++) {
        const struct mapping *entry = &plan->entries[i];
        uint64_t done = 0;

        while (done < entry->len) {
            unsigned page = ref_page_level(entry, entry->va + done);

            census->leaves[page]++;
            for (unsigned level = page; level + 1 < levels; level++) {
                uint64_t window = (entry->va + done) / slot_span[level + 1];

                census->tables += seen[level] != window;
                seen[level] = window;
            }
            done += slot_span[page];
        }
    }
}
