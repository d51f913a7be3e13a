/* SPDX-License-Identifier: MIT */
/* The UEFI memory map → ranges (UEFI 2.10 section 7.2.3). Pure. */
#ifndef EFI_MAP_H
#define EFI_MAP_H

#include "facts.h"

#define EFI_DESCRIPTOR_VERSION 1

/*
 * What a descriptor means after ExitBootServices: usable only if it is of a
 * type that is free then, may be write-back, is not kept for runtime
 * services, and is not set aside for a special purpose.
 */
enum mem_type efi_mem_type(uint32_t type, uint64_t attribute);

/*
 * Hand `size` bytes of descriptors at `map` to the sink, stepping by the
 * firmware's own descriptor size. ERR_MAPENTRY: that size is too small, not a
 * multiple of 8, or does not divide `size`, or the version is unknown, or a
 * descriptor has more pages than 64 bits can count the bytes of.
 */
struct error efi_map_ranges(const void *map, uint64_t size, uint64_t descriptor_size,
                            uint32_t version, const struct range_sink *sink);

#endif
