/* SPDX-License-Identifier: MIT */
#include "frames.h"

#include "x86.h"

bool busy_add(struct busy_list *list, uint64_t base, uint64_t len, const char *owner)
{
    size_t at = list->count;

    if (len == 0)
        return true;
    if (list->count == BUSY_MAX || base + len < base)
        return false;
    for (; at > 0 && list->ranges[at - 1].base > base; at--)
        list->ranges[at] = list->ranges[at - 1];
    list->ranges[at] = (struct busy_range){base, base + len, owner};
    list->count++;
    return true;
}

const struct busy_range *busy_overlap(const struct busy_list *list, uint64_t base, uint64_t end)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct busy_range *busy = &list->ranges[i];

        if (busy->base < end && base < busy->end)
            return busy;
    }
    return NULL;
}

/* The first run of whole pages in [from, end) that no busy range touches. */
static bool free_within(const struct busy_list *list, uint64_t from, uint64_t end,
                        struct free_run *run)
{
    for (size_t i = 0; i < list->count; i++) {
        uint64_t busy = list->ranges[i].base & ~PAGE_MASK;
        uint64_t busy_end = ((list->ranges[i].end - 1) | PAGE_MASK) + 1;

        if (busy_end <= from)
            continue;
        if (busy >= end)
            break;
        if (busy > from) {
            *run = (struct free_run){from, busy};
            return true;
        }
        from = busy_end;
    }
    if (from >= end)
        return false;
    *run = (struct free_run){from, end};
    return true;
}

void free_first(struct free_iter *iter, const struct plan_request *request,
                const struct busy_list *busy, uint64_t from, uint64_t to)
{
    ram_first(&iter->ram, request);
    iter->piece = (struct ram_piece){.base = 0, .end = 0};
    iter->busy = busy;
    iter->from = from;
    iter->to = to;
}

bool free_next(struct free_iter *iter, struct free_run *run)
{
    for (;;) {
        uint64_t base = iter->piece.base > iter->from ? iter->piece.base : iter->from;
        uint64_t end = iter->piece.end < iter->to ? iter->piece.end : iter->to;

        if (base < end && free_within(iter->busy, base, end, run)) {
            iter->from = run->end;
            return true;
        }
        do {
            if (!ram_next(&iter->ram, &iter->piece)) {
                iter->piece = (struct ram_piece){.base = 0, .end = 0};
                return false;
            }
        } while (iter->piece.fate != RAM_MAPPED);
    }
}

bool frames_find(const struct plan_request *request, const struct busy_list *busy, uint64_t len,
                 uint64_t like, uint64_t modulus, uint64_t *base)
{
    struct free_iter iter;
    struct free_run run;

    free_first(&iter, request, busy, FRAMES_LOW_END, UINT64_MAX);
    while (free_next(&iter, &run)) {
        uint64_t skip = (like - run.base) & (modulus - 1);

        if (skip <= run.end - run.base && len <= run.end - run.base - skip) {
            *base = run.base + skip;
            return true;
        }
    }
    return false;
}

void frame_pool_init(struct frame_pool *pool, const struct plan_request *request,
                     const struct busy_list *busy)
{
    free_first(&pool->high, request, busy, FRAMES_LOW_END, UINT64_MAX);
    free_first(&pool->low, request, busy, 0, FRAMES_LOW_END);
    pool->run = (struct free_run){0, 0};
}

static bool next_run(struct frame_pool *pool)
{
    return free_next(&pool->high, &pool->run) || free_next(&pool->low, &pool->run);
}

bool frame_pool_take_run(struct frame_pool *pool, struct free_run *run)
{
    if (pool->run.base == pool->run.end && !next_run(pool))
        return false;
    *run = pool->run;
    pool->run.base = pool->run.end;
    return true;
}

bool frame_pool_take(struct frame_pool *pool, uint64_t *frame)
{
    if (pool->run.base == pool->run.end && !next_run(pool))
        return false;
    *frame = pool->run.base;
    pool->run.base += PAGE_SIZE;
    return true;
}

bool frame_pool_has(const struct frame_pool *pool, uint64_t wanted, uint64_t *found)
{
    struct frame_pool ahead = *pool;

    *found = 0;
    do {
        *found += (ahead.run.end - ahead.run.base) >> PAGE_SHIFT;
    } while (*found < wanted && next_run(&ahead));
    if (*found > wanted)
        *found = wanted;
    return *found == wanted;
}
