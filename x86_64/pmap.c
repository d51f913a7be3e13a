/* SPDX-License-Identifier: MIT */
#include "pmap.h"

#include <stdbool.h>

#include "image.h"
#include "io.h"
#include "layout.h"
#include "pagetable.h"
#include "port.h"
#include "x86.h"

#define LARGE_PAGE (PAGE_SIZE << PT_BITS)

extern uint64_t boot_l1[]; /* the boot tables' entries from PMAP_VA on */
extern uint64_t boot_l2[]; /* and those of SCREEN_VA, as large pages */

/* The final tables' table for the window of PMAP_VA: the builder fills it. */
static uint64_t final_l1[PT_SLOTS] __attribute__((aligned(4096)));

static struct {
    uint64_t *slots;
    unsigned used;
    uint64_t image_pa;
    unsigned width;
} pmap = {.width = 52};

void pmap_init(uint64_t image_address)
{
    pmap.slots = boot_l1;
    pmap.image_pa = image_address;
}

void pmap_width(unsigned phys_bits)
{
    pmap.width = phys_bits;
}

bool pmap_reaches(uint64_t pa, uint64_t len)
{
    uint64_t last = pa + (len - 1);

    return last >= pa && last >> pmap.width == 0;
}

uint64_t image_pa(const void *va)
{
    return (uint64_t)va - IMAGE_VA + pmap.image_pa;
}

uint64_t pmap_table_pa(void)
{
    return image_pa(final_l1);
}

void *pmap_map(uint64_t pa, size_t len)
{
    uint64_t offset = pa & PAGE_MASK;
    uint64_t pages = (offset + len + PAGE_MASK) >> PAGE_SHIFT;
    unsigned first = pmap.used;
    uint64_t pte = (pa - offset) | pte_attributes(RIGHT_W, MEMTYPE_WB, 0);

    if (len > PMAP_MAX_BYTES || pages > PMAP_VGA_SLOT - first)
        return NULL;
    /* From not present to present: there is nothing to invalidate. */
    for (uint64_t i = 0; i < pages; i++)
        pmap.slots[first + i] = pte + (i << PAGE_SHIFT);
    pmap.used = first + (unsigned)pages;
    return (void *)(PMAP_VA + (uint64_t)first * PAGE_SIZE + offset);
}

void pmap_unmap(const void *mapped)
{
    unsigned first = (unsigned)(((uint64_t)mapped - PMAP_VA) >> PAGE_SHIFT);

    while (pmap.used > first) {
        pmap.slots[--pmap.used] = 0;
        invalidate_page(PMAP_VA + (uint64_t)pmap.used * PAGE_SIZE);
    }
}

volatile uint16_t *pmap_vga(void)
{
    pmap.slots[PMAP_VGA_SLOT] = VGA_TEXT_PA | pte_attributes(RIGHT_W, MEMTYPE_UC, 0);
    return (volatile uint16_t *)PMAP_VGA_VA;
}

uint64_t pmap_screen_va(uint64_t pa)
{
    return SCREEN_VA + (pa & (LARGE_PAGE - 1));
}

void *pmap_screen(uint64_t pa, uint64_t len)
{
    uint64_t offset = pa & (LARGE_PAGE - 1);
    uint64_t pte = (pa - offset) | pte_attributes(RIGHT_W, MEMTYPE_UC, 1);

    if (len > SCREEN_SIZE - offset)
        return NULL;
    for (uint64_t at = 0; at < offset + len; at += LARGE_PAGE)
        boot_l2[at / LARGE_PAGE] = pte + at;
    return (void *)pmap_screen_va(pa);
}

void pmap_switched(void)
{
    pmap.slots = final_l1;
}

static bool in_pmap(uint64_t va)
{
    return va - PMAP_VA < PMAP_SLOTS * PAGE_SIZE;
}

uint64_t *image_frame(uint64_t frame)
{
    uint64_t offset = frame - pmap.image_pa;

    return offset < (uint64_t)(image_end - image_start) ? (uint64_t *)(IMAGE_VA + offset) : NULL;
}

uint64_t *frame_map(uint64_t frame)
{
    uint64_t *in_image = image_frame(frame);

    return in_image ? in_image : pmap_map(frame, PAGE_SIZE);
}

void frame_unmap(const uint64_t *table)
{
    if (in_pmap((uint64_t)table))
        pmap_unmap(table);
}
