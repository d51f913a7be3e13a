/* SPDX-License-Identifier: MIT */
/* The three forms of output. blankets: one per page size, largest last, or none. */
#ifndef SHOW_H
#define SHOW_H

#include "blanket.h"
#include "out.h"
#include "planner.h"

void show_text(struct out *out, const struct result *result, const struct blanket *blankets,
               size_t nblankets);
void show_json(struct out *out, const struct result *result, const struct blanket *blankets,
               size_t nblankets);
void show_svg(struct out *out, const struct result *result, const struct blanket *blankets,
              size_t nblankets);

#endif
