/* SPDX-License-Identifier: MIT */
/*
 * From physical addresses to virtual ones: the one place that decides how a
 * frame is reached. All arithmetic is modulo 2^64 and so holds wherever the
 * image lies: below its link address, at it, above it.
 */
#ifndef REACH_H
#define REACH_H

#include <stdint.h>

#include "plan.h"

enum reach {
    REACH_IMAGE,     /* a part of the image: at its link address */
    REACH_DIRECTMAP, /* mapped writable there */
    REACH_PMAP       /* through a slot */
};

struct places {
    uint64_t image_pa;
    uint64_t image_va;
    uint64_t image_len;
    /* Null: there is no directmap, not yet, or it is no longer as planned. */
    const struct plan *plan;
    uint64_t directmap_base;
};

/* How to reach the page at `frame`, a multiple of 4 KiB; *va: where, unless it is REACH_PMAP. */
enum reach places_reach(const struct places *places, uint64_t frame, uint64_t *va);

/* Where the image's byte at a link address is in physical memory. */
static inline uint64_t places_image_pa(const struct places *places, uint64_t va)
{
    return va - places->image_va + places->image_pa;
}

#endif
