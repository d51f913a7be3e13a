/* SPDX-License-Identifier: MIT */
#ifndef PLAN_OPTIONS_H
#define PLAN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum guest { GUEST_BY_INPUT, GUEST_YES, GUEST_NO };

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SVG };

struct plan_options {
    const char *path;   /* null: this machine's own map */
    unsigned max_level; /* 0 to 2: --maxpage and --no-1g together */
    unsigned phys_bits;
    bool la57;
    bool image;
    uint64_t image_pa;
    uint64_t image_len;
    enum guest guest;
    enum format format;
    bool blanket;
    bool help;
};

/* False: *bad is the argument that is wrong, *reason says how. */
bool plan_options_parse(struct plan_options *options, int argc, char **argv, const char **bad,
                        const char **reason);

extern const char plan_help[];

#endif
