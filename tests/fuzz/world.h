/* SPDX-License-Identifier: MIT */
/*
 * A machine out of a fuzzer's bytes: levels, largest page, directmap, width,
 * room in the plan, the slot and the bit to flip; then records (ranges, MTRRs,
 * wanted mappings, limits), which read_record() spells out.
 */
#ifndef WORLD_H
#define WORLD_H

#include "fuzz.h"
#include "machine.h"

#define MAX_EDGES 1024

struct world {
    struct machine *m;
    size_t room; /* in the plan */
    uint16_t flip_slot;
    uint8_t flip_bit;
    uint64_t edges[MAX_EDGES]; /* where something may change */
    size_t nedges;
};

/* Read all bytes; the machine is settled. */
void world_read(struct world *w, struct bytes *in);

#endif
