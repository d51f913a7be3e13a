/* SPDX-License-Identifier: MIT */
/*
 * A CPU that walks the tables at every moment, for tests of live changes: the
 * struct pt_live_memory that it offers knows of each translation and each way
 * to a table that the manual allows a CPU to keep (SDM vol. 3 section 4.10)
 * until a flush. All that is reachable counts as cached at once; what a write
 * then takes out of the tables is stale until it is flushed.
 *
 * It fails the test, on the spot, where
 * - a present entry changes frame, size or memory type in place, or one is
 *   written while a stale one contradicts it (break before make);
 * - a table is linked that has unwritten entries, or is linked already;
 * - a live table is stored to, but not by write() or exchange();
 * - a page that the change does not unmap is away, but inside exchange();
 * - a frame is freed that is linked, cached, mapped or free already, or is
 *   used while it is free;
 * - alloc() goes beyond what reserve() confirmed;
 * - map() and unmap() do not nest;
 * - a table that other roots link is cut off, or a root is freed that still
 *   leads to a table of its own.
 *
 * All roots are one model: a CPU may have any of them in CR3, and holds global
 * translations of all.
 */
#ifndef SHADOW_TLB_H
#define SHADOW_TLB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fake_memory.h"
#include "update.h"

#define SHADOW_MAX_OPEN  8
#define SHADOW_MAX_ROOTS 4

enum shadow_state {
    SHADOW_FREE,
    SHADOW_PRIVATE, /* no CPU knows the way to it */
    SHADOW_LINKED,
    SHADOW_CACHED /* not linked any more, but a CPU may know the way */
};

struct shadow_frame {
    enum shadow_state state;
    unsigned level; /* where it is, or was, linked */
    uint64_t va;
    unsigned others; /* roots that link it, beside the main one */
};

/* A translation that is no longer in the tables; [from, last] of it is not flushed. */
struct shadow_stale {
    uint64_t va;
    unsigned level;
    uint64_t entry;
    uint64_t from;
    uint64_t last;
};

/* Addresses whose lines have left all caches, by exchange(). */
struct shadow_cleaned {
    uint64_t va;
    uint64_t len;
};

/* What happened since shadow_begin(). */
struct shadow_count {
    size_t filled;    /* entries of tables that are not linked */
    size_t writes;    /* entries of live tables, by write() */
    size_t runs;      /* calls of write() */
    size_t exchanges; /* calls of exchange() */
    size_t flushes;   /* outside exchange() */
    size_t allocs;
    size_t frees;
    size_t reserves;
    size_t asked;  /* by the last reserve() */
    bool refused;  /* the last reserve() */
    size_t atmost; /* what reserve() confirmed */
};

struct shadow_tlb {
    struct fake_memory *fake;
    uint64_t root;
    uint64_t others[SHADOW_MAX_ROOTS]; /* 0: none */
    bool shared;                       /* there has been one: what is right below the root stays */
    unsigned levels;
    struct shadow_frame *frames; /* by the fake memory's index */
    uint64_t *freed;             /* handed out again, the last one first */
    size_t nfreed;
    size_t left; /* how many frames alloc() has; a test may set it */
    struct shadow_stale *stale;
    size_t nstale;
    size_t room;
    size_t ncached; /* frames */
    struct {
        uint64_t frame;
        uint64_t *copy;
    } open[SHADOW_MAX_OPEN];
    size_t depth;
    bool exchanging;
    struct shadow_cleaned *cleaned; /* since shadow_begin(), in order; what touches is one */
    size_t ncleaned;
    struct pt_change change; /* the one that is carried out */
    struct shadow_count count;
};

/* Tables that stand in the fake memory, which has been given room for `left` more. */
void shadow_start(struct shadow_tlb *tlb, struct fake_memory *fake, uint64_t root, unsigned levels,
                  size_t left);
void shadow_end(struct shadow_tlb *tlb);

/* This frame has become a root that links what the main one does. It ends by being freed. */
void shadow_add_root(struct shadow_tlb *tlb, uint64_t root);

struct pt_live_memory shadow_memory(struct shadow_tlb *tlb);

/* Around each update; an error must have changed nothing, and success leave nothing stale. */
void shadow_begin(struct shadow_tlb *tlb, const struct pt_change *change);
void shadow_finish(struct shadow_tlb *tlb, enum error_code code);

/* What has been stored through pointers since the last call: new tables may be filled that way. */
void shadow_catch_up(struct shadow_tlb *tlb);

/* shadow_clean.c: what loses its lines in this exchange. */
void shadow_clean(struct shadow_tlb *tlb, const struct pt_exchange *what);

/* Which of the fake memory's frames this is. */
size_t shadow_index(const struct shadow_tlb *tlb, uint64_t frame);

/* Frames that are linked as tables. */
size_t shadow_linked(const struct shadow_tlb *tlb);

#endif
