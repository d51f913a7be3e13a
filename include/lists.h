/* SPDX-License-Identifier: MIT */
/*
 * The lists of RAM that a payload is given: what is held and by whom, and what
 * is free. Both stand in one room of fixed size. What does not fit is an
 * error; nothing is ever written behind the room's end.
 */
#ifndef LISTS_H
#define LISTS_H

#include "footing.h"
#include "frames.h"

struct ram_lists {
    const struct footing_held *held; /* ascending by base */
    size_t held_count;
    const struct footing_range *free; /* ascending, disjoint */
    size_t free_count;
};

/*
 * Held RAM is what is busy, and the page tables: the first `tables` frames of
 * the pool as it was before any was taken. Free RAM is what is left of it, as
 * `left` has it. room: so many `words` that stay as they are for as long as the
 * lists are used. ERR_LISTS: text = the list that does not fit, at = how many
 * entries of it there is room for; the lists are empty then.
 */
struct error lists_make(struct ram_lists *lists, const struct plan_request *request,
                        const struct busy_list *busy, uint64_t tables,
                        const struct frame_pool *left, uint64_t *room, size_t words);

#endif
