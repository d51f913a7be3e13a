/* SPDX-License-Identifier: MIT */
/*
 * A payload's ELF file (ELF-64 Object File Format; System V ABI, AMD64
 * supplement) → segments to be mapped. Pure: the file is read through a
 * callback, for it may lie anywhere and be larger than any window on it.
 *
 * PT_LOAD is mapped. PT_GNU_RELRO is honoured: what it names is read-only
 * when the payload is entered, relocations being applied by then. PT_DYNAMIC
 * is read for relocations. PT_INTERP is refused. All others, PT_TLS, PT_NOTE
 * and PT_GNU_STACK among them, are ignored: a thread-local segment's initial
 * image can be found in the PT_LOAD that holds it, by whoever starts threads.
 */
#ifndef ELF_H
#define ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* As many PT_LOAD, and as many program headers of any kind. */
#define ELF_SEGMENTS_MAX 32
#define ELF_HEADERS_MAX  128

/* Addresses below this fault for ever: null pointers, and what is near them. */
#define ELF_LOWEST_VA UINT64_C(0x10000)

struct elf_file {
    void *ctx;
    uint64_t size;
    /* Copy len bytes at offset, which lie in the file. */
    void (*read)(void *ctx, uint64_t offset, void *to, size_t len);
};

/* Bytes of the file at va, then zeros up to the end. */
struct elf_segment {
    uint64_t va;       /* the first byte's, not rounded */
    uint64_t len;      /* in memory, > 0 */
    uint64_t offset;   /* in the file; anything if file_len is 0 */
    uint64_t file_len; /* <= len */
    unsigned rights;   /* RIGHT_W, RIGHT_X of plan.h, never both */
    unsigned number;   /* of its program header, from 0, as `readelf -lW` counts */
};

struct elf_image {
    /* Ascending; those that share a 4 KiB page have the same rights. */
    struct elf_segment segments[ELF_SEGMENTS_MAX];
    size_t count;
    bool relocatable; /* ET_DYN: addresses count from where it is put */
    uint64_t entry;   /* in an executable segment */
    uint64_t start;   /* first segment's first page, last segment's last page's end */
    uint64_t end;
    uint64_t align; /* the largest p_align, at least 4 KiB */
    uint64_t relro; /* read-only after relocation, in [start, end), not rounded; len 0: none */
    uint64_t relro_len;
    uint64_t dynamic_offset; /* PT_DYNAMIC in the file, for elf_relocate() to check; len 0: none */
    uint64_t dynamic_len;
};

/* Is it an executable for x86-64? ERR_PAYLOAD: text says what it is instead, see file_kind(). */
struct error elf_check(const struct elf_file *file);

/*
 * Read the headers. ERR_PAYLOAD, at = the segment's va or whatever else it is
 * about, text = a whole sentence, of message() or static: which segment (its
 * program header's number, its flags, its range), what stands there, and where
 * there is one, the remedy. Refused is what is
 * no executable for x86-64 (see file_kind()); program headers damaged (entry
 * size, more than ELF_HEADERS_MAX, outside the file, PT_DYNAMIC or
 * PT_GNU_RELRO twice); more than ELF_SEGMENTS_MAX segments; none; segment
 * outside the file; more bytes in the file than in memory (nanvix issue 2568:
 * also than none in memory); segment wraps (or its last page ends at 2^64);
 * not canonical (`levels` of paging; no segment crosses the hole); in the
 * first 64 KiB (of an ET_EXEC); unaligned (p_align neither 0 nor a power of
 * two, or va and offset disagree modulo it); writable and executable;
 * segments overlap, or do not ascend, or share a page and have different
 * rights; needs a dynamic linker; PT_GNU_RELRO outside [start, end); entry
 * outside an executable segment. Segments of no bytes at all are skipped.
 */
struct error elf_read(const struct elf_file *file, unsigned levels, struct elf_image *image);

/* The first page of segment i that is not the last page of the one before; it may have none. */
uint64_t elf_own_page(const struct elf_image *image, size_t i);

/* Put a relocatable image at `base`, a multiple of its align; all its addresses count from it. */
void elf_place(struct elf_image *image, uint64_t base);

/*
 * The relocations of a placed image, one by one: the eight bytes at va become
 * value. Only R_X86_64_RELATIVE and _NONE, in tables of Elf64_Rela, and RELR.
 * RELR comes first: a word that both name gets the value of Elf64_Rela.
 * put's error ends it, and is passed on. ERR_PAYLOAD, text as above: of another
 * kind, by number and name (DT_REL, DT_JMPREL, DT_NEEDED, TEXTREL too), tables
 * outside the file or damaged, a va whose eight bytes are not in a writable
 * segment. An image that
 * is not relocatable has none.
 */
struct elf_relocations {
    void *ctx;
    struct error (*put)(void *ctx, uint64_t va, uint64_t value);
    /* The eight bytes at va as they are in memory now; for RELR, whose addends lie there. */
    uint64_t (*get)(void *ctx, uint64_t va);
};
struct error elf_relocate(const struct elf_file *file, const struct elf_image *image, uint64_t base,
                          const struct elf_relocations *relocations);

#endif
