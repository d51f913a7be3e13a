/* SPDX-License-Identifier: MIT */
/*
 * The memory map: firmware's ranges in any order and state go in, a sorted,
 * disjoint, maximal list comes out. Where ranges overlap, the most
 * restrictive type wins on every byte:
 *
 *     in    |---- usable ----|       |-- usable --|
 *                 |-- reserved --|      |nvs|
 *     out   |usab|--- reserved ---|  |us|nvs|usab-|
 */
#ifndef MEMMAP_H
#define MEMMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In order of restrictiveness: where two overlap, the later one wins. */
enum mem_type {
    MEM_USABLE,
    MEM_SOFT_RESERVED, /* EFI specific-purpose memory: not general RAM */
    MEM_PERSISTENT,
    MEM_ACPI_DATA,
    MEM_ACPI_NVS,
    MEM_RUNTIME_CODE, /* EFI runtime services */
    MEM_RUNTIME_DATA,
    MEM_UNACCEPTED, /* EFI: RAM that the guest has not accepted yet */
    MEM_MMIO,
    MEM_RESERVED, /* also every type that is not known */
    MEM_UNUSABLE, /* RAM found bad */
    MEM_TYPES
};

/* One word, as in the lines of the console: "usable", "acpi-nvs", … */
const char *mem_type_name(enum mem_type type);

/* The type of an E820 or multiboot2 map entry (ACPI 6.5 table 15.4); unknown: reserved. */
enum mem_type mem_type_from_e820(uint32_t type);

struct mem_range {
    uint64_t base; /* bytes, physical */
    uint64_t end;  /* exclusive, base < end <= 2^phys_bits */
    enum mem_type type;
};

struct memmap {
    struct mem_range *ranges; /* valid after memmap_normalise() */
    size_t count;
    uint64_t *keys; /* two endpoints a range, until then */
    size_t nkeys;
    size_t max_ranges;
    unsigned phys_bits;
};

/* How an input range fared. All but KEPT deserve a line on the console. */
enum memmap_verdict {
    MEMMAP_KEPT,
    MEMMAP_CUT,    /* kept up to the physical width, the rest dropped */
    MEMMAP_EMPTY,  /* dropped: length 0 */
    MEMMAP_WRAPS,  /* dropped: usable, and base + length exceeds 2^64 */
    MEMMAP_BEYOND, /* dropped: wholly beyond the physical width */
    MEMMAP_FULL    /* not taken: max_ranges have been; an error, not a choice */
};

const char *memmap_verdict_text(enum memmap_verdict verdict);

/*
 * Storage is the caller's and must outlive the map: keys for 2 * max_ranges
 * endpoints, ranges for 2 * max_ranges - 1 results. phys_bits: 32 to 52.
 */
void memmap_init(struct memmap *map, uint64_t *keys, struct mem_range *ranges, size_t max_ranges,
                 unsigned phys_bits);

/*
 * Take the len bytes at base. A range that ends at exactly 2^64 does not
 * wrap. One that wraps is dropped if usable (its length is no length), and
 * else kept from base up: doubt never turns into RAM. Empty, wrapping and
 * beyond-width ranges use up no capacity.
 */
enum memmap_verdict memmap_add(struct memmap *map, uint64_t base, uint64_t len, enum mem_type type);

/*
 * Postconditions: ranges[0..count) ascend, are disjoint and not empty, and no
 * two that touch have one type; a byte is in a range of type t exactly if t is
 * the most restrictive type of all kept input that covers it. The order and
 * multiplicity of the input do not matter. O(n log n), no recursion. Call once.
 */
void memmap_normalise(struct memmap *map);

/* The range that holds pa, or null. O(log n). */
const struct mem_range *memmap_find(const struct memmap *map, uint64_t pa);

/* Is every byte of [base, base + len) of this type? False if empty or wrapping. */
bool memmap_is(const struct memmap *map, uint64_t base, uint64_t len, enum mem_type type);

/* The first address of [base, end), not empty, that is not of this type; end: all are. O(log n). */
uint64_t memmap_first_other(const struct memmap *map, uint64_t base, uint64_t end,
                            enum mem_type type);

/*
 * Can every byte of [base, base + len) be read as memory is: does a range hold
 * it that is no device's, nor RAM that is bad or not accepted yet? False if
 * empty or wrapping.
 */
bool memmap_can_be_read(const struct memmap *map, uint64_t base, uint64_t len);

/* Bytes of one type. */
uint64_t memmap_bytes(const struct memmap *map, enum mem_type type);

#endif
