/* SPDX-License-Identifier: MIT */
#include "planner.h"

#include <stdlib.h>
#include <string.h>

#include "layout.h"
#include "mtrr_rule.h"
#include "out.h"
#include "progress.h"

/* Up to here the builder itself is run, so that its count is held against the plan's. */
#define BUILD_MAX_LEAVES (UINT64_C(1) << 30)

/* An image of one piece cuts one RAM piece in three, and is an entry itself. */
#define EXTRA_ENTRIES 3

static void make_map(struct result *result, const struct survey *survey, unsigned phys_bits)
{
    struct mem_range *ranges = out_alloc(2 * survey->count, sizeof(*ranges));

    result->keys = out_alloc(2 * survey->count, sizeof(*result->keys));
    result->refused = out_alloc(survey->count, sizeof(*result->refused));
    memmap_init(&result->map, result->keys, ranges, survey->count, phys_bits);
    for (size_t i = 0; i < survey->count; i++) {
        const struct raw_range *r = &survey->ranges[i];
        enum memmap_verdict verdict = memmap_add(&result->map, r->base, r->len, r->type);

        if (verdict != MEMMAP_KEPT)
            result->refused[result->nrefused++] = (struct refused){*r, verdict};
    }
    memmap_normalise(&result->map);
}

static void make_request(struct result *result, const struct plan_options *options)
{
    result->request = (struct plan_request){
        .map = &result->map,
        .mtrr = &result->mtrr,
        .fixed = &result->image,
        .nfixed = options->image ? 1 : 0,
        .directmap_base = options->la57 ? DIRECTMAP_BASE_5 : DIRECTMAP_BASE_4,
        .directmap_size = options->la57 ? DIRECTMAP_SIZE_5 : DIRECTMAP_SIZE_4,
        .directmap = true,
        .ram_limit = UINT64_MAX,
        .levels = options->la57 ? 5 : 4,
        .phys_bits = options->phys_bits,
        .max_level = options->max_level,
    };
    result->image = (struct mapping){
        .va = IMAGE_VA,
        .pa = options->image_pa,
        .len = options->image_len,
        .rights = RIGHT_X,
        .type = MEMTYPE_WB,
        .max_level = (uint8_t)options->max_level,
        .what = WHAT_IMAGE_TEXT,
    };
}

/* As a boot does: what was loaded lies in RAM. Here also: in RAM that the directmap maps. */
static struct error check_image(const struct result *result)
{
    const struct mapping *image = &result->image;
    struct error err = {
        .code = ERR_INUSE, .at = image->pa, .value = image->pa + image->len - 1, .text = "image"};
    struct ram_iter iter;
    struct ram_piece piece;

    if (result->request.nfixed == 0)
        return SUCCESS;
    if (((image->pa | image->len) & PAGE_MASK) || image->len == 0)
        return (struct error){.code = ERR_ALIGN, .at = image->va, .value = image->pa};
    ram_first(&iter, &result->request);
    while (ram_next(&iter, &piece)) {
        if (piece.fate == RAM_MAPPED && piece.base <= image->pa && image->pa < piece.end &&
            image->len <= piece.end - image->pa)
            return SUCCESS;
    }
    return err;
}

static struct error make_plan(struct result *result)
{
    struct ram_iter iter;
    struct ram_piece piece;
    size_t pieces = EXTRA_ENTRIES;

    ram_first(&iter, &result->request);
    while (ram_next(&iter, &piece))
        pieces++;
    result->plan.entries = out_alloc(pieces, sizeof(*result->plan.entries));
    result->plan.max = pieces;
    return plan_make(&result->plan, &result->request);
}

static size_t split(uint64_t delta, uint64_t from, uint64_t to, unsigned level,
                    struct page_run *runs)
{
    uint64_t inside = (UINT64_C(1) << (PT_PAGE_SHIFT + PT_BITS * level)) - 1;
    uint64_t first = (from + inside) & ~inside;
    uint64_t last = to & ~inside;
    size_t n = 0;

    if (from >= to)
        return 0;
    if (level == 0) {
        runs[0] = (struct page_run){from, to, 0};
        return 1;
    }
    if ((delta & inside) || first >= last)
        return split(delta, from, to, level - 1, runs);
    n += split(delta, from, first, level - 1, runs);
    runs[n++] = (struct page_run){first, last, level};
    return n + split(delta, last, to, level - 1, runs + n);
}

size_t page_runs(const struct mapping *m, struct page_run *runs)
{
    return split(m->va - m->pa, m->pa, m->pa + m->len, m->max_level, runs);
}

static void count_leaves(struct result *result)
{
    memset(result->leaves, 0, sizeof(result->leaves));
    for (size_t i = 0; i < result->plan.count; i++) {
        struct page_run runs[PAGE_RUNS_MAX];
        size_t n = page_runs(&result->plan.entries[i], runs);

        for (size_t k = 0; k < n; k++)
            result->leaves[runs[k].level] +=
                (runs[k].end - runs[k].pa) >> (PT_PAGE_SHIFT + PT_BITS * runs[k].level);
    }
}

/*
 * Nobody reads these tables, so that one frame a level is enough: the builder
 * has at most one table of a level open at a time, and never comes back to it.
 */
struct scratch {
    uint64_t slots[PT_MAX_LEVELS][PT_SLOTS];
    size_t taken;
    size_t counted;
};

static uint64_t scratch_alloc(void *ctx, unsigned level, uint64_t va)
{
    struct scratch *scratch = ctx;

    (void)va;
    if (++scratch->taken % 256 == 0)
        progress("building", scratch->taken, scratch->counted, "tables");
    return PT_PAGE_SIZE * (level + 1);
}

static uint64_t *scratch_map(void *ctx, uint64_t frame)
{
    struct scratch *scratch = ctx;

    return scratch->slots[frame / PT_PAGE_SIZE - 1];
}

static void scratch_unmap(void *ctx, uint64_t *table)
{
    (void)ctx;
    (void)table;
}

static struct error build(const struct result *result)
{
    struct scratch scratch = {.counted = result->tables};
    const struct pt_memory memory = {&scratch, scratch_alloc, scratch_map, scratch_unmap};
    struct pt_stats stats;
    uint64_t root;

    pt_build(&result->plan, result->request.levels, &memory, &root, &stats);
    if (stats.tables != result->tables)
        return (struct error){.code = ERR_COUNT, .at = stats.tables, .value = result->tables};
    for (unsigned level = 0; level < PT_LEAF_LEVELS; level++) {
        if (stats.leaves[level] != result->leaves[level])
            return (struct error){.code = ERR_AUDIT, .text = "other leaves than the plan promises"};
    }
    return SUCCESS;
}

/* As a boot does, by the same rule. */
static struct error settle(struct result *result, const struct survey *survey,
                           const struct plan_options *options)
{
    bool ignored;
    struct error err;

    result->guest = options->guest == GUEST_BY_INPUT ? survey->guest : options->guest == GUEST_YES;
    err = mtrr_settle(&result->mtrr, &result->map, result->guest, &ignored);
    if (ignored)
        result->mtrr_verdict = "ignored: they make no usable RAM write-back, and this is a guest";
    return err;
}

struct error result_make(struct result *result, const struct survey *survey,
                         const struct plan_options *options)
{
    struct error err;

    *result = (struct result){.machine = survey->machine,
                              .mtrr = mtrr_registers(&survey->mtrr, options->phys_bits),
                              .mtrr_verdict = mtrr_verdict(&survey->mtrr)};
    make_map(result, survey, options->phys_bits);
    make_request(result, options);
    err = settle(result, survey, options);
    if (!err.code)
        err = check_image(result);
    if (!err.code)
        err = make_plan(result);
    if (err.code)
        return err;
    result->tables = pt_count(&result->plan, result->request.levels);
    count_leaves(result);
    if (result->leaves[0] + result->leaves[1] + result->leaves[2] <= BUILD_MAX_LEAVES)
        err = build(result);
    return err;
}

void result_free(struct result *result)
{
    free(result->map.ranges);
    free(result->keys);
    free(result->refused);
    free(result->plan.entries);
}
