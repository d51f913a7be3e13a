/* SPDX-License-Identifier: MIT */
/* The memory maps of real machines, from tests/corpus/ or where FOOTING_CORPUS says. */
#ifndef CORPUS_H
#define CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine.h"
#include "memtype.h"

#define CORPUS_MAX_E820 128
#define CORPUS_MAX_EFI  256
#define CORPUS_MAX_NAME 128

struct corpus_machine {
    char name[CORPUS_MAX_NAME]; /* of the file, without .map */
    unsigned width;             /* that the MTRR masks imply; 0: unknown */
    struct {
        uint64_t base;
        uint64_t len;
        uint32_t type;
    } e820[CORPUS_MAX_E820]; /* in the file's order */
    size_t ne820;
    struct {
        uint64_t base;
        uint64_t len;
        uint32_t type;
        uint64_t attribute; /* what is not given as a number: WB, and RUNTIME where it says so */
    } efi[CORPUS_MAX_EFI];
    size_t nefi;
    bool has_default;
    bool has_fixed;
    struct mtrr_state mtrr; /* .present: default type and variable ranges are known */
};

/* All machines, by name; read once. Fails the test where a file cannot be read or has a bad line. */
const struct corpus_machine *corpus_all(size_t *count);

/* One machine; where another corpus has none of the name, the test is skipped. */
const struct corpus_machine *corpus_find(const char *name);

/*
 * The made-up machine of machine.h with this one's map and MTRRs, settled.
 * Its width: what the masks imply, or 52.
 */
struct machine *corpus_machine(const struct corpus_machine *from, unsigned levels,
                               unsigned max_level);

/* The same before anything has been added to the map: for tests that change it on the way. */
struct machine *corpus_bare(const struct corpus_machine *from, unsigned phys_bits);

#endif
