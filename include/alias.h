/* SPDX-License-Identifier: MIT */
/* Which other mappings a frame has: for pt_update(), inside mm/. */
#ifndef ALIAS_H
#define ALIAS_H

#include "update.h"

/* Pages in a row: [va, va + len) to [pa, pa + len), of one kind. */
struct pt_run {
    uint64_t va;
    uint64_t pa;
    uint64_t len;
};

/*
 * The run is to be mapped, unmapped or protected: by how many entries does the
 * list grow, or shrink? Unless err is null, may these frames be mapped so, as
 * far as their other mappings are concerned? *err: ERR_WX or ERR_TYPE for the
 * first page that is wrong. With commit, the list is changed; there is room.
 */
long alias_update(const struct pt_space *space, const struct pt_change *change,
                  const struct pt_run *run, bool commit, struct error *err);

static inline bool alias_is_full(const struct pt_aliases *aliases, long growth)
{
    return growth > 0 && aliases->count + (size_t)growth > aliases->max;
}

/* Both for a single page, to pa. False: it may not be, or there is no room; nothing has changed. */
bool alias_page(const struct pt_space *space, const struct pt_change *change, uint64_t pa);

/* All mappings of this root are gone. */
void alias_forget(const struct pt_space *space);

#endif
