/* SPDX-License-Identifier: MIT */
/*
 * The normaliser: what comes out is sorted, disjoint, maximal, and byte for
 * byte what the oracle says, in whatever order the ranges go in.
 *
 * Input: width - 32, capacity, then 17 bytes a range: type, base, length.
 */
#include "fuzz.h"
#include "memmap.h"
#include "reference.h"

#define MAX_RANGES 64

struct world {
    struct ref_range in[MAX_RANGES];
    size_t count;
    size_t capacity;
    unsigned phys_bits;
};

static void read_world(struct world *w, struct bytes in)
{
    w->phys_bits = 32 + take8(&in) % 21;
    w->capacity = 1 + take8(&in) % MAX_RANGES;
    for (w->count = 0; in.at < in.end && w->count < MAX_RANGES; w->count++) {
        uint8_t type = take8(&in);
        uint64_t base = take64(&in);

        w->in[w->count] = (struct ref_range){base, take64(&in), (enum mem_type)(type % MEM_TYPES)};
    }
}

/* How memmap.h says that a range fares, by 128-bit sums. */
static enum memmap_verdict expected(const struct ref_range *r, unsigned phys_bits, size_t left)
{
    unsigned __int128 width = (unsigned __int128)1 << phys_bits;
    unsigned __int128 end = (unsigned __int128)r->base + r->len;

    if (r->len == 0)
        return MEMMAP_EMPTY;
    if (end > (unsigned __int128)1 << 64 && r->type == MEM_USABLE)
        return MEMMAP_WRAPS;
    if (r->base >= width)
        return MEMMAP_BEYOND;
    if (left == 0)
        return MEMMAP_FULL;
    return end > width ? MEMMAP_CUT : MEMMAP_KEPT;
}

/* Add every range; the oracle gets those that fitted. */
static void add_all(struct memmap *map, const struct world *w, struct ref_range *taken, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < w->count; i++) {
        const struct ref_range *r = &w->in[i];
        enum memmap_verdict verdict = memmap_add(map, r->base, r->len, r->type);

        CHECK(verdict == expected(r, w->phys_bits, w->capacity - *n));
        if (verdict == MEMMAP_KEPT || verdict == MEMMAP_CUT)
            taken[(*n)++] = *r;
    }
    memmap_normalise(map);
}

static void check_form(const struct memmap *map, size_t capacity)
{
    CHECK(map->count <= 2 * capacity - 1);
    for (size_t i = 0; i < map->count; i++) {
        const struct mem_range *r = &map->ranges[i];

        CHECK(r->base < r->end && r->end <= UINT64_C(1) << map->phys_bits);
        CHECK((unsigned)r->type < MEM_TYPES);
        CHECK(i == 0 || r[-1].end <= r->base);
        CHECK(i == 0 || r[-1].end < r->base || r[-1].type != r->type);
    }
}

/* Between two edges nothing changes: both sides of every edge are every byte. */
static void check_bytes(const struct memmap *map, const struct ref_map *ref)
{
    uint64_t edges[2 * MAX_RANGES + 2];
    size_t n = ref_edges(ref, edges);
    enum mem_type type;

    for (size_t i = 0; i < n; i++) {
        for (uint64_t pa = edges[i] - 2; pa != edges[i] + 2; pa++) {
            const struct mem_range *r = memmap_find(map, pa);

            CHECK((r != NULL) == ref_type_at(ref, pa, &type));
            CHECK(!r || (r->base <= pa && pa < r->end && r->type == type));
        }
    }
    for (size_t i = 0; i < map->count; i++)
        CHECK(ref_is(ref, map->ranges[i].base, map->ranges[i].end - map->ranges[i].base,
                     map->ranges[i].type));
    for (unsigned t = 0; t < MEM_TYPES; t++)
        CHECK(memmap_bytes(map, (enum mem_type)t) == ref_bytes(ref, (enum mem_type)t));
    for (size_t i = 0; i + 3 < n; i++) {
        uint64_t base = edges[i] + (i & 1);
        uint64_t len = edges[i + 1 + i % 3] - edges[i];

        for (unsigned t = 0; t < MEM_TYPES; t += MEM_RESERVED)
            CHECK(memmap_is(map, base, len, (enum mem_type)t) ==
                  ref_is(ref, base, len, (enum mem_type)t));
    }
}

/* All that were taken once more, backwards and each twice: the same map. */
static void check_order(const struct memmap *map, const struct ref_range *taken, size_t n)
{
    static uint64_t keys[4 * MAX_RANGES];
    static struct mem_range ranges[4 * MAX_RANGES];
    struct memmap again;

    memmap_init(&again, keys, ranges, 2 * MAX_RANGES, map->phys_bits);
    for (size_t i = 2 * n; i-- > 0;)
        memmap_add(&again, taken[i / 2].base, taken[i / 2].len, taken[i / 2].type);
    memmap_normalise(&again);
    CHECK(again.count == map->count);
    for (size_t i = 0; i < map->count; i++)
        CHECK(again.ranges[i].base == map->ranges[i].base &&
              again.ranges[i].end == map->ranges[i].end &&
              again.ranges[i].type == map->ranges[i].type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w;
    struct ref_range taken[MAX_RANGES];
    struct ref_map ref = {.in = taken};
    struct memmap map;
    uint64_t *keys;
    struct mem_range *ranges;

    read_world(&w, (struct bytes){data, data + size});
    /* Exactly the room that the header asks for. */
    keys = malloc(2 * w.capacity * sizeof(*keys));
    ranges = malloc((2 * w.capacity - 1) * sizeof(*ranges));
    if (!keys || !ranges)
        exit(1);
    memmap_init(&map, keys, ranges, w.capacity, w.phys_bits);
    add_all(&map, &w, taken, &ref.count);
    ref.phys_bits = w.phys_bits;
    check_form(&map, w.capacity);
    check_bytes(&map, &ref);
    check_order(&map, taken, ref.count);
    free(keys);
    free(ranges);
    return 0;
}
