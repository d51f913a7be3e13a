/* SPDX-License-Identifier: MIT */
#include "elf.h"

#include "elf_check.h"
#include "load.h"
#include "plan.h"
#include "x86.h"

/* Offsets in the file's header and in a program header. */
#define EI_CLASS    4
#define EI_DATA     5
#define E_TYPE      16
#define E_MACHINE   18
#define E_ENTRY     24
#define E_PHOFF     32
#define E_PHENTSIZE 54
#define E_PHNUM     56
#define P_TYPE      0
#define P_FLAGS     4
#define P_OFFSET    8
#define P_VADDR     16
#define P_FILESZ    32
#define P_MEMSZ     40
#define P_ALIGN     48
#define P_SIZE      56u

#define CLASS_64     2
#define DATA_LSB     1
#define ET_EXEC      2
#define ET_DYN       3
#define EM_X86_64    62
#define PT_LOAD      1u
#define PT_DYNAMIC   2u
#define PT_INTERP    3u
#define PT_GNU_RELRO 0x6474e552u
#define PF_X         1u
#define PF_W         2u

const char *elf_check_header(const uint8_t header[ELF_HEADER_SIZE])
{
    if (__builtin_memcmp(header, "\177ELF", 4) != 0)
        return "it is no ELF file";
    if (header[EI_CLASS] != CLASS_64 || header[EI_DATA] != DATA_LSB ||
        load16(header + E_MACHINE) != EM_X86_64)
        return "its ELF file is not for x86-64";
    if (load16(header + E_TYPE) != ET_EXEC && load16(header + E_TYPE) != ET_DYN)
        return "its ELF file is no executable";
    return 0;
}

/* What is being read, and why it is refused: functions that return struct error take more bytes. */
struct reading {
    const struct elf_file *file;
    struct elf_image *image;
    unsigned levels;
    struct error err;
};

static __attribute__((noinline)) bool refuse(struct reading *r, const char *why, uint64_t at,
                                             uint64_t value)
{
    r->err = (struct error){.code = ERR_PAYLOAD, .at = at, .value = value, .text = why};
    return false;
}

static bool in_file(const struct elf_file *file, uint64_t offset, uint64_t len)
{
    return offset <= file->size && len <= file->size - offset;
}

/* In the address space, and behind the segment before it. */
static bool take_addresses(struct reading *r, const struct elf_segment *s)
{
    struct elf_image *image = r->image;
    unsigned sign = 12 + 9 * r->levels - 1; /* all bits from here on are alike */
    uint64_t half = s->va >> sign;
    uint64_t last = s->va + (s->len - 1);

    /* The end of its last page is to be a number, too. */
    if (last < s->va || last >= ~PAGE_MASK)
        return refuse(r, "a segment wraps", s->va, s->len);
    if (half != last >> sign || (half != 0 && half != UINT64_MAX >> sign))
        return refuse(r, "a segment is not canonical", s->va, s->len);
    if (!image->relocatable && s->va < ELF_LOWEST_VA)
        return refuse(r, "a segment is in the first 64 KiB", s->va, s->len);
    if (image->count == 0)
        image->start = s->va & ~PAGE_MASK;
    else if ((s->va & ~PAGE_MASK) < image->end)
        return refuse(r, "segments overlap, share a page or do not ascend", s->va, image->end);
    image->end = (last | PAGE_MASK) + 1;
    return true;
}

static bool check_contents(struct reading *r, const struct elf_segment *s, uint64_t align)
{
    /* Where no bytes are in the file, linkers write any offset. */
    if (s->file_len > 0 && !in_file(r->file, s->offset, s->file_len))
        return refuse(r, "a segment is outside the file", s->va, s->offset);
    if (s->file_len > s->len)
        return refuse(r, "a segment is larger in the file than in memory", s->va, s->file_len);
    /* 0 is as good as 1. */
    if (align != 0 && ((align | (s->va ^ s->offset)) & (align - 1)) != 0)
        return refuse(r, "a segment is unaligned", s->va, align);
    if (s->rights == (RIGHT_W | RIGHT_X))
        return refuse(r, "a segment is writable and executable", s->va, s->rights);
    return true;
}

static bool add_segment(struct reading *r, const uint8_t *header)
{
    struct elf_image *image = r->image;
    struct elf_segment *s = &image->segments[image->count];
    uint64_t align = load64(header + P_ALIGN);

    if (load64(header + P_MEMSZ) == 0)
        return true;
    if (image->count == ELF_SEGMENTS_MAX)
        return refuse(r, "it has too many segments", load64(header + P_VADDR), ELF_SEGMENTS_MAX);
    s->va = load64(header + P_VADDR);
    s->len = load64(header + P_MEMSZ);
    s->offset = load64(header + P_OFFSET);
    s->file_len = load64(header + P_FILESZ);
    s->rights = (header[P_FLAGS] & PF_W ? RIGHT_W : 0) | (header[P_FLAGS] & PF_X ? RIGHT_X : 0);
    if (!check_contents(r, s, align) || !take_addresses(r, s))
        return false;
    image->count++;
    if (image->align < align)
        image->align = align;
    return true;
}

/* A program header that there may be one of; empty ones do not count. */
static bool set_once(struct reading *r, uint64_t *at, uint64_t *len, uint64_t new_at,
                     uint64_t new_len)
{
    if (new_len == 0)
        return true;
    if (*len != 0)
        return refuse(r, "its program headers are damaged", new_at, new_len);
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
        return refuse(r, "it needs a dynamic linker", load64(header + P_VADDR), PT_INTERP);
    case PT_DYNAMIC:
        return set_once(r, &r->image->dynamic_offset, &r->image->dynamic_len,
                        load64(header + P_OFFSET), load64(header + P_FILESZ));
    case PT_GNU_RELRO:
        return set_once(r, &r->image->relro, &r->image->relro_len, load64(header + P_VADDR),
                        load64(header + P_MEMSZ));
    default:
        return true;
    }
}

/* What can be said only when all segments are known. */
static bool check_image(struct reading *r)
{
    const struct elf_image *image = r->image;

    if (image->count == 0)
        return refuse(r, "it has no segments", 0, 0);
    if (image->relro_len > 0 && (image->relro < image->start || image->relro > image->end ||
                                 image->relro_len > image->end - image->relro))
        return refuse(r, "its PT_GNU_RELRO is outside its segments", image->relro,
                      image->relro_len);
    for (const struct elf_segment *s = image->segments; s < image->segments + image->count; s++)
        if ((s->rights & RIGHT_X) && image->entry - s->va < s->len)
            return true;
    return refuse(r, "its entry is outside an executable segment", image->entry, 0);
}

static bool read_headers(struct reading *r, const uint8_t *header)
{
    uint8_t program[P_SIZE];
    uint64_t at = load64(header + E_PHOFF);
    unsigned count = load16(header + E_PHNUM);

    if (count > 0 && (load16(header + E_PHENTSIZE) != P_SIZE || count > ELF_HEADERS_MAX ||
                      !in_file(r->file, at, count * P_SIZE)))
        return refuse(r, "its program headers are damaged", at, count);
    for (; count > 0; count--, at += P_SIZE) {
        r->file->read(r->file->ctx, at, program, P_SIZE);
        if (!take_header(r, program))
            return false;
    }
    return check_image(r);
}

struct error elf_read(const struct elf_file *file, unsigned levels, struct elf_image *image)
{
    struct reading r = {.file = file, .image = image, .levels = levels};
    uint8_t header[ELF_HEADER_SIZE] = {0};
    const char *why;

    /* Too small a file leaves zeros, which are no ELF file. */
    if (file->size >= sizeof(header))
        file->read(file->ctx, 0, header, sizeof(header));
    *image = (struct elf_image){
        .relocatable = load16(header + E_TYPE) == ET_DYN,
        .entry = load64(header + E_ENTRY),
        .align = PAGE_SIZE,
    };
    why = elf_check_header(header);
    if (why)
        refuse(&r, why, 0, load32(header));
    else
        read_headers(&r, header);
    return r.err;
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
