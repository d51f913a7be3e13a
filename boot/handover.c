/* SPDX-License-Identifier: MIT */
#include "handover.h"

#include "console.h"
#include "cpu.h"
#include "dump.h"
#include "layout.h"
#include "live.h"
#include "pmap.h"
#include "runtime.h"
#include "text.h"

/* What is public has the layout of what is not: no list has to be copied. */
#define SAME(public, private) \
    _Static_assert(sizeof(struct public) == sizeof(struct private), #public " is " #private)
#define SAME_MEMBER(public, one, private, other) \
    _Static_assert(offsetof(struct public, one) == offsetof(struct private, other), #one)

SAME(footing_memory, mem_range);
SAME_MEMBER(footing_memory, end_pa, mem_range, end);
SAME_MEMBER(footing_memory, type, mem_range, type);
_Static_assert((int)FOOTING_UNUSABLE == (int)MEM_UNUSABLE, "types are the same");
_Static_assert((int)FOOTING_RESERVED == (int)MEM_RESERVED, "types are the same");
SAME(footing_mapping, mapping);
SAME_MEMBER(footing_mapping, len, mapping, len);
SAME_MEMBER(footing_mapping, rights, mapping, rights);
SAME_MEMBER(footing_mapping, what, mapping, what);
_Static_assert(FOOTING_WRITE == RIGHT_W && FOOTING_EXECUTE == RIGHT_X, "rights are the same");
_Static_assert((int)FOOTING_WB == (int)MEMTYPE_WB, "memory types are the same");
_Static_assert((int)FOOTING_KERNEL == (int)MODULE_KERNEL, "kinds are the same");

/* What version 2 promised stays where it was. */
_Static_assert(sizeof(struct footing_module) == 64 && sizeof(struct footing_module_2) == 32,
               "strides are for ever");
_Static_assert(offsetof(struct footing_info, modules_2) == 192 &&
                   offsetof(struct footing_info, modules) == 456,
               "members never move");

static struct footing_info info;
static struct footing_module modules[MODULES_MAX];
static struct footing_module_2 modules_2[MODULES_MAX];
static char command_line[FACTS_TEXT_MAX + CMDLINE_MAX];

/* What reclaim() still has to give; whole pages. */
static struct footing_range given_up[2];

/*
 * Whole pages, as far as the directmap has them: mem= may have left them out.
 * Page 0 stays held, whatever a loader puts there.
 */
static void give_up(const struct boot *boot, struct footing_range *range, uint64_t base,
                    uint64_t end)
{
    struct ram_iter iter;
    struct ram_piece piece;

    base = base > 0 ? (base + PAGE_MASK) & ~PAGE_MASK : PAGE_SIZE;
    end &= ~PAGE_MASK;
    ram_first(&iter, &boot->request);
    while (ram_next(&iter, &piece)) {
        if (piece.fate == RAM_MAPPED && base >= piece.base && base < piece.end)
            *range = (struct footing_range){base, end < piece.end ? end : piece.end};
    }
}

static uint64_t reclaim(struct footing_range *ranges, uint64_t max)
{
    uint64_t count = 0;

    for (size_t i = 0; i < sizeof(given_up) / sizeof(given_up[0]) && count < max; i++) {
        if (given_up[i].base_pa >= given_up[i].end_pa)
            continue;
        ranges[count++] = given_up[i];
        given_up[i] = (struct footing_range){0};
    }
    return count;
}

static void print(const char *text, uint64_t len)
{
    for (uint64_t i = 0; i < len; i++)
        console_putc(text[i]);
}

static void finish(int success)
{
    cpu_exit_qemu(success != 0);
    cpu_halt();
}

static const char *name_of_mapping(const struct footing_mapping *mapping)
{
    return mapping_what_name((enum mapping_what)mapping->what);
}

static const char *name_of_memory(uint32_t type)
{
    return mem_type_name((enum mem_type)type);
}

static const struct footing_calls calls = {
    .reclaim = reclaim,
    .pmap_map = live_pmap_map,
    .pmap_unmap = live_pmap_unmap,
    .update = live_update,
    .print = print,
    .finish = finish,
    .dump = dump_print,
    .root_create = live_root_create,
    .root_destroy = live_root_destroy,
    .identity_prepare = live_identity_prepare,
    .identity_enable = live_identity_enable,
    .identity_disable = live_identity_disable,
};

/* The payload's: that of its file, and what follows "--". */
static void fill_command_line(const struct boot *boot)
{
    const struct module *module = boot->payload.module;
    const char *own = module ? boot->facts.texts + module->text : "";
    size_t len = text_len(own);

    __builtin_memcpy(command_line, own, len);
    if (len > 0 && boot->options.payload[0] != '\0')
        command_line[len++] = ' ';
    __builtin_memcpy(command_line + len, boot->options.payload,
                     text_len(boot->options.payload) + 1);
    info.command_line = command_line;
}

static void fill_loader(const struct boot *boot)
{
    const struct facts *facts = &boot->facts;

    for (size_t i = 0; i < facts->nmodules; i++) {
        const struct module *m = &facts->modules[i];

        modules[i] = (struct footing_module){
            .base_pa = m->base,
            .end_pa = m->end,
            .name = facts->names + m->name,
            .command_line = facts->texts + m->text,
            .kind = m == boot->payload.module ? FOOTING_KERNEL : (uint32_t)m->kind,
        };
        modules_2[i] = (struct footing_module_2){
            .base_pa = modules[i].base_pa,
            .end_pa = modules[i].end_pa,
            .command_line = modules[i].command_line,
            .kind = modules[i].kind,
        };
    }
    info.modules = modules;
    info.modules_2 = modules_2;
    info.module_count = facts->nmodules;
    info.footing_command_line = facts->given;
    info.rsdp = facts->rsdp_size ? facts->rsdp : NULL;
    info.rsdp_size = facts->rsdp_size;
    info.rsdp_pa = facts->rsdp_pa;
    info.smbios_64_pa = facts->smbios_64_pa;
    info.smbios_32_pa = facts->smbios_32_pa;
    info.smbios_pa = facts->smbios_64_pa ? facts->smbios_64_pa : facts->smbios_32_pa;
    fill_command_line(boot);
    if (boot->payload.module)
        give_up(boot, &given_up[0], boot->payload.module->base, boot->payload.module->end);
    give_up(boot, &given_up[1], facts->information, facts->information_end);
}

static void fill_screen(const struct boot *boot)
{
    const struct framebuffer *fb = &boot->facts.framebuffer;

    if (fb->type != FRAMEBUFFER_DIRECT || !fb->base || fb->flaw)
        return;
    info.framebuffer = (struct footing_framebuffer){
        .base_pa = fb->base,
        .va = boot->screen == SCREEN_PIXELS ? screen_va(fb->base) : 0,
        .pitch = fb->pitch,
        .width = fb->width,
        .height = fb->height,
        .bits_per_pixel = fb->bits_per_pixel,
        .red = {fb->red.position, fb->red.size},
        .green = {fb->green.position, fb->green.size},
        .blue = {fb->blue.position, fb->blue.size},
    };
}

static void fill_efi(const struct boot *boot)
{
    const struct efi_map *map = efi_final_map();

    info.efi.system_table_pa = boot->facts.efi_system_table;
    info.efi.system_table_va = runtime_va(&boot->runtime, boot->facts.efi_system_table);
    info.efi.runtime_services_va =
        (uint64_t)runtime_table(&boot->runtime, boot->facts.efi_system_table);
    /* A 32-bit firmware's system table is not for 64-bit code, and the rest goes with it. */
    if (map->size == 0 || !info.efi.system_table_pa)
        return;
    info.efi.memory_map = map->map;
    info.efi.memory_map_size = map->size;
    info.efi.descriptor_size = map->descriptor_size;
    info.efi.descriptor_version = map->version;
}

static void fill_cpu(const struct boot *boot)
{
    const struct cpu_caps *caps = &boot->caps;
    const struct cpu_state state = cpu_state_for(caps, boot->root, boot->request.levels);

    info.cpu = (struct footing_cpu){
        .cr0 = state.cr0,
        .cr3 = state.cr3,
        .cr4 = state.cr4,
        .efer = state.efer,
        .pat = state.pat,
        .apic_base = cpu_apic_base(),
        .phys_bits = caps->phys_bits,
        .features = (caps->nx ? FOOTING_CPU_NX : 0) | (caps->page1g ? FOOTING_CPU_1G : 0) |
                    (caps->pat ? FOOTING_CPU_PAT : 0) | (caps->mtrr ? FOOTING_CPU_MTRR : 0) |
                    (caps->pge ? FOOTING_CPU_PGE : 0) | (caps->smep ? FOOTING_CPU_SMEP : 0) |
                    (caps->smap ? FOOTING_CPU_SMAP : 0) | (caps->umip ? FOOTING_CPU_UMIP : 0) |
                    (caps->la57 ? FOOTING_CPU_LA57 : 0),
    };
}

static void fill_space(const struct boot *boot)
{
    info.memory = (const struct footing_memory *)boot->map.ranges;
    info.memory_count = boot->map.count;
    info.held = boot->lists.held;
    info.held_count = boot->lists.held_count;
    info.free = boot->lists.free;
    info.free_count = boot->lists.free_count;
    info.plan = (const struct footing_mapping *)boot->plan.entries;
    info.plan_count = boot->plan.count;
    if (boot->request.directmap) {
        info.directmap_va = boot->request.directmap_base;
        info.directmap_len = boot->request.directmap_size;
    }
    info.foreign_pa = boot->foreign.base;
    info.foreign_len = boot->foreign.len;
    info.foreign_ram = boot->foreign.ram;
    info.root_pa = boot->root;
    info.levels = boot->request.levels;
    info.pmap_va = PMAP_VA;
    info.pmap_slots = PMAP_PAYLOAD;
    info.image_pa = boot->image_pa;
    info.image_va = IMAGE_VA;
    info.image_len = (uint64_t)(image_end - image_start);
    info.payload_va = boot->payload.image.start;
    info.payload_end_va = boot->payload.image.end;
    info.payload_entry_va = boot->payload.image.entry;
    info.stack_va = (uint64_t)boot_stack;
    info.stack_len = STACK_SIZE;
}

const struct footing_info *handover_info(const struct boot *boot)
{
    info.magic = FOOTING_MAGIC;
    info.version = FOOTING_VERSION;
    info.size = sizeof(info);
    fill_space(boot);
    fill_loader(boot);
    fill_screen(boot);
    fill_efi(boot);
    fill_cpu(boot);
    info.calls = &calls;
    info.mapping_name = name_of_mapping;
    info.memory_name = name_of_memory;
    return &info;
}
