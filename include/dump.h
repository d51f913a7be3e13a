/* SPDX-License-Identifier: MIT */
/* What page tables map, in runs: for people, of any root. */
#ifndef DUMP_H
#define DUMP_H

#include "walk.h"

/*
 * Neighbours that go on where the one before ends, virtually and physically,
 * with the same effective rights and memory type; of whatever page sizes.
 */
struct pt_dump_run {
    uint64_t va;
    uint64_t pa;
    uint64_t len;
    unsigned rights;
    bool user;
    enum memtype type; /* as struct pt_leaf has it */
    size_t leaves[PT_LEAF_LEVELS];
};

struct pt_dump_sink {
    void *ctx;
    void (*run)(void *ctx, const struct pt_dump_run *run);
    /* An entry that no valid table has; the walk goes on behind it. */
    void (*bad)(void *ctx, unsigned level, uint64_t va, uint64_t entry);
};

/* All that the tables under this root map, in ascending order. */
void pt_dump(uint64_t root, unsigned levels, unsigned phys_bits, const struct pt_reader *reader,
             const struct pt_dump_sink *sink);

/* The same on the console, by boot/dump_print.c: a root of as many levels as are active. */
void dump_print(uint64_t root);

#endif
