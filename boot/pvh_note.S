/* SPDX-License-Identifier: MIT */
/* The ELF note that says where PVH enters (Xen, public/elfnote.h: XEN_ELFNOTE_PHYS32_ENTRY). */
#include "layout.h"

#define PHYS32_ENTRY 18

        .section .note.pvh, "a", @note
        .balign 4
        .long   2f - 1f
        .long   4f - 3f
        .long   PHYS32_ENTRY
1:      .asciz  "Xen"
2:      .balign 4
3:      .long   pvh_entry - IMAGE_VA + IMAGE_LMA
4:      .balign 4
