/* SPDX-License-Identifier: MIT */
/*
 * The PVH boot protocol (Xen, public/arch-x86/hvm/start_info.h, versions 0
 * and 1; QEMU's -kernel with an ELF file): start info → facts. Pure: memory is
 * read through a callback.
 */
#ifndef PVH_H
#define PVH_H

#include "facts.h"

#define PVH_MAGIC UINT32_C(0x336ec578)

struct pvh_source {
    void *ctx;
    /* Copy len bytes of physical memory. */
    void (*read)(void *ctx, uint64_t pa, void *to, size_t len);
};

/*
 * Command line, modules with their command lines, RSDP (its 20 or 36 bytes,
 * by its revision). ERR_INFO: no magic, or a version that is not known to
 * have no fields that matter (0 and 1 are read; later ones as 1); ERR_CMDLINE,
 * ERR_MODULES: the limits of facts.h.
 */
struct error pvh_facts(const struct pvh_source *source, uint64_t start_info, struct facts *facts);

/*
 * The memory map, in E820 types. ERR_NOMAP: version 0, or no entries.
 * ERR_MAPENTRY: a table that wraps.
 */
struct error pvh_ranges(const struct pvh_source *source, uint64_t start_info,
                        const struct range_sink *sink);

/* Bytes that the start info and its tables take: to be held. Returns how many ranges. */
#define PVH_HELD_MAX (4 + 2 * MODULES_MAX)
size_t pvh_held(const struct pvh_source *source, uint64_t start_info, struct kept_range *held);

#endif
