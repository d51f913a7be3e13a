/* SPDX-License-Identifier: MIT */
/*
 * The independent oracle: what the manuals and the headers' text say, worked
 * out one byte, one page or one address at a time. It shares no code with
 * mm/, and no constant that could be wrong in both.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memmap.h"
#include "memtype.h"
#include "plan.h"

/* One range of a firmware map, as it was handed to memmap_add(). */
struct ref_range {
    uint64_t base;
    uint64_t len;
    enum mem_type type;
};

struct ref_map {
    const struct ref_range *in;
    size_t count;
    unsigned phys_bits;
};

/* The most restrictive type of all ranges that cover this byte; false: none does. */
bool ref_type_at(const struct ref_map *map, uint64_t pa, enum mem_type *type);

/* Bytes of one type. */
uint64_t ref_bytes(const struct ref_map *map, enum mem_type type);

/* Is every byte of [base, base + len) of this type? */
bool ref_is(const struct ref_map *map, uint64_t base, uint64_t len, enum mem_type type);

/*
 * All addresses where the type may change, ascending, with repeats: 0, each
 * base, each end, the width. edges has room for 2 * count + 2.
 */
size_t ref_edges(const struct ref_map *map, uint64_t *edges);

/* The effective type of one address by the MTRRs, SDM vol. 3 section 12.11.4. */
enum memtype ref_mtrr_type(const struct mtrr_state *mtrr, uint64_t pa);

/* Is this whole page write-back RAM, all of it below `top`? */
bool ref_page_is_ram(const struct ref_map *map, const struct mtrr_state *mtrr, uint64_t page,
                     uint64_t top);

/* How an address translates, or should. */
struct ref_hit {
    bool present;
    uint64_t pa;
    unsigned level;
    unsigned rights;
    unsigned type;
    bool user;
    bool global;
    bool accessed;
    bool dirty;
};

/* How the oracle reads one slot of the table in a frame. */
struct ref_reader {
    void *ctx;
    uint64_t (*read)(void *ctx, uint64_t frame, unsigned slot);
};

/* Translate one address as the CPU does; a non-canonical one is not present. */
struct ref_hit ref_translate(const struct ref_reader *reader, uint64_t root, unsigned levels,
                             uint64_t va);

/* The frame of the table of this level on the way to va; 0: none. */
uint64_t ref_table_for(const struct ref_reader *reader, uint64_t root, unsigned levels, uint64_t va,
                       unsigned level);

/* Everything below the root, counted. */
struct ref_census {
    size_t tables; /* the root included */
    size_t leaves[3];
    size_t links_not_open; /* entries to tables that are not writable and executable */
    size_t stray;          /* not present, not zero */
};

void ref_take_census(const struct ref_reader *reader, uint64_t root, unsigned levels,
                     struct ref_census *census);

/* What the plan says of one address. */
struct ref_hit ref_planned(const struct plan *plan, uint64_t va);

/* The level of the page that the plan's rule uses at va, which is in this entry. */
unsigned ref_page_level(const struct mapping *entry, uint64_t va);

/* How many tables and leaves a sorted plan needs at least, by the set of needed windows. */
void ref_minimum(const struct plan *plan, unsigned levels, struct ref_census *census);

/* Do any two entries, or one alone, break W^X or give a frame two types? */
bool ref_frames_agree(const struct plan *plan);

#endif
