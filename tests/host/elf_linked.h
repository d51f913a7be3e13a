/* SPDX-License-Identifier: MIT */
/* A relocatable ELF file with a dynamic section, and what its relocations do to it. */
#ifndef ELF_LINKED_H
#define ELF_LINKED_H

#include "elf_made.h"

enum { NEEDED = 1, RELA = 7, RELASZ = 8, RELAENT = 9, REL = 17, RELSZ = 18, RELENT = 19 };
enum { PLTREL = 20, TEXTREL = 22, JMPREL = 23, FLAGS = 30, RELRSZ = 35, RELR = 36, RELRENT = 37 };
enum { NONE = 0, R_64 = 1, GLOB_DAT = 6, JUMP_SLOT = 7, RELATIVE = 8, IRELATIVE = 37 };

#define TABLES  UINT64_C(0x2010) /* the constants' segment, by va and in the file alike */
#define TABLE2  UINT64_C(0x2800)
#define DATA    UINT64_C(0x4000) /* the writable one, in the file at DATA_AT */
#define DATA_AT UINT64_C(0x3000)
#define DYNAMIC UINT64_C(0x7000) /* in the file only */
#define BASE    UINT64_C(0x7fff12345000)

#define LINKED_PUTS 128

/* What was put, in this order; get() answers out of it and out of the file. */
struct linked {
    const struct made *made;
    struct elf_image image;
    struct {
        uint64_t va;
        uint64_t value;
    } puts[LINKED_PUTS];
    size_t count;
    size_t refuse_at; /* the call of put, from 0, that is answered with an error */
};

extern struct linked linked;

/* Code, constants that fill their page, data: relocatable, and nothing to relocate yet. */
struct made *linked_start(void);

/* One more entry of the dynamic section; or none again. */
void linked_dynamic(struct made *made, uint64_t tag, uint64_t value);
void linked_no_dynamic(struct made *made);

/* The three entries that say where a table is. */
void linked_rela_is(struct made *made, uint64_t va, uint64_t size, uint64_t entry);
void linked_relr_is(struct made *made, uint64_t va, uint64_t size, uint64_t entry);

/* Entry i of the table at TABLES, and of the one at TABLE2. */
void linked_rela(struct made *made, unsigned i, uint64_t va, uint64_t info, uint64_t addend);
void linked_relr(struct made *made, unsigned i, uint64_t entry);

/* Read, put at base, and relocate; the call refuse_at of put is refused. */
struct error linked_run(const struct made *made, uint64_t base, size_t refuse_at);

/* So many relocations are done; or they are refused, for some reason. */
void linked_good(const struct made *made, uint64_t base, size_t puts);
void linked_refused(const struct made *made);

/* One of the relocations that were done, whichever. */
void linked_assert_put(uint64_t va, uint64_t value);

#endif
