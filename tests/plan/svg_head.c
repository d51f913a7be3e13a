/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "svg_draw.h"

/* Not RAM: warm where firmware owns it, cold where devices do. */
const struct look type_looks[MEM_TYPES] = {
    [MEM_USABLE] = {"usable RAM", "#4fb08a"},
    [MEM_SOFT_RESERVED] = {"soft reserved", "#c9c46a"},
    [MEM_PERSISTENT] = {"persistent", "#5aa7c7"},
    [MEM_ACPI_DATA] = {"ACPI tables", "#f0b95b"},
    [MEM_ACPI_NVS] = {"ACPI NVS", "#e2894f"},
    [MEM_RUNTIME_CODE] = {"EFI runtime code", "#a678c9"},
    [MEM_RUNTIME_DATA] = {"EFI runtime data", "#c3a0dd"},
    [MEM_UNACCEPTED] = {"unaccepted", "#8fb5a6"},
    [MEM_MMIO] = {"MMIO", "#6f86d6"},
    [MEM_RESERVED] = {"reserved", "#a9afbb"},
    [MEM_UNUSABLE] = {"unusable", "#c94f4f"},
};

const struct look page_looks[PT_LEAF_LEVELS] = {
    {"4 KiB pages", "url(#p4k)"},
    {"2 MiB pages", "url(#p2m)"},
    {"1 GiB pages", "url(#p1g)"},
};

/* 1234567 as 1,234,567. */
const char *thousands(char text[32], uint64_t n)
{
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n);
    size_t at = 0;

    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = 0;
    return text;
}

void svg_text(char to[SVG_TEXT_MAX], const char *from)
{
    size_t at = 0;

    for (; *from && at + 6 < SVG_TEXT_MAX; from++) {
        const char *word = *from == '&'   ? "&amp;"
                           : *from == '<' ? "&lt;"
                           : *from == '>' ? "&gt;"
                                          : NULL;

        if (word) {
            memcpy(to + at, word, strlen(word));
            at += strlen(word);
        } else {
            to[at++] = *from;
        }
    }
    to[at] = 0;
}

void filled(struct out *out, double x, double y, double w, double h, const char *fill)
{
    out_print(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n", x,
              y, w, h, fill);
}

static void figure(struct out *out, double x, const char *number, const char *what, bool alarm)
{
    out_print(out, "<text class=\"n%s\" x=\"%.1f\" y=\"118\">%s</text>\n", alarm ? " r" : "", x,
              number);
    out_print(out, "<text class=\"k\" x=\"%.1f\" y=\"137\">%s</text>\n", x, what);
}

static void draw_figures(struct out *out, const struct result *result,
                         const struct blanket *blanket, double width)
{
    static const char *const what[] = {"4 KiB leaves", "2 MiB leaves", "1 GiB leaves"};
    double step = width / (blanket ? 7 : 6);
    uint64_t mapped = 0;
    char rough[24];
    char count[32];

    for (size_t i = 0; i < result->plan.count; i++) {
        if (result->plan.entries[i].what == WHAT_DIRECTMAP)
            mapped += result->plan.entries[i].len;
    }
    size_rough(rough, mapped);
    figure(out, MARGIN, rough, "RAM in the directmap", false);
    size_rough(rough, memmap_bytes(&result->map, MEM_USABLE) - mapped);
    figure(out, MARGIN + step, rough, "RAM left out", false);
    figure(out, MARGIN + 2 * step, thousands(count, result->tables),
           result->request.levels == 5 ? "table frames, 5 levels" : "table frames, 4 levels",
           false);
    for (unsigned level = 0; level < PT_LEAF_LEVELS; level++)
        figure(out, MARGIN + (5 - level) * step, thousands(count, result->leaves[level]),
               what[level], false);
    if (blanket) {
        char label[80];

        snprintf(label, sizeof(label), "not RAM, under a %s blanket",
                 page_size_name(blanket->level));
        size_rough(rough, blanket->not_ram);
        figure(out, MARGIN + 6 * step, rough, label, blanket->not_ram != 0);
    }
}

/* Below the scale, what a blanket would reach; so wide that it shows, however little it is. */
static void draw_blanket(struct out *out, const struct row *rows, size_t n,
                         const struct blanket *blanket, uint64_t top, double width)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; rows[i].kind != ROW_MAPPED && k < blanket->count; k++) {
            const struct blanket_run *run = &blanket->runs[k];
            uint64_t from = run->base > rows[i].base ? run->base : rows[i].base;
            uint64_t to = run->end < rows[i].end ? run->end : rows[i].end;
            double w = from < to ? (double)(to - from) / (double)top * width : 0;

            if (from < to && row_reached(&rows[i], blanket) > 0)
                filled(out, MARGIN + (double)from / (double)top * width, 212, w < 1 ? 1 : w, 5,
                       "#d63a2f");
        }
    }
}

/* The scale ends with RAM, or with a blanket over it. */
static uint64_t top_of_scale(const struct row *rows, size_t n, const struct blanket *blanket,
                             bool *beyond)
{
    uint64_t end = blanket && blanket->count ? blanket->runs[blanket->count - 1].end : 0;
    uint64_t top = PT_PAGE_SIZE;

    for (size_t i = 0; i < n; i++) {
        if (rows[i].ram > 0 || rows[i].kind == ROW_LEFT_OUT)
            top = rows[i].end;
    }
    *beyond = end > top;
    return *beyond ? end : top;
}

/* What is smaller than a third of a pixel does not show anyway. */
static void draw_to_scale(struct out *out, const struct row *rows, size_t n,
                          const struct blanket *blanket, double width)
{
    bool beyond;
    uint64_t top = top_of_scale(rows, n, blanket, &beyond);
    char rough[24];

    size_rough(rough, top);
    out_print(out,
              "<text class=\"k\" x=\"%d\" y=\"176\">to scale, from 0 to the end of %s at "
              "%s</text>\n",
              MARGIN, beyond ? "a blanket over RAM" : "RAM", rough);
    filled(out, MARGIN, 184, width, 26, "#eceae4");
    for (size_t i = 0; i < n && rows[i].base < top; i++) {
        double x = (double)rows[i].base / (double)top * width;
        double w = (double)(rows[i].end - rows[i].base) / (double)top * width;

        if (w < 0.33 || rows[i].kind == ROW_HOLE)
            continue;
        if (rows[i].kind != ROW_MAPPED) {
            filled(out, MARGIN + x, 184, w, 26,
                   rows[i].kind == ROW_RANGE    ? type_looks[rows[i].type].fill
                   : rows[i].kind == ROW_FOLDED ? "url(#fold)"
                                                : "url(#out)");
            continue;
        }
        struct page_run runs[PAGE_RUNS_MAX];
        size_t nruns = page_runs(rows[i].mapping, runs);

        for (size_t k = 0; k < nruns; k++)
            filled(out, MARGIN + (double)runs[k].pa / (double)top * width, 184,
                   (double)(runs[k].end - runs[k].pa) / (double)top * width, 26,
                   page_looks[runs[k].level].fill);
    }
    if (blanket)
        draw_blanket(out, rows, n, blanket, top, width);
}

/* Where the next item goes; two lines have room. */
struct legend {
    struct out *out;
    double x;
    double y;
    double right;
};

static void legend_item(struct legend *legend, const char *fill, double size, const char *name)
{
    double width = size + 6 + 6.6 * (double)strlen(name);

    if (legend->x + width > legend->right) {
        legend->x = MARGIN;
        legend->y += 25;
    }
    filled(legend->out, legend->x, legend->y, size, 16, fill);
    out_print(legend->out, "<text class=\"g\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
              legend->x + size + 6, legend->y + 12, name);
    legend->x += width + 22;
}

/* Only what occurs. */
static void draw_legend(struct out *out, const struct result *result, const struct row *rows,
                        size_t n, bool blanket, double width)
{
    struct legend legend = {out, MARGIN, 228, MARGIN + width};
    bool seen[MEM_TYPES] = {false};
    bool hole = false;
    bool left_out = false;
    bool folded = false;

    for (size_t i = 0; i < n; i++) {
        hole |= rows[i].kind == ROW_HOLE;
        left_out |= rows[i].kind == ROW_LEFT_OUT;
        folded |= rows[i].kind == ROW_FOLDED;
        if (rows[i].kind == ROW_RANGE)
            seen[rows[i].type] = true;
    }
    for (unsigned level = PT_LEAF_LEVELS; level-- > 0;) {
        if (result->leaves[level])
            legend_item(&legend, page_looks[level].fill, 22, page_looks[level].name);
    }
    if (left_out)
        legend_item(&legend, "url(#out)", 22, "RAM left out");
    for (unsigned type = 0; type < MEM_TYPES; type++) {
        if (seen[type])
            legend_item(&legend, type_looks[type].fill, 22, type_looks[type].name);
    }
    if (folded)
        legend_item(&legend, "url(#fold)", 22, "small ranges, folded");
    if (hole)
        legend_item(&legend, "url(#hole)", 22, "nothing, folded");
    if (blanket)
        legend_item(&legend, "#d63a2f", 5, "a blanket would reach it");
}

void svg_head(struct out *out, const struct result *result, const struct row *rows, size_t n,
              const struct blanket *blanket, double width)
{
    char name[SVG_TEXT_MAX];

    svg_text(name, result->machine);
    out_print(out,
              "<text class=\"h\" x=\"%d\" y=\"56\">Physical memory, as Footing maps it</text>\n"
              "<text class=\"k\" x=\"%d\" y=\"77\"><tspan class=\"g\">%s</tspan> · MTRRs: "
              "%s</text>\n",
              MARGIN, MARGIN, name, result->mtrr_verdict);
    draw_figures(out, result, blanket, width);
    draw_to_scale(out, rows, n, blanket, width);
    draw_legend(out, result, rows, n, blanket != NULL, width);
}
