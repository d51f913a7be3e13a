/* SPDX-License-Identifier: MIT */
/*
 * Every state of a page of every size; of each, every part changed in every
 * way, and changed back: large pages are split, and merged again.
 */
#include "access.h"

#define ALL (FOOTING_ALLOW_WX | FOOTING_ALLOW_CACHE)

static const uint32_t states[] = {0, FOOTING_WRITE, FOOTING_EXECUTE,
                                  FOOTING_WRITE | FOOTING_EXECUTE};
#define STATES (sizeof(states) / sizeof(states[0]))

struct part {
    uint64_t offset, len;
};

static unsigned parts_of(uint64_t size, struct part parts[5])
{
    unsigned n = 0;

    parts[n++] = (struct part){0, size};
    if (size == PAGE_SIZE)
        return n;
    parts[n++] = (struct part){0, PAGE_SIZE};
    parts[n++] = (struct part){size / 2 + 3 * PAGE_SIZE, PAGE_SIZE};
    parts[n++] = (struct part){size - PAGE_SIZE, PAGE_SIZE};
    if (size == GIB)
        parts[n++] = (struct part){size / 2 + 2 * MIB, 2 * MIB};
    return n;
}

/* The borders of the whole and of the part, from both sides. */
static void look(uint64_t va, uint64_t size, const struct part *part)
{
    const uint64_t places[] = {
        va - PAGE_SIZE,
        va,
        va + part->offset - PAGE_SIZE,
        va + part->offset,
        va + part->offset + (part->len / 2 & ~PAGE_MASK),
        va + part->offset + part->len - PAGE_SIZE,
        va + part->offset + part->len,
        va + size / 2,
        va + size - PAGE_SIZE,
        va + size,
    };

    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        bool again = false;

        for (unsigned j = 0; j < i; j++)
            again |= (places[i] ^ places[j]) < PAGE_SIZE;
        if (!again)
            try_page(places[i]);
    }
}

static void must(const struct footing_update *u)
{
    change_to(u, MAY(DONE));
}

/* In a window that was empty, as many tables as the largest pages need. */
static void check_tables_of(uint64_t va, uint64_t size, uint32_t level, uint64_t before)
{
    uint32_t used = level < largest() ? level : largest();
    uint64_t taken = frames_taken - frames_given - before;
    uint64_t tables = used == 2 ? 0 : 1;

    for (unsigned w = 0; w < empty_windows; w++) {
        if (va - windows[w].va < GIB)
            tables += windows[w].own_tables;
    }
    if (used == 0)
        tables += size == GIB ? WINDOW_PAGES / LARGE_PAGES : 1;
    if (taken != tables)
        differs("pages of level %u at 0x%x took %u tables, not %u", (uint64_t)level, va, taken,
                tables);
}

static void protect(uint64_t va, const struct part *part, uint32_t rights, uint32_t cache)
{
    struct footing_update u = protect_of(va + part->offset, part->len, rights, ALL);

    u.cache = cache;
    must(&u);
}

/* A part with a type of its own, which no access shows: but it is no part of a large page then. */
static void try_type(uint64_t va, uint64_t size, const struct part *part, uint32_t rights)
{
    protect(va, part, rights, FOOTING_WC);
    look(va, size, part);
    check_frames("a part has another type");
    protect(va, part, rights, FOOTING_WB);
    look(va, size, part);
}

/* One page stays changed while another is changed, and changed back: nothing merges yet. */
static void try_two(uint64_t va, uint64_t size, const struct part parts[3], uint32_t rights,
                    uint32_t other)
{
    for (unsigned i = 0; i < 3; i++) {
        protect(va, &parts[i], other, FOOTING_WB);
        protect(va, &parts[(i + 1) % 3], other, FOOTING_WB);
        protect(va, &parts[(i + 1) % 3], rights, FOOTING_WB);
        look(va, size, &parts[i]);
        check_frames("one of two parts was changed back");
        protect(va, &parts[(i + 2) % 3], other, FOOTING_WB);
        protect(va, &parts[i], rights, FOOTING_WB);
        look(va, size, &parts[(i + 2) % 3]);
        protect(va, &parts[(i + 2) % 3], rights, FOOTING_WB);
        look(va, size, &parts[(i + 2) % 3]);
    }
}

/* Mapped with these rights; the part gets others, or goes, and all is as it was. */
static void try_state(uint64_t va, uint64_t pa, uint64_t size, uint32_t level, uint32_t rights)
{
    const struct footing_update map = map_of(va, pa, size, rights, level, ALL);
    const struct footing_update unmap = unmap_of(va, size);
    uint64_t before = frames_taken - frames_given;
    struct part parts[5];
    unsigned count = parts_of(size, parts);

    look(va, size, &parts[0]); /* it is not mapped */
    must(&map);
    look(va, size, &parts[0]);
    check_frames("mapped");
    check_tables_of(va, size, level, before);
    for (unsigned i = 0; i < count; i++) {
        const struct part *p = &parts[i];
        const struct footing_update gone = unmap_of(va + p->offset, p->len);
        const struct footing_update back =
            map_of(va + p->offset, pa + p->offset, p->len, rights, level, ALL);

        for (unsigned j = 0; j < STATES; j++) {
            protect(va, p, states[j], FOOTING_WB);
            look(va, size, p);
            protect(va, p, rights, FOOTING_WB);
            look(va, size, p);
        }
        try_type(va, size, p, rights);
        must(&gone);
        look(va, size, p);
        must(&back);
        look(va, size, p);
        check_frames("a part was unmapped and mapped again");
    }
    for (unsigned j = 0; j < STATES && count > 1; j++) {
        if (states[j] != rights)
            try_two(va, size, &parts[1], rights, states[j]);
    }
    must(&unmap);
    look(va, size, &parts[0]);
    check_frames("unmapped");
}

/* Large pages may be in it, or not: as address and frame agree, and as there is room. */
static void try_shape(uint64_t va, uint64_t pa, uint64_t len)
{
    const struct footing_update map = map_of(va, pa, len, FOOTING_WRITE, 2, 0);
    const struct footing_update unmap = unmap_of(va, len);

    for (unsigned i = 0; i < 2; i++) {
        must(i == 0 ? &map : &unmap);
        for (uint64_t at = 0; at < len; at += MIB / 2)
            try_page((va + at) & ~(MIB / 2 - 1));
        try_page(va - PAGE_SIZE);
        try_page(va);
        try_page(va + len - PAGE_SIZE);
        try_page(va + len);
        check_frames(i == 0 ? "shapes" : "shapes, unmapped");
    }
}

static void try_shapes(uint64_t va, uint64_t pa)
{
    static const uint64_t offsets[] = {0, PAGE_SIZE, MIB, 2 * MIB - PAGE_SIZE};
    static const uint64_t lens[] = {2 * MIB - PAGE_SIZE, 2 * MIB, 2 * MIB + PAGE_SIZE, 5 * MIB};

    for (unsigned i = 0; i < 64; i++)
        try_shape(va + offsets[i % 4], pa + offsets[i / 4 % 4], lens[i / 16]);
}

void run_exhaustive(void)
{
    uint64_t pa = pools[POOL_RAM].first * PAGE_SIZE;
    bool gib = largest() == 2 && pool_is_gib;

    for (unsigned w = 0; w < empty_windows; w++) {
        uint64_t va = windows[w].va;

        try_shapes(va + 4 * MIB, pa + 2 * MIB);
        for (unsigned i = 0; i < STATES; i++) {
            try_state(va + 5 * PAGE_SIZE, pa + 7 * PAGE_SIZE, PAGE_SIZE, 0, states[i]);
            try_state(va + 4 * MIB, pa + 2 * MIB, 2 * MIB, 1, states[i]);
            if (gib && w == 0)
                try_state(va, pa, GIB, 2, states[i]);
        }
    }
    if (!gib)
        say("no page of 1 GiB is tried: %s",
            pool_is_gib ? "there are none" : "no such piece of RAM is free");
}
