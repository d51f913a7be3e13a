/* SPDX-License-Identifier: MIT */
#include "claim.h"

#include "print.h"
#include "x86.h"

static struct error in_the_way(enum error_code code, uint64_t base, uint64_t end, const char *text)
{
    return (struct error){.code = code, .at = base, .value = end - 1, .text = text};
}

static struct error check_map(const struct memmap *map, uint64_t base, uint64_t end)
{
    uint64_t at = memmap_first_other(map, base, end, MEM_USABLE);
    const struct mem_range *range;

    if (at == end)
        return SUCCESS;
    range = memmap_find(map, at);
    return in_the_way(
        ERR_INUSE, base, end,
        message("0x%lx is %s", at, range ? mem_type_name(range->type) : "in no range of the map"));
}

static struct error check_types(const struct mtrr_state *mtrr, uint64_t base, uint64_t end)
{
    uint64_t limit = (end + PAGE_MASK) & ~PAGE_MASK;
    struct memtype_span span;

    for (uint64_t at = base & ~PAGE_MASK; at < limit; at = span.end) {
        span = memtype_span(mtrr, at, limit);
        if (span.type != MEMTYPE_WB)
            return in_the_way(
                ERR_NOTWB, base, end,
                message("0x%lx is %s", at < base ? base : at, memtype_name(span.type)));
    }
    return SUCCESS;
}

struct error claim_check(const struct claim_ground *ground, uint64_t base, uint64_t end)
{
    const struct busy_range *other = busy_overlap(ground->busy, base, end);
    struct error err;

    if (base == end)
        return SUCCESS;
    err = check_map(ground->map, base, end);
    if (!err.code)
        err = check_types(ground->mtrr, base, end);
    if (!err.code && other)
        err = in_the_way(
            ERR_OVERLAP, base, end,
            message("%s is there, 0x%lx-0x%lx", other->owner, other->base, other->end - 1));
    return err;
}
