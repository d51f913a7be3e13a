/* SPDX-License-Identifier: MIT */
/* How many levels the page tables have: SDM vol. 3 section 4.1.1. */
#ifndef LEVELS_H
#define LEVELS_H

#include "boot.h"

/*
 * Complete the request, by la57=, the CPU, and the end of the RAM: auto has the
 * fewest levels whose directmap holds it all, as far as the CPU has them.
 * ERR_LEVELS: the CPU has not what is asked for.
 */
struct error levels_choose(struct boot *boot);

/* Will levels_change() find what it borrows below 4 GiB, with so many frames left? ERR_LEVELS. */
struct error levels_check(struct frame_pool pool);

/*
 * Turn LA57 on or off, under the boot tables, which go on: as many levels as
 * the plan has. Frames are borrowed from the free RAM. ERR_LEVELS: none below
 * 4 GiB.
 */
struct error levels_change(const struct boot *boot);

#endif
