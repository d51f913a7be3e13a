/* SPDX-License-Identifier: MIT */
/*
 * Live changes on the host. Usage: update CASE, under callgrind with
 * --toggle-collect=measured_build or measured_update: what happens inside is
 * counted, but for flush() and exchange(), which do nothing here. Prints
 * "leaves N entries M": what the measured call maps, and how many entries it
 * writes.
 *
 *     build    pt_count() and pt_build() of 64 MiB of 4 KiB pages, for comparison
 *     range    map the same, one MTRR type, no table but the root
 *     page     map one page into a table that is there, and has others; the change
 *              before was in that table too
 *     unmap    unmap that page again
 *     protect  make it read-only
 *     page-first, unmap-first, protect-first: the change before was in another table
 *     join     map a page that goes on the mapping before it
 *     beside   map a page beside whose frame another mapping ends
 *     many     as page, with 400 mappings more
 *     twice    map a page whose frame is mapped elsewhere, too
 *     code     map an executable page: the directmap is looked at
 *     far      as page-first, for a frame that is far from the last one's
 *     middle   make one page read-only in the middle of a mapping
 *     empty    unmap the only page of a table
 *     split    make one page of a 1 GiB page read-only
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measured.h"
#include "update.h"
#include "x86.h"

#define MIB    (UINT64_C(1) << 20)
#define TABLES 64
#define MANY   400
#define VA     UINT64_C(0xffffffff80000000)
#define PA     (256 * MIB)
#define BASE   UINT64_C(0x100000000) /* as measured.c has it */

#define PAGE     (VA + 21 * PAGE_SIZE) /* between others */
#define MIDDLE   (VA + 40 * PAGE_SIZE)
#define ALONE    (VA + 8 * MIB)
#define LARGE    UINT64_C(0x40000000)
#define LARGE_PA UINT64_C(0x100000000)
#define POISON   UINT64_C(0xdb5ad5ad5ad5ad5b)

static enum error_code pool_reserve(void *ctx, size_t count)
{
    const struct pool *pool = ctx;

    return count <= TABLES - pool->used ? ERR_NONE : ERR_NOFRAMES;
}

static uint64_t pool_alloc(void *ctx)
{
    struct pool *pool = ctx;

    return BASE + PAGE_SIZE * pool->used++;
}

static void pool_free(void *ctx, uint64_t frame)
{
    (void)ctx;
    (void)frame;
}

static uint64_t *pool_map(void *ctx, uint64_t frame)
{
    const struct pool *pool = ctx;

    return pool->slots + (frame - BASE) / sizeof(uint64_t);
}

static void pool_unmap(void *ctx, uint64_t *table)
{
    (void)ctx;
    (void)table;
}

static size_t written; /* entries, by write() and exchange() */

static void pool_write(void *ctx, uint64_t *slot, size_t n, uint64_t entry, uint64_t step)
{
    (void)ctx;
    written += n;
    for (size_t i = 0; i < n; i++)
        *(volatile uint64_t *)&slot[i] = entry + i * step;
}

static void pool_flush(void *ctx, uint64_t va, uint64_t len)
{
    (void)ctx;
    (void)va;
    (void)len;
}

static void pool_exchange(void *ctx, const struct pt_exchange *what)
{
    pool_write(ctx, what->slot, what->n, what->entry, what->step);
}

/* Not to be inlined: callgrind collects by these names. */
__attribute__((noipa)) static size_t measured_build(const struct plan *plan, struct pool *pool)
{
    return measured(plan, pool);
}

__attribute__((noipa)) static struct error measured_update(struct pt_space *space,
                                                           const struct pt_change *change)
{
    return pt_update(space, change);
}

static int check(struct error err)
{
    if (err.code)
        fprintf(stderr, "%s\n", error_words(err.code).says);
    return err.code != ERR_NONE;
}

/* From a plan with a directmap of 128 MiB and a few mappings, as after a boot. */
static struct plan *make_plan(bool with_range)
{
    static struct mapping entries[] = {
        {UINT64_C(0xffff800000000000), 0, 128 * MIB, RIGHT_W, MEMTYPE_WB, 2, WHAT_DIRECTMAP},
        {VA, PA, 64 * MIB, RIGHT_W, MEMTYPE_WB, 0, WHAT_PAYLOAD},
        {UINT64_C(0xfffffffff0080000), MIB, 8 * PAGE_SIZE, RIGHT_X, MEMTYPE_WB, 0, WHAT_IMAGE_TEXT},
        {UINT64_C(0xfffffffff0090000), 2 * MIB, 16 * PAGE_SIZE, RIGHT_W, MEMTYPE_WB, 0,
         WHAT_IMAGE_DATA},
    };
    static struct plan plan = {.entries = entries, .count = 4, .max = 4};

    if (!with_range) {
        memmove(&entries[1], &entries[2], 2 * sizeof(entries[0]));
        plan.count = 3;
    }
    return &plan;
}

/* Eight variable ranges, of which three are in use, as firmware leaves them for 4 GiB of RAM. */
static struct mtrr_state make_mtrrs(void)
{
    struct mtrr_state mtrr = {
        .present = true,
        .phys_bits = 46,
        .def_type = MTRR_DEF_ENABLE | MTRR_DEF_FIXED_ENABLE | MEMTYPE_WB,
        .variable = 8,
    };

    for (unsigned i = 0; i < MTRR_FIXED_REGS; i++)
        mtrr.fixed[i] = UINT64_C(0x0606060606060606);
    for (uint64_t i = 0; i < 3; i++) {
        uint64_t size = UINT64_C(0x40000000) >> i;

        mtrr.var[i].base = (UINT64_C(0x100000000) - 2 * size) | MEMTYPE_UC;
        mtrr.var[i].mask = ((UINT64_C(1) << 46) - size) | MTRR_MASK_VALID;
    }
    return mtrr;
}

/* What is there before: some pages of many kinds in a table, 1 GiB in one page, a lone page. */
static int prepare(struct pt_space *space, size_t many)
{
    struct pt_change change = {PT_MAP,     LARGE, LARGE_PA, 1024 * MIB, RIGHT_W,
                               MEMTYPE_WB, 2,     false,    false};
    int failed = check(pt_update(space, &change));

    change.len = PAGE_SIZE;
    for (uint64_t i = 0; i < 12; i++) {
        change.va = VA + 2 * i * PAGE_SIZE;
        change.pa = PA + (i * 5 % 12) * MIB;
        failed |= check(pt_update(space, &change));
    }
    change.va = MIDDLE - 8 * PAGE_SIZE;
    change.pa = PA + 32 * MIB;
    change.len = 16 * PAGE_SIZE;
    failed |= check(pt_update(space, &change));
    change.va = ALONE;
    change.pa = PA + 48 * MIB;
    change.len = PAGE_SIZE;
    failed |= check(pt_update(space, &change));
    for (uint64_t i = 0; i < many; i++) {
        change.va = ALONE + 2 * MIB + i * PAGE_SIZE;
        change.pa = PA + (i * 7 % many) * 48 * PAGE_SIZE + 8 * PAGE_SIZE;
        failed |= check(pt_update(space, &change));
    }
    return failed;
}

#define MAP_PAGE \
    { \
        PT_MAP, PAGE, PA + 8 * MIB + 65536, PAGE_SIZE, RIGHT_W, MEMTYPE_WB, 2, false, false \
    }
#define UNMAP_PAGE \
    { \
        .op = PT_UNMAP, .va = PAGE, .len = PAGE_SIZE \
    }
#define PROTECT_PAGE \
    { \
        .op = PT_PROTECT, .va = PAGE, .len = PAGE_SIZE, .type = MEMTYPE_WB \
    }

static const struct pt_change page_there = MAP_PAGE;
/* The change before: a sibling of the page, which is there; or the lone page. */
static const struct pt_change near_before = {
    PT_MAP, PAGE + 2 * PAGE_SIZE, PA + 8 * MIB + 4096, PAGE_SIZE, RIGHT_W, MEMTYPE_WB, 2, false,
    false};
static const struct pt_change far_before = {
    .op = PT_PROTECT, .va = ALONE, .len = PAGE_SIZE, .rights = RIGHT_W, .type = MEMTYPE_WB};

static const struct {
    const char *name;
    struct pt_change change;
    const struct pt_change *before;
} cases[] = {
    {"range", {PT_MAP, VA, PA, 64 * MIB, RIGHT_W, MEMTYPE_WB, 0, false, false}, NULL},
    {"page", MAP_PAGE, &near_before},
    {"unmap", UNMAP_PAGE, &page_there},
    {"protect", PROTECT_PAGE, &page_there},
    {"page-first", MAP_PAGE, &far_before},
    {"unmap-first", UNMAP_PAGE, &far_before},
    {"protect-first", PROTECT_PAGE, &far_before},
    {"join",
     {PT_MAP, PAGE, PA + 2 * MIB + PAGE_SIZE, PAGE_SIZE, RIGHT_W, MEMTYPE_WB, 2, false, false},
     &near_before},
    {"beside",
     {PT_MAP, PAGE, PA + 3 * MIB + PAGE_SIZE, PAGE_SIZE, RIGHT_W, MEMTYPE_WB, 2, false, false},
     &near_before},
    {"many", MAP_PAGE, &near_before},
    {"twice",
     {PT_MAP, PAGE, PA + 3 * MIB, PAGE_SIZE, RIGHT_W, MEMTYPE_WB, 2, false, false},
     &near_before},
    {"code",
     {PT_MAP, PAGE, PA + 8 * MIB + 65536, PAGE_SIZE, RIGHT_X, MEMTYPE_WB, 2, false, false},
     &near_before},
    {"far",
     {PT_MAP, PAGE, PA + 1024 * MIB, PAGE_SIZE, RIGHT_W, MEMTYPE_WB, 2, false, false},
     &far_before},
    {"middle", {.op = PT_PROTECT, .va = MIDDLE, .len = PAGE_SIZE, .type = MEMTYPE_WB}, NULL},
    {"empty", {.op = PT_UNMAP, .va = ALONE, .len = PAGE_SIZE}, NULL},
    {"split",
     {.op = PT_PROTECT, .va = LARGE + 7 * PAGE_SIZE, .len = PAGE_SIZE, .type = MEMTYPE_WB},
     NULL},
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

/* Entries that have been written since the frames from `first` on were filled with POISON. */
static size_t count_filled(const struct pool *pool, uint64_t first)
{
    size_t count = 0;

    for (uint64_t i = first * 512; i < pool->used * 512; i++)
        count += pool->slots[i] != POISON;
    return count;
}

static int run(const struct pt_change *change, const struct pt_change *before, size_t many)
{
    static struct pt_alias entries[MANY + 64];
    static uint64_t keys[MANY + 64];
    struct pt_aliases aliases;
    const struct mtrr_state mtrr = make_mtrrs();
    struct pool pool = {.slots = aligned_alloc(PAGE_SIZE, TABLES * PAGE_SIZE)};
    const struct pt_live_memory memory = {&pool,      pool_reserve, pool_alloc,
                                          pool_free,  pool_map,     pool_unmap,
                                          pool_write, pool_flush,   pool_exchange};
    struct pt_space space = {
        .root = BASE,
        .main_root = BASE,
        .levels = 4,
        .phys_bits = 46,
        .max_level = 2,
        .directmap_base = UINT64_C(0xffff800000000000),
        .directmap_size = UINT64_C(1) << 46,
        .mtrr = &mtrr,
        .memory = &memory,
        .aliases = &aliases,
    };
    const struct plan *plan = make_plan(change == NULL);
    uint64_t used;
    int failed;

    if (!pool.slots)
        abort();
    measured_build(plan, &pool);
    pt_aliases_init(&aliases, entries, keys, MANY + 64);
    failed = check(pt_space_start(&space, plan));
    if (change == NULL) {
        printf("leaves %d entries 0\n", 64 * 256 + 64 + 24);
        free(pool.slots);
        return failed;
    }
    if (change->len == PAGE_SIZE)
        failed |= prepare(&space, many);
    if (change->va == PAGE && change->op != PT_MAP)
        failed |= check(pt_update(&space, &page_there));
    if (before && before != &page_there)
        failed |= check(pt_update(&space, before));
    used = pool.used;
    for (uint64_t i = used * 512; i < TABLES * 512; i++)
        pool.slots[i] = POISON;
    written = 0;
    failed |= check(measured_update(&space, change));
    printf("leaves %d entries %zu\n", (int)(change->len / PAGE_SIZE),
           written + count_filled(&pool, used));
    free(pool.slots);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "build") == 0)
        return run(NULL, NULL, 0);
    for (size_t i = 0; argc == 2 && i < CASES; i++) {
        if (strcmp(argv[1], cases[i].name) == 0)
            return run(&cases[i].change, cases[i].before, strcmp(argv[1], "many") == 0 ? MANY : 0);
    }
    fprintf(stderr, "usage: update build|range|page|unmap|protect|page-first|unmap-first|"
                    "protect-first|join|beside|many|twice|code|far|middle|empty|split\n");
    return 2;
}
