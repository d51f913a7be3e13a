/* SPDX-License-Identifier: MIT */
/* Who holds which of PMAP's slots: a stack of runs, the last one taken is the first to go. */
#ifndef SLOTS_H
#define SLOTS_H

#include <stdbool.h>
#include <stddef.h>

#define SLOTS_MAX 128

/* All zero: none is taken. */
struct slots {
    unsigned used;
    const char *owners[SLOTS_MAX]; /* by a run's first slot; null for the others of it */
};

/* The next n > 0 of `max` slots, at most SLOTS_MAX: *first on. False: there are not that many. */
bool slots_take(struct slots *slots, unsigned max, const char *owner, size_t n, unsigned *first);

/*
 * Give back the run that begins at `first`. Null, or, if it is not the last
 * one, who holds a run behind it, and if no run begins there, "nobody";
 * nothing is given back then.
 */
const char *slots_release(struct slots *slots, unsigned first);

/* Who holds the last run; null: nobody has any. *first: where it begins. */
const char *slots_owner(const struct slots *slots, unsigned *first);

#endif
