/* SPDX-License-Identifier: MIT */
/*
 * Identity mapping of one code page, for whoever must turn paging off or
 * exchange the root: never in the tables that are live, but in a root of its
 * own, which has that page at its physical address and is otherwise as the
 * live one. So nothing that is mapped can be in the way, and nobody reaches
 * the page there who has not loaded that root.
 */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "update.h"

/*
 * A root with the page at pa mapped to itself, executable, and all of main's
 * root but the one entry that this takes. pa is a multiple of 4 KiB; `levels`
 * frames at most. Errors are those of pt_update(), above all ERR_CANONICAL
 * and ERR_WX (the page is writable somewhere), and there is no root then: it is 0, or what it was.
 * pt_root_destroy() ends it.
 */
struct error identity_create(struct pt_space *identity, struct pt_space *main, uint64_t pa);

/* The one page that a payload has on its way to its identity mapping. All zero: none. */
struct identity_page {
    uint64_t pa;
    uint64_t root; /* as identity_create() made it; 0: none is prepared */
    bool enabled;
    uint64_t cr4; /* as it was before it was enabled */
};

/*
 * CR4 for while the page is enabled, and from then on: global translations of
 * whatever else is mapped at pa would outlive a change of roots, so CR4.PGE is
 * off. In whatever order and number these two are called, CR4.PGE is in the end
 * what it was before the first identity_enable().
 */
uint64_t identity_enable(struct identity_page *page, uint64_t cr4);

/* The page is none from now on, whether it was enabled or not. */
uint64_t identity_disable(struct identity_page *page, uint64_t cr4);

#endif
