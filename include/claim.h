/* SPDX-License-Identifier: MIT */
/* May what a loader put somewhere stay there? Pure. */
#ifndef CLAIM_H
#define CLAIM_H

#include "frames.h"
#include "memmap.h"
#include "memtype.h"

/* The machine's memory, and what is held in it so far. */
struct claim_ground {
    const struct memmap *map;
    const struct mtrr_state *mtrr;
    const struct busy_list *busy;
};

/*
 * What lies in [base, end) must lie in usable, write-back RAM, and not on
 * anything held; what is empty lies nowhere. ERR_INUSE, ERR_NOTWB,
 * ERR_OVERLAP: at and value are its first and last byte, text (of message())
 * says what is in the way: the first such address, and what is there.
 */
struct error claim_check(const struct claim_ground *ground, uint64_t base, uint64_t end);

#endif
