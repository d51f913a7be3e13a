/* SPDX-License-Identifier: MIT */
/* A PVH start info (Xen, public/arch-x86/hvm/start_info.h), written field by field. */
#ifndef PVH_MADE_H
#define PVH_MADE_H

#include "pvh.h"

/* Fields of the start info, of a module, and of an entry of the map. */
enum { MAGIC = 0, VERSION = 4, S_FLAGS = 8, NR_MODULES = 12, MODLIST = 16, CMDLINE = 24 };
enum { RSDP = 32, MEMMAP = 40, MEMMAP_ENTRIES = 48, SIZE_0 = 40, SIZE_1 = 56 };
enum { M_PADDR = 0, M_SIZE = 8, M_CMDLINE = 16, M_RESERVED = 24, MODULE = 32 };
enum { E_ADDR = 0, E_SIZE = 8, E_TYPE = 16, ENTRY = 24 };

#define ROOM  UINT64_C(0x10000)
#define START UINT64_C(0x101) /* as unaligned as can be; these are offsets in memory */
#define LINE  UINT64_C(0x1003)
#define LIST  UINT64_C(0x4001)
#define TABLE UINT64_C(0x6005)
#define ROOT  UINT64_C(0x9007)
#define WORDS UINT64_C(0xa001)
#define BASE  UINT64_C(0x123456000) /* where all that is */

extern uint8_t pvh_memory[ROOM];
extern uint64_t pvh_base; /* where it is: BASE unless it is moved */

/* Elsewhere there is something, too, but nothing that may count. */
extern const struct pvh_source pvh_all;

/* Numbers at an offset of it. */
void pvh_put(uint64_t at, unsigned bytes, uint64_t value);
uint64_t pvh_get(uint64_t at, unsigned bytes);

/* A start info of this version and nothing else; what the version does not have is rubbish. */
void pvh_start(uint32_t version);

/* A string of len characters at this offset; its address. */
uint64_t pvh_text(uint64_t at, size_t len, char with);

/* One more module, whose command line is at the address words; one more entry of the map. */
void pvh_module(uint64_t pa, uint64_t size, uint64_t words);
void pvh_entry(uint64_t pa, uint64_t size, uint32_t type);

/* An RSDP of this revision, true to its checksums, at ROOT. */
void pvh_rsdp(uint8_t revision);

/* Read it into *facts, which is empty before. */
struct error pvh_read(struct facts *facts);

#endif
