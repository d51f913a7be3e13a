/* SPDX-License-Identifier: MIT */
#include "elf.h"

#include "elf_format.h"
#include "file_kind.h"
#include "load.h"
#include "plan.h"
#include "print.h"
#include "x86.h"

/* Offsets in a program header. */
#define P_TYPE   0
#define P_FLAGS  4
#define P_OFFSET 8
#define P_VADDR  16
#define P_FILESZ 32
#define P_MEMSZ  40
#define P_ALIGN  48
#define P_SIZE   56u

#define PT_LOAD      1u
#define PT_DYNAMIC   2u
#define PT_INTERP    3u
#define PT_GNU_RELRO 0x6474e552u
#define PF_X         1u
#define PF_W         2u
#define PF_R         4u

/* What is being read, and why it is refused. */
struct reading {
    const struct elf_file *file;
    struct elf_image *image;
    unsigned levels;
    unsigned number; /* of the program header that is being read, as `readelf -lW` counts them */
    struct error err;
};

static bool refuse(struct reading *r, uint64_t at, const char *why)
{
    r->err = (struct error){.code = ERR_PAYLOAD, .at = at, .text = why};
    return false;
}

/* A segment's flags as readelf prints them. */
static const char *flags_name(uint32_t flags)
{
    static const char *const names[] = {"no flags", "E", "W", "WE", "R", "R E", "RW", "RWE"};

    return names[flags & (PF_R | PF_W | PF_X)];
}

/* Every refusal of a segment says which: its program header's number, flags, address and length. */
static bool refuse_segment(struct reading *r, const uint8_t *header, const char *why)
{
    uint64_t va = load64(header + P_VADDR);

    return refuse(r, va,
                  message("segment %02u (%s, 0x%lx+0x%lx): %s", r->number,
                          flags_name(load32(header + P_FLAGS)), va, load64(header + P_MEMSZ), why));
}

static bool in_file(const struct elf_file *file, uint64_t offset, uint64_t len)
{
    return offset <= file->size && len <= file->size - offset;
}

/*
 * Segments with the same rights may share a page, and are copied into it one
 * behind the other. A page of two kinds would need more rights than either.
 */
static bool follows_the_last(struct reading *r, const struct elf_segment *s, const uint8_t *header)
{
    const struct elf_image *image = r->image;
    const struct elf_segment *last = &image->segments[image->count - 1];

    if (s->va < last->va)
        return refuse_segment(r, header,
                              message("it is below segment %02u (0x%lx): segments must ascend",
                                      last->number, last->va));
    if (s->va - last->va < last->len)
        return refuse_segment(
            r, header,
            message("it overlaps segment %02u (0x%lx+0x%lx)", last->number, last->va, last->len));
    if (s->va < image->end && s->rights != last->rights)
        return refuse_segment(r, header,
                              message("it shares the page 0x%lx with segment %02u (%s), which has "
                                      "other rights: put . = ALIGN(4096) between their sections "
                                      "in the linker script",
                                      s->va & ~PAGE_MASK, last->number,
                                      flags_name(PF_R | (last->rights & RIGHT_W ? PF_W : 0) |
                                                 (last->rights & RIGHT_X ? PF_X : 0))));
    return true;
}

/* In the address space, and behind the segment before it. */
static bool take_addresses(struct reading *r, const struct elf_segment *s, const uint8_t *header)
{
    struct elf_image *image = r->image;
    unsigned sign = 12 + 9 * r->levels - 1; /* all bits from here on are alike */
    uint64_t half = s->va >> sign;
    uint64_t last = s->va + (s->len - 1);

    /* The end of its last page is to be a number, too. */
    if (last < s->va || last >= ~PAGE_MASK)
        return refuse_segment(r, header, "it goes beyond the end of the address space");
    if (half != last >> sign || (half != 0 && half != UINT64_MAX >> sign))
        return refuse_segment(
            r, header,
            message("not canonical with %u levels of page tables: addresses have %u bits",
                    r->levels, sign + 1));
    if (!image->relocatable && s->va < ELF_LOWEST_VA)
        return refuse_segment(
            r, header,
            "the first 64 KiB are never mapped: link it at 0x10000 or above, or as a PIE");
    if (image->count == 0)
        image->start = s->va & ~PAGE_MASK;
    else if (!follows_the_last(r, s, header))
        return false;
    image->end = (last | PAGE_MASK) + 1;
    return true;
}

static bool check_contents(struct reading *r, const struct elf_segment *s, const uint8_t *header)
{
    uint64_t align = load64(header + P_ALIGN);

    if (s->file_len > s->len)
        return refuse_segment(
            r, header,
            message(
                "larger in the file (0x%lx bytes) than in memory (0x%lx): its header is damaged",
                s->file_len, s->len));
    /* Where no bytes are in the file, linkers write any offset. */
    if (s->file_len > 0 && !in_file(r->file, s->offset, s->file_len))
        return refuse_segment(r, header,
                              message("its 0x%lx bytes at offset 0x%lx are outside the file, which "
                                      "has 0x%lx: it may be cut off",
                                      s->file_len, s->offset, r->file->size));
    /* 0 is as good as 1. */
    if (align != 0 && (align & (align - 1)) != 0)
        return refuse_segment(r, header, message("unaligned: 0x%lx is no power of two", align));
    if (align != 0 && ((s->va ^ s->offset) & (align - 1)) != 0)
        return refuse_segment(r, header,
                              message("unaligned: its address and its offset in the file, 0x%lx, "
                                      "differ modulo its alignment, 0x%lx",
                                      s->offset, align));
    if (s->rights == (RIGHT_W | RIGHT_X))
        return refuse_segment(r, header,
                              "writable and executable: put . = ALIGN(4096) before what is written "
                              "(.data) in the linker script, and do not link with -N");
    return true;
}

static bool add_segment(struct reading *r, const uint8_t *header)
{
    struct elf_image *image = r->image;
    struct elf_segment segment = {
        .va = load64(header + P_VADDR),
        .len = load64(header + P_MEMSZ),
        .offset = load64(header + P_OFFSET),
        .file_len = load64(header + P_FILESZ),
        .rights = (header[P_FLAGS] & PF_W ? RIGHT_W : 0) | (header[P_FLAGS] & PF_X ? RIGHT_X : 0),
        .number = r->number,
    };
    uint64_t align = load64(header + P_ALIGN);

    if (segment.len == 0 && segment.file_len == 0)
        return true;
    if (image->count == ELF_SEGMENTS_MAX)
        return refuse_segment(r, header,
                              message("it has more than %u of type LOAD", ELF_SEGMENTS_MAX));
    if (!check_contents(r, &segment, header) || !take_addresses(r, &segment, header))
        return false;
    image->segments[image->count++] = segment;
    if (image->align < align)
        image->align = align;
    return true;
}

/* A program header that there may be one of; empty ones do not count. */
static bool set_once(struct reading *r, const char *type, uint64_t *at, uint64_t *len,
                     uint64_t new_at, uint64_t new_len)
{
    if (new_len == 0)
        return true;
    if (*len != 0)
        return refuse(r, new_at,
                      message("program header %02u is a second one of type %s", r->number, type));
    *at = new_at;
    *len = new_len;
    return true;
}

static bool take_header(struct reading *r, const uint8_t *header)
{
    switch (load32(header + P_TYPE)) {
    case PT_LOAD:
        return add_segment(r, header);
    case PT_INTERP:
        return refuse(r, load64(header + P_VADDR),
                      "it needs a dynamic linker (INTERP): link it with -static-pie or -static");
    case PT_DYNAMIC:
        return set_once(r, "DYNAMIC", &r->image->dynamic_offset, &r->image->dynamic_len,
                        load64(header + P_OFFSET), load64(header + P_FILESZ));
    case PT_GNU_RELRO:
        return set_once(r, "GNU_RELRO", &r->image->relro, &r->image->relro_len,
                        load64(header + P_VADDR), load64(header + P_MEMSZ));
    default:
        return true;
    }
}

/* What can be said only when all segments are known. */
static bool check_image(struct reading *r)
{
    const struct elf_image *image = r->image;

    if (image->count == 0)
        return refuse(r, 0, "it has no segments of type LOAD");
    if (image->relro_len > 0 && (image->relro < image->start || image->relro > image->end ||
                                 image->relro_len > image->end - image->relro))
        return refuse(r, image->relro,
                      message("its GNU_RELRO, 0x%lx+0x%lx, is outside its segments, 0x%lx-0x%lx",
                              image->relro, image->relro_len, image->start, image->end - 1));
    for (const struct elf_segment *s = image->segments; s < image->segments + image->count; s++)
        if ((s->rights & RIGHT_X) && image->entry - s->va < s->len)
            return true;
    return refuse(r, image->entry,
                  message("its entry, 0x%lx, is in no executable segment: name it with ENTRY() or "
                          "-Wl,-e",
                          image->entry));
}

/* The table of program headers is one that can be read. */
static bool check_headers(struct reading *r, uint64_t at, unsigned count, unsigned size)
{
    if (count == 0)
        return true;
    if (size != P_SIZE)
        return refuse(r, at,
                      message("its program headers have %u bytes each, where 64-bit ones have %u",
                              size, P_SIZE));
    if (count > ELF_HEADERS_MAX)
        return refuse(
            r, at, message("it has %u program headers, the limit is %u", count, ELF_HEADERS_MAX));
    if (!in_file(r->file, at, (uint64_t)count * P_SIZE))
        return refuse(r, at,
                      message("its %u program headers at offset 0x%lx are outside the file, which "
                              "has 0x%lx bytes: it may be cut off",
                              count, at, r->file->size));
    return true;
}

static bool read_headers(struct reading *r, const uint8_t *header)
{
    uint8_t program[P_SIZE];
    uint64_t at = load64(header + E_PHOFF);
    unsigned count = load16(header + E_PHNUM);

    if (!check_headers(r, at, count, load16(header + E_PHENTSIZE)))
        return false;
    for (; r->number < count; r->number++, at += P_SIZE) {
        r->file->read(r->file->ctx, at, program, P_SIZE);
        if (!take_header(r, program))
            return false;
    }
    return check_image(r);
}

struct error elf_check(const struct elf_file *file)
{
    const char *kind = file_kind(file);
    const char *protocol = kind ? file_protocol(file) : NULL;

    if (!kind)
        return SUCCESS;
    return (struct error){.code = ERR_PAYLOAD,
                          .text = message("it is %s%s%s, no ELF executable for x86-64", kind,
                                          protocol ? " with " : "", protocol ? protocol : "")};
}

struct error elf_read(const struct elf_file *file, unsigned levels, struct elf_image *image)
{
    struct reading r = {.file = file, .image = image, .levels = levels};
    uint8_t header[ELF_HEADER_SIZE];

    *image = (struct elf_image){.align = PAGE_SIZE};
    r.err = elf_check(file);
    if (r.err.code)
        return r.err;
    file->read(file->ctx, 0, header, sizeof(header));
    image->relocatable = load16(header + E_TYPE) == ET_DYN;
    image->entry = load64(header + E_ENTRY);
    read_headers(&r, header);
    return r.err;
}

uint64_t elf_own_page(const struct elf_image *image, size_t i)
{
    const struct elf_segment *s = &image->segments[i];
    uint64_t first = s->va & ~PAGE_MASK;
    uint64_t before = 0;

    if (i > 0)
        before = ((s[-1].va + (s[-1].len - 1)) | PAGE_MASK) + 1;
    return before > first ? before : first;
}

void elf_place(struct elf_image *image, uint64_t base)
{
    for (size_t i = 0; i < image->count; i++)
        image->segments[i].va += base;
    image->entry += base;
    image->start += base;
    image->end += base;
    image->relro += base;
}
