/* SPDX-License-Identifier: MIT */
#include "reach.h"

/* The last entry that begins at or below va; null: none does. */
static const struct mapping *find(const struct plan *plan, uint64_t va)
{
    size_t low = 0;
    size_t high = plan->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (plan->entries[middle].va <= va)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &plan->entries[low - 1] : NULL;
}

enum reach places_reach(const struct places *places, uint64_t frame, uint64_t *va)
{
    const struct mapping *m;

    *va = frame - places->image_pa + places->image_va;
    if (frame - places->image_pa < places->image_len)
        return REACH_IMAGE;
    if (!places->plan)
        return REACH_PMAP;
    *va = places->directmap_base + frame;
    m = find(places->plan, *va);
    if (m && m->what == WHAT_DIRECTMAP && (m->rights & RIGHT_W) && frame - m->pa < m->len)
        return REACH_DIRECTMAP;
    return REACH_PMAP;
}
