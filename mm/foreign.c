/* SPDX-License-Identifier: MIT */
#include "foreign.h"

#define BELOW_4G UINT64_C(0x100000000)
#define HT_SIZE  UINT64_C(0x300000000)
#define HT_OLD   40u /* before family 17h, and the IOMMU's interrupts ever since */

static uint64_t align_up(uint64_t address)
{
    return (address + (FOREIGN_ALIGN - 1)) & ~(FOREIGN_ALIGN - 1);
}

/* The end of the hole that shares a byte with [base, end); 0: none does. */
static uint64_t hole_end(const struct foreign_request *request, uint64_t base, uint64_t end)
{
    const unsigned bits[] = {HT_OLD, request->ht_bits};

    for (unsigned i = 0; i < 2 && request->ht_bits != 0; i++) {
        uint64_t top = UINT64_C(1) << bits[i];

        if (base < top && end > top - HT_SIZE)
            return top;
    }
    return 0;
}

/* Of what is known; what lies wholly in a hole is a part of that. */
static uint64_t highest_end(const struct foreign_request *request)
{
    uint64_t highest = request->above > BELOW_4G ? request->above : BELOW_4G;

    for (size_t i = 0; i < request->map->count; i++) {
        const struct mem_range *range = &request->map->ranges[i];
        uint64_t top = hole_end(request, range->base, range->end);
        bool inside = top != 0 && range->base >= top - HT_SIZE && range->end <= top;

        if (range->end > highest && !(inside && range->type != MEM_USABLE))
            highest = range->end;
    }
    return highest;
}

bool foreign_find(const struct foreign_request *request, uint64_t size, uint64_t *base)
{
    uint64_t width = UINT64_C(1) << request->phys_bits;
    uint64_t highest = highest_end(request);
    uint64_t at = highest < width ? align_up(highest) : width;

    while (at < width && size <= width - at) {
        uint64_t top = hole_end(request, at, at + size);

        if (top == 0) {
            *base = at;
            return true;
        }
        at = align_up(top);
    }
    return false;
}
