/* SPDX-License-Identifier: MIT */
/* Is this a payload at all? ELF-64 Object File Format. Pure. */
#ifndef ELF_CHECK_H
#define ELF_CHECK_H

#include <stdint.h>

#define ELF_HEADER_SIZE 64

/* Null: the header of an x86-64 executable, ET_EXEC or ET_DYN; else what it is not. */
const char *elf_check_header(const uint8_t header[ELF_HEADER_SIZE]);

#endif
