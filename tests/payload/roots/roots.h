/* SPDX-License-Identifier: MIT */
/* What the files of this payload share. */
#ifndef ROOTS_H
#define ROOTS_H

#include <footing.h>
#include <stdbool.h>
#include <stddef.h>

#define PAGE UINT64_C(0x1000)

/* Nothing of Footing's is in these two parts of the root, and the payload is in neither. */
#define LOW  (info->levels == 5 ? UINT64_C(0x0060000000000000) : UINT64_C(0x0000600000000000))
#define HIGH UINT64_C(0xfffffb0000000000)

extern const struct footing_info *info;

void promise(const char *what, bool kept);
bool equal(const char *a, const char *b);
uint64_t physical(const void *at); /* by the plan */

/* Frames, counted while they are out. */
uint64_t alloc(void *ctx);
void give_back(void *ctx, uint64_t pa);
extern const struct footing_frames frames;
extern uint64_t next_frame; /* free RAM begins here that no frame came from yet */
extern long frames_out;

/* Changes of one page; root 0: Footing's. */
const char *map(uint64_t root, uint64_t va, uint64_t pa, uint32_t rights);
const char *unmap(uint64_t root, uint64_t va);

/* The entry that ends the walk, by reading the tables; 0: va is not mapped there. */
uint64_t pte_of(uint64_t root, uint64_t va);

static inline volatile uint64_t *word_at(uint64_t va)
{
    return (volatile uint64_t *)va;
}

/* types.c */
void memory_types(void);

/* mistakes.c */
void frames_that_are_none(void);
void windows_on_text(void);

extern char visit_page[];

#endif
