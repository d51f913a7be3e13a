/* SPDX-License-Identifier: MIT */
#include "svg_rows.h"

#include <stdlib.h>

#include "out.h"

static int by_base(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;

    return (x->base > y->base) - (x->base < y->base);
}

/* What the directmap has, what it leaves out, what never was RAM: disjoint, in any order. */
static size_t collect(struct row *rows, const struct result *result)
{
    struct ram_iter iter;
    struct ram_piece piece;
    size_t n = 0;

    for (size_t i = 0; i < result->plan.count; i++) {
        const struct mapping *m = &result->plan.entries[i];

        if (m->what == WHAT_DIRECTMAP)
            rows[n++] = (struct row){.base = m->pa,
                                     .end = m->pa + m->len,
                                     .kind = ROW_MAPPED,
                                     .mapping = m,
                                     .ram = m->len};
    }
    ram_first(&iter, &result->request);
    while (ram_next(&iter, &piece)) {
        if (piece.fate != RAM_MAPPED)
            rows[n++] = (struct row){.base = piece.base,
                                     .end = piece.end,
                                     .kind = ROW_LEFT_OUT,
                                     .fate = piece.fate,
                                     .memtype = piece.type};
    }
    for (size_t i = 0; i < result->map.count; i++) {
        const struct mem_range *r = &result->map.ranges[i];

        if (r->type != MEM_USABLE)
            rows[n++] =
                (struct row){.base = r->base, .end = r->end, .kind = ROW_RANGE, .type = r->type};
    }
    return n;
}

static size_t most_rows(const struct result *result)
{
    struct ram_iter iter;
    struct ram_piece piece;
    size_t n = result->plan.count + result->map.count;

    ram_first(&iter, &result->request);
    while (ram_next(&iter, &piece))
        n++;
    return n;
}

/* Join neighbours that are smaller than the limit, two to `group` of them in one. */
static size_t fold(struct row *to, const struct row *from, size_t n, uint64_t limit, size_t group)
{
    size_t kept = 0;

    for (size_t i = 0; i < n;) {
        struct row sum = {.base = from[i].base, .kind = ROW_FOLDED};
        size_t k = i;

        for (; k < n && k - i < group && from[k].end - from[k].base < limit; k++) {
            sum.end = from[k].end;
            sum.ram += from[k].ram;
            sum.folded++;
        }
        if (sum.folded >= 2) {
            to[kept++] = sum;
            i = k;
        } else {
            to[kept++] = from[i++];
        }
    }
    return kept;
}

uint64_t row_reached(const struct row *row, const struct blanket *blanket)
{
    uint64_t bytes = 0;

    if (row->kind == ROW_MAPPED)
        return 0;
    for (size_t i = 0; i < blanket->count && blanket->runs[i].base < row->end; i++) {
        const struct blanket_run *run = &blanket->runs[i];
        uint64_t from = run->base > row->base ? run->base : row->base;
        uint64_t to = run->end < row->end ? run->end : row->end;

        if (from < to)
            bytes += to - from;
    }
    return bytes - row->ram;
}

/* What is drawn ends there: with the map, or with the blanket over its last RAM. */
static uint64_t picture_end(uint64_t map_end, const struct blanket *blanket)
{
    uint64_t end = blanket && blanket->count ? blanket->runs[blanket->count - 1].end : 0;

    return end > map_end ? end : map_end;
}

struct row *rows_make(const struct result *result, const struct blanket *blanket, size_t most,
                      size_t *count)
{
    size_t room = most_rows(result) + 1;
    struct row *solid = out_alloc(room, sizeof(*solid));
    struct row *rows = out_alloc(2 * room, sizeof(*rows));
    struct row *folded = out_alloc(2 * room, sizeof(*folded));
    size_t nsolid = collect(solid, result);
    uint64_t at = 0;
    size_t n = 0;
    size_t left;

    qsort(solid, nsolid, sizeof(*solid), by_base);
    for (size_t i = 0; i < nsolid; i++) {
        if (at < solid[i].base)
            rows[n++] = (struct row){.base = at, .end = solid[i].base, .kind = ROW_HOLE};
        rows[n++] = solid[i];
        at = solid[i].end;
    }
    if (at < picture_end(at, blanket))
        rows[n++] = (struct row){.base = at, .end = picture_end(at, blanket), .kind = ROW_HOLE};
    free(solid);
    *count = n;
    if (n <= most) {
        free(folded);
        return rows;
    }
    /* The folds get coarser until there are few enough: at the latest when no row is spared. */
    size_t group = 2 * n / most + 2;
    uint64_t limit = 2 * PT_PAGE_SIZE;

    while ((left = fold(folded, rows, n, limit, group)) > most)
        limit *= 2;
    free(rows);
    *count = left;
    return folded;
}
