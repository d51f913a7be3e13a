/* SPDX-License-Identifier: MIT */
/*
 * What the firmware's runtime services need to stay mapped (UEFI 2.10
 * sections 7.2.3 and 8.4), as virtual addresses and plan entries. Pure.
 */
#ifndef EFI_RUNTIME_H
#define EFI_RUNTIME_H

#include <stdbool.h>

#include "memtype.h"
#include "plan.h"

/* As many regions, and as many mappings, there may be. */
#define EFI_RUNTIME_REGIONS  192
#define EFI_RUNTIME_MAPPINGS 192

struct efi_runtime {
    struct mapping mappings[EFI_RUNTIME_MAPPINGS]; /* ascending, disjoint */
    size_t count;
    const char *why; /* null: complete; else why there is none, and count is 0 */
    uint64_t at;     /* the physical address that it is about */
};

/*
 * Copy of `size` bytes of UEFI descriptors those with EFI_MEMORY_RUNTIME to
 * regions, in ascending order, and give each a VirtualStart in [window, window
 * + window_size): as SetVirtualAddressMap wants them. regions has room for
 * one descriptor more than is accepted. Regions keep their distance as long as
 * that is below 1 GiB, for code reaches its data by it, and every virtual
 * address agrees with its physical one modulo 2 MiB; window is a multiple of
 * that, and does not wrap with its size. Returns the bytes in regions.
 * 0 and *why: too many, misaligned, overlapping, wrapping or beyond
 * phys_bits, or the window is too small; 0 without *why: there is none.
 */
size_t efi_runtime_keep(const void *map, size_t size, size_t descriptor_size, void *regions,
                        size_t room, uint64_t window, uint64_t window_size, unsigned phys_bits,
                        struct efi_runtime *runtime);

/*
 * The next region of runtime code or data (types 5 and 6) that lacks
 * EFI_MEMORY_RUNTIME: such firmware forgets the attribute, and
 * SetVirtualAddressMap must not be given the region. *at: where to look on in
 * the map, 0 at first. False: there is none from there on.
 */
bool efi_runtime_unmarked(const void *map, size_t size, size_t descriptor_size, size_t *at,
                          uint64_t *base, uint64_t *pages);

/*
 * The mappings of these regions. Code and data of the runtime services have
 * the rights that the Memory Attributes Table (section 4.6.4) gives: without
 * EFI_MEMORY_RO writable, without EFI_MEMORY_XP executable; anything else is
 * writable data. table: its len bytes, or null if the firmware has none; then
 * data is writable data, and code cannot be mapped. Memory that may be
 * write-back has the type that the MTRRs give it; else it is what its first
 * attribute of UC, WC, WT says, or UC. Mappings are cut where type or rights
 * change, or the type by the MTRRs does, whatever the mapping's own type is,
 * and only there. Where entries of the table overlap, the first one
 * counts. why: some code or data is not in the table, or is both writable and
 * executable, or the table is damaged, or there are too many.
 */
void efi_runtime_map(const void *regions, size_t size, size_t descriptor_size, const void *table,
                     size_t len, const struct mtrr_state *mtrr, unsigned max_level,
                     struct efi_runtime *runtime);

#endif
