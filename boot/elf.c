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

static struct error refuse(const char *why, uint64_t at, uint64_t value)
{
    return (struct error){.code = ERR_PAYLOAD, .at = at, .value = value, .text = why};
}

static bool in_file(const struct elf_file *file, uint64_t offset, uint64_t len)
{
    return offset <= file->size && len <= file->size - offset;
}

static uint64_t first_page(const struct elf_segment *s)
{
    return s->va & ~PAGE_MASK;
}

/* Does not wrap: check_addresses() saw to it. */
static uint64_t end_page(const struct elf_segment *s)
{
    return (s->va + s->len + PAGE_MASK) & ~PAGE_MASK;
}

static struct error check_addresses(const struct elf_image *image, const struct elf_segment *s,
                                    unsigned levels)
{
    unsigned sign = 12 + 9 * levels - 1;
    uint64_t half = s->va >> sign;
    uint64_t last;

    /* The end of its last page is to be a number, too. */
    if (__builtin_add_overflow(s->va, s->len - 1, &last) || last >= ~PAGE_MASK)
        return refuse("a segment wraps", s->va, s->len);
    if (half != last >> sign || (half != 0 && half != UINT64_MAX >> sign))
        return refuse("a segment is not canonical", s->va, s->len);
    if (!image->relocatable && s->va < ELF_LOWEST_VA)
        return refuse("a segment is in the first 64 KiB", s->va, s->len);
    if (image->count > 0 && first_page(s) < end_page(&image->segments[image->count - 1]))
        return refuse("segments overlap, share a page or do not ascend", s->va, s->len);
    return SUCCESS;
}

static struct error check_contents(const struct elf_file *file, const struct elf_segment *s,
                                   uint64_t align)
{
    /* Where no bytes are in the file, linkers write any offset. */
    if (s->file_len > 0 && !in_file(file, s->offset, s->file_len))
        return refuse("a segment is outside the file", s->va, s->offset);
    if (s->file_len > s->len)
        return refuse("a segment has more bytes in the file than in memory", s->va, s->file_len);
    /* 0 is as good as 1. */
    if ((align & (align - 1)) != 0 || (align != 0 && ((s->va ^ s->offset) & (align - 1)) != 0))
        return refuse("a segment is unaligned", s->va, align);
    if ((s->rights & RIGHT_W) && (s->rights & RIGHT_X))
        return refuse("a segment is writable and executable", s->va, s->rights);
    return SUCCESS;
}

static struct error add_segment(const struct elf_file *file, const uint8_t *header, unsigned levels,
                                struct elf_image *image)
{
    const uint32_t flags = load32(header + P_FLAGS);
    const uint64_t align = load64(header + P_ALIGN);
    const struct elf_segment s = {
        .va = load64(header + P_VADDR),
        .len = load64(header + P_MEMSZ),
        .offset = load64(header + P_OFFSET),
        .file_len = load64(header + P_FILESZ),
        .rights = ((flags & PF_W) ? RIGHT_W : 0) | ((flags & PF_X) ? RIGHT_X : 0),
    };
    struct error err;

    if (s.len == 0)
        return SUCCESS;
    if (image->count == ELF_SEGMENTS_MAX)
        return refuse("it has too many segments", s.va, ELF_SEGMENTS_MAX);
    err = check_contents(file, &s, align);
    if (!err.code)
        err = check_addresses(image, &s, levels);
    if (err.code)
        return err;
    image->segments[image->count++] = s;
    if (image->align < align)
        image->align = align;
    return SUCCESS;
}

/* A program header that there may be one of; empty ones do not count. */
static struct error set_once(uint64_t *at, uint64_t *len, uint64_t new_at, uint64_t new_len)
{
    if (new_len == 0)
        return SUCCESS;
    if (*len != 0)
        return refuse("its program headers are damaged", new_at, new_len);
    *at = new_at;
    *len = new_len;
    return SUCCESS;
}

static struct error take_header(const struct elf_file *file, const uint8_t *header, unsigned levels,
                                struct elf_image *image)
{
    switch (load32(header + P_TYPE)) {
    case PT_LOAD:
        return add_segment(file, header, levels, image);
    case PT_INTERP:
        return refuse("it needs a dynamic linker", load64(header + P_VADDR), PT_INTERP);
    case PT_DYNAMIC:
        return set_once(&image->dynamic_offset, &image->dynamic_len, load64(header + P_OFFSET),
                        load64(header + P_FILESZ));
    case PT_GNU_RELRO:
        return set_once(&image->relro, &image->relro_len, load64(header + P_VADDR),
                        load64(header + P_MEMSZ));
    default:
        return SUCCESS;
    }
}

/* What can be said only when all segments are known. */
static struct error check_image(struct elf_image *image)
{
    if (image->count == 0)
        return refuse("it has no segments", 0, 0);
    image->start = first_page(&image->segments[0]);
    image->end = end_page(&image->segments[image->count - 1]);
    if (image->relro_len > 0 && (image->relro < image->start || image->relro > image->end ||
                                 image->relro_len > image->end - image->relro))
        return refuse("its PT_GNU_RELRO is outside its segments", image->relro, image->relro_len);
    for (size_t i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segments[i];

        if ((s->rights & RIGHT_X) && image->entry - s->va < s->len)
            return SUCCESS;
    }
    return refuse("its entry is outside an executable segment", image->entry, 0);
}

struct error elf_read(const struct elf_file *file, unsigned levels, struct elf_image *image)
{
    uint8_t header[ELF_HEADER_SIZE] = {0};
    uint8_t program[P_SIZE];
    struct error err = SUCCESS;
    const char *why;
    uint64_t at;
    unsigned count;

    /* Too small a file leaves zeros, which are no ELF file. */
    if (file->size >= sizeof(header))
        file->read(file->ctx, 0, header, sizeof(header));
    why = elf_check_header(header);
    if (why)
        return refuse(why, 0, load64(header));
    *image = (struct elf_image){
        .relocatable = load16(header + E_TYPE) == ET_DYN,
        .entry = load64(header + E_ENTRY),
        .align = PAGE_SIZE,
    };
    at = load64(header + E_PHOFF);
    count = load16(header + E_PHNUM);
    if (count > 0 && (load16(header + E_PHENTSIZE) != P_SIZE || count > ELF_HEADERS_MAX ||
                      !in_file(file, at, count * P_SIZE)))
        return refuse("its program headers are damaged", at, count);
    for (; count > 0 && !err.code; count--, at += P_SIZE) {
        file->read(file->ctx, at, program, P_SIZE);
        err = take_header(file, program, levels, image);
    }
    return err.code ? err : check_image(image);
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
