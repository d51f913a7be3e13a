/* SPDX-License-Identifier: MIT */
/* Multiboot2 Specification 2.0: the numbers, for C and assembly. */
#ifndef MULTIBOOT2_H
#define MULTIBOOT2_H

/* Section 3.1: the header, what the kernel asks. */
#define MB2_HEADER_MAGIC               0xe85250d6
#define MB2_HEADER_ARCH_I386           0
#define MB2_HEADER_OPTIONAL            1
#define MB2_HEADER_END                 0
#define MB2_HEADER_INFORMATION_REQUEST 1
#define MB2_HEADER_ENTRY_ADDRESS       3
#define MB2_HEADER_MODULE_ALIGN        6
#define MB2_HEADER_EFI_BS              7
#define MB2_HEADER_ENTRY_ADDRESS_EFI64 9
#define MB2_HEADER_RELOCATABLE         10
#define MB2_PREFER_LOWEST              1

/* Section 3.6: the boot information, what the loader answers. */
#define MB2_LOADER_MAGIC    0x36d76289
#define MB2_TAG_END         0
#define MB2_TAG_CMDLINE     1
#define MB2_TAG_LOADER_NAME 2
#define MB2_TAG_MODULE      3
#define MB2_TAG_MMAP        6
#define MB2_TAG_FRAMEBUFFER 8
#define MB2_TAG_EFI32       11
#define MB2_TAG_EFI64       12
#define MB2_TAG_ACPI_OLD    14
#define MB2_TAG_ACPI_NEW    15
#define MB2_TAG_EFI_MMAP    17
#define MB2_TAG_EFI_BS      18
#define MB2_TAG_EFI32_IH    19
#define MB2_TAG_EFI64_IH    20

/* The fixed part: total size, then a reserved word. */
#define MB2_INFO_TOTAL_SIZE 0
#define MB2_INFO_RESERVED   4
#define MB2_INFO_TAGS       8

/* A tag: its type, its size; EFI's tags hold a pointer. */
#define MB2_TAG_TYPE    0
#define MB2_TAG_SIZE    4
#define MB2_TAG_POINTER 8
#define MB2_TAG_ALIGN   8

#endif
