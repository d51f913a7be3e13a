/* SPDX-License-Identifier: MIT */
/* A panic before the memory map is known: it looks for a map, to find a screen that may show it. */
#ifndef EARLY_SCREEN_H
#define EARLY_SCREEN_H

#include "boot.h"

/* Where a map can be had from, in the order in which they are tried; all zero: nowhere yet. */
struct map_source {
    bool firmware;       /* a UEFI firmware may be alive, as facts say */
    uint64_t start_info; /* PVH's, physical */
    const void *info;    /* multiboot2's, as it is mapped */
    uint32_t size;
};

/* From now on a panic looks there; what it finds goes to boot->map, in place of what is in it. */
void early_screen(struct boot *boot, struct map_source source);

/* The map is known: the screen is settled by it. */
void early_screen_end(void);

#endif
