/* SPDX-License-Identifier: MIT */
/* An ELF file's header: ELF-64 Object File Format, figure 2. */
#ifndef ELF_FORMAT_H
#define ELF_FORMAT_H

#define ELF_MAGIC       "\177ELF"
#define ELF_HEADER_SIZE 64u

/* Offsets; of EI_CLASS, EI_DATA, E_TYPE and E_MACHINE also in 32-bit files. */
#define EI_CLASS    4
#define EI_DATA     5
#define E_TYPE      16
#define E_MACHINE   18
#define E_ENTRY     24
#define E_PHOFF     32
#define E_PHENTSIZE 54
#define E_PHNUM     56

#define CLASS_64  2
#define DATA_LSB  1
#define ET_REL    1
#define ET_EXEC   2
#define ET_DYN    3
#define ET_CORE   4
#define EM_X86_64 62

#endif
