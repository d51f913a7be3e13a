/* SPDX-License-Identifier: MIT */
/* Whoever started us, by whichever protocol: what it says, as facts, options and ranges. */
#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "early_screen.h"
#include "efi_start.h"
#include "layout.h"
#include "mb2.h"
#include "mtrr_rule.h"
#include "panic.h"
#include "pmap.h"
#include "print.h"
#include "pvh.h"
#include "xen.h"
#include "xen_map.h"

void boot_hold(struct boot *boot, uint64_t base, uint64_t len, const char *owner)
{
    if (busy_add(&boot->busy, base, len, owner))
        return;
    must((struct error){
        .code = ERR_PLANFULL,
        .at = BUSY_MAX,
        .text = message("no room to note that 0x%lx+0x%lx is held: %s", base, len, owner)});
}

unsigned boot_largest_level(const struct boot *boot)
{
    unsigned largest = boot->caps.page1g ? 2 : 1;

    return boot->options.max_level < largest ? boot->options.max_level : largest;
}

/* One range of the firmware's map: taken, or a line says why not. */
static struct error take_range(void *ctx, uint64_t base, uint64_t len, enum mem_type type,
                               uint32_t raw)
{
    enum memmap_verdict verdict = memmap_add(ctx, base, len, type);

    if (verdict == MEMMAP_FULL)
        return (struct error){.code = ERR_MAPFULL, .at = BOOT_MAX_RANGES};
    if (verdict != MEMMAP_KEPT)
        log_print(LOG_WARNING, "footing: dropped 0x%lx+0x%lx type %u (%s): %s\n", base, len, raw,
                  mem_type_name(type), memmap_verdict_text(verdict));
    return SUCCESS;
}

/* Without a UEFI firmware under us or the loader, this is a PC with a BIOS. */
static bool is_bios(const struct boot *boot, const struct firmware_state *firmware)
{
    return !firmware && !boot->facts.efi_system_table && !boot->facts.efi32_system_table;
}

/* The option that is refused points into the line; of a configuration's, its file and line are said. */
static struct error explain_option(const struct facts *facts, struct error err)
{
    size_t at = (size_t)(err.text - facts->cmdline);

    err.text = options_advice(err.text);
    if (at < facts->options_len)
        err.text = message("%s: %s", facts->options_place, err.text);
    return err;
}

bool firmware_lives(const struct boot *boot)
{
    return boot->efi.boot_services != 0 && !efi_has_left();
}

static void read_options(struct boot *boot)
{
    __builtin_memcpy(boot->facts.given, boot->facts.cmdline, CMDLINE_MAX);
    boot->options = options_default();
    struct error err = options_parse(&boot->options, boot->facts.cmdline);

    console_start(boot->options.consoles, boot->options.com1_baud, boot->options.com2_baud);
    console_loglevel((enum log_level)boot->options.loglevel);
    panic_exits(boot->options.then == THEN_EXIT || boot->options.then == THEN_PAYLOAD);
    must(err.code ? explain_option(&boot->facts, err) : err);
    /* From here on what is wrong is said as the user wants it, and while a firmware lives. */
    must(mtrr_read(&boot->mtrr, &boot->caps));
}

/* What a live firmware knows that nobody else tells. */
static void ask_firmware(struct boot *boot)
{
    efi_describe(&boot->efi, &boot->facts);
    screen_check(&boot->facts.framebuffer, false);
}

/* footing.efi: the firmware is the loader, and its own files say what to load. */
static void read_firmware(struct boot *boot, struct firmware_state *firmware)
{
    must(efi_init(&boot->efi, firmware->image_handle, firmware->system_table));
    must(efi_start(&boot->efi, &boot->facts));
    read_options(boot);
    ask_firmware(boot);
}

/* The multiboot2 information, mapped in one piece until pmap_unmap(). */
static const void *map_information(uint64_t information, uint32_t *size)
{
    const void *info = pmap_map("boot information", information, 8);

    must(mb2_size(info, size));
    pmap_unmap(info);
    info = pmap_map("boot information", information, *size);
    if (!info)
        must((struct error){.code = ERR_INFOBIG, .at = MB2_INFO_MAX, .value = *size});
    return info;
}

/* The tags; and as soon as they name a firmware that lives, what is wrong with them goes back there. */
static struct error read_tags(struct boot *boot, const void *info, uint32_t size,
                              const struct firmware_state *firmware)
{
    struct facts *facts = &boot->facts;
    struct error err = mb2_facts(info, size, facts);
    struct error none;

    if (!facts->efi_boot_services || (!firmware && err.code))
        return err;
    if (!firmware)
        return efi_init_32(&boot->efi, facts->efi32_image_handle, facts->efi32_system_table);
    none = efi_init(&boot->efi, facts->efi_image_handle, facts->efi_system_table);
    if (!none.code)
        efi_goes_back(&boot->efi);
    return err.code ? err : none;
}

/* A multiboot2 loader's information → facts, options, ranges. */
static void read_information(struct boot *boot, uint64_t information,
                             struct firmware_state *firmware)
{
    const struct range_sink sink = {&boot->map, take_range};
    uint32_t size;
    const void *info = map_information(information, &size);

    early_screen(boot, (struct map_source){.firmware = firmware, .info = info, .size = size});
    must(read_tags(boot, info, size, firmware));
    read_options(boot);
    if (boot->facts.end_tag_missing)
        log_print(LOG_WARNING, "footing: boot information: kexec has left out its end tag: "
                               "taken to end behind the last tag\n");
    if (firmware_lives(boot)) {
        ask_firmware(boot);
    } else {
        screen_check(&boot->facts.framebuffer, is_bios(boot, firmware));
        must(mb2_ranges(info, size, &sink));
    }
    boot->facts.information = information;
    boot->facts.information_end = information + size;
    pmap_unmap(info);
}

static void read_physical(void *ctx, uint64_t pa, void *to, size_t len)
{
    (void)ctx;
    pmap_read(pa, to, len);
}

/* The map that Xen's start info lacks when it starts its first domain; any other loader's is missing. */
static struct error ask_xen(const struct range_sink *sink)
{
    static uint8_t entries[XEN_MAP_MAX * XEN_MAP_ENTRY];
    uint32_t count = XEN_MAP_MAX;
    int64_t answer;

    if (!xen_present())
        return (struct error){.code = ERR_NOMAP};
    answer = xen_memory_map(entries, &count);
    return xen_map_ranges(entries, count, answer, sink);
}

/* PVH's start info → facts, options, ranges. */
static void read_start_info(struct boot *boot, uint64_t start_info)
{
    static struct kept_range held[PVH_HELD_MAX];
    const struct range_sink sink = {&boot->map, take_range};
    const struct pvh_source physical = {NULL, read_physical};
    struct error err;
    size_t count;

    early_screen(boot, (struct map_source){.start_info = start_info});
    must(pvh_facts(&physical, start_info, &boot->facts));
    read_options(boot);
    err = pvh_ranges(&physical, start_info, &sink);
    must(err.code == ERR_NOMAP ? ask_xen(&sink) : err);
    count = pvh_held(&physical, start_info, held);
    for (size_t i = 0; i < count; i++)
        boot_hold(boot, held[i].base, held[i].len, held[i].what);
}

void read_facts(struct boot *boot, uint64_t information, struct firmware_state *firmware)
{
    early_screen(boot, (struct map_source){.firmware = firmware});
    /* Hypervisors alone speak PVH: who is started so is a guest, also where CPUID keeps it secret. */
    boot->guest = boot->caps.hypervisor || entered_by_pvh;
    if (firmware && information == 0 && efi_start)
        read_firmware(boot, firmware);
    else if (entered_by_pvh)
        read_start_info(boot, information);
    else
        read_information(boot, information, firmware);
    boot->bios = is_bios(boot, firmware);
}

/* An empty map, in the room of the one before. */
static struct range_sink take_map_again(struct boot *boot)
{
    struct memmap *map = &boot->map;

    memmap_init(map, map->keys, map->ranges, map->max_ranges, map->phys_bits);
    return (struct range_sink){map, take_range};
}

/* By the map as it is: do the MTRRs count? Said each time; only the last time is it seen. */
static struct error settle_mtrrs(struct boot *boot)
{
    struct error err;
    bool ignored;

    boot->mtrr.present = boot->caps.mtrr;
    err = mtrr_settle(&boot->mtrr, &boot->map, boot->guest, &ignored);
    if (ignored)
        log_print(LOG_WARNING, "footing: MTRRs: they make no usable RAM write-back, and this is a "
                               "guest: taken as not there\n");
    return err;
}

struct error look_at_firmware(struct boot *boot)
{
    const struct range_sink sink = take_map_again(boot);
    struct error err = efi_look(&boot->efi, &sink);

    if (err.code)
        return err;
    memmap_normalise(&boot->map);
    err = settle_mtrrs(boot);
    if (err.code)
        return err;
    boot->screen = screen_choose(&boot->facts.framebuffer, boot->bios, &boot->map).screen;
    efi_plan_runtime(&boot->efi, &boot->mtrr, RUNTIME_VA, RUNTIME_SIZE, boot_largest_level(boot),
                     &boot->runtime);
    return SUCCESS;
}

void leave_firmware(struct boot *boot, struct firmware_state *firmware)
{
    const struct range_sink sink = take_map_again(boot);

    must(efi_leave(&boot->efi, &sink));
    /* Nobody serves the firmware's interrupts from here on. */
    if (firmware)
        firmware->flags &= ~EFLAGS_IF;
}

void settle_map(struct boot *boot)
{
    memmap_normalise(&boot->map);
    early_screen_end();
    boot->screen = screen_settle(&boot->facts.framebuffer, boot->bios, &boot->map);
    must(settle_mtrrs(boot));
    if (efi_has_left())
        efi_place_runtime(&boot->efi, &boot->mtrr, RUNTIME_VA, RUNTIME_SIZE,
                          boot_largest_level(boot), &boot->runtime);
    if ((boot->facts.efi_system_table || boot->facts.efi32_system_table) && !boot->efi.system_table)
        efi_describe_left(&boot->map, &boot->facts);
}
