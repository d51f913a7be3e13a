/* SPDX-License-Identifier: MIT */
/*
 * Physical memory for tables that is not where its address says: a frame
 * cannot be used as a pointer. Every map() hands out a fresh copy and every
 * unmap() puts it back and frees it, so that a use after unmap() is a use
 * after free; unmapping out of order, an unknown frame, a second mapping of
 * one frame, and a write through a reader fail the test on the spot.
 */
#ifndef FAKE_MEMORY_H
#define FAKE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pagetable.h"
#include "reference.h"
#include "walk.h"

#define FAKE_POISON     UINT64_C(0xdb5ad5ad5ad5ad5b)
#define FAKE_MAX_FRAMES 65536u
#define FAKE_MAX_DEPTH  8

/* What alloc() was asked for. */
struct fake_request {
    unsigned level;
    uint64_t va;
};

struct fake_memory {
    uint64_t (*frames)[512]; /* what the frames hold */
    struct fake_request *requests;
    size_t limit; /* alloc() past it fails the test */
    size_t used;
    struct {
        size_t index;
        uint64_t *copy;
    } open[FAKE_MAX_DEPTH];
    size_t depth;
    size_t maps;
    size_t rewrites; /* slots that changed after they had been written and unmapped */
};

void fake_memory_init(struct fake_memory *fake, size_t limit);
void fake_memory_free(struct fake_memory *fake);

/* The faces that builder, walker and oracle see. */
struct pt_memory fake_memory_pt(struct fake_memory *fake);
struct pt_reader fake_memory_reader(struct fake_memory *fake);
struct ref_reader fake_memory_ref(struct fake_memory *fake);

/* A frame for a planted table, all zero. */
uint64_t fake_memory_zeroed(struct fake_memory *fake);

/* The slots themselves, for planting faults. */
uint64_t *fake_memory_slots(struct fake_memory *fake, uint64_t frame);

/* All unmapped, no slot unwritten, none written twice with two values. */
void fake_memory_assert_written(const struct fake_memory *fake);

#endif
