/* SPDX-License-Identifier: MIT */
/* What the parts of the picture share. */
#ifndef SVG_DRAW_H
#define SVG_DRAW_H

#include "blanket.h"
#include "out.h"
#include "svg_rows.h"

#define MARGIN        40
#define HEADER_HEIGHT 292

struct look {
    const char *name;
    const char *fill;
};

extern const struct look type_looks[MEM_TYPES];
extern const struct look page_looks[PT_LEAF_LEVELS];

/* A rectangle in a colour or pattern. */
void filled(struct out *out, double x, double y, double width, double height, const char *fill);

/* As text of an SVG: what XML reserves in its own words. */
#define SVG_TEXT_MAX (6 * SURVEY_NAME_MAX)
void svg_text(char to[SVG_TEXT_MAX], const char *from);

/* 1234567 as 1,234,567. */
const char *thousands(char text[32], uint64_t n);

/* All above the rows: the figures, the address space to scale, the legend. blanket may be null. */
void svg_head(struct out *out, const struct result *result, const struct row *rows, size_t n,
              const struct blanket *blanket, double width);

#endif
