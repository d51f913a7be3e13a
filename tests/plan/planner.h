/* SPDX-License-Identifier: MIT */
/* From what an input says to the plan, all by mm/. */
#ifndef PLANNER_H
#define PLANNER_H

#include "pagetable.h"
#include "plan.h"
#include "plan_options.h"
#include "survey.h"

/* An input range that the normaliser did not take as it was. */
struct refused {
    struct raw_range range;
    enum memmap_verdict verdict;
};

struct result {
    const char *machine; /* the survey's; "": not known */
    bool guest;
    struct memmap map;
    struct mtrr_state mtrr;
    const char *mtrr_verdict;
    struct plan_request request;
    struct plan plan;
    size_t tables;
    uint64_t leaves[PT_LEAF_LEVELS];
    struct refused *refused;
    size_t nrefused;

    struct mapping image; /* the one fixed mapping, with --image */
    uint64_t *keys;
};

/* Why Footing would stop here, or ERR_NONE. In any case the result must be freed. */
struct error result_make(struct result *result, const struct survey *survey,
                         const struct plan_options *options);
void result_free(struct result *result);

/* A stretch of one mapping that leaves of one size fill. */
struct page_run {
    uint64_t pa;
    uint64_t end; /* exclusive */
    unsigned level;
};

#define PAGE_RUNS_MAX (2 * PT_LEAF_LEVELS - 1)

/* What plan.h promises of a mapping's pages, as stretches in ascending order; how many. */
size_t page_runs(const struct mapping *m, struct page_run *runs);

#endif
