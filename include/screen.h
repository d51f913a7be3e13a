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

/* Which screen to show the console on, and why on none; both texts static, or null. */
struct screen_choice {
    enum screen screen;
    const char *why;
    const char *against; /* what is there instead */
};

/* Is it the text screen, 80 columns? pc: that is what there is where nobody names another. */
bool screen_shows_text(const struct framebuffer *fb, bool pc);

/*
 * Choose by the normalised map: no character is drawn where that has memory
 * of any kind, be it next to pixels in their first or last page. No reason is
 * given where there is no framebuffer, or one with a flaw of its own
 * (framebuffer_flaw()). Pure.
 */
struct screen_choice screen_choose(const struct framebuffer *fb, bool pc, const struct memmap *map);

/* Before anything else is asked of a framebuffer: its pitch, and a line if it has a flaw. */
void screen_check(struct framebuffer *fb, bool pc);

/* Map the chosen screen in the boot tables, and show the console on it, with its backlog. */
void screen_show(enum screen screen, const struct framebuffer *fb);

/* These pages are no longer mapped, or no longer writable: is the screen among them, it is given up. */
void screen_loses(uint64_t va, uint64_t len);

/* Choose and show; a line if it cannot be. Returns which one it is. */
enum screen screen_settle(const struct framebuffer *fb, bool pc, const struct memmap *map);

/*
 * The screen's plan entries, at most SCREEN_MAPPINGS_MAX, at the addresses
 * where it is mapped already; max_level is left to the caller. A framebuffer
 * is write-combining where the CPU has a PAT. Returns how many; 0 for one that
 * the MTRRs cut into more pieces: the console is not shown on it any more.
 */
size_t screen_mappings(enum screen screen, const struct framebuffer *fb,
                       const struct mtrr_state *mtrr, bool pat, struct mapping *mappings);

#endif
