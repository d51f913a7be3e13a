/* SPDX-License-Identifier: MIT */
/*
 * A payload that holds Footing's update call to what footing.h says of it. It
 * maps, unmaps and protects pages, and tries every kind of access on them; a
 * model that reads no table foretells how each access ends (value, or vector,
 * error code and CR2) and which words each call may answer. What differs is a
 * line on the console.
 *
 * Words of the command line: `seed=N` and `count=N`, of the random calls;
 * `plant=WORD` does something behind Footing's back that must be noticed
 * (plant.c has the words); `directmap=unmapped` takes our frames out of it
 * first.
 */
#ifndef ACCESS_H
#define ACCESS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "footing.h"

#define PAGE_SIZE    0x1000ull
#define PAGE_MASK    (PAGE_SIZE - 1)
#define MIB          (1ull << 20)
#define GIB          (1ull << 30)
#define WINDOW_PAGES (GIB / PAGE_SIZE)
#define CHUNKS       (WINDOW_PAGES / LARGE_PAGES)
#define LARGE_PAGES  512u /* 4 KiB pages in a 2 MiB page */

extern const struct footing_info *info;

/* say.c. %s, %u (decimal) and %x take text and 64-bit numbers. */
void say(const char *format, ...);
/* Something differs from the model: counted, and shown while there are few. */
void differs(const char *format, ...);
extern uint64_t differences;
bool text_equal(const char *a, const char *b);
uint64_t argument(const char *prefix, uint64_t otherwise);
bool has_argument(const char *text, const char *prefix, const char *value);

/* attempt.S, traps.c: one access, with its fault caught. */
enum kind { READ1, READ8, WRITE1, WRITE8, LOCKED, FETCH, KINDS };

#define VECTOR_NONE 0xffull
#define VECTOR_GP   13ull
#define VECTOR_PF   14ull
#define UNTOUCHED   0x5ca1ab1e0ddba115ull /* CR2 and rax before each access */

struct outcome {
    uint64_t vector, error, cr2;
    uint64_t value; /* what was read; LOCKED exchanges */
};
void attempt(uint64_t kind, uint64_t va, uint64_t value, struct outcome *outcome);
void traps_init(void);

/* physical.c: physical memory, and what of it is ours. */
uint64_t *physical_get(uint64_t pa); /* the whole page; the last one got is put first */
void physical_put(uint64_t *page);
void physical_init(void);

/* Frames for tables, counted; `left` makes the allocator fail after so many. */
extern const struct footing_frames counted_frames;
extern uint64_t frames_taken, frames_given, frames_left;
#define NO_LIMIT UINT64_MAX
void frames_poison(void); /* what came back is filled with what no table may hold */

/* Frames that are mapped and looked at. */
struct content {
    uint64_t word[3]; /* at the page's start, middle and end */
};
struct aliases {
    uint16_t write, execute, type[7]; /* mappings, those of Footing's plan among them */
};
struct pool {
    uint64_t first, count; /* frame numbers */
    struct aliases *aliases;
    struct content *contents;
    uint8_t *planted;
};
enum { POOL_RAM, POOL_TEXT, POOLS };
extern char text_pool[], text_pool_end[]; /* attempt.S */
extern struct pool pools[POOLS];
struct pool *pool_of(uint64_t frame);
extern bool pool_is_gib; /* the first one is an aligned GiB */
void frame_plant(uint64_t frame);
void frame_verify(uint64_t frame);
uint64_t content_read(uint64_t frame, unsigned offset, unsigned size);
void content_write(uint64_t frame, unsigned offset, unsigned size, uint64_t value);

/* model.c: what was asked for, page by page. */
struct page {
    uint64_t frame : 40, mapped : 1, rights : 8, cache : 8;
};
struct window {
    uint64_t va;
    uint64_t count;
    struct page *pages;
    unsigned own_tables; /* levels between the root and the page directory that it must pay */
    /* Of what Footing mapped at boot, with these rights, and these frames in a row. */
    bool booted;
    uint32_t rights;
    uint64_t pa;
    /* By 2 MiB: how many pages are mapped, and if anything was ever changed. */
    uint16_t mapped[CHUNKS];
    bool changed[CHUNKS];
};
extern struct window windows[];
extern unsigned window_count, empty_windows; /* the latter come first */
void model_init(void);
struct window *model_window(uint64_t va);
struct page *model_page(uint64_t va); /* null: in no window */
bool is_modelled(uint64_t va);
bool is_canonical(uint64_t va);

struct forecast {
    struct outcome outcome;
    bool value_known;
};
/* How this access ends; a write that succeeds is in the contents then. */
struct forecast foretell(uint64_t kind, uint64_t va, uint64_t value);
extern bool locked_reads_first; /* the CPU's manner with a locked access to an absent page */

/* calls.c: the model of calls. */
enum word {
    DONE,
    INVALID,
    ALIGN,
    CANONICAL,
    WIDTH,
    LARGE,
    CLASH,
    ABSENT,
    WX,
    TYPE,
    NOFRAMES,
    PLANFULL,
    WORDS
};
#define MAY(word) (1u << (word))
/* Foretell, call, compare; what was done is in the model then. */
enum word change(const struct footing_update *update);
/* The same, where only these words will do. */
enum word change_to(const struct footing_update *update, uint32_t words);
void say_answers(void);
extern uint64_t calls_made;
extern struct footing_update last_call;

/* tries.c: accesses. */
extern uint64_t accesses_made;
void try_access(uint64_t kind, uint64_t va);
void try_page(uint64_t va);                 /* every kind, at its first, middle and last bytes */
void try_some(uint64_t va, unsigned count); /* random ones */
void try_touched(unsigned count);           /* on pages of earlier steps */
void try_outside(void);                     /* addresses that can never be mapped */
uint64_t random_number(void);
void random_seed(uint64_t seed);

uint32_t largest(void); /* page that Footing may use: by the CPU, and by maxpage= */
/* How many table frames must be out, at least and at most. */
void check_frames(const char *when);

/* The sequences. */
void run_exhaustive(void);
void run_random(uint64_t count);
void run_aliases(void);
void run_no_frames(void);
void run_refused(void);
void run_full(void);
void run_lowest(void);
void run_twins(void);
bool run_plant(void); /* false: nothing is to be planted */

static inline struct footing_update map_of(uint64_t va, uint64_t pa, uint64_t len, uint32_t rights,
                                           uint32_t max_level, uint32_t flags)
{
    return (struct footing_update){.operation = FOOTING_MAP,
                                   .flags = flags,
                                   .va = va,
                                   .pa = pa,
                                   .len = len,
                                   .rights = rights,
                                   .cache = FOOTING_WB,
                                   .max_level = max_level,
                                   .frames = &counted_frames};
}

static inline struct footing_update unmap_of(uint64_t va, uint64_t len)
{
    return (struct footing_update){
        .operation = FOOTING_UNMAP, .va = va, .len = len, .frames = &counted_frames};
}

static inline struct footing_update protect_of(uint64_t va, uint64_t len, uint32_t rights,
                                               uint32_t flags)
{
    return (struct footing_update){.operation = FOOTING_PROTECT,
                                   .flags = flags,
                                   .va = va,
                                   .len = len,
                                   .rights = rights,
                                   .cache = FOOTING_WB,
                                   .frames = &counted_frames};
}

#endif
