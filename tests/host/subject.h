/* SPDX-License-Identifier: MIT */
/*
 * Spaces under test: tables built from a plan, the CPU of shadow_tlb.h, and
 * a model that knows each page on its own. subject_update() foretells from the
 * model and the text of update.h which errors there may be, and where; then it
 * holds the tables, page by page, and the list of aliases against the model.
 */
#ifndef SUBJECT_H
#define SUBJECT_H

#include <stddef.h>
#include <stdint.h>

#include "fake_memory.h"
#include "shadow_tlb.h"
#include "test.h"
#include "update.h"

#define SUBJECT_ARENAS  12
#define SUBJECT_ROOTS   3
#define SUBJECT_ALIASES 4096

/* Virtual addresses whose pages are modelled; nothing is mapped elsewhere. */
struct arena {
    unsigned owner; /* the root that maps it: 0, or others[owner - 1] */
    uint64_t va;
    size_t count;
    uint64_t *pages; /* 0: not mapped; else pa | type << 4 | rights | 1 */
    uint8_t *levels; /* of the leaf that was found at the last look */
};

/* A root that shares slots with the main one: those that were in use when it was made. */
struct other_root {
    struct pt_space space; /* root 0: there is none */
    bool shares[512];
};

struct subject {
    unsigned levels;
    struct other_root others[SUBJECT_ROOTS];
    unsigned owner; /* whose turn it is */
    struct arena arenas[SUBJECT_ARENAS];
    size_t narenas;
    struct mapping entries[1024];
    struct plan plan; /* what is mapped at first */
    struct mtrr_state mtrr;
    struct fake_memory fake;
    struct shadow_tlb tlb;
    struct pt_live_memory memory;
    struct pt_alias aliases[SUBJECT_ALIASES];
    uint64_t keys[SUBJECT_ALIASES];
    struct pt_aliases registry; /* of all roots */
    struct pt_space space;
    size_t leaves[3]; /* at the last look */
};

/* All memory write-back, 46 bits of it, no directmap, nothing mapped. The one of a test. */
struct subject *subject_init(unsigned levels, unsigned max_level);

void subject_arena(struct subject *s, uint64_t va, uint64_t len);
void subject_mtrr(struct subject *s, uint64_t base, uint64_t size, enum memtype type);

/* Mapped at first; in ascending order, as in any plan. */
void subject_mapped(struct subject *s, struct mapping mapping);

/* Build the plan, start the space; `frames` more are free. */
void subject_start(struct subject *s, size_t frames);
void subject_end(struct subject *s);

/*
 * A small machine for long sequences: 8 MiB of RAM in the directmap but for
 * 64 KiB that are uncacheable, a mapping of text and one of a device, and two
 * more arenas, of which one lies to both sides of a 1 GiB boundary (with 5
 * levels, of 256 TiB). Physical addresses up to SMALL_TOP are of interest.
 */
#define SMALL_TOP M(12)
struct subject *subject_small(unsigned levels, unsigned max_level);

/* Carry it out and hold everything against the model. */
struct error subject_update(struct subject *s, const struct pt_change *change);

/* The same, with one outcome. The shorter ones succeed; they map write-back and with any page. */
void subject_expect(struct subject *s, struct pt_change change, enum error_code code, uint64_t at);
void subject_map(struct subject *s, uint64_t va, uint64_t pa, uint64_t len, unsigned rights);
void subject_unmap(struct subject *s, uint64_t va, uint64_t len);
void subject_protect(struct subject *s, uint64_t va, uint64_t len, unsigned rights);

/* The word of a page; null: in no arena. */
uint64_t *subject_page(const struct subject *s, uint64_t va);

/* Another root: its number. From now on, arenas and changes are that one's. */
unsigned subject_add_root(struct subject *s);
void subject_drop_root(struct subject *s, unsigned owner);
void subject_turn(struct subject *s, unsigned owner);
struct pt_space *subject_space(struct subject *s, unsigned owner);

/* As many leaves, as many tables. */
void subject_assert(const struct subject *s, size_t tables, size_t small, size_t medium,
                    size_t large);

/* subject_check.c: all translations, the size of all leaves, the aliases; after this change. */
void subject_check(struct subject *s, const struct pt_change *change);
size_t subject_count_aliases(const struct subject *s);

/* subject_clean.c: after this change; the word of each of its pages before. */
void subject_check_clean(const struct subject *s, const struct pt_change *change,
                         const uint64_t *before);

/* subject_foretell.c: the errors that are to be, and of each the page that is wrong first. */
struct foretold {
    bool wrong[ERR_CODES];
    uint64_t at[ERR_CODES];
    uint64_t value[ERR_CODES];
    uint8_t *open; /* of each page, what the header leaves open: 1 ERR_WX, 2 ERR_TYPE; or null */
};

void subject_foretell(const struct subject *s, const struct pt_change *change,
                      struct foretold *told);

#endif
