/* SPDX-License-Identifier: MIT */
/*
 * For GNU ld: an image of your own objects and libfooting.a, in one ELF file
 * that multiboot2 loaders (GRUB, BIOS and UEFI) and QEMU's -kernel (PVH) start.
 *
 *     cc $(pkg-config --cflags footing) -c kernel.c
 *     cc -o kernel.elf kernel.o $(pkg-config --libs footing)
 *
 * or, by hand,
 *
 *     ld -static -z max-page-size=4096 -z noexecstack --build-id=none --orphan-handling=error \
 *         -T footing.lds -o kernel.elf kernel.o libfooting.a
 *
 * Your objects define void footing_main(const struct footing_info *). They are
 * compiled without position independence for the top 2 GiB (-fno-pic
 * -mcmodel=kernel). .text, .rodata, .data, .bss and what is named after them
 * become part of the image's segments; .init_array is in __init_array_start to
 * __init_array_end for you to call; exceptions' tables (.eh_frame) are left
 * out. Any other section is an error, thread-local ones too. All of the image,
 * 255 MiB at most, lies in RAM as one piece, at any 4 KiB boundary.
 *
 * Names that are taken: footing_*, pvh_*, __init_array_*, and the symbols that
 * this script defines.
 */
#define LIBFOOTING
#include "footing.lds.S"
