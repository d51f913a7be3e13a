/* SPDX-License-Identifier: MIT */
/*
 * One boot, straight down: facts, map, plan, tables, switch, payload. This
 * file owns the state.
 */
#include "bios.h"
#include "boot.h"
#include "claim.h"
#include "console.h"
#include "cpu.h"
#include "firmware.h"
#include "handover.h"
#include "io.h"
#include "layout.h"
#include "levels.h"
#include "live.h"
#include "panic.h"
#include "payload_choice.h"
#include "pmap.h"
#include "print.h"
#include "screen.h"
#include "text.h"
#include "trap.h"

static struct boot boot;

/* First the memory map's ends as they are sorted, then lists for the payload. */
static union {
    uint64_t map_keys[2 * BOOT_MAX_RANGES];
    uint64_t lists[BOOT_LISTS_WORDS];
} room;
static struct mem_range map_ranges[2 * BOOT_MAX_RANGES - 1];
static struct mapping plan_entries[BOOT_MAX_MAPPINGS];

/* From start_c in x86_64/trampoline.S; firmware is null unless a UEFI firmware may be alive. */
_Noreturn void boot_main(uint64_t image, uint64_t information, struct firmware_state *firmware);

/* What the loader put somewhere stays there, if it can; or text says what is in its way. */
static struct error claim(uint64_t base, uint64_t end, const char *owner)
{
    const struct claim_ground ground = {&boot.map, &boot.mtrr, &boot.busy};
    struct error err = claim_check(&ground, base, end);

    if (!err.code)
        boot_hold(&boot, base, end - base, owner);
    return err;
}

static struct error claim_image(void)
{
    struct error err =
        claim(boot.image_pa, boot.image_pa + (uint64_t)(image_end - image_start), "image");

    if (err.code)
        err.text = message("image: %s", err.text);
    return err;
}

/* Its error says which module, and by what name if that is known. */
static struct error claim_module(size_t i)
{
    const struct module *module = &boot.facts.modules[i];
    const char *name = boot.facts.names + module->name;
    struct error err = claim(module->base, module->end, "module");

    if (err.code)
        err.text = message("module %lu%s%s: %s", i + 1, name[0] != '\0' ? " " : "",
                           quoted(name, text_len(name)), err.text);
    return err;
}

/*
 * A PC's real-mode vectors and BIOS data, which the map calls usable; and its
 * extended BIOS data, which a broken map may call so too. Page 0 is held on
 * any machine: where 0 means that there is no frame, it cannot be given out.
 */
static void hold_low_memory(void)
{
    uint64_t ebda = boot.bios ? bios_ebda() : 0;

    boot_hold(&boot, 0, BIOS_DATA_END, boot.bios ? "BIOS data" : "page 0");
    if (ebda)
        boot_hold(&boot, ebda, BIOS_EBDA_END - ebda, "extended BIOS data");
}

static struct error set_request(void)
{
    boot.request = (struct plan_request){
        .map = &boot.map,
        .mtrr = &boot.mtrr,
        .fixed = boot.fixed,
        .directmap = boot.options.directmap,
        .ram_limit = boot.options.ram_limit,
        .phys_bits = boot.caps.phys_bits,
        .max_level = boot_largest_level(&boot),
    };
    return levels_choose(&boot);
}

/* What lies in RAM already: the image, modules, and what the loader or the firmware needs kept. */
static struct error claim_all(void)
{
    const struct facts *facts = &boot.facts;
    struct error err = ram_check(&boot.request);

    if (!err.code)
        err = claim_image();
    for (size_t i = 0; i < facts->nmodules && !err.code; i++)
        err = claim_module(i);
    if (err.code)
        return err;
    hold_low_memory();
    boot_hold(&boot, facts->information, facts->information_end - facts->information,
              "boot information");
    for (size_t i = 0; i < facts->nkept; i++)
        boot_hold(&boot, facts->kept[i].base, facts->kept[i].len, facts->kept[i].what);
    return SUCCESS;
}

static struct error find_foreign(void)
{
    if (boot.options.foreign == 0)
        return SUCCESS;
    if (boot.bios)
        bios_find(&boot.facts);
    return place_foreign(&boot);
}

static void add_fixed(struct mapping m)
{
    if (boot.request.nfixed == PLAN_MAX_FIXED)
        must((struct error){
            .code = ERR_PLANFULL, .at = PLAN_MAX_FIXED, .text = "beside the directmap's"});
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

    if (count == 0)
        boot.screen = SCREEN_NONE;
    for (size_t i = 0; i < count; i++)
        add_fixed(mappings[i]);
}

/* A payload that was linked in (libfooting.a): the symbol is null if there is none. */
extern void footing_main(const struct footing_info *info) __attribute__((weak));

/* A line about a payload that was meant and is none, or is one for somebody else. */
static void warn_of_payload(const struct module *module)
{
    const char *why;

    if (module) {
        why = payload_doubt(module, payload_file);
        if (why && boot.options.then == THEN_PAYLOAD)
            log_print(LOG_WARNING,
                      "footing: payload: it has %s, but is entered as footing.h says\n", why);
        return;
    }
    why = payload_absent(&boot.facts, &boot.options, payload_file);
    if (why)
        log_print(LOG_WARNING, "footing: no payload: %s: the built-in one runs\n", why);
}

/* The payload's segments, if a payload was loaded: into frames of their own. */
static struct error place_payload(void)
{
    const struct module *module = footing_main ? NULL : payload_choose(&boot.facts, payload_file);
    struct error err = SUCCESS;

    if (module)
        err = payload_place(&boot.payload, module, &boot.request, &boot.busy);
    if (!footing_main && !err.code && console_wants(LOG_WARNING))
        warn_of_payload(module);
    for (size_t i = 0; i < boot.payload.count && !err.code; i++)
        add_fixed(boot.payload.pieces[i]);
    return err;
}

static uint64_t payload_entry(void)
{
    return boot.payload.module ? boot.payload.image.entry : (uint64_t)footing_main;
}

static bool enters_payload(void)
{
    return boot.options.then == THEN_PAYLOAD && payload_entry() != 0;
}

static struct error make_plan(void)
{
    add_image();
    add_screen();
    for (size_t i = 0; i < boot.runtime.count; i++)
        add_fixed(boot.runtime.mappings[i]);
    boot.plan = (struct plan){.entries = plan_entries, .max = BOOT_MAX_MAPPINGS};
    return plan_make(&boot.plan, &boot.request);
}

/* What has to be done with the pool once the tables' frames are taken: borrow, and tell the payload. */
static struct error check_what_is_left(struct frame_pool pool)
{
    struct error err = SUCCESS;
    uint64_t frame;

    for (size_t i = 1; i < boot.tables; i++)
        frame_pool_take(&pool, &frame);
    if (cpu_levels() != boot.request.levels)
        err = levels_check(pool);
    if (!err.code && enters_payload())
        err = lists_make(&boot.lists, &boot.request, &boot.busy, boot.tables - 1, &pool, room.lists,
                         BOOT_LISTS_WORDS);
    return err;
}

/* Frames for the page tables. */
static struct error count_frames(void)
{
    uint64_t found;

    boot.tables = pt_count(&boot.plan, boot.request.levels);
    frame_pool_init(&boot.pool, &boot.request, &boot.busy);
    /* One table is a page of the image: see table_alloc(). */
    if (!frame_pool_has(&boot.pool, boot.tables - 1, &found))
        return (struct error){.code = ERR_NOFRAMES,
                              .at = found,
                              .value = boot.tables - 1,
                              .text = "for the page tables"};
    if (cpu_levels() == boot.request.levels && !enters_payload())
        return SUCCESS;
    return check_what_is_left(boot.pool);
}

/*
 * From a normalised map to a plan, with a frame for each table: what lies
 * where, and what will be mapped. Nothing but `boot` is written to.
 */
static struct error lay_out(void)
{
    struct error err = set_request();

    if (!err.code)
        err = claim_all();
    if (!err.code)
        err = find_foreign();
    if (!err.code)
        err = place_payload();
    if (!err.code)
        err = make_plan();
    if (!err.code)
        err = count_frames();
    return err;
}

/* lay_out() by the map as it is while the firmware lives. Nothing of it is left in `boot`. */
static struct error lay_out_by_live_map(void)
{
    struct error err = look_at_firmware(&boot);

    if (!err.code)
        err = lay_out();
    if (!err.code && boot.payload.module)
        err = payload_can_be_copied(&boot.payload);
    boot.busy.count = 0;
    boot.foreign = (struct foreign_range){0};
    return err;
}

/*
 * What can be refused is refused while there is a firmware to go back to.
 * Quietly, for the lines of this plan are those of the next one; what fails is
 * done again, with the lines that lead there.
 */
static void rehearse(void)
{
    struct error err;

    console_loglevel(LOG_ALWAYS);
    err = lay_out_by_live_map();
    console_loglevel((enum log_level)boot.options.loglevel);
    if (err.code)
        must(lay_out_by_live_map());
}

/* The table that PMAP's slots are in is a page of the image; all others come from the pool. */
static uint64_t table_alloc(void *ctx, unsigned level, uint64_t va)
{
    uint64_t frame;

    if (level == 0 && va == PMAP_VA)
        return pmap_table_pa();
    if (!frame_pool_take(ctx, &frame))
        must((struct error){.code = ERR_NOFRAMES,
                            .text = "for the page tables, although they were counted"});
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

    pt_build(&boot.plan, boot.request.levels, &memory, &boot.root, &boot.stats);
    if (boot.stats.tables != boot.tables)
        must((struct error){.code = ERR_COUNT, .at = boot.stats.tables, .value = boot.tables});
}

static void switch_tables(void)
{
    const struct cpu_state state = cpu_state_for(&boot.caps, boot.root, boot.request.levels);

    if (cpu_levels() != boot.request.levels)
        must(levels_change(&boot));
    must(pmap_check());
    cpu_switch(&state);
    trap_plan(&boot.plan);
    pmap_switched(boot.request.directmap ? &boot.plan : NULL, boot.request.directmap_base);
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
    /* find_foreign() has looked already. */
    if (boot.bios && boot.foreign.len == 0)
        bios_find(&boot.facts);
    must(live_start(&boot));
    must(pmap_check());
    cpu_enter(payload_entry(), handover_info(&boot));
}

/* The end of the way: whatever then= says. */
static _Noreturn void finish(void)
{
    if (boot.options.then == THEN_HALT)
        cpu_halt();
    if (enters_payload())
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
    boot.caps = cpu_detect();
    pmap_width(boot.caps.phys_bits);
    memmap_init(&boot.map, room.map_keys, map_ranges, BOOT_MAX_RANGES, boot.caps.phys_bits);

    read_facts(&boot, information, firmware);
    if (firmware_lives(&boot)) {
        rehearse();
        leave_firmware(&boot, firmware);
    }
    settle_map(&boot);
    trap_use_stacks();
    must(lay_out());
    if (boot.payload.module)
        must(payload_copy(&boot.payload));
    build_tables();
    switch_tables();

    print_contract(&boot);
    if (boot.options.scrub != SCRUB_OFF)
        must(scrub(&boot, boot.pool, boot.options.scrub == SCRUB_VERIFY));
    log_print(LOG_ALWAYS, "footing: ready\n");
    footing_ready();
    finish();
}
