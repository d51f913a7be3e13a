/* SPDX-License-Identifier: MIT */
/*
 * The picture: a few figures, the address space to scale, and then from
 * address 0 on all its ranges, with heights that grow with the logarithm of
 * the size, so that a page and a terabyte are both seen. Newspaper columns.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"
#include "svg_draw.h"

#define ROWS_MAX      150
#define COLUMN_WIDTH  436
#define COLUMN_HEIGHT 820
#define COLUMNS_MAX   7
#define COLUMNS_MIN   3  /* so that the heading has room */
#define ROW_MIN       36 /* two lines of text */
#define BAR_X         116
#define BAR_WIDTH     140
#define LABEL_X       (BAR_X + BAR_WIDTH + 16)

static const char preamble[] =
    "<style>\n"
    "text{font-family:Inter,'Segoe UI','Helvetica Neue',Helvetica,Arial,'DejaVu Sans',sans-serif;"
    "fill:#26303a}\n"
    ".a{font:11px 'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#66717d;text-anchor:end}\n"
    ".t{font-size:12.5px;font-weight:600}.s{font-size:11px;fill:#66717d}\n"
    ".l{font-size:11px;font-weight:600;text-anchor:middle}.w{fill:#fff}.d{fill:#15573f}\n"
    ".h{font-size:25px;font-weight:700}.n{font-size:23px;font-weight:700}\n"
    ".k{font-size:11.5px;fill:#66717d}.r{fill:#b3261e}.g{font-size:12px}\n"
    "</style>\n"
    "<defs>\n"
    "<pattern id=\"p4k\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">"
    "<rect width=\"4\" height=\"4\" fill=\"#b4e2cd\"/>"
    "<path d=\"M0 0H4M0 0V4\" stroke=\"#8fcfb2\" stroke-width=\"1\"/></pattern>\n"
    "<pattern id=\"p2m\" width=\"14\" height=\"14\" patternUnits=\"userSpaceOnUse\">"
    "<rect width=\"14\" height=\"14\" fill=\"#43a57e\"/>"
    "<path d=\"M0 0H14M0 0V14\" stroke=\"#62b996\" stroke-width=\"1.2\"/></pattern>\n"
    "<pattern id=\"p1g\" width=\"46.67\" height=\"46\" patternUnits=\"userSpaceOnUse\">"
    "<rect width=\"46.67\" height=\"46\" fill=\"#1d6f52\"/>"
    "<path d=\"M0 0H46.67M0 0V46\" stroke=\"#2f8867\" stroke-width=\"1.6\"/></pattern>\n"
    "<pattern id=\"out\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" "
    "patternTransform=\"rotate(45)\"><rect width=\"8\" height=\"8\" fill=\"#f6d9d6\"/>"
    "<rect width=\"3\" height=\"8\" fill=\"#d9695f\"/></pattern>\n"
    "<pattern id=\"fold\" width=\"14\" height=\"14\" patternUnits=\"userSpaceOnUse\" "
    "patternTransform=\"rotate(45)\"><rect width=\"14\" height=\"14\" fill=\"#b4e2cd\"/>"
    "<rect width=\"7\" height=\"14\" fill=\"#c3c8d0\"/></pattern>\n"
    "<pattern id=\"hole\" width=\"7\" height=\"16\" patternUnits=\"userSpaceOnUse\">"
    "<path d=\"M0 9l3.5 -5l3.5 5M0 14l3.5 -5l3.5 5\" stroke=\"#b8c0c9\" fill=\"none\"/>"
    "</pattern>\n"
    "</defs>\n";

static double log2_of(uint64_t bytes)
{
    unsigned whole = bytes ? 63 - (unsigned)__builtin_clzll(bytes) : 0;

    return whole + (double)bytes / (double)(UINT64_C(1) << whole) - 1;
}

/* A page is a line of text high; a factor of 1024 adds 26 pixels. */
static double band_height(uint64_t bytes)
{
    double log = log2_of(bytes);

    return 17 + (log > 16 ? 2.6 * (log - 16) : 0);
}

static double row_height(const struct row *row)
{
    struct page_run runs[PAGE_RUNS_MAX];
    double height = 0;

    switch (row->kind) {
    case ROW_MAPPED:
        for (size_t n = page_runs(row->mapping, runs); n-- > 0;)
            height += band_height(runs[n].end - runs[n].pa);
        return height < ROW_MIN ? ROW_MIN : height;
    case ROW_HOLE:
        return ROW_MIN; /* however large */
    case ROW_FOLDED:
        return ROW_MIN + 8;
    case ROW_LEFT_OUT:
    case ROW_RANGE:
        break;
    }
    height = band_height(row->end - row->base);
    return height < ROW_MIN ? ROW_MIN : height;
}

/* The leaves of a mapping, from its first page down the picture. */
static void draw_mapped(struct out *out, const struct row *row, double x, double y, double height)
{
    struct page_run runs[PAGE_RUNS_MAX];
    size_t n = page_runs(row->mapping, runs);
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += band_height(runs[i].end - runs[i].pa);
    for (size_t i = 0; i < n; i++) {
        unsigned level = runs[i].level;
        uint64_t leaves = (runs[i].end - runs[i].pa) >> (PT_PAGE_SHIFT + PT_BITS * level);
        double h = band_height(runs[i].end - runs[i].pa) * height / sum;
        char count[32];

        filled(out, x, y, BAR_WIDTH, h, page_looks[level].fill);
        out_print(out, "<text class=\"l %s\" x=\"%.1f\" y=\"%.1f\">%s × %s</text>\n",
                  level ? "w" : "d", x + BAR_WIDTH / 2.0, y + h / 2 + 4, thousands(count, leaves),
                  page_size_name(level));
        y += h;
    }
}

/* A break: the height is not the size. */
static void draw_hole(struct out *out, double x, double y, double height)
{
    double mid = y + height / 2;

    out_print(out,
              "<path d=\"M%.1f %.1fV%.1fM%.1f %.1fV%.1f\" stroke=\"#b8c0c9\" stroke-width=\"1.4\" "
              "stroke-dasharray=\"3 3\" fill=\"none\"/>\n",
              x + 0.7, y, y + height, x + BAR_WIDTH - 0.7, y, y + height);
    for (int i = 0; i < 2; i++) {
        out_print(out, "<path d=\"M%.1f %.1f", x - 5, mid - 3 + 6 * i);
        for (int k = 0; k < 10; k++)
            out_print(out, "l7.5 %d l7.5 %d", k % 2 ? 5 : -5, k % 2 ? -5 : 5);
        out_print(out, "\" stroke=\"#b8c0c9\" stroke-width=\"1.3\" fill=\"none\"/>\n");
    }
}

static void row_names(const struct row *row, char title[80], char detail[80])
{
    char rough[24];
    char count[32];

    size_rough(rough, row->end - row->base);
    detail[0] = 0;
    switch (row->kind) {
    case ROW_MAPPED:
        snprintf(title, 80, "RAM %s", rough);
        snprintf(detail, 80, "directmap %s %s", rights_name(row->mapping->rights),
                 memtype_name((enum memtype)row->mapping->type));
        break;
    case ROW_LEFT_OUT:
        snprintf(title, 80, "RAM left out %s", rough);
        if (row->fate == RAM_NOT_WB)
            snprintf(detail, 80, "%s by the MTRRs", memtype_name(row->memtype));
        else if (row->fate == RAM_PARTIAL_PAGE)
            snprintf(detail, 80, "shares its page");
        else
            snprintf(detail, 80, "%s", ram_fate_text(row->fate));
        break;
    case ROW_RANGE:
        snprintf(title, 80, "%s %s", type_looks[row->type].name, rough);
        break;
    case ROW_HOLE:
        snprintf(title, 80, "nothing %s", rough);
        break;
    case ROW_FOLDED:
        snprintf(title, 80, "%s pieces, %s", thousands(count, row->folded), rough);
        size_rough(rough, row->ram);
        snprintf(detail, 80, "of it %s directmap", rough);
        break;
    }
}

static void draw_row(struct out *out, const struct row *row, const struct blanket *blanket,
                     double x, double y, double height)
{
    double bar = x + BAR_X;
    char title[80];
    char detail[80];
    char rough[24];
    uint64_t bytes = blanket ? row_reached(row, blanket) : 0;

    switch (row->kind) {
    case ROW_MAPPED:
        draw_mapped(out, row, bar, y, height);
        break;
    case ROW_LEFT_OUT:
        filled(out, bar, y, BAR_WIDTH, height, "url(#out)");
        break;
    case ROW_RANGE:
        filled(out, bar, y, BAR_WIDTH, height, type_looks[row->type].fill);
        break;
    case ROW_HOLE:
        draw_hole(out, bar, y, height);
        break;
    case ROW_FOLDED:
        filled(out, bar, y, BAR_WIDTH, height, "url(#fold)");
        break;
    }
    if (row->kind != ROW_HOLE)
        filled(out, bar, y, BAR_WIDTH, 1, "#fbfaf7");
    out_print(out, "<path d=\"M%.1f %.1fh8\" stroke=\"#b8c0c9\"/>\n", bar - 8, y + 0.5);
    out_print(out, "<text class=\"a\" x=\"%.1f\" y=\"%.1f\">0x%" PRIx64 "</text>\n", bar - 12,
              y + 4, row->base);
    row_names(row, title, detail);
    if (bytes) {
        filled(out, bar + BAR_WIDTH + 3, y, 5, height, "#d63a2f");
        size_rough(rough, bytes);
        if (detail[0])
            bytes = 0; /* what stands there already is not about the blanket */
        else
            snprintf(detail, sizeof(detail), "under the blanket %s", rough);
    }
    double middle = y + height / 2 + (detail[0] ? -2 : 4.5);
    out_print(out, "<text class=\"t\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", x + LABEL_X, middle,
              title);
    if (detail[0])
        out_print(out, "<text class=\"s%s\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", bytes ? " r" : "",
                  x + LABEL_X, middle + 14, detail);
}

/* Where a row stands: columns are filled in turn, to a like height, the last takes the rest. */
struct place {
    double x;
    double y;
    double height;
};

static unsigned column_count(const struct row *rows, size_t n, double *column_height)
{
    double total = 0;
    unsigned columns;

    for (size_t i = 0; i < n; i++)
        total += row_height(&rows[i]);
    columns = (unsigned)(total / COLUMN_HEIGHT) + 1;
    if (columns < COLUMNS_MIN)
        columns = COLUMNS_MIN;
    if (columns > COLUMNS_MAX)
        columns = COLUMNS_MAX;
    *column_height = total / columns + ROW_MIN / 2.0;
    return columns;
}

/* The end of the picture's longest column is returned. */
static double place_rows(struct place *places, const struct row *rows, size_t n, unsigned columns,
                         double column_height)
{
    double longest = HEADER_HEIGHT;
    double y = HEADER_HEIGHT;
    unsigned column = 0;

    for (size_t i = 0; i < n; i++) {
        double height = row_height(&rows[i]);

        if (column + 1 < columns && y > HEADER_HEIGHT &&
            y + height / 2 > HEADER_HEIGHT + column_height) {
            column++;
            y = HEADER_HEIGHT;
        }
        places[i] = (struct place){MARGIN + (double)column * COLUMN_WIDTH, y, height};
        y += height;
        longest = y > longest ? y : longest;
    }
    return longest;
}

static void draw_rows(struct out *out, const struct row *rows, const struct place *places, size_t n,
                      const struct blanket *blanket)
{
    for (size_t i = 0; i < n; i++) {
        double end = places[i].y + places[i].height;

        draw_row(out, &rows[i], blanket, places[i].x, places[i].y, places[i].height);
        if (i + 1 == n || places[i + 1].x > places[i].x)
            out_print(out, "<text class=\"a\" x=\"%.1f\" y=\"%.1f\">0x%" PRIx64 "</text>\n",
                      places[i].x + BAR_X - 12, end + 4, rows[i].end);
    }
}

void show_svg(struct out *out, const struct result *result, const struct blanket *blankets,
              size_t nblankets)
{
    const struct blanket *blanket = nblankets ? &blankets[nblankets - 1] : NULL;
    size_t n;
    struct row *rows = rows_make(result, blanket, ROWS_MAX, &n);
    struct place *places = out_alloc(n, sizeof(*places));
    double column_height;
    unsigned columns = column_count(rows, n, &column_height);
    double width = (double)columns * COLUMN_WIDTH + 2 * MARGIN;
    double height = place_rows(places, rows, n, columns, column_height) + MARGIN;
    char name[SVG_TEXT_MAX];

    svg_text(name, result->machine);
    out_print(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
        "viewBox=\"0 0 %.0f %.0f\">\n<title>%s: physical memory, as Footing maps it</title>\n%s",
        width, height, width, height, name, preamble);
    filled(out, 0, 0, width, height, "#fbfaf7");
    svg_head(out, result, rows, n, blanket, width - 2 * MARGIN);
    draw_rows(out, rows, places, n, blanket);
    out_print(out, "</svg>\n");
    free(places);
    free(rows);
}
