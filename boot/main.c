/* SPDX-License-Identifier: MIT */
/*
 * One boot, straight down: facts, map, plan, tables, switch, payload. This
 * file owns the state, and it alone decides to stop.
 */
#include "bios.h"
#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "efi.h"
#include "efi_start.h"
#include "firmware.h"
#include "handover.h"
#include "io.h"
#include "layout.h"
#include "mb2.h"
#include "panic.h"
#include "pmap.h"
#include "pvh.h"
#include "screen.h"
#include "trap.h"

static struct boot boot;

/* First the memory map's ends as they are sorted, then lists for the payload. */
static union {
    uint64_t map_keys[2 * BOOT_MAX_RANGES];
    uint64_t handover[HANDOVER_BYTES / sizeof(uint64_t)];
} room;
static struct mem_range map_ranges[2 * BOOT_MAX_RANGES - 1];
static struct mapping plan_entries[BOOT_MAX_MAPPINGS];

/* From start_c in x86_64/trampoline.S; firmware is null unless a UEFI firmware may be alive. */
_Noreturn void boot_main(uint64_t image, uint64_t information, struct firmware_state *firmware);

static void must(struct error err)
{
    if (err.code)
        panic(&err);
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

/* Keep these bytes out of the free memory. */
static void hold(uint64_t base, uint64_t len, const char *owner)
{
    if (!busy_add(&boot.busy, base, len, owner))
        must((struct error){.code = ERR_OVERLAP, .at = base, .value = base + len, .text = owner});
}

/* What the command line may ask for one day must not be taken for granted before. */
static void refuse_unless(bool built, const char *option)
{
    if (!built)
        must((struct error){.code = ERR_NOTYET, .text = option});
}

/* The largest page that the CPU has and the user allows. */
static unsigned largest_level(void)
{
    unsigned largest = boot.caps.page1g ? 2 : 1;

    return boot.options.max_level < largest ? boot.options.max_level : largest;
}

/* Without a UEFI firmware under us or the loader, this is a PC with a BIOS. */
static bool is_bios(const struct firmware_state *firmware)
{
    return !firmware && !boot.facts.efi_system_table;
}

static void read_options(void)
{
    __builtin_memcpy(boot.facts.given, boot.facts.cmdline, CMDLINE_MAX);
    boot.options = options_default();
    struct error err = options_parse(&boot.options, boot.facts.cmdline);

    console_start(boot.options.consoles, boot.options.com1_baud, boot.options.com2_baud);
    console_loglevel((enum log_level)boot.options.loglevel);
    panic_exits(boot.options.then == THEN_EXIT || boot.options.then == THEN_PAYLOAD);
    must(err);
    if (boot.options.la57 != LA57_AUTO)
        refuse_unless((boot.options.la57 == LA57_ON) == (cpu_levels() == 5),
                      "another number of paging levels than at entry (la57=)");
    refuse_unless(boot.options.foreign == 0, "foreign=");
    refuse_unless(boot.options.directmap, "directmap=off");
}

/* Leave the firmware, whoever started us under it; what it must keep is known then. */
static void leave_firmware(struct firmware_state *firmware)
{
    const struct range_sink sink = {&boot.map, take_range};

    efi_describe(&boot.efi, &boot.facts);
    console_firmware(NULL);
    panic_returns(NULL);
    must(efi_leave(&boot.efi, &sink));
    /* Nobody serves the firmware's interrupts from here on. */
    firmware->flags &= ~EFLAGS_IF;
    must(efi_place_runtime(&boot.efi, &boot.mtrr, RUNTIME_VA, RUNTIME_SIZE, largest_level(),
                           &boot.runtime));
}

/* footing.efi: the firmware is the loader, and its own files say what to load. */
static void read_firmware(struct firmware_state *firmware)
{
    must(efi_init(&boot.efi, firmware->image_handle, firmware->system_table));
    must(efi_start(&boot.efi, &boot.facts));
    read_options();
    leave_firmware(firmware);
}

/* The multiboot2 information, mapped in one piece until pmap_unmap(). */
static const void *map_information(uint64_t information, uint32_t *size)
{
    const void *info = pmap_map(information, 8);

    must(mb2_size(info, size));
    pmap_unmap(info);
    info = pmap_map(information, *size);
    if (!info)
        must((struct error){.code = ERR_INFOBIG, .at = MB2_INFO_MAX, .value = *size});
    return info;
}

/* A multiboot2 loader's information → facts, options, ranges. */
static void read_information(uint64_t information, struct firmware_state *firmware)
{
    const struct range_sink sink = {&boot.map, take_range};
    uint32_t size;
    const void *info = map_information(information, &size);

    must(mb2_facts(info, size, &boot.facts));
    screen_find(&boot.facts.framebuffer, is_bios(firmware), &boot.map);
    read_options();
    if (boot.facts.efi_boot_services && !firmware)
        must((struct error){.code = ERR_EFI, .text = "boot services alive at the 32-bit entry"});
    if (boot.facts.efi_boot_services) {
        must(efi_init(&boot.efi, boot.facts.efi_image_handle, boot.facts.efi_system_table));
        leave_firmware(firmware);
    } else {
        must(mb2_ranges(info, size, &sink));
    }
    pmap_unmap(info);
    boot.facts.information = information;
    boot.facts.information_end = information + size;
    hold(information, size, "boot information");
}

static void read_physical(void *ctx, uint64_t pa, void *to, size_t len)
{
    const void *from = pmap_map(pa, len);

    (void)ctx;
    __builtin_memcpy(to, from, len);
    pmap_unmap(from);
}

static const struct pvh_source physical = {NULL, read_physical};

/*
 * Behind PVH there is a hypervisor and often no firmware: nobody has set up
 * MTRRs that are off, and to a guest they mean nothing.
 */
static void ignore_unset_mtrrs(void)
{
    if (!boot.mtrr.present || (boot.mtrr.def_type & MTRR_DEF_ENABLE))
        return;
    log_print(LOG_WARNING, "footing: MTRRs are off, and no firmware has set them: ignored\n");
    boot.mtrr.present = false;
}

/* PVH's start info → facts, options, ranges. */
static void read_start_info(uint64_t start_info)
{
    static struct kept_range held[PVH_HELD_MAX];
    const struct range_sink sink = {&boot.map, take_range};
    size_t count;

    must(pvh_facts(&physical, start_info, &boot.facts));
    read_options();
    ignore_unset_mtrrs();
    must(pvh_ranges(&physical, start_info, &sink));
    count = pvh_held(&physical, start_info, held);
    for (size_t i = 0; i < count; i++)
        hold(held[i].base, held[i].len, held[i].what);
}

static bool is_start_info(uint64_t information)
{
    uint32_t magic;

    read_physical(NULL, information, &magic, sizeof(magic));
    return magic == PVH_MAGIC;
}

/* Whoever started us: facts, options, and the memory map. */
static void read_facts(uint64_t information, struct firmware_state *firmware)
{
    if (firmware && information == 0 && efi_start)
        read_firmware(firmware);
    else if (!firmware && is_start_info(information))
        read_start_info(information);
    else
        read_information(information, firmware);
    memmap_normalise(&boot.map);
    boot.bios = is_bios(firmware);
    boot.screen = screen_find(&boot.facts.framebuffer, boot.bios, &boot.map);
    for (size_t i = 0; i < boot.facts.nkept; i++)
        hold(boot.facts.kept[i].base, boot.facts.kept[i].len, boot.facts.kept[i].what);
    if (boot.runtime.why)
        log_print(LOG_WARNING, "footing: runtime services left out: %s, at 0x%lx\n",
                  boot.runtime.why, boot.runtime.at);
}

/* What the loader put somewhere must lie in write-back RAM, and not on anything else. */
static void claim(uint64_t base, uint64_t end, const char *owner)
{
    struct error err = {.at = base, .value = end - 1, .text = owner};
    uint64_t first = base & ~PAGE_MASK;
    uint64_t pages = ((end + PAGE_MASK) & ~PAGE_MASK) - first;
    const struct mem_range *range = memmap_find(&boot.map, base);
    const struct busy_range *other = busy_overlap(&boot.busy, base, end);

    if (base == end)
        return;
    if (!memmap_is(&boot.map, base, end - base, MEM_USABLE)) {
        err.code = ERR_INUSE;
        err.against = range ? mem_type_name(range->type) : "in no range";
    } else if (!memtype_is(&boot.mtrr, first, pages, MEMTYPE_WB)) {
        err.code = ERR_NOTWB;
    } else if (other) {
        err.code = ERR_OVERLAP;
        err.against = other->owner;
    }
    must(err);
    hold(base, end - base, owner);
}

/*
 * Real-mode vectors and BIOS data, which the map calls usable; and the
 * extended BIOS data, which a broken map may call so too.
 */
static void hold_bios_data(void)
{
    uint64_t ebda = bios_ebda();

    hold(0, BIOS_DATA_END, "BIOS data");
    if (ebda)
        hold(ebda, BIOS_EBDA_END - ebda, "extended BIOS data");
}

static void set_request(void)
{
    unsigned levels = cpu_levels();

    boot.request = (struct plan_request){
        .map = &boot.map,
        .mtrr = &boot.mtrr,
        .fixed = boot.fixed,
        .directmap_base = levels == 5 ? DIRECTMAP_BASE_5 : DIRECTMAP_BASE_4,
        .directmap_size = levels == 5 ? DIRECTMAP_SIZE_5 : DIRECTMAP_SIZE_4,
        .directmap = true,
        .ram_limit = boot.options.ram_limit,
        .levels = levels,
        .phys_bits = boot.caps.phys_bits,
        .max_level = largest_level(),
    };
}

static void claim_all(bool bios)
{
    must(ram_check(&boot.request));
    claim(boot.image_pa, boot.image_pa + (uint64_t)(image_end - image_start), "image");
    for (size_t i = 0; i < boot.facts.nmodules; i++)
        claim(boot.facts.modules[i].base, boot.facts.modules[i].end, "module");
    if (bios)
        hold_bios_data();
}

static void add_fixed(struct mapping m)
{
    if (boot.request.nfixed == PLAN_MAX_FIXED)
        must((struct error){.code = ERR_PLANFULL, .at = PLAN_MAX_FIXED});
    m.max_level = (uint8_t)boot.request.max_level;
    boot.fixed[boot.request.nfixed++] = m;
}

static void add_image(void)
{
    for (const struct image_segment *s = image_segments; s->start != s->end; s++)
        add_fixed((struct mapping){
            .va = s->start,
            .pa = image_pa((const void *)s->start),
            .len = s->end - s->start,
            .rights = (uint8_t)s->rights,
            .type = MEMTYPE_WB,
            .what = (uint8_t)s->what,
        });
}

static void add_screen(void)
{
    struct mapping mappings[SCREEN_MAPPINGS_MAX];
    size_t count =
        screen_mappings(boot.screen, &boot.facts.framebuffer, &boot.mtrr, boot.caps.pat, mappings);

    for (size_t i = 0; i < count; i++)
        add_fixed(mappings[i]);
}

/* The payload's segments, if a payload was loaded: into frames of their own. */
static void place_payload(void)
{
    const struct module *module = payload_module(&boot.facts);

    if (!module)
        return;
    must(payload_place(&boot.payload, module, &boot.request, &boot.busy));
    must(payload_copy(&boot.payload));
    for (size_t i = 0; i < boot.payload.count; i++)
        add_fixed(boot.payload.pieces[i]);
}

static void make_plan(void)
{
    add_image();
    add_screen();
    for (size_t i = 0; i < boot.runtime.count; i++)
        add_fixed(boot.runtime.mappings[i]);
    boot.plan = (struct plan){.entries = plan_entries, .max = BOOT_MAX_MAPPINGS};
    must(plan_make(&boot.plan, &boot.request));
}

/* The table that PMAP's slots are in is a page of the image; all others come from the pool. */
static uint64_t table_alloc(void *ctx, unsigned level, uint64_t va)
{
    uint64_t frame;

    if (level == 0 && va == PMAP_VA)
        return pmap_table_pa();
    if (!frame_pool_take(ctx, &frame))
        must((struct error){.code = ERR_NOFRAMES, .text = "although they were counted"});
    return frame;
}

static uint64_t *table_map(void *ctx, uint64_t frame)
{
    (void)ctx;
    return frame_map(frame);
}

static void table_unmap(void *ctx, uint64_t *table)
{
    (void)ctx;
    frame_unmap(table);
}

static void build_tables(void)
{
    const struct pt_memory memory = {&boot.pool, table_alloc, table_map, table_unmap};
    size_t counted = pt_count(&boot.plan, boot.request.levels);
    uint64_t found;

    frame_pool_init(&boot.pool, &boot.request, &boot.busy);
    if (!frame_pool_has(&boot.pool, counted - 1, &found))
        must((struct error){.code = ERR_NOFRAMES, .at = found, .value = counted - 1});
    pt_build(&boot.plan, boot.request.levels, &memory, &boot.root, &boot.stats);
    if (boot.stats.tables != counted)
        must((struct error){.code = ERR_COUNT, .at = boot.stats.tables, .value = counted});
}

static void switch_tables(void)
{
    const struct cpu_state state = cpu_state_for(&boot.caps, boot.root, boot.request.levels);

    cpu_switch(&state);
    pmap_switched();
}

/* A payload that was linked in (libfooting.a): the symbol is null if there is none. */
extern void footing_main(const struct footing_info *info) __attribute__((weak));

static uint64_t payload_entry(void)
{
    return boot.payload.module ? boot.payload.image.entry : (uint64_t)footing_main;
}

/* From cpu_enter in x86_64/switch.S. */
_Noreturn void payload_returned(uint64_t rax);

void payload_returned(uint64_t rax)
{
    const struct error err = {.code = ERR_RETURNED, .value = rax};

    panic(&err);
}

static _Noreturn void enter_payload(void)
{
    if (boot.bios)
        bios_find(&boot.facts);
    cpu_enter(payload_entry(), handover_info(&boot, &room));
}

/* The end of the way: whatever then= says. */
static _Noreturn void finish(void)
{
    if (boot.options.then == THEN_HALT)
        cpu_halt();
    if (boot.options.then == THEN_PAYLOAD && payload_entry() != 0)
        enter_payload();
    must(builtin_payload(&boot));
    if (boot.options.then == THEN_REBOOT)
        cpu_reset();
    cpu_exit_qemu(true);
    log_print(LOG_ALWAYS, "No QEMU to leave: halted.\n");
    cpu_halt();
}

void boot_main(uint64_t image, uint64_t information, struct firmware_state *firmware)
{
    boot.image_pa = image;
    pmap_init(image);
    trap_init();
    screen_find(&boot.facts.framebuffer, is_bios(firmware), &boot.map);
    boot.caps = cpu_detect();
    mtrr_read(&boot.mtrr, &boot.caps);
    memmap_init(&boot.map, room.map_keys, map_ranges, BOOT_MAX_RANGES, boot.caps.phys_bits);

    read_facts(information, firmware);
    trap_use_stacks();
    set_request();
    claim_all(firmware == NULL);
    place_payload();
    make_plan();
    build_tables();
    switch_tables();

    print_contract(&boot);
    if (boot.options.scrub != SCRUB_OFF)
        must(scrub(&boot, boot.pool, boot.options.scrub == SCRUB_VERIFY));
    log_print(LOG_ALWAYS, "footing: ready\n");
    footing_ready();
    finish();
}
