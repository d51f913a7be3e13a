/* SPDX-License-Identifier: MIT */
#include "mb2.h"

#include "efi_map.h"
#include "load.h"
#include "multiboot2.h"
#include "print.h"
#include "text.h"

/* Multiboot2 section 3.6: each tag is a type, a size, and size - 8 bytes; the next is 8-aligned. */
#define TAG_HEADER 8u

/* E820-style map entries; the entry size is the loader's. */
#define MMAP_ENTRY_SIZE 8
#define MMAP_ENTRIES    16u
#define ENTRY_BASE      0
#define ENTRY_LEN       8
#define ENTRY_TYPE      16
#define ENTRY_MIN       24u

#define EFI_MMAP_DESC_SIZE    8
#define EFI_MMAP_DESC_VERSION 12
#define EFI_MMAP_DESCRIPTORS  16u

/* A module's command line, which ends with a zero or with the tag. */
#define MODULE_TEXT 16u

/* What is left to read, and the tag that is being read. */
struct cursor {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
};

struct tag {
    uint32_t type;
    uint32_t size;        /* header included, within the information */
    uint32_t offset;      /* from the start of the information */
    const uint8_t *bytes; /* the header's first */
};

static struct error damaged(const struct tag *tag, const char *how)
{
    return (struct error){.code = ERR_INFO,
                          .at = tag->offset,
                          .value = tag->size,
                          .text = message("tag of type %u, 0x%x bytes at offset 0x%x: %s",
                                          tag->type, tag->size, tag->offset, how)};
}

struct error mb2_size(const void *info, uint32_t *size)
{
    *size = load32((const uint8_t *)info + MB2_INFO_TOTAL_SIZE);
    if (*size > MB2_INFO_MAX)
        return (struct error){.code = ERR_INFOBIG, .at = MB2_INFO_MAX, .value = *size};
    if (*size < MB2_INFO_TAGS + TAG_HEADER)
        return (struct error){.code = ERR_INFO,
                              .value = *size,
                              .text =
                                  message("a total size of %u bytes has no room for a tag", *size)};
    return SUCCESS;
}

static struct cursor first_tag(const void *info, uint32_t size)
{
    const uint8_t *bytes = info;

    return (struct cursor){bytes, bytes + MB2_INFO_TAGS, bytes + size};
}

/* Read a tag's header and step behind the tag. */
static struct error next_tag(struct cursor *c, struct tag *tag)
{
    size_t left = (size_t)(c->end - c->at);
    size_t step;

    *tag = (struct tag){.offset = (uint32_t)(c->at - c->start), .bytes = c->at};
    if (left < TAG_HEADER)
        return damaged(tag, "no end tag");
    tag->type = load32(c->at + MB2_TAG_TYPE);
    tag->size = load32(c->at + MB2_TAG_SIZE);
    if (tag->size < TAG_HEADER)
        return damaged(tag, "tag too small");
    if (tag->size > left)
        return damaged(tag, "tag exceeds the information");
    step = ((size_t)tag->size + 7) & ~(size_t)7;
    c->at += step < left ? step : left;
    return SUCCESS;
}

/* The first tag of a type; size 0 if there is none. */
static struct tag find_tag(const void *info, uint32_t size, uint32_t type)
{
    struct cursor c = first_tag(info, size);
    struct tag tag;

    for (;;) {
        struct error err = next_tag(&c, &tag);

        if (err.code || tag.type == MB2_TAG_END)
            return (struct tag){.size = 0};
        if (tag.type == type)
            return tag;
    }
}

/*
 * True if the loader puts a file's name before the words: that of the image,
 * and of each module. Of those that are known, kexec-tools alone does
 * (kexec/arch/i386/kexec-mb2-x86.c); it calls itself "kexec 2.0.25".
 */
static bool loader_puts_names(const void *info, uint32_t size)
{
    static const char kexec[] = "kexec ";
    const size_t len = sizeof(kexec) - 1;
    struct tag tag = find_tag(info, size, MB2_TAG_LOADER_NAME);

    return tag.size >= TAG_HEADER + len &&
           __builtin_memcmp(tag.bytes + TAG_HEADER, kexec, len) == 0;
}

static size_t word_len(const char *text, size_t len)
{
    size_t at = 0;

    while (at < len && !text_is_blank(text[at]))
        at++;
    return at;
}

/* named: the first word is the image's name. */
static struct error read_cmdline(const struct tag *tag, bool named, struct facts *facts)
{
    const char *text = (const char *)tag->bytes + TAG_HEADER;
    uint32_t len = 0;
    size_t name;

    while (TAG_HEADER + len < tag->size && text[len] != '\0')
        len++;
    if (TAG_HEADER + len == tag->size)
        return damaged(tag, "command line does not end");
    if (len >= CMDLINE_MAX)
        return facts_too_long("", CMDLINE_MAX - 1, len);
    name = named ? word_len(text, len) : 0;
    __builtin_memcpy(facts->cmdline, text + name, len - name + 1);
    return SUCCESS;
}

/* named: the first word is the module's name. */
static struct error read_module(const struct tag *tag, bool named, struct facts *facts)
{
    const char *text;
    uint32_t base;
    uint32_t end;
    size_t len = 0;
    size_t name;
    size_t words;

    if (tag->size < MODULE_TEXT)
        return damaged(tag, "module tag too small");
    text = (const char *)tag->bytes + MODULE_TEXT;
    while (MODULE_TEXT + len < tag->size && text[len] != '\0')
        len++;
    if (facts->nmodules == MODULES_MAX)
        return (struct error){.code = ERR_MODULES,
                              .at = MODULES_MAX,
                              .text = message("the limit is %u", MODULES_MAX)};
    base = load32(tag->bytes + 8);
    end = load32(tag->bytes + 12);
    if (end < base)
        return damaged(tag, "module ends before it starts");
    name = named ? word_len(text, len) : 0;
    words = name + (named && name < len);
    if (!facts_add_module(facts, base, end, MODULE_PLAIN, text + words, len - words))
        return facts_module_too_long(facts, len - words);
    if (!facts_name_module(facts, text, name))
        return facts_too_long("modules' names up to this one: ", FACTS_NAMES_MAX - 2,
                              facts->names_used + name);
    return SUCCESS;
}

/* ACPI 1.0's pointer is 20 bytes, later ones 36; the newer wins, whichever comes first. */
static struct error read_rsdp(const struct tag *tag, size_t size, struct facts *facts)
{
    if (tag->size < TAG_HEADER + size)
        return damaged(tag, "RSDP tag too small");
    if (size >= facts->rsdp_size) {
        __builtin_memcpy(facts->rsdp, tag->bytes + TAG_HEADER, size);
        facts->rsdp_size = size;
    }
    return SUCCESS;
}

static struct error read_framebuffer(const struct tag *tag, struct facts *facts)
{
    if (tag->size < 31)
        return damaged(tag, "framebuffer tag too small");
    facts->framebuffer = (struct framebuffer){
        .base = load64(tag->bytes + 8),
        .pitch = load32(tag->bytes + 16),
        .width = load32(tag->bytes + 20),
        .height = load32(tag->bytes + 24),
        .bits_per_pixel = tag->bytes[28],
        .type = tag->bytes[29],
        .given = true,
    };
    if (facts->framebuffer.type == FRAMEBUFFER_DIRECT && tag->size >= 38) {
        facts->framebuffer.red = (struct color_field){tag->bytes[32], tag->bytes[33]};
        facts->framebuffer.green = (struct color_field){tag->bytes[34], tag->bytes[35]};
        facts->framebuffer.blue = (struct color_field){tag->bytes[36], tag->bytes[37]};
    }
    return SUCCESS;
}

static struct error read_pointer(const struct tag *tag, uint64_t *pointer)
{
    if (tag->size < 16)
        return damaged(tag, "pointer tag too small");
    *pointer = load64(tag->bytes + 8);
    return SUCCESS;
}

static struct error read_pointer_32(const struct tag *tag, uint32_t *pointer)
{
    if (tag->size < 12)
        return damaged(tag, "pointer tag too small");
    *pointer = load32(tag->bytes + 8);
    return SUCCESS;
}

static struct error read_tag(const struct tag *tag, bool named, struct facts *facts)
{
    switch (tag->type) {
    case MB2_TAG_CMDLINE:
        return read_cmdline(tag, named, facts);
    case MB2_TAG_MODULE:
        return read_module(tag, named, facts);
    case MB2_TAG_ACPI_OLD:
        return read_rsdp(tag, 20, facts);
    case MB2_TAG_ACPI_NEW:
        return read_rsdp(tag, RSDP_MAX, facts);
    case MB2_TAG_FRAMEBUFFER:
        return read_framebuffer(tag, facts);
    case MB2_TAG_EFI64:
        return read_pointer(tag, &facts->efi_system_table);
    case MB2_TAG_EFI64_IH:
        return read_pointer(tag, &facts->efi_image_handle);
    case MB2_TAG_EFI32:
        return read_pointer_32(tag, &facts->efi32_system_table);
    case MB2_TAG_EFI32_IH:
        return read_pointer_32(tag, &facts->efi32_image_handle);
    case MB2_TAG_EFI_BS:
        facts->efi_boot_services = true;
        return SUCCESS;
    default:
        return SUCCESS;
    }
}

struct error mb2_facts(const void *info, uint32_t size, struct facts *facts)
{
    const bool named = loader_puts_names(info, size);
    struct cursor c = first_tag(info, size);
    struct tag tag;
    struct error first = SUCCESS;

    for (;;) {
        struct error err;

        /* kexec-tools counts its modules' tags without the padding, and has no room left for this. */
        facts->end_tag_missing = named && (size_t)(c.end - c.at) < TAG_HEADER;
        if (facts->end_tag_missing)
            return first;
        err = next_tag(&c, &tag);
        if (!err.code && tag.type == MB2_TAG_END)
            return first;
        if (err.code)
            return first.code ? first : err;
        err = read_tag(&tag, named, facts);
        if (!first.code)
            first = err;
    }
}

static struct error e820_ranges(const struct tag *tag, const struct range_sink *sink)
{
    struct error err = SUCCESS;
    uint32_t entry_size;

    if (tag->size < MMAP_ENTRIES)
        return damaged(tag, "memory map tag too small");
    entry_size = load32(tag->bytes + MMAP_ENTRY_SIZE);
    if (entry_size < ENTRY_MIN || entry_size % 8 != 0 ||
        (tag->size - MMAP_ENTRIES) % entry_size != 0)
        return (struct error){
            .code = ERR_MAPENTRY,
            .at = tag->offset,
            .value = entry_size,
            .text = message("multiboot2's map has entries of %u bytes, in a tag of 0x%x: they are "
                            "to be 24 or more, a multiple of 8, and to fill it",
                            entry_size, tag->size)};
    for (uint32_t at = MMAP_ENTRIES; at < tag->size && !err.code; at += entry_size) {
        const uint8_t *entry = tag->bytes + at;
        uint32_t type = load32(entry + ENTRY_TYPE);

        err = sink->add(sink->ctx, load64(entry + ENTRY_BASE), load64(entry + ENTRY_LEN),
                        mem_type_from_e820(type), type);
    }
    return err;
}

static struct error efi_ranges(const struct tag *tag, const struct range_sink *sink)
{
    if (tag->size < EFI_MMAP_DESCRIPTORS)
        return damaged(tag, "UEFI memory map tag too small");
    return efi_map_ranges(tag->bytes + EFI_MMAP_DESCRIPTORS, tag->size - EFI_MMAP_DESCRIPTORS,
                          load32(tag->bytes + EFI_MMAP_DESC_SIZE),
                          load32(tag->bytes + EFI_MMAP_DESC_VERSION), sink);
}

struct error mb2_ranges(const void *info, uint32_t size, const struct range_sink *sink)
{
    struct tag efi = find_tag(info, size, MB2_TAG_EFI_MMAP);
    struct tag e820 = find_tag(info, size, MB2_TAG_MMAP);

    if (efi.size > 0)
        return efi_ranges(&efi, sink);
    if (e820.size > 0)
        return e820_ranges(&e820, sink);
    return (struct error){.code = ERR_NOMAP};
}
