/* SPDX-License-Identifier: MIT */
/*
 * A second reading of ELF files: every byte of memory is looked up by going
 * through all program headers, every pair of segments is compared, and what
 * the relocations write is a list.
 */
#ifndef REFERENCE_ELF_H
#define REFERENCE_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf.h"

enum reference_elf_answer {
    ELF_GOOD,
    ELF_BAD,
    ELF_VAGUE /* elf.h says neither that it is taken nor that it is refused */
};

#define REFERENCE_ELF_WRITES 512

struct reference_elf {
    const uint8_t *bytes;
    uint64_t size;
    struct elf_image image;
    unsigned relros;   /* how many PT_GNU_RELRO; of two, nothing says which counts */
    unsigned dynamics; /* and PT_DYNAMIC */
    struct {
        uint64_t va;
        uint64_t value;
    } writes[REFERENCE_ELF_WRITES];
    size_t nwrites;
    bool many; /* more than there is room for, or one over another: not to be compared */
};

/* Read the headers into image. */
enum reference_elf_answer reference_elf_read(struct reference_elf *ref, const void *bytes,
                                             uint64_t size, unsigned levels);

/* What the relocations write with the image at base, in any order; image is as it was read. */
enum reference_elf_answer reference_elf_relocate(struct reference_elf *ref, uint64_t base);

/* The byte of an image's segments at va, before any relocation; -1: there is none. */
int reference_elf_byte(const struct elf_image *image, const uint8_t *bytes, uint64_t va);

/*
 * Read, place at base (rounded down to what it may be) and relocate with
 * elf.c: null, or in what it differs from the reference or its header. The
 * call of put with the number refuse_at is answered with an error.
 */
const char *reference_elf_differs(const void *bytes, size_t size, unsigned levels, uint64_t base,
                                  size_t refuse_at);

#endif
