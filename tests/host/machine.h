/* SPDX-License-Identifier: MIT */
/*
 * A made-up machine: firmware map, MTRRs and what is wanted of a plan, with
 * the storage for all of it, and the oracle's view of the same facts.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include "plan.h"
#include "random.h"
#include "reference.h"

#define MACHINE_MAX 128 /* ranges of the firmware map */

struct machine {
    struct ref_range in[MACHINE_MAX];
    size_t count;
    uint64_t keys[2 * MACHINE_MAX];
    struct mem_range ranges[2 * MACHINE_MAX - 1];
    struct memmap map;
    struct mtrr_state mtrr;
    struct mapping fixed[PLAN_MAX_FIXED];
    struct plan_request request;
    struct mapping entries[1024];
    struct plan plan;
};

/* 4 levels, all pages, no limit, all memory write-back, no RAM yet. The one machine of a test. */
struct machine *machine_start(unsigned phys_bits);

void machine_add(struct machine *machine, uint64_t base, uint64_t len, enum mem_type type);
void machine_mtrr(struct machine *machine, uint64_t base, uint64_t size, enum memtype type);
void machine_want(struct machine *machine, struct mapping mapping);

/* Normalise the map; after this nothing is added. */
void machine_settle(struct machine *machine);

/* A settled machine with at most 16 MiB of memory in odd pieces and a few MTRRs. */
struct machine *machine_random(struct rng *rng);

struct ref_map machine_ref(const struct machine *machine);

/* The address at which RAM ends to be mapped: limit, window (of a directmap) or width. */
uint64_t machine_top(const struct machine *machine);

#endif
