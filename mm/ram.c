/* SPDX-License-Identifier: MIT */
/* Usable RAM, cut into pieces of one fate: the first half of the planner. */
#include "plan.h"
#include "x86.h"

static uint64_t page_down(uint64_t a)
{
    return a & ~PAGE_MASK;
}

static uint64_t page_up(uint64_t a)
{
    return (a + PAGE_MASK) & ~PAGE_MASK;
}

static uint64_t min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

const char *ram_fate_text(enum ram_fate fate)
{
    static const char *const texts[RAM_FATES] = {
        [RAM_MAPPED] = "mapped",
        [RAM_PARTIAL_PAGE] = "shares its page with something else",
        [RAM_NOT_WB] = "not write-back by the MTRRs",
        [RAM_OVER_LIMIT] = "over the limit set with mem=",
        [RAM_OVER_WINDOW] = "beyond the directmap window",
    };

    return (unsigned)fate < RAM_FATES ? texts[fate] : "?";
}

void ram_first(struct ram_iter *iter, const struct plan_request *request)
{
    *iter = (struct ram_iter){request, 0, 0};
}

/* The piece of one usable range that begins at pa, which the range holds. */
static struct ram_piece piece_at(const struct plan_request *request, const struct mem_range *range,
                                 uint64_t pa)
{
    uint64_t first = page_up(range->base);
    uint64_t last = page_down(range->end);
    uint64_t limit = page_down(request->ram_limit);
    uint64_t window = request->directmap ? request->directmap_size : UINT64_MAX;
    struct ram_piece piece = {pa, last, RAM_MAPPED, MEMTYPE_WB, false};

    if (first >= last || pa >= last) {
        piece.end = range->end;
        piece.fate = RAM_PARTIAL_PAGE;
    } else if (pa < first) {
        piece.end = first;
        piece.fate = RAM_PARTIAL_PAGE;
    } else if (pa >= limit) {
        piece.fate = RAM_OVER_LIMIT;
    } else if (pa >= window) {
        piece.end = min(last, limit);
        piece.fate = RAM_OVER_WINDOW;
    } else {
        struct memtype_span span = memtype_span(request->mtrr, pa, min(last, min(limit, window)));

        piece.end = span.end;
        piece.type = span.type;
        piece.undefined = span.undefined;
        piece.fate = span.type == MEMTYPE_WB ? RAM_MAPPED : RAM_NOT_WB;
    }
    return piece;
}

bool ram_next(struct ram_iter *iter, struct ram_piece *piece)
{
    const struct memmap *map = iter->request->map;

    for (; iter->range < map->count; iter->range++) {
        const struct mem_range *range = &map->ranges[iter->range];

        if (range->type != MEM_USABLE || iter->at >= range->end)
            continue;
        if (iter->at < range->base)
            iter->at = range->base;
        *piece = piece_at(iter->request, range, iter->at);
        iter->at = piece->end;
        return true;
    }
    return false;
}

struct error ram_check(const struct plan_request *request)
{
    struct error err = {.code = ERR_NORAM, .text = "nothing in it is usable"};
    uint64_t lost[RAM_FATES] = {0};
    uint64_t most = 0;
    struct ram_iter iter;
    struct ram_piece piece;

    ram_first(&iter, request);
    while (ram_next(&iter, &piece)) {
        if (piece.fate == RAM_MAPPED)
            return SUCCESS;
        lost[piece.fate] += piece.end - piece.base;
        if (lost[piece.fate] <= most)
            continue;
        most = lost[piece.fate];
        err.text = ram_fate_text(piece.fate);
    }
    return err;
}
