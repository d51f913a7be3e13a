/* SPDX-License-Identifier: MIT */
/*
 * The image as a list of segments with one right each. The trampoline maps
 * it from this table, in assembly, and the planner from the same one.
 */
#ifndef IMAGE_H
#define IMAGE_H

/* Offsets for assembly; boot/image.c pins them. */
#define SEGMENT_START  0
#define SEGMENT_END    8
#define SEGMENT_RIGHTS 16
#define SEGMENT_SIZE   24

#define SEGMENT_W 0x2 /* RIGHT_W; also the bit of a page-table entry */
#define SEGMENT_X 0x4 /* RIGHT_X */

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

struct image_segment {
    uint64_t start; /* link address, 4 KiB aligned */
    uint64_t end;
    uint32_t rights;
    uint32_t what; /* enum mapping_what */
};

#define IMAGE_SEGMENTS_MAX 8

/* At most IMAGE_SEGMENTS_MAX. Ends with an entry whose start and end are 0. Pages between segments are guards. */
extern const struct image_segment image_segments[];

/* From the linker script. */
extern char image_start[], image_end[];
extern char boot_stack[], boot_stack_top[];

#endif
#endif
