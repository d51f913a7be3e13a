/* SPDX-License-Identifier: MIT */
/* An exception in words: its name, its error code, whose stack is full, whose code it was. Pure. */
#ifndef FAULT_H
#define FAULT_H

#include <stddef.h>
#include <stdint.h>

#include "plan.h"

#define VECTOR_NMI 2
#define VECTOR_DF  8
#define VECTOR_PF  14
#define VECTOR_MC  18

/* "#PF page fault"; SDM vol. 3 table 6-1, and APM vol. 2 table 8-1 for what only AMD has. */
const char *fault_name(uint64_t vector);

/*
 * What the error code says (SDM vol. 3 sections 4.7, 6.13, 6.15): "write, page
 * not present", "GDT selector 0x18"; "" where it says nothing. A message():
 * valid until the next but one.
 */
const char *fault_code(uint64_t vector, uint64_t code);

/* A stack; the page below start is never mapped. */
struct fault_stack {
    const char *name;
    uint64_t start; /* va of its lowest byte */
    uint64_t end;
};

/*
 * Whose guard page it was that the stack pointer, or what CR2 says where that
 * counts (#PF, #DF), has run into; null: nobody's.
 */
const char *fault_overflowed(const struct fault_stack *stacks, size_t count, uint64_t vector,
                             uint64_t rsp, uint64_t cr2);

/*
 * Whose executable code is at va, by the plan: "image", "payload" and how far
 * it is from its first page; null: nobody's.
 */
const char *fault_place(const struct plan *plan, uint64_t va, uint64_t *offset);

#endif
