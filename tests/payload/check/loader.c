/* SPDX-License-Identifier: MIT */
/* What the loader gave: modules, command lines, firmware's tables, the screen. */
#include "check.h"

#define CRC_POLYNOMIAL 0xedb88320u

/* Header of EFI's tables, and what follows it in the runtime services. */
struct efi_runtime_services {
    uint64_t signature;
    uint32_t revision, header_size, crc32, reserved;
    uint64_t(__attribute__((ms_abi)) * get_time)(void *time, void *capabilities);
};

struct efi_time {
    uint16_t year;
    uint8_t month, day, hour, minute, second, pad;
    uint32_t nanosecond;
    int16_t time_zone;
    uint8_t daylight, pad2;
};

#define RUNTIME_SIGNATURE 0x56524553544e5552ull /* "RUNTSERV" */
#define SYSTEM_SIGNATURE  0x5453595320494249ull /* "IBI SYST" */

static uint32_t crc_table[4][256];

static void make_crc_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;

        for (unsigned bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? CRC_POLYNOMIAL : 0);
        crc_table[0][i] = value;
    }
    for (unsigned t = 1; t < 4; t++) {
        for (uint32_t i = 0; i < 256; i++)
            crc_table[t][i] = crc_table[t - 1][i] >> 8 ^ crc_table[0][crc_table[t - 1][i] & 255];
    }
}

/* As zlib's: four bytes at once where they are aligned. */
static uint32_t crc(uint32_t value, const uint8_t *bytes, uint64_t len)
{
    value = ~value;
    for (; len > 0 && ((uint64_t)bytes & 3) != 0; len--)
        value = value >> 8 ^ crc_table[0][(value ^ *bytes++) & 255];
    for (; len >= 4; len -= 4, bytes += 4) {
        value ^= *(const uint32_t *)bytes;
        value = crc_table[3][value & 255] ^ crc_table[2][value >> 8 & 255] ^
                crc_table[1][value >> 16 & 255] ^ crc_table[0][value >> 24];
    }
    for (; len > 0; len--)
        value = value >> 8 ^ crc_table[0][(value ^ *bytes++) & 255];
    return ~value;
}

/* Page by page: through the directmap, or PMAP where a page is RAM only in part. */
static uint32_t crc_of(uint64_t pa, uint64_t end)
{
    uint32_t value = 0;

    while (pa < end) {
        uint64_t stop = (pa | PAGE_MASK) + 1;
        uint64_t len = (stop < end ? stop : end) - pa;
        const void *at = direct(pa, len);
        const void *mapped = at ? NULL : info->calls->pmap_map(pa, len);

        value = crc(value, at ? at : mapped, len);
        if (mapped)
            info->calls->pmap_unmap(mapped);
        pa += len;
    }
    return value;
}

void check_modules(const char *when)
{
    struct flaws sizes = {0, 0};
    struct flaws sums = {0, 0};
    const char *text;

    if (!crc_table[0][1])
        make_crc_table();
    for (unsigned n = 0; (text = find_argument("sum=", n)); n++) {
        uint64_t i = read_number(&text, 10);
        uint64_t len = read_number((text++, &text), 16);
        uint64_t sum = read_number((text++, &text), 16);
        const struct footing_module *m = &info->modules[i];

        flaw(&sizes, i >= info->module_count || m->end_pa - m->base_pa != len, i);
        flaw(&sums, i >= info->module_count || crc_of(m->base_pa, m->end_pa) != sum, i);
    }
    promise_none("modules have their sizes", &sizes);
    promise_none(when, &sums);
}

static bool in_image(const void *at, uint64_t len)
{
    return (uint64_t)at >= info->image_va && (uint64_t)at + len <= info->image_va + info->image_len;
}

static uint8_t sum(const uint8_t *bytes, uint64_t len)
{
    uint8_t value = 0;

    while (len-- > 0)
        value = (uint8_t)(value + *bytes++);
    return value;
}

static void check_rsdp(void)
{
    const uint8_t *found;

    say("payload: rsdp 0x%x size %u", info->rsdp_pa, info->rsdp_size);
    if (!info->rsdp) {
        promise_equal("no RSDP, no size", info->rsdp_size, 0);
        return;
    }
    promise("rsdp: size", info->rsdp_size == 20 || info->rsdp_size == 36);
    promise("rsdp: in Footing", in_image(info->rsdp, info->rsdp_size));
    promise("rsdp: signature", __builtin_memcmp(info->rsdp, "RSD PTR ", 8) == 0);
    promise_equal("rsdp: checksum", sum(info->rsdp, 20), 0);
    promise_equal("rsdp: size of its revision", info->rsdp_size, info->rsdp[15] >= 2 ? 36 : 20);
    if (info->rsdp_size == 36)
        promise_equal("rsdp: extended checksum", sum(info->rsdp, 36), 0);
    if (!info->rsdp_pa)
        return;
    found = info->calls->pmap_map(info->rsdp_pa, 20);
    promise("rsdp: where it was found", __builtin_memcmp(found, info->rsdp, 20) == 0);
    info->calls->pmap_unmap(found);
}

static void check_smbios(void)
{
    const uint8_t *anchor;

    say("payload: smbios 0x%x", info->smbios_pa);
    say("payload: smbios 64-bit 0x%x, 32-bit 0x%x", info->smbios_64_pa, info->smbios_32_pa);
    promise_equal("smbios: the 64-bit entry point comes first", info->smbios_pa,
                  info->smbios_64_pa ? info->smbios_64_pa : info->smbios_32_pa);
    if (!info->smbios_pa)
        return;
    anchor = info->calls->pmap_map(info->smbios_pa, 32);
    if (__builtin_memcmp(anchor, "_SM3_", 5) == 0) {
        promise_equal("smbios: checksum", sum(anchor, anchor[6]), 0);
    } else {
        promise("smbios: anchor", __builtin_memcmp(anchor, "_SM_", 4) == 0);
        promise_equal("smbios: checksum", sum(anchor, anchor[5]), 0);
    }
    info->calls->pmap_unmap(anchor);
}

void check_info(void)
{
    const char *levels = find_argument("levels=", 0);

    promise_equal("magic", info->magic, FOOTING_MAGIC);
    promise("magic in memory", __builtin_memcmp(&info->magic, "!FOOTING", 8) == 0);
    promise_equal("version", info->version, FOOTING_VERSION);
    promise_equal("size", info->size, sizeof(*info));
    promise("info is Footing's", in_image(info, info->size));
    promise("lists are Footing's",
            in_image(info->memory, info->memory_count * sizeof(*info->memory)) &&
                in_image(info->free, info->free_count * sizeof(*info->free)) &&
                in_image(info->held, info->held_count * sizeof(*info->held)) &&
                in_image(info->plan, info->plan_count * sizeof(*info->plan)) &&
                in_image(info->modules, info->module_count * sizeof(*info->modules)) &&
                in_image(info->modules_2, info->module_count * sizeof(*info->modules_2)) &&
                in_image(info->command_line, 1) && in_image(info->footing_command_line, 1) &&
                in_image(info->calls, sizeof(*info->calls)));
    promise("calls are Footing's", in_image((const void *)info->calls->reclaim, 1) &&
                                       in_image((const void *)info->calls->pmap_map, 1) &&
                                       in_image((const void *)info->calls->pmap_unmap, 1) &&
                                       in_image((const void *)info->calls->print, 1) &&
                                       in_image((const void *)info->calls->finish, 1) &&
                                       in_image((const void *)info->mapping_name, 1) &&
                                       in_image((const void *)info->memory_name, 1));
    promise("a directmap, unless there is to be none", has_directmap() != has_word("no-directmap"));
    promise_equal("the directmap's place", info->directmap_va,
                  !has_directmap()    ? 0
                  : info->levels == 5 ? 0xff00000000000000
                                      : 0xffff800000000000);
    promise_equal("the image's place", info->image_va, 0xfffffffff0080000);
    promise_equal("PMAP's place", info->pmap_va, 0xfffffffff0000000);
    promise("levels", info->levels == 4 || info->levels == 5);
    if (levels)
        promise_equal("levels, as asked for", info->levels, read_number(&levels, 10));
}

static uint64_t length(const char *text)
{
    uint64_t len = 0;

    while (text[len])
        len++;
    return len;
}

/* Payloads made for version 2 find the same, without the names. */
static bool same_as_in_version_2(uint64_t i)
{
    const struct footing_module *m = &info->modules[i];
    const struct footing_module_2 *old = &info->modules_2[i];

    return old->base_pa == m->base_pa && old->end_pa == m->end_pa &&
           old->command_line == m->command_line && old->kind == m->kind && old->reserved == 0 &&
           m->reserved == 0 && m->more[0] == 0 && m->more[1] == 0 && m->more[2] == 0;
}

void check_loader(void)
{
    struct flaws texts = {0, 0};
    struct flaws old = {0, 0};
    unsigned kernels = 0;

    say("payload: command line of %u bytes", length(info->command_line));
    say("payload: command line \"%s\"", info->command_line);
    say("payload: footing's command line \"%s\"", info->footing_command_line);
    for (uint64_t i = 0; i < info->module_count; i++) {
        const struct footing_module *m = &info->modules[i];

        say("payload: module %u 0x%x-0x%x kind %u \"%s\"", i, m->base_pa, m->end_pa,
            (uint64_t)m->kind, m->command_line);
        say("payload: name of module %u \"%s\"", i, m->name);
        flaw(&texts, !in_image(m->command_line, 1) || !in_image(m->name, 1), i);
        flaw(&old, !same_as_in_version_2(i), i);
        kernels += m->kind == FOOTING_KERNEL;
    }
    promise_none("modules' texts are Footing's", &texts);
    promise_none("modules are as in version 2, and room is zero", &old);
    promise_equal("one module is the payload's file, but of a linked one", kernels,
                  info->payload_va != 0);
    check_rsdp();
    check_smbios();
}

void check_screen(void)
{
    const struct footing_framebuffer *fb = &info->framebuffer;
    volatile uint32_t *pixel = (uint32_t *)fb->va;
    uint32_t before;

    say("payload: framebuffer 0x%x at 0x%x %ux%u", fb->base_pa, fb->va, (uint64_t)fb->width,
        (uint64_t)fb->height);
    if (!fb->base_pa) {
        promise_equal("no framebuffer, no address", fb->va, 0);
        return;
    }
    promise("the framebuffer is mapped", fb->va != 0);
    if (!fb->va)
        return;
    promise("the framebuffer is write-combining",
            is_mapped(fb->va, (uint64_t)fb->pitch * fb->height, true, false,
                      info->cpu.pat ? FOOTING_WC : FOOTING_UC));
    promise_equal("the framebuffer is at its address", walk(fb->va).pa + (fb->va - walk(fb->va).va),
                  fb->base_pa);
    before = *pixel;
    *pixel = ~before;
    promise_equal("the framebuffer keeps a pixel", *pixel, ~before);
    *pixel = before;
}

void check_efi(void)
{
    const struct footing_efi *efi = &info->efi;
    const struct efi_runtime_services *services;
    const uint64_t *table = (const uint64_t *)efi->system_table_va;
    struct efi_time time = {0};
    uint64_t status;

    say("payload: efi system table 0x%x at 0x%x, services 0x%x, map 0x%x bytes",
        efi->system_table_pa, efi->system_table_va, efi->runtime_services_va, efi->memory_map_size);
    if (!efi->system_table_pa || has_word("left-by-the-loader")) {
        promise("no EFI, or left by the loader: all else zero",
                !efi->system_table_va && !efi->runtime_services_va && !efi->memory_map &&
                    !efi->memory_map_size && !efi->descriptor_size && !efi->descriptor_version);
        return;
    }
    promise("efi: the memory map is Footing's",
            efi->memory_map && in_image(efi->memory_map, efi->memory_map_size));
    promise("efi: whole descriptors",
            efi->descriptor_size >= 40 && efi->memory_map_size % efi->descriptor_size == 0);
    promise("efi: runtime services are mapped", table && efi->runtime_services_va);
    if (!table || !efi->runtime_services_va)
        return;
    services = (const struct efi_runtime_services *)efi->runtime_services_va;
    promise_equal("efi: system table", table[0], SYSTEM_SIGNATURE);
    promise_equal("efi: the same runtime services", table[11], efi->runtime_services_va);
    promise_equal("efi: runtime services", services->signature, RUNTIME_SIGNATURE);
    status = services->get_time(&time, NULL);
    promise_equal("efi: GetTime", status, 0);
    promise("efi: the time is one", time.year >= 2020 && time.year < 2100 && time.month >= 1 &&
                                        time.month <= 12 && time.day >= 1 && time.day <= 31 &&
                                        time.hour < 24 && time.minute < 60);
    say("payload: time %u-%u-%u", (uint64_t)time.year, (uint64_t)time.month, (uint64_t)time.day);
}
