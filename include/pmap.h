/* SPDX-License-Identifier: MIT */
/*
 * PMAP: a few page slots through which any physical memory can be reached,
 * before there is a directmap and without one. And the one accessor for page
 * table frames, which knows the cheapest way to each.
 */
#ifndef PMAP_H
#define PMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"
#include "memtype.h"
#include "walk.h"

/* The last slots have one use each, outside the stack of mappings. */
#define PMAP_VGA_SLOT  (PMAP_SLOTS - 1) /* the text screen */
#define PMAP_VGA_VA    (PMAP_VA + PMAP_VGA_SLOT * PAGE_SIZE)
#define PMAP_COPY_SLOT (PMAP_SLOTS - 2) /* the frame that is being copied, by pmap_snapshots */
#define PMAP_CODE_SLOT (PMAP_SLOTS - 3) /* a code page, on the way to its identity mapping */
#define PMAP_NESTED    (PMAP_SLOTS - 3)
#define PMAP_PAYLOAD   (PMAP_NESTED - 12) /* the rest is for Footing's calls: two tables a level */

/* The most that one pmap_map() can hold, if no other mapping is open. */
#define PMAP_MAX_BYTES (PMAP_NESTED * PAGE_SIZE)

/* Where the image lies; before any other call. */
void pmap_init(uint64_t image_pa);

/* How wide physical addresses are: no page-table entry may hold more. 52 until then. */
void pmap_width(unsigned phys_bits);
unsigned pmap_bits(void);

/* Can all len > 0 bytes at pa be mapped? Nothing else may be asked of pmap_map(). */
bool pmap_reaches(uint64_t pa, uint64_t len);

/*
 * Map len bytes at pa, writable, write-back; len > 0. Null: not enough slots.
 * Mappings nest: the last one opened is the first to be unmapped, and else
 * ERR_PMAP stops the machine, naming who forgot to: `owner`, static.
 */
void *pmap_map(const char *owner, uint64_t pa, size_t len);

/* The same for a device's registers: uncacheable, whatever the MTRRs say. */
void *pmap_map_device(const char *owner, uint64_t pa, size_t len);
void pmap_unmap(const void *mapped);

/*
 * The same for the payload, which gets PMAP_PAYLOAD slots; null also where no
 * entry can reach. A page that may not be written is mapped to be read.
 */
void *pmap_map_payload(uint64_t pa, uint64_t len, bool (*may_write)(uint64_t pa));

/* Bytes of whole pages that the last mapping has, and its first frame; 0: mapped is not that. */
uint64_t pmap_frames(const void *mapped, uint64_t *frame);

/* Is every mapping unmapped? ERR_PMAP: text = the owner of one that is not. */
struct error pmap_check(void);

/* Copy len > 0 bytes of physical memory; zeros, where no page-table entry can reach. */
static inline void pmap_read(uint64_t pa, void *to, size_t len)
{
    const void *from = pmap_reaches(pa, len) ? pmap_map("copy", pa, len) : NULL;

    if (!from) {
        __builtin_memset(to, 0, len);
        return;
    }
    __builtin_memcpy(to, from, len);
    pmap_unmap(from);
}

/* Map the text screen's page, uncacheable, in its own slot of the boot tables. */
volatile uint16_t *pmap_vga(void);

/*
 * Map the framebuffer's len bytes at pa, its own pages and no others,
 * uncacheable, in the boot tables, at the address that it keeps: screen_va(pa).
 * len > 0, and there is room for it from there to PMAP_VA.
 */
void *pmap_screen(uint64_t pa, uint64_t len);

/*
 * The final tables are active: PMAP's slots are theirs from now on. No mapping
 * is open. The plan, which must stay, says what the directmap reaches.
 */
void pmap_switched(const struct plan *plan, uint64_t directmap_base);

/* The directmap changes: what it reaches cannot be told from the plan any more. */
void pmap_forget_directmap(void);

/* The table that holds the slots in the final tables: a page of the image. */
uint64_t pmap_table_pa(void);

/* Map a code page, to be executed, in its own slot; 0: nothing. Returns where. */
uint64_t pmap_code(uint64_t pa);

/* Where the image's byte at this link address is in physical memory. */
uint64_t image_pa(const void *va);

/*
 * A page-table frame's slots, wherever it is (reach.h): nested like pmap_map().
 * Works the same before and after the switch, directmap or not.
 */
uint64_t *frame_map(uint64_t frame);
void frame_unmap(const uint64_t *table);

/*
 * Reads tables by copies of them, so that no slot is open while the entries
 * of PMAP's own table are looked at; works also when all slots are in use.
 */
extern const struct pt_reader pmap_snapshots;

#endif
