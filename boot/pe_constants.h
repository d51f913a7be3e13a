/* SPDX-License-Identifier: MIT */
/* Numbers of the Microsoft PE/COFF specification, for C and assembly alike. */
#ifndef PE_CONSTANTS_H
#define PE_CONSTANTS_H

#define PE_MZ_LFANEW     0x3c
#define PE_MACHINE_AMD64 0x8664
#define PE_MAGIC_64      0x20b /* PE32+ */

/* Characteristics of the file. */
#define PE_EXECUTABLE          0x0002
#define PE_LINE_NUMS_STRIPPED  0x0004
#define PE_LARGE_ADDRESS_AWARE 0x0020

#define PE_SUBSYSTEM_EFI_APPLICATION 10

/* DllCharacteristics. */
#define PE_HIGH_ENTROPY_VA 0x0020
#define PE_DYNAMIC_BASE    0x0040
#define PE_NX_COMPAT       0x0100

#define PE_DIRECTORIES     16
#define PE_DIRECTORY_RELOC 5

#define PE_SECTION_HEADER_SIZE 40
#define PE_FILE_ALIGN          512

/* Characteristics of a section. */
#define PE_CODE             0x00000020
#define PE_INITIALIZED_DATA 0x00000040
#define PE_EXECUTE          0x20000000
#define PE_READ             0x40000000
#define PE_WRITE            0x80000000

#define PE_RELOC_ABSOLUTE 0

#endif
