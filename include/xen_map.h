/* SPDX-License-Identifier: MIT */
/*
 * The memory map that Xen gives to a guest that asks for it (XENMEM_memory_map;
 * Xen, public/memory.h and public/hvm/e820.h). Pure.
 */
#ifndef XEN_MAP_H
#define XEN_MAP_H

#include "facts.h"

#define XEN_MAP_ENTRY 20u   /* bytes: base, length, E820 type, without padding */
#define XEN_MAP_MAX   1024u /* entries that are asked for */

/*
 * Hand the count entries that Xen has filled in to the sink; answer: what the
 * hypercall returned. ERR_NOMAP: an error of Xen's, or no entry. ERR_MAPFULL:
 * as many as were asked for, so there may be more.
 */
struct error xen_map_ranges(const void *entries, uint32_t count, int64_t answer,
                            const struct range_sink *sink);

#endif
