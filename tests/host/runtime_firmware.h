/* SPDX-License-Identifier: MIT */
/*
 * A made-up firmware with runtime services: its regions, its Memory
 * Attributes Table, and what efi_runtime.h promises of each page of them.
 */
#ifndef RUNTIME_FIRMWARE_H
#define RUNTIME_FIRMWARE_H

#include "efi_runtime.h"
#include "machine.h"
#include "random.h"

/* EFI_MEMORY_* */
#define UC      UINT64_C(0x1)
#define WC      UINT64_C(0x2)
#define WT      UINT64_C(0x4)
#define WB      UINT64_C(0x8)
#define UCE     UINT64_C(0x10)
#define WP      UINT64_C(0x1000)
#define XP      UINT64_C(0x4000)
#define RO      UINT64_C(0x20000)
#define RUNTIME UINT64_C(0x8000000000000000)

/* What the Memory Attributes Table says of code and of data. */
#define TEXT      (RUNTIME | RO)
#define VARIABLES (RUNTIME | XP)
#define CONSTANTS (RUNTIME | RO | XP)

/* EFI_MEMORY_TYPE */
#define CODE 5u
#define DATA 6u
#define MMIO 11u

#define PAGE UINT64_C(4096)

/* Where runtime services are placed, and on which CPU. */
#define WINDOW      UINT64_C(0xfffffe8000000000)
#define WINDOW_SIZE (UINT64_C(512) << 30)
#define WIDTH       46u

#define FIRMWARE_REGIONS 128
#define FIRMWARE_ENTRIES 512
#define FIRMWARE_DEFAULT UINT32_MAX

struct region {
    uint32_t type;
    uint64_t base;
    uint64_t pages;
    uint64_t attribute;
};

void shuffle_regions(struct rng *rng, struct region *regions, size_t count);

struct firmware {
    struct region regions[FIRMWARE_REGIONS];
    size_t nregions;
    struct region entries[FIRMWARE_ENTRIES]; /* of the table */
    size_t nentries;
    bool table; /* there is one */
    size_t stride;
    size_t entry_size;
    uint32_t header[3]; /* of the table, where it lies: version, entries, size of one */
    size_t len;         /* bytes of the table; SIZE_MAX: as many as it needs */
    unsigned max_level;
    struct machine *machine; /* its MTRRs */
    struct efi_runtime runtime;
    size_t bytes; /* of the map that was kept */
    uint8_t map[FIRMWARE_REGIONS * 56];
};

/* No regions, an empty table, all memory write-back. The one firmware of a test. */
struct firmware *firmware_start(void);

void firmware_region(uint32_t type, uint64_t base, uint64_t pages, uint64_t attribute);
void firmware_entry(uint32_t type, uint64_t base, uint64_t pages, uint64_t attribute);

/* Place the regions, which must be possible, and ask for their mappings. */
void firmware_run(void);

/* The rights of a page of this region; false: none with which it may be mapped. */
bool firmware_rights(const struct region *of, uint64_t pa, unsigned *rights);
enum memtype firmware_type(const struct region *of, uint64_t pa);

/* How many stretches of one type, also by the MTRRs, and the same rights the regions have, each on its own. */
size_t firmware_stretches(void);

/* Fails the test unless every page of every region is mapped as it should be, and nothing else. */
void firmware_expect(void);

#endif
