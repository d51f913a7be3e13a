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

#endif
