/* SPDX-License-Identifier: MIT */
/* What Footing asks of a multiboot2 loader: Multiboot2 Specification 2.0, section 3.1. */
#include "layout.h"
#include "multiboot2.h"

#define PHYS(symbol) ((symbol) - IMAGE_VA + IMAGE_LMA)

        .section .multiboot2, "a"
        .balign 8
header:
        .long   MB2_HEADER_MAGIC
        .long   MB2_HEADER_ARCH_I386
        .long   header_end - header
        .long   -(MB2_HEADER_MAGIC + MB2_HEADER_ARCH_I386 + (header_end - header))

/* A memory map is a must; the rest is welcome. */
        .balign 8
1:      .short  MB2_HEADER_INFORMATION_REQUEST, 0
        .long   2f - 1b
        .long   MB2_TAG_MMAP
2:
        .balign 8
1:      .short  MB2_HEADER_INFORMATION_REQUEST, MB2_HEADER_OPTIONAL
        .long   2f - 1b
        .long   MB2_TAG_CMDLINE, MB2_TAG_MODULE, MB2_TAG_FRAMEBUFFER
        .long   MB2_TAG_EFI64, MB2_TAG_EFI_MMAP, MB2_TAG_EFI_BS, MB2_TAG_EFI64_IH, MB2_TAG_EFI32, MB2_TAG_EFI32_IH
        .long   MB2_TAG_ACPI_OLD, MB2_TAG_ACPI_NEW
2:
        .balign 8
1:      .short  MB2_HEADER_ENTRY_ADDRESS, 0
        .long   2f - 1b
        .long   PHYS(footing_entry)
2:
        .balign 8
1:      .short  MB2_HEADER_MODULE_ALIGN, 0
        .long   2f - 1b
2:
        .balign 8
1:      .short  MB2_HEADER_EFI_BS, MB2_HEADER_OPTIONAL
        .long   2f - 1b
2:
        .balign 8
1:      .short  MB2_HEADER_ENTRY_ADDRESS_EFI64, MB2_HEADER_OPTIONAL
        .long   2f - 1b
        .long   PHYS(footing_entry_efi64)
2:
/* Anywhere below 4 GiB; low, because there the directmap has 4 KiB pages anyway. */
        .balign 8
1:      .short  MB2_HEADER_RELOCATABLE, MB2_HEADER_OPTIONAL
        .long   2f - 1b
        .long   IMAGE_LMA, 0xffffffff, PAGE_SIZE, MB2_PREFER_LOWEST
2:
        .balign 8
1:      .short  MB2_HEADER_END, 0
        .long   2f - 1b
2:
header_end:
