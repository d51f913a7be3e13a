/* SPDX-License-Identifier: MIT */
#include "access.h"

#define SEED  20261121
#define COUNT 1500

const struct footing_info *info;

void access_main(const struct footing_info *given);

/* Our frames are in no other mapping then, and reached through PMAP. */
static void close_directmap(void)
{
    const struct window *w = &windows[window_count - 1];
    const struct footing_update u = unmap_of(w->va, w->count * PAGE_SIZE);

    if (info->directmap_len > 0)
        change(&u);
}

void access_main(const struct footing_info *given)
{
    uint64_t seed, count;

    info = given;
    seed = argument("seed=", SEED);
    count = argument("count=", COUNT);
    traps_init();
    physical_init();
    random_seed(seed);
    model_init();
    say("seed=%u count=%u, %u levels, %s directmap, RAM 0x%x+0x%x, text 0x%x+0x%x", seed, count,
        info->levels, info->directmap_len > 0 ? "a" : "no", pools[POOL_RAM].first * PAGE_SIZE,
        pools[POOL_RAM].count * PAGE_SIZE, pools[POOL_TEXT].first * PAGE_SIZE,
        pools[POOL_TEXT].count * PAGE_SIZE);
    try_outside();
    if (has_argument(info->command_line, "directmap=", "unmapped"))
        close_directmap();
    if (!run_plant()) {
        run_refused();
        run_aliases();
        run_no_frames();
        run_full();
        run_lowest();
        run_twins();
        run_exhaustive();
        run_random(count);
    }
    try_outside();
    say_answers();
    if (differences == 0)
        say("%u accesses, %u calls, all as predicted", accesses_made, calls_made);
    else
        say("FAILED: %u differences in %u accesses, %u calls; seed=%u count=%u", differences,
            accesses_made, calls_made, seed, count);
    info->calls->finish(differences == 0);
}
