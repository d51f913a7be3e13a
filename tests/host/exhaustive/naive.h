/* SPDX-License-Identifier: MIT */
/*
 * The naive model of a small machine: three levels of tables with four slots
 * each, so 64 pages of 4 KiB, the upper 32 of them the directmap's. All of it
 * is arrays with one element a page; it shares no code with mm/.
 */
#ifndef NAIVE_H
#define NAIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memmap.h"
#include "memtype.h"
#include "plan.h"

#define LEVELS    3u
#define SLOTS     4u
#define PAGES     64u /* virtual ones; of physical memory, the first 64 matter */
#define UNITS     128u
#define UNIT      2048u /* bytes; a memory map may end in the middle of a page */
#define WIDTH     32u
#define MAX_IN    64u
#define MAX_FIXED 4u
#define NOTHING   MEM_TYPES

/* One case: what the firmware, the MTRRs and the caller say. */
struct world {
    struct {
        uint64_t base;
        uint64_t len;
        enum mem_type type;
    } in[MAX_IN];
    size_t count;
    struct mtrr_state mtrr;
    struct mapping fixed[MAX_FIXED];
    size_t nfixed;
    uint64_t directmap_base;
    uint64_t directmap_size;
    bool directmap;
    uint64_t ram_limit;
    unsigned max_level;
};

/* What one virtual page must be. */
struct naive_page {
    bool present;
    unsigned entry; /* which entry of the plan, from 0 */
    unsigned level; /* of the leaf that translates it */
    uint64_t pa;
    uint64_t leaf; /* that leaf, as it stands in its table */
    unsigned rights;
    unsigned type;
    unsigned max_level;
};

struct naive {
    unsigned unit[UNITS]; /* memory types, or NOTHING */
    bool ram[PAGES];      /* in the directmap */
    size_t ram_pages;
    struct naive_page page[PAGES];
    size_t entries;
    size_t tables; /* the least that do */
    size_t leaves[3];
};

/* Pages of a leaf of this level. */
unsigned naive_span(unsigned level);

/* The effective type of a page by the MTRRs. */
unsigned naive_mtrr(const struct mtrr_state *mtrr, uint64_t pa);

void naive_work_out(const struct world *world, struct naive *naive);

/*
 * Hold tables against it, slot by slot: read() gives a slot of the table in a
 * frame. Null if they agree, else what is wrong; *used: tables seen.
 */
const char *naive_compare(const struct naive *naive, uint64_t root,
                          uint64_t (*read)(uint64_t frame, unsigned slot), size_t *used);

#endif
