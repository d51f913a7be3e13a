/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "show.h"

static void print_range(struct out *out, uint64_t base, uint64_t end)
{
    char size[24];

    size_exact(size, end - base);
    out_print(out, "  %013" PRIx64 "-%013" PRIx64 " %10s", base, end - 1, size);
}

static void show_map(struct out *out, const struct memmap *map)
{
    out_print(out, "Memory map, normalised\n");
    for (size_t i = 0; i < map->count; i++) {
        print_range(out, map->ranges[i].base, map->ranges[i].end);
        out_print(out, "  %s\n", mem_type_name(map->ranges[i].type));
    }
}

static void show_plan(struct out *out, const struct result *result)
{
    out_print(out, "\nPlan\n  %-16s  %-13s %10s  %-6s %-4s %-4s %s\n", "virtual", "physical",
              "length", "rights", "type", "page", "what");
    for (size_t i = 0; i < result->plan.count; i++) {
        const struct mapping *m = &result->plan.entries[i];
        char size[24];

        size_exact(size, m->len);
        out_print(out, "  %016" PRIx64 "  %013" PRIx64 " %10s  %-6s %-4s %-4s %s\n", m->va, m->pa,
                  size, rights_name(m->rights), memtype_name((enum memtype)m->type),
                  page_size_name(m->max_level), mapping_what_name((enum mapping_what)m->what));
    }
}

static void show_refused(struct out *out, const struct result *result)
{
    if (result->nrefused)
        out_print(out, "\nNot taken, or not whole\n");
    for (size_t i = 0; i < result->nrefused; i++) {
        const struct refused *r = &result->refused[i];

        out_print(out, "  0x%" PRIx64 "+0x%" PRIx64 " (%s): %s\n", r->range.base, r->range.len,
                  mem_type_name(r->range.type), memmap_verdict_text(r->verdict));
    }
}

/* First usable bytes, then what never was a candidate. */
static void show_omissions(struct out *out, const struct result *result)
{
    struct ram_iter iter;
    struct ram_piece piece;

    out_print(out, "\nLeft out of the directmap\n");
    ram_first(&iter, &result->request);
    while (ram_next(&iter, &piece)) {
        if (piece.fate == RAM_MAPPED)
            continue;
        print_range(out, piece.base, piece.end);
        out_print(out, "  %s%s%s\n", ram_fate_text(piece.fate),
                  piece.fate == RAM_NOT_WB ? ": " : "",
                  piece.fate == RAM_NOT_WB ? memtype_name(piece.type) : "");
    }
    for (size_t i = 0; i < result->map.count; i++) {
        const struct mem_range *r = &result->map.ranges[i];

        if (r->type == MEM_USABLE)
            continue;
        print_range(out, r->base, r->end);
        out_print(out, "  no RAM to the firmware: %s\n", mem_type_name(r->type));
    }
}

static void show_totals(struct out *out, const struct result *result)
{
    uint64_t usable = memmap_bytes(&result->map, MEM_USABLE);
    uint64_t mapped = 0;
    char a[24];
    char b[24];

    for (size_t i = 0; i < result->plan.count; i++) {
        if (result->plan.entries[i].what == WHAT_DIRECTMAP)
            mapped += result->plan.entries[i].len;
    }
    size_rough(a, usable);
    size_rough(b, usable - mapped);
    out_print(out, "\nUsable: %s, of which %s are not in the directmap; MTRRs: %s\n", a, b,
              result->mtrr_verdict);
    out_print(out,
              "Page tables: %zu frames in %u levels; leaves: %" PRIu64 " of 4K, %" PRIu64
              " of 2M, %" PRIu64 " of 1G\n",
              result->tables, result->request.levels, result->leaves[0], result->leaves[1],
              result->leaves[2]);
}

static void show_share(struct out *out, const char *what, uint64_t bytes)
{
    char size[24];

    if (bytes == 0)
        return;
    size_rough(size, bytes);
    out_print(out, "  %20" PRIu64 "  %10s  %s\n", bytes, size, what);
}

static void show_blanket(struct out *out, const struct blanket *b)
{
    char size[24];

    size_rough(size, b->not_ram);
    out_print(out, "\nA blanket of %s pages, rounded outward, would reach %s that are not RAM\n",
              page_size_name(b->level), b->not_ram ? size : "no bytes");
    for (unsigned type = 0; type < MEM_TYPES; type++)
        show_share(out, mem_type_name((enum mem_type)type), b->types[type]);
    show_share(out, "not described by the map", b->undescribed);
    for (unsigned fate = 0; fate < RAM_FATES; fate++) {
        char why[80] = "usable, but ";

        strncat(why, ram_fate_text((enum ram_fate)fate), sizeof(why) - strlen(why) - 1);
        show_share(out, why, b->fates[fate]);
    }
}

void show_text(struct out *out, const struct result *result, const struct blanket *blankets,
               size_t nblankets)
{
    show_map(out, &result->map);
    show_refused(out, result);
    show_plan(out, result);
    show_omissions(out, result);
    show_totals(out, result);
    for (size_t i = 0; i < nblankets; i++)
        show_blanket(out, &blankets[i]);
}
