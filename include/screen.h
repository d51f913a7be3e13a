/* SPDX-License-Identifier: MIT */
/* The screen: VGA text, a framebuffer, or none. */
#ifndef SCREEN_H
#define SCREEN_H

#include <stdbool.h>

#include "facts.h"
#include "memmap.h"
#include "memtype.h"
#include "plan.h"

enum screen { SCREEN_NONE, SCREEN_TEXT, SCREEN_PIXELS };

#define SCREEN_MAPPINGS_MAX 8

/*
 * Map the screen in the boot tables, and show the console on it. Without a
 * framebuffer a BIOS machine has VGA text. A line if it is out of reach.
 */
enum screen screen_find(const struct framebuffer *fb, bool bios);

/* The same screen; or none and a line, if the map says that its memory is RAM. */
enum screen screen_settle(enum screen screen, const struct framebuffer *fb,
                          const struct memmap *map);

/*
 * The screen's plan entries, at most SCREEN_MAPPINGS_MAX, at the addresses
 * where it is mapped already; max_level is left to the caller. A framebuffer
 * is write-combining where the CPU has a PAT. Returns how many; 0 for one that
 * the MTRRs cut into more pieces: the console is not shown on it any more.
 */
size_t screen_mappings(enum screen screen, const struct framebuffer *fb,
                       const struct mtrr_state *mtrr, bool pat, struct mapping *mappings);

#endif
