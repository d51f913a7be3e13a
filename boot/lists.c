/* SPDX-License-Identifier: MIT */
#include "lists.h"

#include "x86.h"

#define HELD_WORDS (sizeof(struct footing_held) / sizeof(uint64_t))
#define RUN_WORDS  (sizeof(struct footing_range) / sizeof(uint64_t))

/* A list that grows in the room, up to where something else begins. */
struct part {
    struct footing_range *first;
    size_t count;
    size_t max;
};

/*
 * The pool's next `frames` frames, in ascending order, for all that the pool
 * gives the lowest last. False: there are more runs than fit.
 */
static bool list_runs(struct frame_pool pool, uint64_t frames, struct part *part)
{
    struct footing_range *runs = part->first;
    struct free_run run;
    size_t low = 0;

    while (frames > 0 && frame_pool_take_run(&pool, &run)) {
        uint64_t pages = (run.end - run.base) >> PAGE_SHIFT;
        size_t at = part->count;

        if (part->count == part->max)
            return false;
        part->count++;
        if (pages > frames)
            run.end = run.base + (frames << PAGE_SHIFT);
        frames -= pages < frames ? pages : frames;
        /* Below 1 MiB are a few at most: they move to the front. */
        for (; run.base < FRAMES_LOW_END && at > low; at--)
            runs[at] = runs[at - 1];
        low += run.base < FRAMES_LOW_END;
        runs[at] = (struct footing_range){run.base, run.end};
    }
    return true;
}

static size_t count_runs(struct frame_pool pool, uint64_t frames)
{
    struct free_run run;
    size_t count = 0;

    for (; frames > 0 && frame_pool_take_run(&pool, &run); count++) {
        uint64_t pages = (run.end - run.base) >> PAGE_SHIFT;

        frames -= pages < frames ? pages : frames;
    }
    return count;
}

static struct error too_many(const char *which, size_t max)
{
    return (struct error){.code = ERR_LISTS, .at = max, .text = which};
}

/*
 * Busy ranges and the tables' runs, merged into the front of the room. The
 * runs stand at its end, and are used up from their first one on: a held range
 * is larger than a run, so where all of them fit, none reaches a run that is
 * still wanted.
 */
static bool merge_held(struct footing_held *held, size_t max, const struct busy_list *busy,
                       const struct part *tables)
{
    size_t i = 0;
    size_t b = 0;

    if (busy->count + tables->count > max)
        return false;
    while (i < tables->count || b < busy->count) {
        const struct busy_range *range = &busy->ranges[b];

        if (i == tables->count || (b < busy->count && range->base < tables->first[i].base_pa)) {
            *held++ = (struct footing_held){range->base, range->end, range->owner};
            b++;
        } else {
            *held++ = (struct footing_held){tables->first[i].base_pa, tables->first[i].end_pa,
                                            "page tables"};
            i++;
        }
    }
    return true;
}

struct error lists_make(struct ram_lists *lists, const struct plan_request *request,
                        const struct busy_list *busy, uint64_t tables,
                        const struct frame_pool *left, uint64_t *room, size_t words)
{
    struct frame_pool pool;
    struct part runs = {.count = 0};
    struct part free_runs = {.count = 0};
    size_t most = words / HELD_WORDS; /* held ranges */
    size_t used;

    *lists = (struct ram_lists){0};
    frame_pool_init(&pool, request, busy);
    runs.max = count_runs(pool, tables);
    if (runs.max > most)
        return too_many("held RAM", most);
    runs.first = (struct footing_range *)(room + words - runs.max * RUN_WORDS);
    if (!list_runs(pool, tables, &runs) ||
        !merge_held((struct footing_held *)room, most, busy, &runs))
        return too_many("held RAM", most);
    used = (busy->count + runs.count) * HELD_WORDS;
    free_runs.first = (struct footing_range *)(room + used);
    free_runs.max = (words - used) / RUN_WORDS;
    if (!list_runs(*left, UINT64_MAX >> PAGE_SHIFT, &free_runs))
        return too_many("free RAM", free_runs.max);
    *lists = (struct ram_lists){(struct footing_held *)room, busy->count + runs.count,
                                free_runs.first, free_runs.count};
    return SUCCESS;
}
