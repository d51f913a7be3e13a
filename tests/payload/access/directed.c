/* SPDX-License-Identifier: MIT */
/* What random calls would seldom meet: refusals by name, aliases, an allocator that fails. */
#include "access.h"

#define ALL (FOOTING_ALLOW_WX | FOOTING_ALLOW_CACHE)
#define RW  FOOTING_WRITE
#define RX  FOOTING_EXECUTE

#define FRAMES_MAX 16 /* more than any change of one page can need */

static void must(const struct footing_update *u, uint32_t words)
{
    change_to(u, words);
}

static uint64_t ram_at(uint64_t offset)
{
    return pools[POOL_RAM].first * PAGE_SIZE + offset;
}

#define FULL_LEAST 400 /* mappings; the header names no number, and random.c stays below 300 */
#define FULL_MAX   20000

/* It has free RAM writable, so that the same frames are executable elsewhere by leave only. */
static bool has_directmap(void)
{
    return pools[POOL_RAM].aliases[0].write > 0;
}

/* ---- refusals: one rule broken at a time, so one word */

void run_refused(void)
{
    uint64_t va = windows[0].va + MIB, pa = ram_at(MIB);
    uint64_t wide = info->levels == 5 ? 0x0100000000000000 : 0x0000800000000000;
    const uint64_t footings[] = {info->image_va, info->pmap_va, info->stack_va,
                                 UINT64_MAX - PAGE_MASK};
    struct footing_update u;

    must(&(struct footing_update){.operation = FOOTING_MAP, .va = va, .pa = pa, .len = PAGE_SIZE},
         MAY(INVALID));
    u = map_of(va + 1, pa, PAGE_SIZE, RW, 0, 0);
    must(&u, MAY(ALIGN));
    u = map_of(va, pa + 0x800, PAGE_SIZE, RW, 0, 0);
    must(&u, MAY(ALIGN));
    u = map_of(va, pa, PAGE_SIZE + 8, RW, 0, 0);
    must(&u, MAY(ALIGN));
    u = map_of(va, pa, 0, RW, 0, 0);
    must(&u, MAY(ALIGN) | MAY(INVALID)); /* len > 0 is said beside the multiples */
    u = map_of(wide, pa, PAGE_SIZE, RW, 0, 0);
    must(&u, MAY(CANONICAL));
    u = map_of(wide - PAGE_SIZE, pa, 2 * PAGE_SIZE, RW, 0, 0);
    must(&u, MAY(CANONICAL));
    u = unmap_of(va, UINT64_MAX - PAGE_MASK);
    must(&u, MAY(CANONICAL) | MAY(ABSENT) | MAY(CLASH)); /* up to the top, and around it */
    u = map_of(va, 1ull << info->cpu.phys_bits, PAGE_SIZE, RW, 0, 0);
    must(&u, MAY(WIDTH));
    u = map_of(va, UINT64_MAX - PAGE_MASK, 2 * PAGE_SIZE, RW, 0, 0);
    must(&u, MAY(WIDTH));
    u = map_of(va, pa, PAGE_SIZE, RW, 3, 0);
    must(&u, MAY(LARGE));
    u = map_of(va, pa, PAGE_SIZE, RW | RX, 0, 0);
    must(&u, MAY(WX));
    u = unmap_of(va, PAGE_SIZE);
    must(&u, MAY(ABSENT));
    u = protect_of(va, PAGE_SIZE, 0, 0);
    must(&u, MAY(ABSENT));
    for (unsigned i = 0; i < sizeof(footings) / sizeof(footings[0]); i++) {
        u = map_of(footings[i], pa, PAGE_SIZE, RW, 0, 0);
        must(&u, MAY(CLASH));
    }
    /* What Footing has mapped itself is not the payload's to take away. */
    u = unmap_of(info->image_va, PAGE_SIZE);
    must(&u, MAY(CLASH));
    u = protect_of(info->image_va, PAGE_SIZE, 0, 0);
    must(&u, MAY(CLASH));
    u = unmap_of(info->stack_va, PAGE_SIZE);
    must(&u, MAY(CLASH));
    if (has_directmap()) {
        u = map_of(info->directmap_va + pa, pa, PAGE_SIZE, RW, 0, 0);
        must(&u, MAY(CLASH));
    }
    u = map_of(info->payload_entry_va & ~PAGE_MASK, pa, PAGE_SIZE, RW, 0, 0);
    must(&u, MAY(CLASH));
    if (info->levels == 4) { /* which five levels have */
        u = map_of(0xff80000000000000, pa, PAGE_SIZE, RW, 0, 0);
        must(&u, MAY(CANONICAL));
        u = map_of(0x0080000000000000, pa, PAGE_SIZE, RW, 0, 0);
        must(&u, MAY(CANONICAL));
    }
    try_page(va);
    check_frames("refused calls");
}

/*
 * Twice one frame, with two types by leave, or writable and executable; then
 * both become the same in one call. Each is held against what the other was.
 */
void run_twins(void)
{
    uint64_t va = windows[0].va, text = pools[POOL_TEXT].first * PAGE_SIZE;
    struct footing_update u = map_of(va, ram_at(0), PAGE_SIZE, 0, 0, FOOTING_ALLOW_CACHE);

    u.cache = FOOTING_WC;
    must(&u, MAY(DONE));
    u = map_of(va + PAGE_SIZE, ram_at(0), PAGE_SIZE, 0, 0, FOOTING_ALLOW_CACHE);
    must(&u, MAY(DONE));
    u = protect_of(va, 2 * PAGE_SIZE, 0, 0);
    must(&u, MAY(TYPE));
    u.flags = FOOTING_ALLOW_CACHE;
    must(&u, MAY(DONE));
    u = map_of(va + 2 * PAGE_SIZE, text, PAGE_SIZE, RW, 0, FOOTING_ALLOW_WX);
    must(&u, MAY(DONE));
    u = map_of(va + 3 * PAGE_SIZE, text, PAGE_SIZE, RX, 0, FOOTING_ALLOW_WX);
    must(&u, MAY(DONE));
    u = protect_of(va + 2 * PAGE_SIZE, 2 * PAGE_SIZE, RX, 0);
    must(&u, MAY(WX));
    u.flags = FOOTING_ALLOW_WX;
    must(&u, MAY(DONE));
    u = unmap_of(va, 4 * PAGE_SIZE);
    must(&u, MAY(DONE));
}

/* README.md, "Virtual memory": the first 64 KiB always fault. */
void run_lowest(void)
{
    struct footing_update u = map_of(0xf000, ram_at(MIB), PAGE_SIZE, RW, 0, 0);

    must(&u, MAY(CLASH));
    u.va = 0;
    must(&u, MAY(CLASH));
    try_access(READ8, 0xf000);
    try_access(READ8, 0);
}

/* ---- aliases */

/* Twice the same frames: what is written by one is read by the other. */
static void both(uint64_t one, uint64_t two)
{
    for (unsigned i = 0; i < 4; i++) {
        try_page(one);
        try_page(two);
        try_access(WRITE8, one + 0xff8);
        try_access(READ8, two + 0xff8);
        try_access(WRITE8, two + 0x800);
        try_access(READ8, one + 0x800);
        try_access(LOCKED, one);
        try_access(READ8, two);
        try_access(WRITE8, two + 0xffc);
        try_access(READ8, one + 0xffc);
    }
}

static void try_aliases(uint64_t one, uint64_t two, uint64_t pa, bool writable_elsewhere)
{
    const struct footing_update unmap_one = unmap_of(one, 2 * PAGE_SIZE);
    const struct footing_update unmap_two = unmap_of(two, 2 * PAGE_SIZE);
    struct footing_update u;

    /* rw- first; r-x needs leave, by either operation, and so does another type. */
    u = map_of(one, pa, 2 * PAGE_SIZE, RW, 0, writable_elsewhere ? 0 : FOOTING_ALLOW_WX);
    must(&u, MAY(DONE));
    u = map_of(two, pa, 2 * PAGE_SIZE, RX, 0, 0);
    must(&u, MAY(WX));
    both(one, two);
    u.flags = FOOTING_ALLOW_CACHE;
    must(&u, MAY(WX));
    u.flags = FOOTING_ALLOW_WX;
    must(&u, MAY(DONE));
    both(one, two);
    must(&unmap_two, MAY(DONE));
    u = map_of(two, pa, 2 * PAGE_SIZE, 0, 0, 0);
    u.cache = FOOTING_WC;
    must(&u, MAY(TYPE));
    u.flags = FOOTING_ALLOW_WX;
    must(&u, MAY(TYPE) | (writable_elsewhere ? 0 : MAY(WX)));
    u.flags = ALL;
    must(&u, MAY(DONE));
    both(one, two);
    u = protect_of(two, 2 * PAGE_SIZE, RX, FOOTING_ALLOW_WX);
    must(&u, MAY(DONE));
    u = protect_of(two, PAGE_SIZE, RX, FOOTING_ALLOW_WX);
    u.cache = FOOTING_UC;
    must(&u, MAY(TYPE));
    both(one, two);
    u = protect_of(two + PAGE_SIZE, PAGE_SIZE, RX, 0);
    must(&u, MAY(WX) | (writable_elsewhere ? 0 : MAY(DONE)));
    u = protect_of(two, 2 * PAGE_SIZE, 0, ALL);
    must(&u, MAY(DONE));
    both(one, two);
    must(&unmap_one, MAY(DONE));
    must(&unmap_two, MAY(DONE));
    both(one, two);
    check_frames("aliases");
}

/* Frames that nothing has writable: executable without leave, then writable only with it. */
static void try_text(uint64_t one, uint64_t two)
{
    uint64_t pa = pools[POOL_TEXT].first * PAGE_SIZE, len = pools[POOL_TEXT].count * PAGE_SIZE;
    const struct footing_update unmap = unmap_of(one, len);
    struct footing_update u = map_of(one, pa, len, RX, 0, 0);

    must(&u, MAY(DONE));
    try_page(one);
    try_page(one + len - PAGE_SIZE);
    u = map_of(two, pa, len, RW, 0, 0);
    must(&u, MAY(WX));
    u = protect_of(one + PAGE_SIZE, PAGE_SIZE, RW, 0);
    must(&u, MAY(WX));
    u = protect_of(one + PAGE_SIZE, PAGE_SIZE, 0, 0);
    must(&u, MAY(DONE));
    try_page(one);
    try_page(one + PAGE_SIZE);
    must(&unmap, MAY(DONE));
    try_page(one);
}

#define HPET          0xfed00000ull
#define DEFAULT_TYPE  0x2ff
#define VARIABLE_BASE 0x200
#define MTRR_CAP      0xfe

static uint64_t read_msr(uint32_t number)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return (uint64_t)high << 32 | low;
}

/* By SDM vol. 3, 12.11.4.1, as far as it is asked here: above 1 MiB, write-back or not. */
static bool is_write_back(uint64_t pa)
{
    uint64_t standard = read_msr(DEFAULT_TYPE);
    uint64_t limit = (1ull << info->cpu.phys_bits) - 1;
    bool any = false, all = true;

    for (uint32_t i = 0; i < (read_msr(MTRR_CAP) & 0xff); i++) {
        uint64_t base = read_msr(VARIABLE_BASE + 2 * i), mask = read_msr(VARIABLE_BASE + 2 * i + 1);

        if (!(mask & 0x800) || (base ^ pa) & mask & limit & ~PAGE_MASK)
            continue;
        any = true;
        all = all && (base & 0xff) == FOOTING_WB;
    }
    if (!(standard & 0x800))
        return false;
    return any ? all : (standard & 0xff) == FOOTING_WB;
}

/* A device: uncacheable, and write-back only if the MTRRs have it so. It is only read. */
static void try_device(uint64_t va)
{
    const struct footing_update unmap = unmap_of(va, PAGE_SIZE);
    struct footing_update u = map_of(va, HPET, PAGE_SIZE, 0, 0, 0);

    if (!(info->cpu.features & FOOTING_CPU_MTRR))
        return;
    if (!is_write_back(HPET))
        must(&u, MAY(TYPE));
    u.cache = FOOTING_UC;
    must(&u, MAY(DONE));
    try_page(va);
    must(&unmap, MAY(DONE));
    try_page(va);
}

void run_aliases(void)
{
    uint64_t one = windows[0].va + 2 * PAGE_SIZE, two = windows[1].va + GIB - 4 * PAGE_SIZE;
    bool direct = has_directmap();

    try_aliases(one, two, ram_at(5 * PAGE_SIZE), direct);
    try_aliases(two, one, ram_at(9 * PAGE_SIZE), direct);
    try_aliases(one, one + 2 * PAGE_SIZE, ram_at(2 * MIB - PAGE_SIZE), direct);
    if (empty_windows > 2)
        try_aliases(windows[2].va, one, ram_at(5 * PAGE_SIZE), direct);
    try_device(two);
    try_text(one, two - pools[POOL_TEXT].count * PAGE_SIZE);
}

/* ---- an allocator that fails */

/* With ever more frames, until it is done. Before that, each time nothing has changed. */
static void until_done(const struct footing_update *u, bool needs_frames)
{
    const struct footing_update *call = u;
    enum word word = NOFRAMES;

    for (unsigned frames = 0; word == NOFRAMES && frames <= FRAMES_MAX; frames++) {
        frames_left = frames;
        word = change_to(call,
                         needs_frames && frames == 0 ? MAY(NOFRAMES) : MAY(NOFRAMES) | MAY(DONE));
        frames_left = NO_LIMIT;
        try_page(u->va - PAGE_SIZE);
        try_page(u->va);
        try_page(u->va + u->len - PAGE_SIZE);
        try_page(u->va + u->len);
    }
    if (word != DONE)
        differs("%u frames are not enough", (uint64_t)FRAMES_MAX);
    check_frames("an allocator that fails");
}

void run_no_frames(void)
{
    for (unsigned w = 0; w < empty_windows; w++) {
        uint64_t va = windows[w].va + 4 * MIB, pa = ram_at(4 * MIB);
        uint64_t before = frames_taken - frames_given;
        struct footing_update u = map_of(va - PAGE_SIZE, pa - PAGE_SIZE, 3 * PAGE_SIZE, RW, 0, 0);

        until_done(&u, true);
        u = unmap_of(u.va, u.len);
        until_done(&u, false);
        u = map_of(va, pa, 4 * MIB, RW, 1, 0);
        until_done(&u, true);
        u = protect_of(va + 2 * MIB - PAGE_SIZE, 2 * PAGE_SIZE, 0, 0);
        until_done(&u, largest() > 0);
        u = protect_of(u.va, u.len, RW, 0);
        until_done(&u, false);
        u = unmap_of(va + MIB, 2 * MIB);
        until_done(&u, false); /* it may be merged, and split again */
        u = unmap_of(va, MIB);
        until_done(&u, false);
        u = unmap_of(va + 3 * MIB, MIB);
        until_done(&u, false);
        if (frames_taken - frames_given != before)
            differs("nothing is mapped, and %u frames are out", frames_taken - frames_given);
        if (!pool_is_gib || largest() < 2)
            continue;
        u = map_of(windows[w].va, ram_at(0), GIB, RW, 2, 0);
        until_done(&u, true);
        u = protect_of(va, PAGE_SIZE, 0, 0);
        until_done(&u, true);
        u = unmap_of(windows[w].va, GIB);
        until_done(&u, false);
    }
}

/* ---- as many mappings as there is room for */

/* Each apart from the others. The n-th one that does not fit changes nothing. */
void run_full(void)
{
    uint64_t va = windows[0].va + 3 * PAGE_SIZE, pa = ram_at(0);
    const struct footing_update three = map_of(windows[1].va, pa, 3 * PAGE_SIZE, RW, 0, 0);
    const struct footing_update middle = unmap_of(windows[1].va + PAGE_SIZE, PAGE_SIZE);
    const struct footing_update ends = unmap_of(windows[1].va, 3 * PAGE_SIZE);
    struct footing_update u;
    uint64_t count = 0;

    must(&three, MAY(DONE));
    for (;; count++) {
        u = map_of(va + 2 * count * PAGE_SIZE, pa + count % 64 * PAGE_SIZE, PAGE_SIZE, RW, 0, 0);
        if (count == FULL_MAX || change_to(&u, MAY(DONE) | MAY(PLANFULL)) != DONE)
            break;
    }
    say("%u mappings fit", count);
    if (count < FULL_LEAST || count == FULL_MAX)
        differs("there is room for %u mappings", count);
    must(&u, MAY(PLANFULL));
    must(&middle, MAY(PLANFULL)); /* of one mapping it makes two */
    u = protect_of(middle.va, PAGE_SIZE, 0, 0);
    must(&u, MAY(PLANFULL));
    try_page(u.va);
    try_page(middle.va);
    try_page(va + 2 * count * PAGE_SIZE);
    /* With one less there is room for one. */
    while (count-- > 0) {
        u = unmap_of(va + 2 * count * PAGE_SIZE, PAGE_SIZE);
        must(&u, MAY(DONE));
        try_some(u.va, 2);
        if (count % 64 != 0)
            continue;
        must(&middle, MAY(DONE));
        try_page(middle.va);
        u = map_of(middle.va, pa + PAGE_SIZE, PAGE_SIZE, RW, 0, 0);
        must(&u, MAY(DONE));
    }
    must(&ends, MAY(DONE));
    check_frames("as many mappings as fit");
}
