/* SPDX-License-Identifier: MIT */
#include "early_screen.h"

#include "console.h"
#include "framebuffer.h"
#include "mb2.h"
#include "panic.h"
#include "pmap.h"
#include "pvh.h"

static struct {
    struct boot *boot;
    struct map_source source;
} early;

/* The panic's line is the last one: what is dropped here is dropped without another. */
static struct error add_silently(void *ctx, uint64_t base, uint64_t len, enum mem_type type,
                                 uint32_t raw)
{
    (void)raw;
    return (struct error){.code = memmap_add(ctx, base, len, type) == MEMMAP_FULL ? ERR_MAPFULL
                                                                                  : ERR_NONE};
}

static void read_physical(void *ctx, uint64_t pa, void *to, size_t len)
{
    (void)ctx;
    pmap_read(pa, to, len);
}

/* A loader that has left boot services alive leaves it to us to ask for the map. */
static struct error ask_firmware(struct boot *boot, const struct range_sink *sink)
{
    struct facts *facts = &boot->facts;
    struct error err = SUCCESS;

    if (!boot->efi.system_table)
        err = efi_init(&boot->efi, facts->efi_image_handle, facts->efi_system_table);
    if (err.code)
        return err;
    if (!facts->framebuffer.given && !efi_has_left())
        efi_find_framebuffer(&boot->efi, &facts->framebuffer);
    return efi_look(&boot->efi, sink);
}

static struct error read_map(struct boot *boot, const struct map_source *source)
{
    const struct range_sink sink = {&boot->map, add_silently};
    const struct pvh_source physical = {NULL, read_physical};

    if (boot->efi.narrow ||
        (source->firmware && (boot->efi.system_table || boot->facts.efi_boot_services)))
        return ask_firmware(boot, &sink);
    if (source->start_info)
        return pvh_ranges(&physical, source->start_info, &sink);
    if (source->info)
        return mb2_ranges(source->info, source->size, &sink);
    return (struct error){.code = ERR_NOMAP};
}

/* Where the firmware shows lines on its own, the screen is the firmware's. */
static void seek(void)
{
    struct boot *boot = early.boot;
    struct memmap *map = &boot->map;
    struct framebuffer *fb = &boot->facts.framebuffer;
    bool pc =
        !early.source.firmware && !boot->facts.efi_system_table && !boot->facts.efi32_system_table;

    if (console_shows_firmware())
        return;
    memmap_init(map, map->keys, map->ranges, map->max_ranges, map->phys_bits);
    if (read_map(boot, &early.source).code == ERR_NONE) {
        memmap_normalise(map);
        framebuffer_complete(fb);
        screen_show(screen_choose(fb, pc, map).screen, fb);
    } else if (!early.source.start_info && screen_shows_text(fb, pc)) {
        /* On a PC there is no RAM where the text screen is; and nothing follows a panic. */
        screen_show(SCREEN_TEXT, fb);
    }
}

void early_screen(struct boot *boot, struct map_source source)
{
    early.boot = boot;
    early.source = source;
    panic_seeks_screen(seek);
}

void early_screen_end(void)
{
    panic_seeks_screen(NULL);
}
