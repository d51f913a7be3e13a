/* SPDX-License-Identifier: MIT */
/* Which other mappings a frame has: for pt_update(), inside mm/. */
#ifndef ALIAS_H
#define ALIAS_H

#include "update.h"

/* Pages in a row: [va, va + len) to [pa, pa + len), all of one kind. */
struct pt_run {
    uint64_t va;
    uint64_t pa;
    uint64_t len;
    unsigned rights;
    enum memtype type;
};

/* May these frames be mapped so, as far as their other mappings are concerned? ERR_WX, ERR_TYPE. */
struct error alias_check(const struct pt_space *space, const struct pt_run *run,
                         const struct pt_change *change);

/* Is this run a part of what is there already, and of the same kind? Then it need not be noted. */
bool alias_known(const struct pt_space *space, const struct pt_run *run);

/* By how many entries the registry grows, or shrinks, when this is done to a run. */
long alias_growth(const struct pt_space *space, const struct pt_run *run, enum pt_op op);

void alias_add(struct pt_space *space, const struct pt_run *run);
void alias_remove(struct pt_space *space, const struct pt_run *run);

#endif
