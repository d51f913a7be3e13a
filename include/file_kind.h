/* SPDX-License-Identifier: MIT */
/* What a file is that somebody loaded as a payload, in words for whoever did. Pure. */
#ifndef FILE_KIND_H
#define FILE_KIND_H

#include "elf.h"

/*
 * Null: an executable for x86-64 (ET_EXEC or ET_DYN) as far as its ELF header
 * tells (ELF-64 Object File Format, figure 2). Else a noun with its article:
 * an empty file; an ELF file of another kind or machine; a Linux kernel
 * (Linux, Documentation/arch/x86/boot.rst); a PE file (Microsoft PE/COFF
 * specification); an archive or compressed file; or the bytes that it begins
 * with. Text of message() or static.
 */
const char *file_kind(const struct elf_file *file);

/*
 * The boot protocol, not Footing's, that a file asks for, with its article;
 * null: none. A multiboot2 header is looked for in the first 32 KiB
 * (multiboot2 section 3.1), multiboot's in 8 KiB, the requests of the Limine
 * boot protocol in the first FILE_LIMINE_MAX bytes, at multiples of 8.
 */
const char *file_protocol(const struct elf_file *file);

#define FILE_LIMINE_MAX UINT64_C(0x100000)

#endif
