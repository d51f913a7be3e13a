/* SPDX-License-Identifier: MIT */
/* What can be said of a change without looking at the tables. */
#include "update_table.h"

/* Nothing but RAM at its own address belongs into the directmap's window, in the main root. */
static bool clashes(const struct pt_space *space, const struct pt_change *change)
{
    uint64_t above = change->va - space->directmap_base;

    if (above >= space->directmap_size && (space->directmap_size == 0 || -above >= change->len))
        return false;
    return above != change->pa || space->root != space->main_root;
}

enum error_code pt_check_change(const struct pt_space *space, const struct pt_change *change)
{
    unsigned sign = slot_shift(space->levels) - 1;
    uint64_t last = change->va + (change->len - 1);
    uint64_t half = change->va >> sign;
    uint64_t width = UINT64_C(1) << space->phys_bits;
    uint64_t pa = change->op == PT_MAP ? change->pa : 0;

    if (change->len == 0 || ((change->va | pa | change->len) & PAGE_MASK))
        return ERR_ALIGN;
    if (last < change->va || half != last >> sign || (half != 0 && half != UINT64_MAX >> sign))
        return ERR_CANONICAL;
    if (change->op == PT_MAP) {
        if (pa >= width || change->len > width - pa)
            return ERR_WIDTH;
        if (change->max_level >= PT_LEAF_LEVELS)
            return ERR_LARGE;
        if (clashes(space, change))
            return ERR_CLASH;
    }
    if (change->op != PT_UNMAP && (change->rights & RIGHT_W) && (change->rights & RIGHT_X) &&
        !change->allow_wx)
        return ERR_WX;
    return ERR_NONE;
}
