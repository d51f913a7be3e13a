/* SPDX-License-Identifier: MIT */
/*
 * Where things stand in the virtual address space: for C, assembly and the
 * linker script alike. Nothing of Footing's lies in the low half.
 *
 *   4 levels                                     5 levels
 *   0xffff800000000000  directmap, 123 TiB       0xff00000000000000, 4 PiB
 *   0xfffffc0000000000  large relocatable payloads, and small ones at
 *   0xffffffffa0000000                           the same
 *   0xffffff0000000000  UEFI's runtime services  the same
 *   0xffffffffc0000000  the framebuffer          the same
 *   0xfffffffff0000000  128 PMAP slots           the same
 *   0xfffffffff0080000  the image                the same
 *
 * The slots and the image share their tables: all that Footing itself maps
 * costs one table a level, as long as the image is smaller than 1.5 MiB. It
 * keeps clear of 0xffffffff80000000, where kernels like to be linked.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "x86.h"

#define DIRECTMAP_BASE_4 U64(0xffff800000000000)
#define DIRECTMAP_SIZE_4 U64(0x00007b0000000000) /* 246 slots of 512 GiB */
#define DIRECTMAP_BASE_5 U64(0xff00000000000000)
#define DIRECTMAP_SIZE_5 U64(0x0010000000000000) /* all of 52 bits */

#define PMAP_VA    U64(0xfffffffff0000000)
#define PMAP_SLOTS 128

/* The slots of PMAP_VA, and so of the image, in the upper tables; the linker script checks. */
#define PMAP_L4_SLOT 511
#define PMAP_L3_SLOT 511
#define PMAP_L2_SLOT 384
#define IMAGE_VA     U64(0xfffffffff0080000) /* PMAP_VA + PMAP_SLOTS pages */

/*
 * The framebuffer is mapped here, as far into 2 MiB as its physical address
 * is: up to PMAP_VA, from the first slot of the same table on.
 */
#define SCREEN_VA   U64(0xffffffffc0000000)
#define SCREEN_SIZE (PMAP_VA - SCREEN_VA)
#ifndef __ASSEMBLER__
static inline uint64_t screen_va(uint64_t pa)
{
    return SCREEN_VA + (pa & ((PAGE_SIZE << TABLE_SHIFT) - 1));
}
#endif

/* UEFI's runtime services are told that they are here. */
#define RUNTIME_VA   U64(0xffffff0000000000)
#define RUNTIME_SIZE U64(0x0000008000000000)

/* Where a loader that cannot relocate puts the image; 4 KiB aligned. */
#define IMAGE_LMA U64(0x100000)

/* In footing.efi, headers and the sections that only PE has come before the image. */
#define PE_IMAGE_RVA 0x3000

/* A symbol's distance from the image's start, for assembly that runs where the image was loaded. */
#define OFFSET(symbol) ((symbol)-IMAGE_VA)

/* Where payloads go that do not mind: small ones, and those that are larger than that. */
#define PAYLOAD_VA       U64(0xffffffffa0000000)
#define PAYLOAD_SIZE     (SCREEN_VA - PAYLOAD_VA)
#define PAYLOAD_LARGE_VA U64(0xfffffc0000000000)

#define STACK_SIZE     0x10000 /* the boot stack, which the payload inherits */
#define IST_STACK_SIZE 0x2000  /* each of #DF, NMI and #MC */
#define GUARD_SIZE     0x1000  /* never mapped, under every stack */

#endif
