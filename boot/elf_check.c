/* SPDX-License-Identifier: MIT */
#include "elf_check.h"

#include "load.h"

#define EI_CLASS  4
#define EI_DATA   5
#define E_TYPE    16
#define E_MACHINE 18
#define CLASS_64  2
#define DATA_LSB  1
#define ET_EXEC   2
#define ET_DYN    3
#define EM_X86_64 62

const char *elf_check_header(const uint8_t header[ELF_HEADER_SIZE])
{
    if (__builtin_memcmp(header, "\177ELF", 4) != 0)
        return "it is no ELF file";
    if (header[EI_CLASS] != CLASS_64 || header[EI_DATA] != DATA_LSB ||
        load16(header + E_MACHINE) != EM_X86_64)
        return "its ELF file is not for x86-64";
    if (load16(header + E_TYPE) != ET_EXEC && load16(header + E_TYPE) != ET_DYN)
        return "its ELF file is no executable";
    return 0;
}
