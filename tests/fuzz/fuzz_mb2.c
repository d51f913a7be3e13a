/* SPDX-License-Identifier: MIT */
/*
 * Boot information, as a loader passes it: the facts are those of a second,
 * plain reading of the tags, or both refuse; then the ranges of the map.
 *
 * Input: the call at which the sink refuses (255: none), then the information.
 */
#include "efi_oracle.h"
#include "fuzz.h"
#include "mb2.h"

enum { CMDLINE = 1, MODULE = 3, MMAP = 6, FRAMEBUFFER = 8, EFI64 = 12, RSDP_OLD = 14, RSDP = 15 };
enum { EFI_MMAP = 17, EFI_BS = 18, EFI64_IH = 20 };

/* Where the first tag of a type stands, and its size; null: there is none. */
struct found {
    const uint8_t *tag;
    uint64_t size;
};

struct oracle {
    struct facts facts;
    enum error_code code;
    struct found e820;
    struct found efi;
};

static void on_cmdline(struct oracle *o, const uint8_t *tag, uint64_t size)
{
    const uint8_t *zero = memchr(tag + 8, 0, size - 8);

    if (!zero) {
        o->code = ERR_INFO;
    } else if (zero - (tag + 8) > CMDLINE_MAX - 1) {
        o->code = ERR_CMDLINE;
    } else {
        memset(o->facts.cmdline, 0, CMDLINE_MAX);
        memcpy(o->facts.cmdline, tag + 8, (size_t)(zero - (tag + 8)));
    }
}

static void on_module(struct oracle *o, const uint8_t *tag, uint64_t size)
{
    struct module m = {.base = 0};

    if (size >= 16)
        m = (struct module){.base = oracle_number(tag + 8, 4), .end = oracle_number(tag + 12, 4)};
    if (size < 16)
        o->code = ERR_INFO;
    else if (o->facts.nmodules == MODULES_MAX)
        o->code = ERR_MODULES;
    else if (m.end < m.base)
        o->code = ERR_INFO;
    else
        o->facts.modules[o->facts.nmodules++] = m;
}

static void on_rsdp(struct oracle *o, const uint8_t *tag, size_t len)
{
    if (o->facts.rsdp_size == RSDP_MAX && len < RSDP_MAX)
        return;
    memcpy(o->facts.rsdp, tag + 8, len);
    o->facts.rsdp_size = len;
}

static void on_framebuffer(struct oracle *o, const uint8_t *tag)
{
    o->facts.framebuffer.base = oracle_number(tag + 8, 8);
    o->facts.framebuffer.pitch = (uint32_t)oracle_number(tag + 16, 4);
    o->facts.framebuffer.width = (uint32_t)oracle_number(tag + 20, 4);
    o->facts.framebuffer.height = (uint32_t)oracle_number(tag + 24, 4);
    o->facts.framebuffer.bits_per_pixel = tag[28];
    o->facts.framebuffer.type = tag[29];
}

/* The least size of a tag that is read; section 3.6 of the specification. */
static uint64_t least(uint32_t type)
{
    switch (type) {
    case MODULE:
    case EFI64:
    case EFI64_IH:
        return 16;
    case RSDP_OLD:
        return 8 + 20;
    case RSDP:
        return 8 + 36;
    case FRAMEBUFFER:
        return 31;
    default:
        return 8;
    }
}

static void on_tag(struct oracle *o, uint32_t type, const uint8_t *tag, uint64_t size)
{
    if (size < least(type))
        o->code = ERR_INFO;
    else if (type == CMDLINE)
        on_cmdline(o, tag, size);
    else if (type == MODULE)
        on_module(o, tag, size);
    else if (type == RSDP_OLD || type == RSDP)
        on_rsdp(o, tag, type == RSDP ? 36 : 20);
    else if (type == FRAMEBUFFER)
        on_framebuffer(o, tag);
    else if (type == EFI64)
        o->facts.efi_system_table = oracle_number(tag + 8, 8);
    else if (type == EFI64_IH)
        o->facts.efi_image_handle = oracle_number(tag + 8, 8);
    else if (type == EFI_BS)
        o->facts.efi_boot_services = true;
    else if (type == MMAP && !o->e820.tag)
        o->e820 = (struct found){tag, size};
    else if (type == EFI_MMAP && !o->efi.tag)
        o->efi = (struct found){tag, size};
}

static void read_tags(struct oracle *o, const uint8_t *info, uint64_t size)
{
    uint64_t at = 8;

    memset(o, 0, sizeof(*o));
    while (o->code == ERR_NONE) {
        uint64_t left = at < size ? size - at : 0;
        uint32_t type = left < 8 ? 0 : (uint32_t)oracle_number(info + at, 4);
        uint64_t len = left < 8 ? 0 : oracle_number(info + at + 4, 4);

        if (left < 8 || len < 8 || len > left) {
            o->code = ERR_INFO;
            return;
        }
        if (type == 0)
            return;
        on_tag(o, type, info + at, len);
        at += (len + 7) / 8 * 8;
    }
}

static void read_e820(struct oracle_ranges *out, const struct found *map)
{
    uint64_t entry = map->size < 16 ? 0 : oracle_number(map->tag + 8, 4);

    out->count = 0;
    out->code = map->size < 16 ? ERR_INFO : ERR_MAPENTRY;
    if (entry < 24 || entry % 8 || (map->size - 16) % entry)
        return;
    out->code = ERR_NONE;
    for (uint64_t at = 16; at < map->size; at += entry) {
        const uint8_t *e = map->tag + at;
        /* ACPI 6.5 table 15.4 */
        static const enum mem_type types[8] = {MEM_RESERVED,  MEM_USABLE,    MEM_RESERVED,
                                               MEM_ACPI_DATA, MEM_ACPI_NVS,  MEM_UNUSABLE,
                                               MEM_RESERVED,  MEM_PERSISTENT};
        uint32_t raw = (uint32_t)oracle_number(e + 16, 4);

        out->list[out->count++] = (struct oracle_range){
            oracle_number(e, 8), oracle_number(e + 8, 8), raw < 8 ? types[raw] : MEM_RESERVED, raw};
    }
}

static void read_map(struct oracle_ranges *out, const struct oracle *o)
{
    if (o->efi.tag && o->efi.size >= 16) {
        oracle_efi_map(out, o->efi.tag + 16, o->efi.size - 16, oracle_number(o->efi.tag + 8, 4),
                       (uint32_t)oracle_number(o->efi.tag + 12, 4));
    } else if (o->efi.tag) {
        out->count = 0;
        out->code = ERR_INFO;
    } else if (o->e820.tag) {
        read_e820(out, &o->e820);
    } else {
        out->count = 0;
        out->code = ERR_NOMAP;
    }
}

static void check_facts(const struct facts *got, const struct facts *wanted)
{
    CHECK(strcmp(got->cmdline, wanted->cmdline) == 0);
    CHECK(got->nmodules == wanted->nmodules);
    for (size_t i = 0; i < got->nmodules; i++)
        CHECK(got->modules[i].base == wanted->modules[i].base &&
              got->modules[i].end == wanted->modules[i].end);
    CHECK(got->rsdp_size == wanted->rsdp_size);
    CHECK(memcmp(got->rsdp, wanted->rsdp, got->rsdp_size) == 0);
    CHECK(memcmp(&got->framebuffer, &wanted->framebuffer, 22) == 0);
    CHECK(got->efi_system_table == wanted->efi_system_table);
    CHECK(got->efi_image_handle == wanted->efi_image_handle);
    CHECK(got->efi_boot_services == wanted->efi_boot_services);
}

static void check_size(const uint8_t *info)
{
    uint64_t says = oracle_number(info, 4);
    uint32_t size = 0;
    struct error err = mb2_size(info, &size);

    if (says > MB2_INFO_MAX)
        CHECK(err.code == ERR_INFOBIG && err.value == says && err.at == MB2_INFO_MAX);
    else
        CHECK(err.code == (says < 16 ? ERR_INFO : ERR_NONE));
    CHECK(err.code || size == says);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct oracle wanted;
    static struct oracle_ranges ranges;
    static struct facts facts;
    struct bytes in = {data, data + size};
    uint8_t refuse_at = take8(&in);
    struct oracle_sink oracle = {&ranges, 0, refuse_at == 255 ? SIZE_MAX : refuse_at};
    struct range_sink sink = {&oracle, oracle_add};
    size_t len = (size_t)(in.end - in.at);
    uint8_t *info;
    struct error err;

    if (len < 8 || len / 24 > ORACLE_MAX)
        return 0;
    info = fuzz_copy(in.at, len);
    check_size(info);
    if (len >= 16) { /* mb2_size() refuses less */
        memset(&facts, 0, sizeof(facts));
        read_tags(&wanted, info, len);
        err = mb2_facts(info, (uint32_t)len, &facts);
        CHECK(err.code == wanted.code);
        if (err.code == ERR_NONE) {
            check_facts(&facts, &wanted.facts);
            read_map(&ranges, &wanted);
            oracle_end(&oracle, mb2_ranges(info, (uint32_t)len, &sink));
        }
    }
    free(info);
    return 0;
}
