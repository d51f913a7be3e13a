/* SPDX-License-Identifier: MIT */
/*
 * What holds which RAM, and where the frames for page tables come from:
 * lowest first from 1 MiB up, below 1 MiB only when nothing else is left
 * (that memory is scarce, and others need it to start further CPUs).
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "plan.h"

#define FRAMES_LOW_END UINT64_C(0x100000)

/* One thing that must survive. */
struct busy_range {
    uint64_t base;
    uint64_t end;      /* exclusive */
    const char *owner; /* "image", "module", …; static */
};

#define BUSY_MAX 256

/* Sorted by base; whole bytes, not rounded to pages. */
struct busy_list {
    struct busy_range ranges[BUSY_MAX];
    size_t count;
};

/* Add [base, base + len); empty ones are ignored. False if full or wrapping. */
bool busy_add(struct busy_list *list, uint64_t base, uint64_t len, const char *owner);

/* The lowest-based entry that shares a byte with [base, end), or null. */
const struct busy_range *busy_overlap(const struct busy_list *list, uint64_t base, uint64_t end);

/*
 * The free stretches of RAM, in ascending order: whole pages that are
 * RAM_MAPPED and hold no byte of a busy range, cut to [from, to).
 */
struct free_run {
    uint64_t base;
    uint64_t end; /* exclusive */
};

struct free_iter {
    struct ram_iter ram;
    struct ram_piece piece; /* the piece that runs are being cut from */
    const struct busy_list *busy;
    uint64_t from;
    uint64_t to;
};

void free_first(struct free_iter *iter, const struct plan_request *request,
                const struct busy_list *busy, uint64_t from, uint64_t to);
bool free_next(struct free_iter *iter, struct free_run *run); /* false: no more */

/*
 * Where len bytes can lie in one piece of free RAM, from 1 MiB up, so that the
 * address agrees with `like` modulo `modulus` (a power of two, 4 KiB at
 * least); like and len are multiples of 4 KiB. False: nowhere.
 */
bool frames_find(const struct plan_request *request, const struct busy_list *busy, uint64_t len,
                 uint64_t like, uint64_t modulus, uint64_t *base);

struct frame_pool {
    struct free_iter high; /* first all from 1 MiB up */
    struct free_iter low;  /* then what is below */
    struct free_run run;   /* what is left of the current run */
};

void frame_pool_init(struct frame_pool *pool, const struct plan_request *request,
                     const struct busy_list *busy);

/*
 * All that is left, run by run, in the pool's order; after the last take() of
 * the tables' frames this is the machine's free memory. Takes what it returns.
 */
bool frame_pool_take_run(struct frame_pool *pool, struct free_run *run);

/* The next free frame. False: there is none left. Amortised constant time. */
bool frame_pool_take(struct frame_pool *pool, uint64_t *frame);

/* Are there still `wanted` frames? *found: how many, at most `wanted`. Takes none. */
bool frame_pool_has(const struct frame_pool *pool, uint64_t wanted, uint64_t *found);

#endif
