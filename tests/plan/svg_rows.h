/* SPDX-License-Identifier: MIT */
/* The physical address space as rows of a picture, ascending and without a gap. */
#ifndef SVG_ROWS_H
#define SVG_ROWS_H

#include "blanket.h"

enum row_kind {
    ROW_MAPPED,   /* RAM in the directmap */
    ROW_LEFT_OUT, /* RAM that is not */
    ROW_RANGE,    /* no RAM, by the map's own word */
    ROW_HOLE,     /* of no range of the map */
    ROW_FOLDED    /* many rows that are too small to be shown one by one */
};

struct row {
    uint64_t base;
    uint64_t end; /* exclusive */
    enum row_kind kind;
    enum mem_type type;            /* of a ROW_RANGE */
    enum ram_fate fate;            /* of a ROW_LEFT_OUT */
    enum memtype memtype;          /* of a ROW_LEFT_OUT that is not write-back */
    const struct mapping *mapping; /* of a ROW_MAPPED */
    size_t folded;                 /* how many rows a ROW_FOLDED stands for */
    uint64_t ram;                  /* bytes of it in the directmap */
};

/*
 * The rows up to the end of the map, and of the blanket (may be null) if that
 * reaches further; at most `most` or a few more; to be freed.
 */
struct row *rows_make(const struct result *result, const struct blanket *blanket, size_t most,
                      size_t *count);

/* Bytes of a row that a blanket reaches and the directmap does not have. */
uint64_t row_reached(const struct row *row, const struct blanket *blanket);

#endif
