/* SPDX-License-Identifier: MIT */
#include "pmap.h"

#include <stdbool.h>

#include "image.h"
#include "io.h"
#include "layout.h"
#include "pagetable.h"
#include "panic.h"
#include "port.h"
#include "reach.h"
#include "slots.h"
#include "tlb.h"
#include "x86.h"

#define LARGE_PAGE (PAGE_SIZE << PT_BITS)

extern uint64_t boot_l1[]; /* the boot tables' entries from PMAP_VA on */
extern uint64_t boot_l2[]; /* and those of SCREEN_VA */

/* For what a screen has of its first 2 MiB and of its last, if that is not all. */
static uint64_t screen_l1[2][PT_SLOTS] __attribute__((aligned(4096)));

/* The final tables' table for the window of PMAP_VA: the builder fills it. */
static uint64_t final_l1[PT_SLOTS] __attribute__((aligned(4096)));

_Static_assert(PMAP_NESTED <= SLOTS_MAX, "they have their owners");

static struct {
    uint64_t *entries;
    unsigned width;
    struct slots taken;
    struct places places;
} pmap; /* no initial values: with the slots' owners they would have to be loaded */

/* What pmap_snapshots has copied; a walk holds one table of each level. */
static struct {
    uint64_t tables[PT_MAX_LEVELS][PT_SLOTS];
    unsigned count;
} copies;

void pmap_init(uint64_t image_address)
{
    pmap.entries = boot_l1;
    pmap.width = 52;
    pmap.places.image_va = IMAGE_VA;
    pmap.places.image_pa = image_address;
    pmap.places.image_len = (uint64_t)(image_end - image_start);
}

void pmap_width(unsigned phys_bits)
{
    pmap.width = phys_bits;
}

unsigned pmap_bits(void)
{
    return pmap.width;
}

bool pmap_reaches(uint64_t pa, uint64_t len)
{
    uint64_t last = pa + (len - 1);

    return last >= pa && last >> pmap.width == 0;
}

uint64_t image_pa(const void *va)
{
    return places_image_pa(&pmap.places, (uint64_t)va);
}

uint64_t pmap_table_pa(void)
{
    return image_pa(final_l1);
}

static uint64_t slot_va(unsigned slot)
{
    return PMAP_VA + (uint64_t)slot * PAGE_SIZE;
}

static void clear_slot(unsigned slot)
{
    pmap.entries[slot] = 0;
    invalidate_page(slot_va(slot));
}

static unsigned slot_of_va(const void *mapped)
{
    return (unsigned)(((uint64_t)mapped - PMAP_VA) >> PAGE_SHIFT);
}

/* In the first `max` slots; may_write null: all may be written. */
static void *map_within(unsigned max, const char *owner, uint64_t pa, size_t len, enum memtype type,
                        bool (*may_write)(uint64_t pa))
{
    uint64_t offset = pa & PAGE_MASK;
    uint64_t pages = (offset + len + PAGE_MASK) >> PAGE_SHIFT;
    unsigned first;

    if (len > PMAP_MAX_BYTES || !slots_take(&pmap.taken, max, owner, pages, &first))
        return NULL;
    /* From not present to present: there is nothing to invalidate. */
    for (uint64_t i = 0; i < pages; i++) {
        uint64_t frame = pa - offset + (i << PAGE_SHIFT);

        pmap.entries[first + i] =
            frame | pte_attributes(!may_write || may_write(frame) ? RIGHT_W : 0, type, 0);
    }
    tlb_barrier();
    return (void *)(slot_va(first) + offset);
}

void *pmap_map(const char *owner, uint64_t pa, size_t len)
{
    return map_within(PMAP_NESTED, owner, pa, len, MEMTYPE_WB, NULL);
}

void *pmap_map_device(const char *owner, uint64_t pa, size_t len)
{
    return map_within(PMAP_NESTED, owner, pa, len, MEMTYPE_UC, NULL);
}

void *pmap_map_payload(uint64_t pa, uint64_t len, bool (*may_write)(uint64_t pa))
{
    if (!pmap_reaches(pa, len))
        return NULL;
    return map_within(PMAP_PAYLOAD, "payload", pa, len, MEMTYPE_WB, may_write);
}

void pmap_unmap(const void *mapped)
{
    unsigned first = slot_of_va(mapped);
    unsigned end = pmap.taken.used;
    const char *forgetful = slots_release(&pmap.taken, first);

    must((struct error){
        .code = forgetful ? ERR_PMAP : ERR_NONE, .at = (uint64_t)mapped, .text = forgetful});
    while (end > first)
        clear_slot(--end);
}

uint64_t pmap_frames(const void *mapped, uint64_t *frame)
{
    unsigned first = slot_of_va(mapped);

    if (first >= pmap.taken.used)
        return 0;
    *frame = pmap.entries[first] & PTE_ADDR;
    return (uint64_t)(pmap.taken.used - first) << PAGE_SHIFT;
}

struct error pmap_check(void)
{
    unsigned first = 0;
    const char *owner = slots_owner(&pmap.taken, &first);

    return (struct error){.code = owner ? ERR_PMAP : ERR_NONE, .at = slot_va(first), .text = owner};
}

uint64_t pmap_code(uint64_t pa)
{
    clear_slot(PMAP_CODE_SLOT);
    if (pa)
        pmap.entries[PMAP_CODE_SLOT] = pa | pte_attributes(RIGHT_X, MEMTYPE_WB, 0);
    return slot_va(PMAP_CODE_SLOT);
}

volatile uint16_t *pmap_vga(void)
{
    pmap.entries[PMAP_VGA_SLOT] = VGA_TEXT_PA | pte_attributes(RIGHT_W, MEMTYPE_UC, 0);
    return (volatile uint16_t *)PMAP_VGA_VA;
}

/* A page of the screen that is not part of a large one: in the table for the first, or the last. */
static void map_screen_page(uint64_t va, uint64_t pa)
{
    uint64_t window = (va - SCREEN_VA) / LARGE_PAGE;
    uint64_t *table = screen_l1[window == 0 ? 0 : 1];

    table[va / PAGE_SIZE % PT_SLOTS] = pa | pte_attributes(RIGHT_W, MEMTYPE_UC, 0);
    boot_l2[window] = image_pa(table) | PT_LINK;
}

void *pmap_screen(uint64_t pa, uint64_t len)
{
    uint64_t end = (pa + len + PAGE_MASK) & ~PAGE_MASK;
    uint64_t at = pa & ~PAGE_MASK;
    uint64_t va = screen_va(at);
    uint64_t step;

    for (; at < end; at += step, va += step) {
        step = (at & (LARGE_PAGE - 1)) == 0 && end - at >= LARGE_PAGE ? LARGE_PAGE : PAGE_SIZE;
        if (step == LARGE_PAGE)
            boot_l2[(va - SCREEN_VA) / LARGE_PAGE] = at | pte_attributes(RIGHT_W, MEMTYPE_UC, 1);
        else
            map_screen_page(va, at);
    }
    tlb_barrier();
    return (void *)screen_va(pa);
}

void pmap_switched(const struct plan *plan, uint64_t directmap_base)
{
    pmap.entries = final_l1;
    pmap.places.plan = plan;
    pmap.places.directmap_base = directmap_base;
}

void pmap_forget_directmap(void)
{
    pmap.places.plan = NULL;
}

static bool in_pmap(uint64_t va)
{
    return va - PMAP_VA < PMAP_SLOTS * PAGE_SIZE;
}

uint64_t *frame_map(uint64_t frame)
{
    uint64_t va;

    if (places_reach(&pmap.places, frame, &va) == REACH_PMAP)
        return pmap_map("page table", frame, PAGE_SIZE);
    return (uint64_t *)va;
}

void frame_unmap(const uint64_t *table)
{
    if (in_pmap((uint64_t)table))
        pmap_unmap(table);
}

static const uint64_t *copy_frame(void *ctx, uint64_t frame)
{
    uint64_t *copy = copies.tables[copies.count++ % PT_MAX_LEVELS];
    uint64_t va;

    (void)ctx;
    if (places_reach(&pmap.places, frame, &va) != REACH_PMAP)
        return __builtin_memcpy(copy, (const void *)va, PAGE_SIZE);
    if (!pmap_reaches(frame, PAGE_SIZE))
        return __builtin_memset(copy, 0, PAGE_SIZE);
    pmap.entries[PMAP_COPY_SLOT] = frame | pte_attributes(0, MEMTYPE_WB, 0);
    tlb_barrier();
    __builtin_memcpy(copy, (const void *)slot_va(PMAP_COPY_SLOT), PAGE_SIZE);
    clear_slot(PMAP_COPY_SLOT);
    return copy;
}

static void drop_copy(void *ctx, const uint64_t *table)
{
    (void)ctx;
    (void)table;
    copies.count--;
}

const struct pt_reader pmap_snapshots = {NULL, copy_frame, drop_copy};
