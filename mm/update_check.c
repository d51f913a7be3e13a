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
    uint64_t va = change->va;
    uint64_t last = va + (change->len - 1);
    bool map = change->op == PT_MAP;
    uint64_t pa = map ? change->pa : 0;

    if (change->len == 0 || ((va | pa | change->len) & PAGE_MASK))
        return ERR_ALIGN;
    /* Both in one half; with its least address added, the upper half is below the lower one. */
    if (last < va || (va ^ last) >> sign || (va + (UINT64_C(1) << sign)) >> (sign + 1))
        return ERR_CANONICAL;
    if (map) {
        if ((pa | (pa + (change->len - 1))) >> space->phys_bits)
            return ERR_WIDTH;
        if (change->max_level >= PT_LEAF_LEVELS)
            return ERR_LARGE;
        if (clashes(space, change))
            return ERR_CLASH;
    }
    if (change->op != PT_UNMAP && (~change->rights & (RIGHT_W | RIGHT_X)) == 0 && !change->allow_wx)
        return ERR_WX;
    return ERR_NONE;
}
