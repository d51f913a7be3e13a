/* SPDX-License-Identifier: MIT */
/* Which screen there is, and how it is mapped: before the switch and after. */
#include "screen.h"

#include "console.h"
#include "framebuffer.h"
#include "io.h"
#include "pmap.h"
#include "vga.h"
#include "x86.h"

/* The text screen, unless the loader says that it shows anything but 80 columns of text. */
static bool shows_text(const struct framebuffer *fb, bool bios)
{
    if (!fb->base)
        return bios;
    return fb->type == FRAMEBUFFER_TEXT && fb->base == VGA_TEXT_PA && fb->width == VGA_COLUMNS &&
           fb->height >= VGA_ROWS;
}

enum screen screen_find(const struct framebuffer *fb, bool bios)
{
    void *pixels = NULL;

    console_screen(NULL);
    if (shows_text(fb, bios)) {
        vga_start(pmap_vga());
        console_screen(vga_putc);
        return SCREEN_TEXT;
    }
    if (framebuffer_flaw(fb))
        return SCREEN_NONE;
    if (pmap_reaches(fb->base, framebuffer_bytes(fb)))
        pixels = pmap_screen(fb->base, framebuffer_bytes(fb));
    if (!pixels) {
        log_print(LOG_WARNING, "footing: framebuffer at 0x%lx, %lu bytes: out of reach\n", fb->base,
                  framebuffer_bytes(fb));
        return SCREEN_NONE;
    }
    framebuffer_start(fb, pixels);
    console_screen(framebuffer_putc);
    return SCREEN_PIXELS;
}

enum screen screen_settle(enum screen screen, const struct framebuffer *fb,
                          const struct memmap *map)
{
    uint64_t base = screen == SCREEN_TEXT ? VGA_TEXT_PA : fb->base;
    uint64_t len = screen == SCREEN_TEXT ? PAGE_SIZE : framebuffer_bytes(fb);

    for (size_t i = 0; screen != SCREEN_NONE && i < map->count; i++) {
        const struct mem_range *range = &map->ranges[i];

        if (range->type != MEM_USABLE || range->base > base + (len - 1) || range->end <= base)
            continue;
        console_screen(NULL);
        log_print(LOG_WARNING, "footing: no screen: the memory map has RAM at 0x%lx\n", base);
        return SCREEN_NONE;
    }
    return screen;
}

static struct mapping text_mapping(void)
{
    return (struct mapping){
        .va = PMAP_VGA_VA,
        .pa = VGA_TEXT_PA,
        .len = PAGE_SIZE,
        .rights = RIGHT_W,
        .type = MEMTYPE_UC,
        .what = WHAT_VGA_TEXT,
    };
}

size_t screen_mappings(enum screen screen, const struct framebuffer *fb,
                       const struct mtrr_state *mtrr, bool pat, struct mapping *mappings)
{
    uint64_t first = fb->base & ~PAGE_MASK;
    uint64_t end = (fb->base + framebuffer_bytes(fb) + PAGE_MASK) & ~PAGE_MASK;
    size_t count = 0;

    if (screen == SCREEN_TEXT)
        mappings[count++] = text_mapping();
    if (screen != SCREEN_PIXELS)
        return count;
    for (uint64_t pa = first; pa < end; count++) {
        struct memtype_span span = memtype_span(mtrr, pa, end);

        if (count == SCREEN_MAPPINGS_MAX) {
            console_screen(NULL);
            return 0;
        }
        /* Write-combining holds whatever the MTRRs say; but no leaf may hold two of their types. */
        mappings[count] = (struct mapping){
            .va = pmap_screen_va(first) + (pa - first),
            .pa = pa,
            .len = span.end - pa,
            .rights = RIGHT_W,
            .type = pat ? MEMTYPE_WC : MEMTYPE_UC,
            .what = WHAT_FRAMEBUFFER,
        };
        pa = span.end;
    }
    return count;
}
