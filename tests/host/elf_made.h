/* SPDX-License-Identifier: MIT */
/* ELF files written field by field (ELF-64 Object File Format 1.5, figures 2, 6 and 9). */
#ifndef ELF_MADE_H
#define ELF_MADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf.h"

enum { MADE_EXEC = 2, MADE_DYN = 3 };
enum { MADE_LOAD = 1, MADE_DYNAMIC = 2, MADE_INTERP = 3, MADE_NOTE = 4, MADE_TLS = 7 };
#define MADE_STACK UINT32_C(0x6474e551)
#define MADE_RELRO UINT32_C(0x6474e552)
enum { MADE_X = 1, MADE_W = 2, MADE_R = 4 };

/* Where fields are: of the file's header, and of a program header. */
enum { E_TYPE = 16, E_MACHINE = 18, E_ENTRY = 24, E_PHOFF = 32, E_PHENTSIZE = 54, E_PHNUM = 56 };
enum { P_TYPE = 0, P_FLAGS = 4, P_OFFSET = 8, P_VADDR = 16, P_PADDR = 24 };
enum { P_FILESZ = 32, P_MEMSZ = 40, P_ALIGN = 48, P_SIZE = 56 };

#define MADE_HEADERS UINT64_C(64) /* file offset of the program headers */
#define MADE_MAX     0x40000u

struct made {
    uint8_t bytes[MADE_MAX];
    uint64_t size;  /* of the file; behind bytes[] there are zeros */
    unsigned count; /* of program headers */
};

/* A file of this type with no program headers yet, 0x8000 bytes. It lives until the next one. */
struct made *made_start(unsigned type);

/* The same with code, constants, data with zeros behind: 3 segments from va up; and the entry. */
struct made *made_three(unsigned type, uint64_t va);

#define MADE_TEXT_LEN   0x123u /* at va + 0, offset 0x1000 */
#define MADE_RODATA_LEN 0x45u  /* at va + 0x2010, offset 0x2010 */
#define MADE_DATA_LEN   0x800u /* at va + 0x4000, offset 0x3000 */
#define MADE_DATA_ROOM  0x2001u

void made_put(struct made *made, uint64_t at, unsigned bytes, uint64_t value);
uint64_t made_get(const struct made *made, uint64_t at, unsigned bytes);

/* One more program header; its offset in the file. */
uint64_t made_header(struct made *made, uint32_t type, uint32_t flags, uint64_t offset, uint64_t va,
                     uint64_t file_len, uint64_t len, uint64_t align);

/* One more PT_LOAD of so many bytes in memory, one of them in the file, behind 0x1000. */
uint64_t made_load(struct made *made, uint32_t flags, uint64_t va, uint64_t len);

/* Where the field of the program header with this number is. */
uint64_t made_field(unsigned header, uint64_t field);

/* The file as it is read: whoever asks for a byte outside it fails the test. */
struct elf_file made_file(const struct made *made);

/* Read, through a file that is gone when this returns. */
struct error made_read(const struct made *made, unsigned levels, struct elf_image *image);

/* The same: it is taken, or it is refused for some reason that is given. */
void made_good(const struct made *made, struct elf_image *image);
struct error made_refused(const struct made *made);

/* With this in a field it is refused; the field is then as it was. */
struct error made_refused_with(struct made *made, uint64_t at, unsigned bytes, uint64_t value);

#endif
