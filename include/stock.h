/* SPDX-License-Identifier: MIT */
/*
 * Frames for page tables, taken in advance from a payload's allocator, so that
 * a change can be all or nothing. Each frame is looked at before it is taken:
 * what an allocator gives by mistake is refused, and never becomes a table.
 */
#ifndef STOCK_H
#define STOCK_H

#include "footing.h"
#include "memmap.h"
#include "update.h"

/* What the frames of an allocator must keep clear of. */
struct stock_rules {
    const struct memmap *map;
    const struct pt_space *main;   /* its tables, mappings, MTRRs and width */
    const struct pt_space *others; /* further roots; root 0: none */
    size_t nothers;
    uint64_t image_pa; /* Footing itself; len 0: it may be the payload's, too */
    uint64_t image_len;
};

#define STOCK_BUCKETS 16384 /* a power of two */

struct frame_stock {
    const struct footing_frames *source;
    const struct stock_rules *rules; /* null: the source is Footing's own, and can be relied on */
    const struct pt_live_memory *memory; /* how frames are reached: map() and unmap() */
    uint64_t first; /* each has the next one's address in its first word; 0: none */
    /*
     * How many tables are in frames with this number modulo STOCK_BUCKETS. At
     * UINT8_MAX it is not known any more, and stays so. 0 is sure: then no
     * table has to be looked at.
     */
    uint8_t tables[STOCK_BUCKETS];
};

/* From now on by these rules, which must outlive the stock; it is empty, and the tables are there. */
void stock_start(struct frame_stock *stock, const struct stock_rules *rules);

/*
 * So many frames more, from the source: all or none. ERR_NOFRAMES: it has not
 * got them. ERR_FRAME: it gave what cannot become a table: no multiple of 4
 * KiB, or too wide; no usable RAM by the memory map, or not write-back by the
 * MTRRs; a part of Footing; a frame that is in the stock already, or a table of
 * any root; one that is mapped executable, or with another type than
 * write-back. Those that were taken before are given back, that one is not.
 */
enum error_code stock_reserve(struct frame_stock *stock, size_t count);

/* One of them, which becomes a table; there is one. */
uint64_t stock_take(struct frame_stock *stock);

/* A frame that is a table no more goes to the source. */
void stock_free(struct frame_stock *stock, uint64_t frame);

/* So do all that were not needed. */
void stock_return(struct frame_stock *stock);

#endif
