/* SPDX-License-Identifier: MIT */
/* What a UEFI memory map means, from the specification, for the targets that read one. */
#ifndef EFI_ORACLE_H
#define EFI_ORACLE_H

#include "error.h"
#include "memmap.h"

#define ORACLE_MAX 4096

struct oracle_range {
    uint64_t base;
    uint64_t len;
    enum mem_type type;
    uint32_t raw;
};

/* The ranges that a parser should find until it stops, and the error with which it does. */
struct oracle_ranges {
    struct oracle_range list[ORACLE_MAX];
    size_t count;
    enum error_code code;
};

/* Little-endian numbers, byte by byte. */
uint64_t oracle_number(const uint8_t *at, unsigned size);

/* UEFI 2.10 section 7.2.3, table 7-10; what Footing makes of it says efi_map.h. */
enum mem_type oracle_efi_type(uint32_t type, uint64_t attribute);

void oracle_efi_map(struct oracle_ranges *out, const uint8_t *map, uint64_t size,
                    uint64_t descriptor_size, uint32_t version);

/* A sink that holds what it gets against the oracle; it refuses at one call. */
struct oracle_sink {
    const struct oracle_ranges *expected;
    size_t got;
    size_t refuse_at;
};

struct error oracle_add(void *ctx, uint64_t base, uint64_t len, enum mem_type type, uint32_t raw);

/* After the parser: all that was expected came, and the error is the right one. */
void oracle_end(const struct oracle_sink *sink, struct error err);

#endif
