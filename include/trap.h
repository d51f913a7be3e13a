/* SPDX-License-Identifier: MIT */
#ifndef TRAP_H
#define TRAP_H

#define TRAP_VECTORS    32
#define TRAP_ENTRY_SIZE 16

/* Those that push an error code: #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP, #VC, #SX. */
#define TRAP_HAVE_CODE 0x60227d00

/* Bytes of struct trap_frame from rip on, which the CPU pushes. */
#define TRAP_CPU_SIZE 40

#ifndef __ASSEMBLER__
#include <stdint.h>

#include "plan.h"

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

/* What is mapped: exceptions say by it whose code it was. Must stay. Until then: the image. */
void trap_plan(const struct plan *plan);

/* From trap_common: report, and stop. */
_Noreturn void trap_handler(const struct trap_frame *frame);

#endif
#endif
