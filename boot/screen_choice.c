/* SPDX-License-Identifier: MIT */
#include "framebuffer.h"
#include "io.h"
#include "layout.h"
#include "screen.h"

/* Pixels lie in what is reserved, or where the map has nothing; all else is memory with contents. */
static bool may_hold_pixels(enum mem_type type)
{
    return type == MEM_RESERVED || type == MEM_MMIO;
}

/* What memory the map has in [base, base + len), by its type's name; null: none. */
static const char *memory_in(const struct memmap *map, uint64_t base, uint64_t len)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct mem_range *range = &map->ranges[i];

        if (!may_hold_pixels(range->type) && range->base <= base + (len - 1) && range->end > base)
            return mem_type_name(range->type);
    }
    return NULL;
}

/* The same, as a choice: its first and last page are mapped whole, with what else is in them. */
static struct screen_choice unless_memory(enum screen screen, const struct memmap *map,
                                          uint64_t base, uint64_t len)
{
    uint64_t first = base & ~PAGE_MASK;
    uint64_t end = (base + len + PAGE_MASK) & ~PAGE_MASK;
    const char *type = memory_in(map, first, end - first);

    if (type)
        return (struct screen_choice){SCREEN_NONE, "the map has memory there", type};
    return (struct screen_choice){.screen = screen};
}

bool screen_shows_text(const struct framebuffer *fb, bool pc)
{
    if (!fb->base)
        return pc;
    return fb->type == FRAMEBUFFER_TEXT && fb->base == VGA_TEXT_PA && fb->width == VGA_COLUMNS &&
           fb->height >= VGA_ROWS;
}

static const char *out_of_reach(const struct framebuffer *fb, const struct memmap *map)
{
    uint64_t bytes = framebuffer_bytes(fb);
    uint64_t window = SCREEN_SIZE - (screen_va(fb->base) - SCREEN_VA);

    if ((fb->base + (bytes - 1)) >> map->phys_bits)
        return "beyond the physical address width";
    return bytes > window ? "larger than the space that is kept for it" : NULL;
}

struct screen_choice screen_choose(const struct framebuffer *fb, bool pc, const struct memmap *map)
{
    const char *why;

    if (screen_shows_text(fb, pc))
        return unless_memory(SCREEN_TEXT, map, VGA_TEXT_PA, PAGE_SIZE);
    if (framebuffer_flaw(fb))
        return (struct screen_choice){.screen = SCREEN_NONE};
    why = out_of_reach(fb, map);
    if (why)
        return (struct screen_choice){.screen = SCREEN_NONE, .why = why};
    return unless_memory(SCREEN_PIXELS, map, fb->base, framebuffer_bytes(fb));
}
