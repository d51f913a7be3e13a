/* SPDX-License-Identifier: MIT */
/* The state of one boot, as boot/main.c builds it up and its helpers read it. */
#ifndef BOOT_H
#define BOOT_H

#include "cpustate.h"
#include "efi.h"
#include "facts.h"
#include "frames.h"
#include "image.h"
#include "lists.h"
#include "memmap.h"
#include "memtype.h"
#include "options.h"
#include "pagetable.h"
#include "payload.h"
#include "plan.h"
#include "screen.h"
#include "walk.h"

/* How many ranges a memory map may have; one more is ERR_MAPFULL. */
#define BOOT_MAX_RANGES 4096

/*
 * Each usable input range yields at most one mapping, MTRRs cut a few more; of
 * the fixed ones each is one itself, and those that are text, of the image or
 * the payload, cut two more out of the directmap.
 */
#define BOOT_MAX_MAPPINGS (BOOT_MAX_RANGES + 2 * PLAN_MAX_FIXED + 256)

_Static_assert(IMAGE_SEGMENTS_MAX + SCREEN_MAPPINGS_MAX + EFI_RUNTIME_MAPPINGS +
                       PAYLOAD_PIECES_MAX <=
                   PLAN_MAX_FIXED,
               "all that there may be fits into one plan");

/*
 * Room for the payload's lists of held and of free RAM, in words of 8 bytes. It
 * holds the free runs of every directmap, and of what has none, unless MTRRs
 * cut RAM into more pieces than a plan may have.
 */
#define BOOT_LISTS_WORDS (3 * (BOOT_MAX_MAPPINGS + BUSY_MAX))

/* What foreign= asked for. */
struct foreign_range {
    uint64_t base;
    uint64_t len; /* 0: it was not asked for */
    bool ram;     /* set aside for it, since there is no room above */
};

struct boot {
    uint64_t image_pa;
    struct efi efi; /* of a UEFI firmware, and its runtime services */
    struct efi_runtime runtime;
    struct facts facts;
    bool bios;  /* a PC with a BIOS, not UEFI */
    bool guest; /* there is a hypervisor under us */
    enum screen screen;
    struct options options;
    struct cpu_caps caps;
    struct mtrr_state mtrr;
    struct foreign_range foreign;
    struct memmap map;
    struct busy_list busy;
    struct payload payload;
    struct mapping fixed[PLAN_MAX_FIXED];
    struct plan_request request;
    struct plan plan;
    size_t tables; /* frames that the plan's page tables take, one of them in the image */
    struct frame_pool pool;
    uint64_t root;
    struct pt_stats stats;
    struct ram_lists lists; /* for a payload; until they are made, and without one, empty */
};

/*
 * Whoever started us: facts, options, and the memory map's ranges; but for
 * these if firmware_lives(), which is asked for them later. Panics where it must.
 */
void read_facts(struct boot *boot, uint64_t information, struct firmware_state *firmware);

/* Is there a UEFI firmware whose boot services live, and which we can leave? */
bool firmware_lives(const struct boot *boot);

/*
 * The normalised map, the screen and the runtime services' mappings as they
 * would be, were the live firmware left now. It is not told, and no character
 * is drawn. May be called again, and leave_firmware() after it. ERR_EFI,
 * ERR_MAPENTRY, ERR_MAPFULL, ERR_MTRR.
 */
struct error look_at_firmware(struct boot *boot);

/* ExitBootServices; then the map's ranges. Panics where it must. */
void leave_firmware(struct boot *boot, struct firmware_state *firmware);

/*
 * No more ranges: normalise the map, show the console on the screen that is
 * none of its memory, say whether the MTRRs count, and place the runtime
 * services of a firmware that we have left. Panics where it must.
 */
void settle_map(struct boot *boot);

/* 1: started by PVH; set by boot/entry32.S. */
extern const uint8_t entered_by_pvh;

/* Keep these bytes out of the free memory. */
void boot_hold(struct boot *boot, uint64_t base, uint64_t len, const char *owner);

/* The largest page that the CPU has and the user allows. */
unsigned boot_largest_level(const struct boot *boot);

/* Find foreign space, or set RAM aside. ERR_FOREIGN: there is neither. */
struct error place_foreign(struct boot *boot);

/* Write, and with verify read back, all free RAM through the directmap. ERR_SCRUB. */
struct error scrub(const struct boot *boot, struct frame_pool free_ram, bool verify);

/* The contract's lines: layout, map, plan, tables. */
void print_contract(const struct boot *boot);

/* The built-in payload: show map, plan and what was left out; audit the live tables. ERR_AUDIT. */
struct error builtin_payload(const struct boot *boot);

#endif
