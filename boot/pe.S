/* SPDX-License-Identifier: MIT */
/*
 * The PE32+ headers of footing.efi (Microsoft PE/COFF specification), and the
 * two sections that only a PE image has. They lie before the image proper:
 * objcopy writes them, and the segments of footing.elf after them, to one
 * file in which every offset is an RVA. The linker script does the sums.
 *
 *   0x0000 headers   0x1000 .sbat   0x2000 .reloc   0x3000 .text .rodata .data
 */
#include "layout.h"
#include "pe_constants.h"

        .section .pe, "", @progbits
pe_start:
        .ascii  "MZ"
        .org    pe_start + PE_MZ_LFANEW
        .long   pe_signature - pe_start

        .balign 8
pe_signature:
        .ascii  "PE\0\0"
        .short  PE_MACHINE_AMD64
        .short  (pe_sections_end - pe_sections) / PE_SECTION_HEADER_SIZE
        .long   0                       /* time stamp: two builds are alike */
        .long   0, 0                    /* no symbols */
        .short  pe_sections - pe_optional
        .short  PE_EXECUTABLE | PE_LARGE_ADDRESS_AWARE | PE_LINE_NUMS_STRIPPED

pe_optional:
        .short  PE_MAGIC_64
        .byte   0, 0                    /* linker version */
        .long   pe_text_size            /* code, initialised and other data */
        .long   pe_initialized_size
        .long   0
        .long   pe_entry_rva
        .long   pe_text_rva
        .quad   0                       /* image base: firmware chooses */
        .long   PAGE_SIZE               /* section alignment */
        .long   PE_FILE_ALIGN
        .short  0, 0                    /* OS version */
        .short  0, 0                    /* image version */
        .short  0, 0                    /* subsystem version */
        .long   0
        .long   pe_image_size
        .long   PAGE_SIZE               /* size of the headers */
        .long   0                       /* checksum: nobody checks it */
        .short  PE_SUBSYSTEM_EFI_APPLICATION
        .short  PE_HIGH_ENTROPY_VA | PE_DYNAMIC_BASE | PE_NX_COMPAT
        .quad   0, 0                    /* stack: the firmware's */
        .quad   0, 0                    /* heap */
        .long   0
        .long   PE_DIRECTORIES
pe_directories:
        .org    pe_directories + PE_DIRECTORY_RELOC * 8
        .long   pe_reloc - pe_start
        .long   pe_reloc_end - pe_reloc
        .org    pe_directories + PE_DIRECTORIES * 8

/* Name, size and address in memory, the same in the file, and what may be done with it. */
pe_sections:
        .ascii  ".sbat\0\0\0"
        .long   pe_sbat_end - pe_sbat, pe_sbat - pe_start, PAGE_SIZE, pe_sbat - pe_start
        .long   0, 0, 0, PE_INITIALIZED_DATA | PE_READ
        .ascii  ".reloc\0\0"
        .long   pe_reloc_end - pe_reloc, pe_reloc - pe_start, PAGE_SIZE, pe_reloc - pe_start
        .long   0, 0, 0, PE_INITIALIZED_DATA | PE_READ
        .ascii  ".text\0\0\0"
        .long   pe_text_size, pe_text_rva, pe_text_size, pe_text_rva
        .long   0, 0, 0, PE_CODE | PE_READ | PE_EXECUTE
        .ascii  ".rodata\0"
        .long   pe_rodata_size, pe_rodata_rva, pe_rodata_size, pe_rodata_rva
        .long   0, 0, 0, PE_INITIALIZED_DATA | PE_READ
        .ascii  ".data\0\0\0"
        .long   pe_data_size, pe_data_rva, pe_data_raw_size, pe_data_rva
        .long   0, 0, 0, PE_INITIALIZED_DATA | PE_READ | PE_WRITE
pe_sections_end:

/* Who we are, for shim's revocations. */
        .balign PAGE_SIZE
pe_sbat:
        .incbin "boot/sbat.csv"
pe_sbat_end:

/*
 * Code runs at its link address, through tables of its own: there is nothing
 * to relocate. A loader that insists on relocations gets a block of two that
 * do nothing.
 */
        .balign PAGE_SIZE
pe_reloc:
        .long   pe_data_rva
        .long   pe_reloc_end - pe_reloc
        .short  PE_RELOC_ABSOLUTE, PE_RELOC_ABSOLUTE
pe_reloc_end:
        .balign PAGE_SIZE
