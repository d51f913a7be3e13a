/* SPDX-License-Identifier: MIT */
/*
 * The PVH boot protocol (Xen, public/arch-x86/hvm/start_info.h, versions 0
 * and 1; QEMU's -kernel with an ELF file; Xen, for its guests and its first
 * domain, which gets no map that way: see xen_map.h): start info → facts. Pure:
 * memory is read through a callback.
 */
#ifndef PVH_H
#define PVH_H

#include "facts.h"
#include "pvh_format.h"

struct pvh_source {
    void *ctx;
    /* Copy len > 0 bytes of physical memory, which do not wrap, but may be where there is none. */
    void (*read)(void *ctx, uint64_t pa, void *to, size_t len);
};

/*
 * Command line, modules with their command lines, RSDP (its 20 or 36 bytes,
 * by its revision). Nothing is at address 0, a module neither. Versions after
 * 1 are read as 1. ERR_INFO: no magic, or something wraps; ERR_CMDLINE (also:
 * text stands where the start info is to be, as behind QEMU's loader after a
 * command line of more than 4,095 bytes), ERR_MODULES: the limits of facts.h.
 * All modules are MODULE_PLAIN.
 */
struct error pvh_facts(const struct pvh_source *source, uint64_t start_info, struct facts *facts);

/*
 * The memory map, in E820 types. ERR_NOMAP: version 0, or no entries.
 * ERR_MAPENTRY: a table that wraps. ERR_INFO: no magic.
 */
struct error pvh_ranges(const struct pvh_source *source, uint64_t start_info,
                        const struct range_sink *sink);

/*
 * Bytes that the start info, its tables and texts take (not the modules
 * themselves, not the RSDP): to be held. For what pvh_facts() and
 * pvh_ranges() accepted; they may overlap.
 */
#define PVH_HELD_MAX (4 + MODULES_MAX)
size_t pvh_held(const struct pvh_source *source, uint64_t start_info, struct kept_range *held);

#endif
