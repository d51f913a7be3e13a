/* SPDX-License-Identifier: MIT */
/* What entry.S saves before C runs: words of `saved`, by number; for C and assembly alike. */
#ifndef SAVED_H
#define SAVED_H

#define SAVED_RAX            0
#define SAVED_RBX            1
#define SAVED_RCX            2
#define SAVED_RDX            3
#define SAVED_RSI            4
#define SAVED_RBP            5
#define SAVED_R8             6 /* up to 13: r15 */
#define SAVED_RDI            14
#define SAVED_RSP            15
#define SAVED_RFLAGS         16
#define SAVED_RETURN         17 /* the word at rsp */
#define SAVED_CR0            18
#define SAVED_CR3            19
#define SAVED_CR4            20
#define SAVED_DR0            21 /* up to 24: dr3 */
#define SAVED_DR6            25
#define SAVED_DR7            26
#define SAVED_CS             27
#define SAVED_SS             28
#define SAVED_DS             29
#define SAVED_ES             30
#define SAVED_FS             31
#define SAVED_GS             32
#define SAVED_TR             33
#define SAVED_EFER           34
#define SAVED_PAT            35
#define SAVED_FS_BASE        36
#define SAVED_GS_BASE        37
#define SAVED_KERNEL_GS_BASE 38
#define SAVED_APIC_BASE      39
#define SAVED_PIC_MASTER     40
#define SAVED_PIC_SLAVE      41
#define SAVED_GDTR_LIMIT     42
#define SAVED_GDTR_BASE      43
#define SAVED_IDTR_LIMIT     44
#define SAVED_IDTR_BASE      45
#define SAVED_WORDS          46

#define SAVED_FX_BYTES 512

#endif
