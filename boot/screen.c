/* SPDX-License-Identifier: MIT */
/* How the screen is mapped, before the switch and after, and when it is shown. */
#include "screen.h"

#include "console.h"
#include "framebuffer.h"
#include "io.h"
#include "pmap.h"
#include "vga.h"
#include "x86.h"

/* What is said against a framebuffer, and what it is. */
static void print_objection(const struct framebuffer *fb, const char *why, const char *against)
{
    log_print(LOG_WARNING, "footing: framebuffer: %s%s%s", why, against ? ": " : "",
              against ? against : "");
    log_print(LOG_WARNING, " (0x%lx, %u x %u, pitch %u, %u bits a pixel)\n", fb->base, fb->width,
              fb->height, fb->pitch, fb->bits_per_pixel);
}

void screen_check(struct framebuffer *fb, bool pc)
{
    const char *flaw;

    framebuffer_complete(fb);
    flaw = framebuffer_flaw(fb);
    if (fb->given && flaw && (!fb->base || !screen_shows_text(fb, pc)))
        print_objection(fb, flaw, NULL);
}

void screen_show(enum screen screen, const struct framebuffer *fb)
{
    if (screen == SCREEN_TEXT) {
        vga_start(pmap_vga());
        console_screen(vga_putc);
    } else if (screen == SCREEN_PIXELS) {
        framebuffer_start(fb, pmap_screen(fb->base, framebuffer_bytes(fb)));
        console_screen(framebuffer_putc);
    }
}

void screen_loses(uint64_t va, uint64_t len)
{
    if (framebuffer_is_in(va, len))
        console_screen(NULL);
}

enum screen screen_settle(const struct framebuffer *fb, bool pc, const struct memmap *map)
{
    struct screen_choice choice = screen_choose(fb, pc, map);

    if (choice.why && screen_shows_text(fb, pc))
        log_print(LOG_WARNING, "footing: vga: %s: %s (0x%x)\n", choice.why, choice.against,
                  VGA_TEXT_PA);
    else if (choice.why)
        print_objection(fb, choice.why, choice.against);
    screen_show(choice.screen, fb);
    return choice.screen;
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
            print_objection(fb, "the MTRRs cut it into too many pieces", NULL);
            return 0;
        }
        /* Write-combining holds whatever the MTRRs say; but no leaf may hold two of their types. */
        mappings[count] = (struct mapping){
            .va = screen_va(first) + (pa - first),
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
