/* SPDX-License-Identifier: MIT */
#include "levels.h"

#include "cpu.h"
#include "identity.h"
#include "layout.h"
#include "pmap.h"

#define BELOW_4G UINT64_C(0x100000000)

extern uint64_t boot_l4[], boot_l5[];

/* Where the RAM ends that would be mapped, were the directmap's window endless. */
static uint64_t mapped_end(struct plan_request request)
{
    struct ram_iter iter;
    struct ram_piece piece;
    uint64_t end = 0;

    request.directmap = false;
    ram_first(&iter, &request);
    while (ram_next(&iter, &piece)) {
        if (piece.fate == RAM_MAPPED)
            end = piece.end;
    }
    return end;
}

struct error levels_choose(struct boot *boot)
{
    bool five = boot->options.la57 == LA57_ON;

    if (five && !boot->caps.la57)
        return (struct error){.code = ERR_LEVELS,
                              .text = "la57=on, but the CPU has four (CPUID 7 ECX bit 16)"};
    if (boot->options.la57 == LA57_AUTO && boot->caps.la57 && boot->options.directmap)
        five = mapped_end(boot->request) > DIRECTMAP_SIZE_4;
    boot->request.levels = five ? 5 : 4;
    boot->request.directmap_base = five ? DIRECTMAP_BASE_5 : DIRECTMAP_BASE_4;
    boot->request.directmap_size = five ? DIRECTMAP_SIZE_5 : DIRECTMAP_SIZE_4;
    return SUCCESS;
}

/* From a copy of the pool: what is taken here is in use until the switch only. */
static uint64_t take(void *ctx, unsigned level, uint64_t va)
{
    uint64_t frame = 0;

    (void)level;
    (void)va;
    frame_pool_take(ctx, &frame);
    return frame;
}

static uint64_t *map(void *ctx, uint64_t frame)
{
    (void)ctx;
    return frame_map(frame);
}

static void unmap(void *ctx, uint64_t *table)
{
    (void)ctx;
    frame_unmap(table);
}

/* Without paging the CPU reaches 4 GiB: all frames there, for simplicity. */
static bool has_low(struct frame_pool pool, size_t count)
{
    uint64_t frame;

    while (count > 0 && frame_pool_take(&pool, &frame) && frame < BELOW_4G)
        count--;
    return count == 0;
}

struct error levels_change(const struct boot *boot)
{
    uint64_t boot_roots[] = {image_pa(boot_l4), image_pa(boot_l5)};
    struct frame_pool pool = boot->pool;
    const struct pt_memory memory = {&pool, take, map, unmap};
    unsigned from = cpu_levels();
    unsigned to = boot->request.levels;
    uint64_t code;
    uint64_t old_root;
    uint64_t new_root;

    if (!has_low(pool, 1 + identity_frames(from) + identity_frames(to)))
        return (struct error){.code = ERR_LEVELS, .text = "no free RAM below 4 GiB to do it in"};
    boot_l5[PT_SLOTS - 1] = boot_roots[0] | PT_LINK;
    code = take(&pool, 0, 0);
    void *copy = pmap_map("identity page", code, PAGE_SIZE);
    __builtin_memcpy(copy, levels_start, (size_t)(levels_end - levels_start));
    pmap_unmap(copy);
    old_root = identity_build(code, from, boot_roots[from - 4], &memory);
    new_root = identity_build(code, to, boot_roots[to - 4], &memory);
    cpu_change_levels(code, old_root, new_root);
    return SUCCESS;
}
