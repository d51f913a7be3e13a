/* SPDX-License-Identifier: MIT */
#include "levels.h"

#include "cpu.h"
#include "identity.h"
#include "layout.h"
#include "live.h"
#include "pmap.h"
#include "trap.h"

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

/*
 * Frames borrowed until the switch, from copies of the pool. Without paging the
 * CPU reaches 4 GiB: the page of code must lie there, and the root for after.
 */
struct loan {
    struct frame_pool pool;
    uint64_t code;
    uint64_t root;
    bool is_root; /* the next one that is asked for is the root */
};

/* A low frame, after none or one that was found already; 0: there is none. */
static uint64_t find_low(struct frame_pool pool, uint64_t other)
{
    uint64_t frame;

    while (frame_pool_take(&pool, &frame)) {
        if (frame < BELOW_4G && frame != other)
            return frame;
        /* All that follows in this run is no lower. */
        if (frame >= BELOW_4G)
            pool.run.base = pool.run.end;
    }
    return 0;
}

static uint64_t borrow(void *ctx)
{
    struct loan *loan = ctx;
    uint64_t frame;

    if (loan->is_root) {
        loan->is_root = false;
        return loan->root;
    }
    do {
        if (!frame_pool_take(&loan->pool, &frame))
            return 0;
    } while (frame == loan->code || frame == loan->root);
    return frame;
}

static void give_back(void *ctx, uint64_t frame)
{
    (void)ctx;
    (void)frame;
}

/* A root as the boot tables' of so many levels, with the code page. */
static struct error make_root(const struct boot *boot, unsigned levels, uint64_t code,
                              const struct pt_live_memory *memory, uint64_t *root)
{
    struct pt_alias entries[2];
    uint64_t keys[2];
    struct pt_aliases aliases;
    struct pt_space boot_space = {
        .root = image_pa(levels == 5 ? boot_l5 : boot_l4),
        .main_root = image_pa(levels == 5 ? boot_l5 : boot_l4),
        .levels = levels,
        .phys_bits = boot->request.phys_bits,
        .mtrr = &boot->mtrr,
        .memory = memory,
        .aliases = &aliases,
    };
    struct pt_space identity = {0};
    struct error err;

    pt_aliases_init(&aliases, entries, keys, 2);
    err = identity_create(&identity, &boot_space, code);
    *root = identity.root;
    return err;
}

/* The two frames that must be low. */
static struct error find_loan(struct loan *loan)
{
    loan->code = find_low(loan->pool, 0);
    loan->root = find_low(loan->pool, loan->code);
    if (!loan->code || !loan->root)
        return (struct error){.code = ERR_LEVELS, .text = "no free RAM below 4 GiB to do it in"};
    return SUCCESS;
}

struct error levels_check(struct frame_pool pool)
{
    struct loan loan = {.pool = pool};

    return find_loan(&loan);
}

struct error levels_change(const struct boot *boot)
{
    struct loan loan = {.pool = boot->pool};
    const struct footing_frames frames = {&loan, borrow, give_back};
    const struct pt_live_memory *memory = live_memory(&frames);
    uint64_t old_root = 0;
    uint64_t new_root = 0;
    struct error err = find_loan(&loan);

    if (err.code)
        return err;
    boot_l5[PT_SLOTS - 1] = image_pa(boot_l4) | PT_LINK;
    err = make_root(boot, cpu_levels(), loan.code, memory, &old_root);
    loan.is_root = true;
    if (!err.code)
        err = make_root(boot, boot->request.levels, loan.code, memory, &new_root);
    if (err.code)
        return err;
    void *copy = pmap_map("identity page", loan.code, PAGE_SIZE);
    __builtin_memcpy(copy, levels_start, (size_t)(levels_end - levels_start));
    pmap_unmap(copy);
    cpu_change_levels(loan.code, old_root, new_root);
    /* The task register, too, is to be loaded anew after a while out of long mode. */
    trap_use_stacks();
    return SUCCESS;
}
