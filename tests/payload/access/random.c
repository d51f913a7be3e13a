/* SPDX-License-Identifier: MIT */
/* Random calls, good and bad, with accesses before and after each. */
#include "access.h"

#define FRAMES_EVERY 64
#define PIECES_MAX   300   /* of mappings: PLANFULL is not to be met by chance */
#define HOT_PAGES    2048u /* calls meet each other around three places of a window */

static const uint64_t seconds[] = {1, 2, 3, 7, 8, 9, 64, 511, 512, 513, 1024, 1100};

static uint64_t below(uint64_t limit)
{
    return random_number() % limit;
}

static bool one_in(uint64_t n)
{
    return below(n) == 0;
}

static uint64_t some_page(const struct window *w)
{
    uint64_t near = w->count < 3 * HOT_PAGES ? w->count / 3 : HOT_PAGES;
    const uint64_t hot[] = {0, (w->count - near) / 2, w->count - near};
    uint64_t at = hot[below(3)] + below(near);

    return one_in(3) ? at & ~(LARGE_PAGES - 1ull) : at;
}

/* How far the pages from this one on are as it is: mapped, or not. */
static uint64_t extent(const struct window *w, uint64_t at, uint64_t most)
{
    uint64_t n = 1;

    while (n < most && at + n < w->count && w->pages[at + n].mapped == w->pages[at].mapped)
        n++;
    return n;
}

static uint32_t some_rights(uint32_t *flags)
{
    static const uint32_t all[] = {0, FOOTING_WRITE, FOOTING_EXECUTE};

    if (one_in(6)) {
        *flags |= FOOTING_ALLOW_WX;
        return FOOTING_WRITE | FOOTING_EXECUTE;
    }
    /* In RAM that a directmap has writable, what is executed needs leave. */
    if (!one_in(4))
        *flags |= FOOTING_ALLOW_WX;
    return all[below(3)];
}

static uint32_t some_type(uint32_t *flags)
{
    static const uint32_t all[] = {FOOTING_UC, FOOTING_WC, FOOTING_WT, FOOTING_WP, FOOTING_WB};

    if (!one_in(4))
        *flags |= FOOTING_ALLOW_CACHE;
    return one_in(4) ? all[below(5)] : FOOTING_WB;
}

/* With the same offset into 2 MiB as the address, more often than not. */
static uint64_t some_frame(uint64_t va, uint64_t pages)
{
    const struct pool *ram = &pools[POOL_RAM], *text = &pools[POOL_TEXT];
    uint64_t offset = va / PAGE_SIZE % LARGE_PAGES;
    uint64_t near = 4 * LARGE_PAGES; /* so that frames are mapped often */

    if (pages < text->count && one_in(5))
        return text->first + below(text->count - pages);
    if (pages + near + LARGE_PAGES > ram->count)
        return ram->first;
    if (one_in(3))
        return ram->first + below(near);
    return ram->first + below(near / LARGE_PAGES) * LARGE_PAGES + offset;
}

static struct footing_update some_call(const struct window *w)
{
    uint64_t at = some_page(w);
    uint64_t len = one_in(2) ? 1 + below(5) : seconds[below(sizeof(seconds) / sizeof(seconds[0]))];
    bool mapped = w->pages[at].mapped;
    uint32_t flags = 0;
    uint32_t rights = some_rights(&flags), cache = some_type(&flags);
    struct footing_update u;

    len = len > w->count - at ? w->count - at : len;
    /* One in ten goes on over the border. */
    if (!one_in(10))
        len = extent(w, at, len);
    if (one_in(10) ? mapped : !mapped) {
        u = map_of(w->va + at * PAGE_SIZE, 0, len * PAGE_SIZE, rights, (uint32_t)below(3), flags);
        u.pa = some_frame(u.va, len) * PAGE_SIZE;
        if (w->booted && !one_in(4))
            u.pa = w->pa + u.va - w->va;
        u.cache = cache;
    } else if (one_in(2)) {
        u = protect_of(w->va + at * PAGE_SIZE, len * PAGE_SIZE, rights, flags);
        u.cache = cache;
    } else {
        u = unmap_of(w->va + at * PAGE_SIZE, len * PAGE_SIZE);
    }
    if (!one_in(8))
        return u;
    /* What other operations need is not looked at. */
    if (u.operation != FOOTING_MAP) {
        u.pa = random_number();
        u.max_level = (uint32_t)below(9);
    }
    return u;
}

/* One member is made what it must not be. */
static void spoil(struct footing_update *u)
{
    static const uint64_t odd[] = {1, 8, 0x800, 0xfff};
    const uint64_t footings[] = {info->image_va, info->pmap_va, info->stack_va,
                                 UINT64_MAX - PAGE_MASK};
    uint32_t bit = 1u << below(32);

    switch (below(12)) {
    case 0:
        u->va += odd[below(4)];
        break;
    case 1:
        u->len = one_in(3) ? 0 : u->len + odd[below(4)];
        break;
    case 2:
        u->operation = FOOTING_MAP;
        u->pa += odd[below(4)];
        u->max_level = 0;
        break;
    case 3:
        u->operation = FOOTING_MAP;
        u->max_level = 3 + (uint32_t)below(3);
        break;
    case 4:
        u->operation = FOOTING_MAP;
        u->max_level = 0;
        u->pa = one_in(2) ? 1ull << info->cpu.phys_bits
                          : (1ull << info->cpu.phys_bits) - u->len + PAGE_SIZE;
        break;
    case 5:
        u->operation = 3 + (uint32_t)below(3);
        break;
    case 6:
        u->flags |= bit > 4 ? bit : 8;
        break;
    case 7:
        u->operation = FOOTING_PROTECT;
        u->rights |= bit > 4 ? bit : 1;
        break;
    case 8:
        u->operation = FOOTING_PROTECT;
        u->cache = one_in(2) ? 2 + (uint32_t)below(2) : 7 + bit % 1000;
        break;
    case 9:
        u->frames = NULL;
        break;
    case 10:
        u->va = info->levels == 5 ? 0x00fffffffffff000 : 0x7ffffffff000;
        u->va += one_in(2) ? PAGE_SIZE : 0;
        u->len = u->va & PAGE_SIZE ? 2 * PAGE_SIZE : PAGE_SIZE;
        break;
    default:
        u->va = footings[below(sizeof(footings) / sizeof(footings[0]))] & ~PAGE_MASK;
        break;
    }
}

/* Its first and last page and their neighbours, and others between. */
static void try_around(const struct footing_update *u, unsigned count)
{
    try_some(u->va, count);
    try_some(u->va + u->len - PAGE_SIZE, count);
    try_some(u->va + below(u->len / PAGE_SIZE) * PAGE_SIZE, count);
    try_some(u->va - PAGE_SIZE, 1);
    try_some(u->va + u->len, 1);
}

/* Nothing is mapped then; of what was mapped at boot, all is. */
static void close_window(const struct window *w)
{
    for (uint64_t n, at = 0; at < w->count; at += n) {
        struct footing_update u;

        n = extent(w, at, w->count);
        u = unmap_of(w->va + at * PAGE_SIZE, n * PAGE_SIZE);
        if (!w->pages[at].mapped)
            continue;
        try_around(&u, 4);
        change(&u);
        try_around(&u, 4);
    }
    if (w->booted) {
        struct footing_update u = map_of(w->va, w->pa, w->count * PAGE_SIZE, w->rights, 2, 0);

        change(&u);
        try_around(&u, 4);
    }
}

static void close_windows(void)
{
    for (unsigned i = 0; i < window_count; i++)
        close_window(&windows[i]);
}

/* Mappings that are there: neighbours that differ count as two, even if Footing has them as one. */
static uint64_t pieces(void)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < window_count; i++) {
        const struct window *w = &windows[i];

        for (uint64_t at = 0; at < w->count; at++) {
            const struct page *p = &w->pages[at];

            if (!w->mapped[at / LARGE_PAGES] || !w->changed[at / LARGE_PAGES])
                at |= LARGE_PAGES - 1;
            else
                count += p->mapped && (at == 0 || !p[-1].mapped || p[-1].frame + 1 != p->frame ||
                                       p[-1].rights != p->rights || p[-1].cache != p->cache);
        }
    }
    return count;
}

void run_random(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        const struct window *w = &windows[below(window_count)];
        struct footing_update u = some_call(w);
        const struct footing_update good = u;

        if (one_in(6))
            spoil(&u);
        try_around(&good, 3); /* which the TLB then holds */
        change(&u);
        try_around(&good, 5);
        try_touched(4);
        if (i % FRAMES_EVERY == 0) {
            check_frames("random calls");
            if (pieces() > PIECES_MAX)
                close_windows();
        }
        if (differences > 20)
            break;
    }
    check_frames("random calls");
    close_windows();
    check_frames("all is as it was");
}
