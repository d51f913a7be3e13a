/* SPDX-License-Identifier: MIT */
#include "xen_map.h"

#include "load.h"
#include "print.h"

#define ENTRY_BASE 0
#define ENTRY_LEN  8
#define ENTRY_TYPE 16

struct error xen_map_ranges(const void *entries, uint32_t count, int64_t answer,
                            const struct range_sink *sink)
{
    const uint8_t *entry = entries;
    struct error err = SUCCESS;

    if (answer < 0)
        return (struct error){.code = ERR_NOMAP,
                              .text = message("nor does Xen: error %lu", (uint64_t)-answer)};
    if (count == 0)
        return (struct error){.code = ERR_NOMAP, .text = "and Xen's is empty"};
    if (count >= XEN_MAP_MAX)
        return (struct error){.code = ERR_MAPFULL, .at = XEN_MAP_MAX};
    for (; count > 0 && !err.code; count--, entry += XEN_MAP_ENTRY) {
        uint32_t type = load32(entry + ENTRY_TYPE);

        err = sink->add(sink->ctx, load64(entry + ENTRY_BASE), load64(entry + ENTRY_LEN),
                        mem_type_from_e820(type), type);
    }
    return err;
}
