/* SPDX-License-Identifier: MIT */
#include "memmap.h"

/*
 * An endpoint is one word, so that sorting words sorts endpoints:
 * address in bits 5 and up (at most 2^52), type in bits 1 to 4, bit 0 set
 * where the range opens.
 */
#define KEY_OPEN       UINT64_C(1)
#define KEY_TYPE_SHIFT 1
#define KEY_TYPE_MASK  UINT64_C(0xf)
#define KEY_ADDR_SHIFT 5

#define NO_TYPE MEM_TYPES

_Static_assert(MEM_TYPES <= KEY_TYPE_MASK, "a type fits its field");

const char *mem_type_name(enum mem_type type)
{
    static const char *const names[MEM_TYPES] = {
        [MEM_USABLE] = "usable",
        [MEM_SOFT_RESERVED] = "soft-reserved",
        [MEM_PERSISTENT] = "persistent",
        [MEM_ACPI_DATA] = "acpi-data",
        [MEM_ACPI_NVS] = "acpi-nvs",
        [MEM_RUNTIME_CODE] = "runtime-code",
        [MEM_RUNTIME_DATA] = "runtime-data",
        [MEM_UNACCEPTED] = "unaccepted",
        [MEM_MMIO] = "mmio",
        [MEM_RESERVED] = "reserved",
        [MEM_UNUSABLE] = "unusable",
    };

    return (unsigned)type < MEM_TYPES ? names[type] : "?";
}

enum mem_type mem_type_from_e820(uint32_t type)
{
    switch (type) {
    case 1:
        return MEM_USABLE;
    case 3:
        return MEM_ACPI_DATA;
    case 4:
        return MEM_ACPI_NVS;
    case 5:
        return MEM_UNUSABLE;
    case 7:
        return MEM_PERSISTENT;
    default:
        return MEM_RESERVED;
    }
}

const char *memmap_verdict_text(enum memmap_verdict verdict)
{
    switch (verdict) {
    case MEMMAP_KEPT:
        return "kept";
    case MEMMAP_CUT:
        return "cut at the physical address width";
    case MEMMAP_EMPTY:
        return "empty";
    case MEMMAP_WRAPS:
        return "wraps past 2^64";
    case MEMMAP_BEYOND:
        return "beyond the physical address width";
    case MEMMAP_FULL:
        return "no room left in the map";
    }
    return "?";
}

void memmap_init(struct memmap *map, uint64_t *keys, struct mem_range *ranges, size_t max_ranges,
                 unsigned phys_bits)
{
    map->ranges = ranges;
    map->count = 0;
    map->keys = keys;
    map->nkeys = 0;
    map->max_ranges = max_ranges;
    map->phys_bits = phys_bits;
}

enum memmap_verdict memmap_add(struct memmap *map, uint64_t base, uint64_t len, enum mem_type type)
{
    uint64_t top = UINT64_C(1) << map->phys_bits;
    uint64_t last = base + (len - 1);
    uint64_t kind = (uint64_t)type << KEY_TYPE_SHIFT;

    if (len == 0)
        return MEMMAP_EMPTY;
    if (last < base) {
        if (type == MEM_USABLE)
            return MEMMAP_WRAPS;
        last = UINT64_MAX;
    }
    if (base >= top)
        return MEMMAP_BEYOND;
    if (map->nkeys == 2 * map->max_ranges)
        return MEMMAP_FULL;

    uint64_t end = last < top ? last + 1 : top;
    map->keys[map->nkeys++] = base << KEY_ADDR_SHIFT | kind | KEY_OPEN;
    map->keys[map->nkeys++] = end << KEY_ADDR_SHIFT | kind;
    return last < top ? MEMMAP_KEPT : MEMMAP_CUT;
}

static void sift_down(uint64_t *heap, size_t root, size_t n)
{
    uint64_t moving = heap[root];

    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && heap[child] < heap[child + 1])
            child++;
        if (moving >= heap[child])
            break;
        heap[root] = heap[child];
    }
    heap[root] = moving;
}

/* Heapsort: in place, no recursion, n log n whatever firmware thinks up. */
static void sort_keys(uint64_t *keys, size_t n)
{
    for (size_t root = n / 2; root-- > 0;)
        sift_down(keys, root, n);
    for (size_t last = n; last-- > 1;) {
        uint64_t greatest = keys[0];

        keys[0] = keys[last];
        keys[last] = greatest;
        sift_down(keys, 0, last);
    }
}

/* Which types cover the sweep's position, and the one that wins. */
struct cover {
    size_t depth[MEM_TYPES];
    unsigned present; /* bit t: depth[t] != 0 */
};

static void cover_apply(struct cover *cover, uint64_t key)
{
    unsigned type = (unsigned)(key >> KEY_TYPE_SHIFT & KEY_TYPE_MASK);

    /* A range's close may sort before its neighbour's open; never before its own. */
    cover->depth[type] += (key & KEY_OPEN) ? 1 : (size_t)-1;
    if (cover->depth[type])
        cover->present |= 1u << type;
    else
        cover->present &= ~(1u << type);
}

static unsigned cover_winner(const struct cover *cover)
{
    return cover->present ? 31u - (unsigned)__builtin_clz(cover->present) : NO_TYPE;
}

void memmap_normalise(struct memmap *map)
{
    struct cover cover = {{0}, 0};
    unsigned type = NO_TYPE;
    uint64_t start = 0;

    sort_keys(map->keys, map->nkeys);
    map->count = 0;
    for (size_t i = 0; i < map->nkeys;) {
        uint64_t addr = map->keys[i] >> KEY_ADDR_SHIFT;

        while (i < map->nkeys && map->keys[i] >> KEY_ADDR_SHIFT == addr)
            cover_apply(&cover, map->keys[i++]);

        unsigned winner = cover_winner(&cover);
        if (winner == type)
            continue;
        if (type != NO_TYPE)
            map->ranges[map->count++] = (struct mem_range){start, addr, (enum mem_type)type};
        type = winner;
        start = addr;
    }
}

const struct mem_range *memmap_find(const struct memmap *map, uint64_t pa)
{
    size_t low = 0;
    size_t high = map->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (pa >= map->ranges[mid].end)
            low = mid + 1;
        else
            high = mid;
    }
    return low < map->count && map->ranges[low].base <= pa ? &map->ranges[low] : NULL;
}

bool memmap_is(const struct memmap *map, uint64_t base, uint64_t len, enum mem_type type)
{
    const struct mem_range *range = memmap_find(map, base);

    /* Ranges are maximal: either one of them holds it all, or none does. */
    return range && range->type == type && len != 0 && len <= range->end - base;
}

bool memmap_can_be_read(const struct memmap *map, uint64_t base, uint64_t len)
{
    uint64_t end = base + len;
    bool can = end > base;

    while (can && base < end) {
        const struct mem_range *range = memmap_find(map, base);

        can = range && range->type != MEM_MMIO && range->type != MEM_UNACCEPTED &&
              range->type != MEM_UNUSABLE;
        if (can)
            base = range->end;
    }
    return can;
}

uint64_t memmap_first_other(const struct memmap *map, uint64_t base, uint64_t end,
                            enum mem_type type)
{
    const struct mem_range *range = memmap_find(map, base);

    if (!range || range->type != type)
        return base;
    /* Ranges are maximal: what follows this one is of another type, or of none. */
    return range->end < end ? range->end : end;
}

uint64_t memmap_bytes(const struct memmap *map, enum mem_type type)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < map->count; i++) {
        if (map->ranges[i].type == type)
            bytes += map->ranges[i].end - map->ranges[i].base;
    }
    return bytes;
}
