/* SPDX-License-Identifier: MIT */
#include "image.h"

#include "plan.h"

_Static_assert(offsetof(struct image_segment, start) == SEGMENT_START, "as in image.h");
_Static_assert(offsetof(struct image_segment, end) == SEGMENT_END, "as in image.h");
_Static_assert(offsetof(struct image_segment, rights) == SEGMENT_RIGHTS, "as in image.h");
_Static_assert(sizeof(struct image_segment) == SEGMENT_SIZE, "as in image.h");
_Static_assert(SEGMENT_W == RIGHT_W && SEGMENT_X == RIGHT_X, "as in plan.h");

extern char text_end[], rodata_start[], rodata_end[], data_start[], data_end[];
extern char ist_df_stack[], ist_df_stack_top[];
extern char ist_nmi_stack[], ist_nmi_stack_top[];
extern char ist_mc_stack[], ist_mc_stack_top[];

#define SEGMENT(from, to, may, is) \
    { \
        .start = (uint64_t)(from), .end = (uint64_t)(to), .rights = (may), .what = (is) \
    }

const struct image_segment image_segments[] = {
    SEGMENT(image_start, text_end, RIGHT_X, WHAT_IMAGE_TEXT),
    SEGMENT(rodata_start, rodata_end, 0, WHAT_IMAGE_RODATA),
    SEGMENT(data_start, data_end, RIGHT_W, WHAT_IMAGE_DATA),
    SEGMENT(boot_stack, boot_stack_top, RIGHT_W, WHAT_STACK),
    SEGMENT(ist_df_stack, ist_df_stack_top, RIGHT_W, WHAT_IST_STACK),
    SEGMENT(ist_nmi_stack, ist_nmi_stack_top, RIGHT_W, WHAT_IST_STACK),
    SEGMENT(ist_mc_stack, ist_mc_stack_top, RIGHT_W, WHAT_IST_STACK),
    {0},
};
_Static_assert(sizeof(image_segments) <= (IMAGE_SEGMENTS_MAX + 1) * SEGMENT_SIZE,
               "no more than boot.h has room for");
