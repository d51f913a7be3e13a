/* SPDX-License-Identifier: MIT */
/*
 * The image's layout, and proofs of it: preprocessed, for footing.elf and
 * footing.efi, and by libfooting.lds.S for what others link to libfooting.a.
 */
#include "layout.h"
#include "pe_constants.h"

OUTPUT_FORMAT("elf64-x86-64")
/* Physical: who goes by the ELF header, as kexec does, enters with paging off. */
ENTRY(footing_entry_pa)
#ifdef LIBFOOTING
EXTERN(footing_main)
#endif

PHDRS
{
    text PT_LOAD FLAGS(5);
    rodata PT_LOAD FLAGS(4);
    note PT_NOTE FLAGS(4);
    data PT_LOAD FLAGS(6);
    entry PT_NULL FLAGS(5);
}

SECTIONS
{
    . = IMAGE_VA;
    image_start = .;

    /* The first page is the trampoline's: the only one that is identity-mapped. */
    .text : AT(IMAGE_LMA) {
        KEEP(*(.multiboot2))
        KEEP(*(.trampoline))
        trampoline_end = .;
        *(.text .text.*)
    } :text
    . = ALIGN(PAGE_SIZE);
    text_end = .;

    rodata_start = .;
    .rodata : AT(IMAGE_LMA + ADDR(.rodata) - IMAGE_VA) {
        *(.rodata .rodata.*)
#ifdef LIBFOOTING
        . = ALIGN(8);
        __init_array_start = .;
        KEEP(*(SORT_BY_INIT_PRIORITY(.init_array.*) .init_array))
        __init_array_end = .;
#endif
    } :rodata
    .note.pvh : AT(IMAGE_LMA + ADDR(.note.pvh) - IMAGE_VA) { KEEP(*(.note.pvh)) } :rodata :note
    . = ALIGN(PAGE_SIZE);
    rodata_end = .;

    data_start = .;
    .data : AT(IMAGE_LMA + ADDR(.data) - IMAGE_VA) {
        *(.data .data.*)
        /* In footing.efi alone: of footing.elf this would have to be loaded. */
        . = ALIGN(DEFINED(efi_start) ? PE_FILE_ALIGN : 16);
    } :data
    data_raw_end = .;

    .bss : AT(IMAGE_LMA + ADDR(.bss) - IMAGE_VA) {
        /* make UBSAN=1 sets this, so that what follows lies beyond the first 2 MiB. */
        . += DEFINED(image_ballast) ? image_ballast : 0;
        *(.bss .bss.* COMMON)
        . = ALIGN(PAGE_SIZE);
        *(.bss.tables)
        . = ALIGN(PAGE_SIZE);
    } :data

    /* One table of 4 KiB entries for each 2 MiB from PMAP_VA to the image's end, itself included. */
    boot_l1 = .;
    . += ((. - PMAP_VA + 0x400000) / 0x200000) * PAGE_SIZE;
    boot_l1_end = .;
    data_end = .;

    .stacks (NOLOAD) : AT(IMAGE_LMA + ADDR(.stacks) - IMAGE_VA) {
        . += GUARD_SIZE;
        boot_stack = .;
        . += STACK_SIZE;
        boot_stack_top = .;
        . += GUARD_SIZE;
        ist_df_stack = .;
        . += IST_STACK_SIZE;
        ist_df_stack_top = .;
        . += GUARD_SIZE;
        ist_nmi_stack = .;
        . += IST_STACK_SIZE;
        ist_nmi_stack_top = .;
        . += GUARD_SIZE;
        ist_mc_stack = .;
        . += IST_STACK_SIZE;
        ist_mc_stack_top = .;
    } :data
    image_end = .;
    footing_entry_pa = footing_entry - IMAGE_VA + IMAGE_LMA;

    /*
     * The text once more, where it is before paging: GRUB wants the entry in
     * what some program header, of whatever type, says (multiboot_elfxx.c).
     * Nobody loads a PT_NULL.
     */
    .entry_pa IMAGE_LMA (NOLOAD) : AT(IMAGE_LMA) { . += text_end - image_start; } :entry

#ifndef LIBFOOTING
    /*
     * footing.efi: the headers before the image, for objcopy alone (no loader
     * of footing.elf takes them), and the numbers in them.
     */
    .pe IMAGE_LMA - PE_IMAGE_RVA (INFO) : AT(IMAGE_LMA - PE_IMAGE_RVA) { KEEP(*(.pe)) }
    pe_entry_rva = efi_entry - image_start + PE_IMAGE_RVA;
    pe_text_rva = PE_IMAGE_RVA;
    pe_text_size = text_end - image_start;
    pe_rodata_rva = rodata_start - image_start + PE_IMAGE_RVA;
    pe_rodata_size = rodata_end - rodata_start;
    pe_data_rva = data_start - image_start + PE_IMAGE_RVA;
    pe_data_size = image_end - data_start;
    pe_data_raw_size = data_raw_end - data_start;
    pe_initialized_size = pe_rodata_size + pe_data_raw_size;
    pe_image_size = image_end - image_start + PE_IMAGE_RVA;
    ASSERT(SIZEOF(.pe) == 0 || SIZEOF(.pe) == PE_IMAGE_RVA, "the PE headers do not end where the image begins")
    ASSERT((pe_image_size & PAGE_MASK) == 0, "the PE image is not page-aligned")
#endif

    /DISCARD/ : { *(.comment) *(.note .note.GNU-stack .note.gnu.*) *(.eh_frame*) *(.gcc_except_table*) *(.sframe) *(.llvm_addrsig) }

    /* For debuggers; no orphan section is let through, so each has its line. */
    .debug_info 0 : { *(.debug_info) }
    .debug_abbrev 0 : { *(.debug_abbrev) }
    .debug_aranges 0 : { *(.debug_aranges) }
    .debug_line 0 : { *(.debug_line) }
    .debug_str 0 : { *(.debug_str) }
    .debug_line_str 0 : { *(.debug_line_str) }
    .debug_loc 0 : { *(.debug_loc) }
    .debug_loclists 0 : { *(.debug_loclists) }
    .debug_ranges 0 : { *(.debug_ranges) }
    .debug_rnglists 0 : { *(.debug_rnglists) }
    .debug_frame 0 : { *(.debug_frame) }
    .debug_macro 0 : { *(.debug_macro) }
    .debug_types 0 : { *(.debug_types) }
    .debug_names 0 : { *(.debug_names) }
    .debug_addr 0 : { *(.debug_addr) }
    .debug_str_offsets 0 : { *(.debug_str_offsets) }
    .symtab 0 : { *(.symtab) }
    .strtab 0 : { *(.strtab) }
    .shstrtab 0 : { *(.shstrtab) }

#ifdef LIBFOOTING
    /* The library does without it: that is footing.elf. */
    ASSERT(DEFINED(footing_main), "there is no footing_main")
#endif

    /* Nothing may be left that a loader would have to relocate. */
    .rela : { *(.rela .rela.*) *(.got .got.* .igot* .plt .plt.* .iplt) }
    ASSERT(SIZEOF(.rela) == 0, "relocations or a GOT are left")
    ASSERT(trampoline_end - image_start <= PAGE_SIZE, "the trampoline exceeds its page")
    ASSERT((IMAGE_VA & PAGE_MASK) == 0 && (IMAGE_LMA & PAGE_MASK) == 0, "image is not page-aligned")
    ASSERT((PMAP_VA & 0x1fffff) == 0, "the PMAP window starts a 2 MiB window")
    ASSERT(((PMAP_VA >> 39) & 511) == PMAP_L4_SLOT, "PMAP_L4_SLOT")
    ASSERT(((PMAP_VA >> 30) & 511) == PMAP_L3_SLOT, "PMAP_L3_SLOT")
    ASSERT(((PMAP_VA >> 21) & 511) == PMAP_L2_SLOT, "PMAP_L2_SLOT")
    ASSERT((SCREEN_VA >> 30) == (PMAP_VA >> 30), "the screen shares the table of PMAP_VA")
    ASSERT(IMAGE_VA == PMAP_VA + PMAP_SLOTS * PAGE_SIZE, "the image follows the PMAP slots")
    ASSERT(image_end > IMAGE_VA, "the image exceeds the end of the address space")
    ASSERT((data_end & PAGE_MASK) == 0, "stacks are not page-aligned")
    ASSERT(image_end - PMAP_VA <= (boot_l1_end - boot_l1) * 512, "boot tables too small for the image")
}
