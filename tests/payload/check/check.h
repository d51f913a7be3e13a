/* SPDX-License-Identifier: MIT */
/*
 * A payload that holds Footing to what README.md ("Hand-over") and footing.h
 * promise. Each part counts promises; a broken one is a line on the console.
 *
 * Words of the command line: `full` writes all free RAM instead of the ends of
 * each run; `sum=<module>:<bytes>:<crc32>`, the numbers but the first one in
 * hexadecimal, says what a module is; `relro` looks at its first page, too;
 * `levels=<n>` and `foreign=<bytes, in hexadecimal>` are what Footing was asked
 * for, `no-directmap` is directmap=off; `return` and `fault` end otherwise.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "footing.h"

#define PAGE_SIZE 0x1000ull
#define PAGE_MASK (PAGE_SIZE - 1)
#define MIB       (1ull << 20)

extern const struct footing_info *info;

/* say.c. %s, %u (decimal) and %x take text and 64-bit numbers. */
void say(const char *format, ...);
void promise(const char *what, bool held);
void promise_equal(const char *what, uint64_t got, uint64_t wanted);
extern uint64_t promises_held, promises_broken;

/* One promise about many things: how many break it, and the first of them. */
struct flaws {
    uint64_t count, first;
};
void flaw(struct flaws *flaws, bool is_flaw, uint64_t where);
void promise_none(const char *what, const struct flaws *flaws);

bool text_equal(const char *a, const char *b);
bool has_word(const char *word);
/* The text behind the n-th word that begins so, or null. */
const char *find_argument(const char *prefix, unsigned n);
uint64_t read_number(const char **text, unsigned base);

/* tables.c: the live tables, as the CPU walks them. */
struct leaf {
    uint64_t va, pa, size; /* size 0: nothing is mapped there */
    unsigned level;
    unsigned cache;
    bool write, execute, user;
};
struct leaf walk(uint64_t va);
bool is_mapped(uint64_t va, uint64_t len, bool write, bool execute, unsigned cache);
/* Where physical memory can be read: in the directmap, or null if it is not there. */
void *direct(uint64_t pa, uint64_t len);
bool has_directmap(void);
/* RAM, a page of it at most: in the directmap, or where there is none through PMAP; the last one first. */
void *reach(uint64_t pa, uint64_t len);
void leave(const void *reached);
/* Bytes of [base, end) that some held range of this owner has; null: of any. */
uint64_t held_bytes(uint64_t base, uint64_t end, const char *owner);

/* memory.c. Bytes of [base, end) that the map calls usable, and of those in whole pages. */
uint64_t usable_bytes(uint64_t base, uint64_t end);
/* Bytes of [base, end) that the plan has in the directmap; without one, usable whole pages. */
uint64_t ram_bytes(uint64_t base, uint64_t end);
bool overlaps_free(uint64_t base, uint64_t end);
/* calls.c: [pa, pa + len) in a window of the payload's own, as update() makes it; null: it was refused. */
void *window_open(uint64_t pa, uint64_t len);
void window_close(void);

/* The parts. */
void check_state(void);
void check_info(void);
void check_memory(void);
void check_foreign(void);
void check_tables(void);
void check_segments(bool bss_is_zero);
void check_loader(void);
void check_modules(const char *when);
void check_efi(void);
void check_screen(void);
void check_pmap(void);
void check_small_stack(void);
void check_reclaim(void);
void write_free_memory(bool all);
/* What the compiler calls. */
void *memset(void *to, int value, size_t len);
void verify_free_memory(bool all);
bool zero_behind_file(void);

#endif
