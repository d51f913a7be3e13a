/* SPDX-License-Identifier: MIT */
/*
 * Identity mapping of one code page, for whoever must turn paging off or
 * exchange the root: never in the tables that are live, but through a root of
 * its own, which has that page at its physical address and is otherwise as
 * the live one. So nothing that is mapped can be in the way, and nobody
 * reaches the page who has not loaded that root.
 */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "pagetable.h"

/* How many frames identity_build() takes. */
static inline size_t identity_frames(unsigned levels)
{
    return levels;
}

/*
 * A root with the page at pa mapped to itself, read-only and executable, and
 * all of `like`'s entries but for the one that pa's translation needs. pa is a
 * multiple of 4 KiB and, as an address, canonical.
 */
uint64_t identity_build(uint64_t pa, unsigned levels, uint64_t like,
                        const struct pt_memory *memory);

#endif
