/* SPDX-License-Identifier: MIT */
/*
 * Live changes on the host. Usage: update CASE, under callgrind with
 * --toggle-collect=measured_CASE: what happens inside is counted, but for
 * flush() and exchange(), which do nothing here. Prints "leaves N".
 *
 *     build    pt_count() and pt_build() of 64 MiB of 4 KiB pages, for comparison
 *     map      pt_update() that maps the same, one MTRR type, no table but the root
 *     page     pt_update() that maps one page into a table that is there
 *     unmap    pt_update() that unmaps that page again
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measured.h"
#include "update.h"
#include "x86.h"

#define MIB    (UINT64_C(1) << 20)
#define TABLES 64
#define VA     UINT64_C(0xffffffff80000000)
#define PA     (256 * MIB)
#define BASE   UINT64_C(0x100000000) /* as measured.c has it */

static bool pool_reserve(void *ctx, size_t count)
{
    const struct pool *pool = ctx;

    return count <= TABLES - pool->used;
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

static void pool_write(void *ctx, uint64_t *slot, size_t n, uint64_t entry, uint64_t step)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++)
        *(volatile uint64_t *)&slot[i] = entry + i * step;
}

static void pool_flush(void *ctx, uint64_t va, uint64_t len)
{
    (void)ctx;
    (void)va;
    (void)len;
}

static void pool_exchange(void *ctx, uint64_t *slot, uint64_t entry, uint64_t va, uint64_t len)
{
    (void)ctx;
    (void)va;
    (void)len;
    *(volatile uint64_t *)slot = entry;
}

/* Not to be inlined: callgrind collects by these names. */
__attribute__((noipa)) static size_t measured_build(const struct plan *plan, struct pool *pool)
{
    return measured(plan, pool);
}

__attribute__((noipa)) static struct error measured_map(struct pt_space *space,
                                                        const struct pt_change *change)
{
    return pt_update(space, change);
}

__attribute__((noipa)) static struct error measured_page(struct pt_space *space,
                                                         const struct pt_change *change)
{
    return pt_update(space, change);
}

__attribute__((noipa)) static struct error measured_unmap(struct pt_space *space,
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

static int run(const char *name)
{
    static const struct mtrr_state mtrr = {
        .present = true, .phys_bits = 46, .def_type = MTRR_DEF_ENABLE | MEMTYPE_WB};
    static struct pt_alias aliases[64];
    struct pool pool = {.slots = aligned_alloc(PAGE_SIZE, TABLES * PAGE_SIZE)};
    const struct pt_live_memory memory = {&pool,      pool_reserve, pool_alloc,
                                          pool_free,  pool_map,     pool_unmap,
                                          pool_write, pool_flush,   pool_exchange};
    struct pt_space space = {
        .root = BASE,
        .levels = 4,
        .phys_bits = 46,
        .max_level = 2,
        .directmap_base = UINT64_C(0xffff800000000000),
        .directmap_size = UINT64_C(1) << 46,
        .mtrr = &mtrr,
        .memory = &memory,
        .aliases = aliases,
        .max_aliases = 64,
    };
    struct pt_change change = {PT_MAP, VA, PA, 64 * MIB, RIGHT_W, MEMTYPE_WB, 0, false, false};
    const struct plan *plan;
    int failed = 0;

    if (!pool.slots)
        abort();
    plan = make_plan(strcmp(name, "build") == 0);
    measured_build(plan, &pool);
    failed |= check(pt_space_start(&space, plan));
    if (strcmp(name, "map") == 0) {
        failed |= check(measured_map(&space, &change));
        printf("leaves %d\n", 64 * 256);
    } else if (strcmp(name, "build") == 0) {
        printf("leaves %d\n", 64 * 256 + 64 + 24);
    } else {
        change.len = PAGE_SIZE;
        failed |= check(pt_update(&space, &change));
        change.va += 4 * PAGE_SIZE;
        change.pa += 4 * PAGE_SIZE + MIB;
        failed |= check(measured_page(&space, &change));
        change.op = PT_UNMAP;
        failed |= check(measured_unmap(&space, &change));
        printf("leaves 1\n");
    }
    free(pool.slots);
    return failed;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"build", "map", "page", "unmap"};

    for (size_t i = 0; argc == 2 && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(argv[1], names[i]) == 0)
            return run(names[i]);
    }
    fprintf(stderr, "usage: update build|map|page|unmap\n");
    return 2;
}
