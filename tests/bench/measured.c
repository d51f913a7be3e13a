/* SPDX-License-Identifier: MIT */
#include "measured.h"

#include <stdlib.h>

#include "x86.h"

#define POOL_BASE UINT64_C(0x100000000)

static uint64_t pool_alloc(void *ctx, unsigned level, uint64_t va)
{
    struct pool *pool = ctx;

    (void)level;
    (void)va;
    return POOL_BASE + PAGE_SIZE * pool->used++;
}

static uint64_t *pool_map(void *ctx, uint64_t frame)
{
    const struct pool *pool = ctx;

    return pool->slots + (frame - POOL_BASE) / sizeof(uint64_t);
}

static void pool_unmap(void *ctx, uint64_t *table)
{
    (void)ctx;
    (void)table;
}

/* Not to be inlined: callgrind collects by this name. */
__attribute__((noipa)) size_t measured(const struct plan *plan, struct pool *pool)
{
    const struct pt_memory memory = {pool, pool_alloc, pool_map, pool_unmap};
    struct pt_stats stats;
    uint64_t root;
    size_t counted = pt_count(plan, 4);

    pool->used = 0;
    pt_build(plan, 4, &memory, &root, &stats);
    if (stats.tables != counted)
        abort();
    return counted;
}
