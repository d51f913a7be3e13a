/* SPDX-License-Identifier: MIT */
/* What plan_help says of it holds: members may be added, none changes or goes. */
#include <inttypes.h>

#include "show.h"

/* Between two elements of a list, and before the first. */
static const char *comma(bool *first)
{
    const char *text = *first ? "\n" : ",\n";

    *first = false;
    return text;
}

static void show_ranges(struct out *out, const struct memmap *map)
{
    bool first = true;

    out_print(out, "  \"ranges\": [");
    for (size_t i = 0; i < map->count; i++)
        out_print(out,
                  "%s    {\"pa\": \"0x%" PRIx64 "\", \"len\": \"0x%" PRIx64 "\", \"type\": \"%s\"}",
                  comma(&first), map->ranges[i].base, map->ranges[i].end - map->ranges[i].base,
                  mem_type_name(map->ranges[i].type));
    out_print(out, "\n  ],\n");
}

static void show_plan(struct out *out, const struct plan *plan)
{
    bool first = true;

    out_print(out, "  \"plan\": [");
    for (size_t i = 0; i < plan->count; i++) {
        const struct mapping *m = &plan->entries[i];

        out_print(
            out,
            "%s    {\"va\": \"0x%" PRIx64 "\", \"pa\": \"0x%" PRIx64 "\", \"len\": \"0x%" PRIx64
            "\", \"type\": \"%s\", \"rights\": \"%s\", \"maxpage\": \"%s\", \"what\": \"%s\"}",
            comma(&first), m->va, m->pa, m->len, memtype_name((enum memtype)m->type),
            rights_name(m->rights), page_size_name(m->max_level),
            mapping_what_name((enum mapping_what)m->what));
    }
    out_print(out, "\n  ],\n");
}

static void show_dropped_one(struct out *out, bool *first, uint64_t base, uint64_t len,
                             enum mem_type type)
{
    out_print(out,
              "%s    {\"pa\": \"0x%" PRIx64 "\", \"len\": \"0x%" PRIx64 "\", \"type\": \"%s\", ",
              comma(first), base, len, mem_type_name(type));
}

static void show_dropped(struct out *out, const struct result *result)
{
    struct ram_iter iter;
    struct ram_piece piece;
    bool first = true;

    out_print(out, "  \"dropped\": [");
    ram_first(&iter, &result->request);
    while (ram_next(&iter, &piece)) {
        if (piece.fate == RAM_MAPPED)
            continue;
        show_dropped_one(out, &first, piece.base, piece.end - piece.base, MEM_USABLE);
        out_print(out, "\"from\": \"ram\", \"why\": \"%s%s%s\"}", ram_fate_text(piece.fate),
                  piece.fate == RAM_NOT_WB ? ": " : "",
                  piece.fate == RAM_NOT_WB ? memtype_name(piece.type) : "");
    }
    for (size_t i = 0; i < result->nrefused; i++) {
        const struct refused *r = &result->refused[i];

        show_dropped_one(out, &first, r->range.base, r->range.len, r->range.type);
        out_print(out, "\"from\": \"input\", \"why\": \"%s\"}", memmap_verdict_text(r->verdict));
    }
    out_print(out, first ? "]" : "\n  ]");
}

static void show_share(struct out *out, bool *first, const char *before, const char *name,
                       uint64_t bytes)
{
    if (bytes == 0)
        return;
    out_print(out, "%s{\"type\": \"%s%s\", \"len\": \"0x%" PRIx64 "\"}", *first ? "" : ", ", before,
              name, bytes);
    *first = false;
}

static void show_blanket(struct out *out, const struct blanket *b)
{
    bool first = true;

    out_print(out,
              "    {\"page\": \"%s\", \"reached\": \"0x%" PRIx64 "\", \"not_ram\": \"0x%" PRIx64
              "\", \"by\": [",
              page_size_name(b->level), b->reached, b->not_ram);
    for (unsigned type = 0; type < MEM_TYPES; type++)
        show_share(out, &first, "", mem_type_name((enum mem_type)type), b->types[type]);
    show_share(out, &first, "", "undescribed", b->undescribed);
    for (unsigned fate = 0; fate < RAM_FATES; fate++)
        show_share(out, &first, "usable, but ", ram_fate_text((enum ram_fate)fate), b->fates[fate]);
    out_print(out, "]}");
}

void show_json(struct out *out, const struct result *result, const struct blanket *blankets,
               size_t nblankets)
{
    bool first = true;

    out_print(out, "{\n");
    show_ranges(out, &result->map);
    show_plan(out, &result->plan);
    out_print(out, "  \"tables\": %zu,\n", result->tables);
    out_print(out,
              "  \"leaves\": {\"4K\": %" PRIu64 ", \"2M\": %" PRIu64 ", \"1G\": %" PRIu64 "},\n",
              result->leaves[0], result->leaves[1], result->leaves[2]);
    show_dropped(out, result);
    out_print(out, ",\n  \"levels\": %u,\n  \"mtrr\": \"%s\"", result->request.levels,
              result->mtrr_verdict);
    if (nblankets > 0) {
        out_print(out, ",\n  \"blanket\": [");
        for (size_t i = 0; i < nblankets; i++) {
            out_print(out, "%s", comma(&first));
            show_blanket(out, &blankets[i]);
        }
        out_print(out, "\n  ]");
    }
    out_print(out, "\n}\n");
}
