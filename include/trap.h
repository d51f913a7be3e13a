/* SPDX-License-Identifier: MIT */
#ifndef TRAP_H
#define TRAP_H

#define TRAP_VECTORS    32
#define TRAP_ENTRY_SIZE 8

#ifndef __ASSEMBLER__
#include <stdint.h>

/* As trap_common pushes it, from the stack pointer upwards. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

/* Own GDT and IDT; first of all. Exceptions run on the stack that they meet. */
void trap_init(void);

/*
 * Own TSS, with a stack each for #DF, NMI and #MC. Not while a firmware is
 * still called: its own exceptions would look for their stacks in our TSS.
 */
void trap_use_stacks(void);

/* From trap_common: report, and stop. */
_Noreturn void trap_handler(const struct trap_frame *frame);

#endif
#endif
