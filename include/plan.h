/* SPDX-License-Identifier: MIT */
/*
 * The plan: what will be mapped, as data. The builder carries it out, the
 * auditor and the outside reader hold the live tables against it. There is no
 * mapping that is not an entry of it.
 */
#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "memmap.h"
#include "memtype.h"

/* Readable is implied: x86 has no other kind of present page. */
#define RIGHT_W 0x2u
#define RIGHT_X 0x4u
/* No right, but kept with them: the translation goes with CR3, as one root alone has it. */
#define RIGHT_LOCAL 0x8u

enum mapping_what {
    WHAT_DIRECTMAP,
    WHAT_IMAGE_TEXT,
    WHAT_IMAGE_RODATA,
    WHAT_IMAGE_DATA,
    WHAT_STACK,
    WHAT_IST_STACK,
    WHAT_VGA_TEXT,
    WHAT_FRAMEBUFFER,
    WHAT_EFI_RUNTIME,
    WHAT_PAYLOAD,
    WHATS
};

const char *mapping_what_name(enum mapping_what what); /* "directmap", "image-text", … */
const char *rights_name(unsigned rights);              /* "r--", "rw-", "r-x", "rwx" */
const char *page_size_name(unsigned level);            /* "4K", "2M", "1G" */

/*
 * One mapping: [va, va + len) to [pa, pa + len). Multiples of 4 KiB, not
 * empty, canonical, not wrapping; never both RIGHT_W and RIGHT_X. A page of
 * level l (0: 4 KiB, 1: 2 MiB, 2: 1 GiB) is used wherever va and pa agree
 * modulo its size, the whole page lies in this one entry and l <= max_level.
 */
struct mapping {
    uint64_t va;
    uint64_t pa;
    uint64_t len;
    uint8_t rights;
    uint8_t type;      /* enum memtype */
    uint8_t max_level; /* 0 to 2 */
    uint8_t what;      /* enum mapping_what */
};

/* Where the directmap stands, and what the CPU and the user allow. */
struct plan_request {
    const struct memmap *map; /* normalised */
    const struct mtrr_state *mtrr;
    const struct mapping *fixed; /* what is wanted besides the directmap */
    size_t nfixed;               /* at most PLAN_MAX_FIXED, in any order */
    uint64_t directmap_base;
    uint64_t directmap_size; /* bytes of RAM addresses it can hold */
    bool directmap;          /* false: plan the fixed mappings only; no window limits RAM */
    uint64_t ram_limit;      /* RAM at or above this address is left out; ~0: none */
    unsigned levels;         /* 4 or 5 */
    unsigned phys_bits;
    unsigned max_level; /* 0 to 2: the largest page of the directmap */
};

/* The image, the screen, the runtime services and the payload, each with all that it may have. */
#define PLAN_MAX_FIXED 384

struct plan {
    struct mapping *entries; /* the caller's storage */
    size_t count;
    size_t max;
};

/*
 * Usable RAM cut into pieces of one fate, in ascending order; both the
 * planner and the report of what was left out read it from here.
 */
enum ram_fate {
    RAM_MAPPED,       /* whole pages of write-back RAM: in the directmap, if there is one */
    RAM_PARTIAL_PAGE, /* shares its page with something that is not RAM */
    RAM_NOT_WB,       /* the MTRRs make it something else */
    RAM_OVER_LIMIT,   /* at or above ram_limit */
    RAM_OVER_WINDOW,  /* beyond what the directmap window holds */
    RAM_FATES
};

const char *ram_fate_text(enum ram_fate fate);

struct ram_piece {
    uint64_t base;
    uint64_t end; /* exclusive */
    enum ram_fate fate;
    enum memtype type; /* if RAM_NOT_WB, what they make it; else WB */
    bool undefined;    /* if RAM_NOT_WB: for want of a meaning, see struct memtype_span */
};

struct ram_iter {
    const struct plan_request *request;
    size_t range;
    uint64_t at;
};

void ram_first(struct ram_iter *iter, const struct plan_request *request);
bool ram_next(struct ram_iter *iter, struct ram_piece *piece); /* false: no more */

/* Is any piece RAM_MAPPED? If not, ERR_NORAM; text is the fate of most of the usable bytes. */
struct error ram_check(const struct plan_request *request);

/*
 * Make the plan: entries ascend by va and are disjoint. The directmap holds
 * exactly the RAM_MAPPED pieces at directmap_base + pa, writable, write-back,
 * but read-only where a fixed mapping makes the same frame executable.
 * Neighbours are separate entries only if their rights differ.
 * Errors: ERR_PLANFULL (also for more than PLAN_MAX_FIXED fixed mappings),
 * ERR_CLASH for a fixed mapping in the directmap's window, RAM there or not,
 * ERR_TYPE for a memory type that no entry of this CPU can say, and those of ram_check() and plan_check(). On error the plan is empty.
 */
struct error plan_make(struct plan *plan, const struct plan_request *request);

/*
 * Is this a plan that may be built? Each entry well formed (ERR_ALIGN,
 * ERR_CANONICAL, ERR_WIDTH, ERR_LARGE, ERR_WX), the list ascending
 * (ERR_UNSORTED) and disjoint (ERR_CLASH), no frame writable here and
 * executable there (ERR_WX), or mapped with two memory types (ERR_TYPE).
 * at = the entry's va, value = its pa.
 */
struct error plan_check(const struct plan *plan, unsigned levels, unsigned phys_bits);

#endif
