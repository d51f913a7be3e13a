/* SPDX-License-Identifier: MIT */
/* The registers: what x86_64/ offers to boot/. */
#ifndef CPU_H
#define CPU_H

/* Offsets of struct cpu_state for assembly; x86_64/cpu.c pins them. */
#define CPU_STATE_CR0  0
#define CPU_STATE_CR3  8
#define CPU_STATE_CR4  16
#define CPU_STATE_EFER 24
#define CPU_STATE_PAT  32

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

#include "cpustate.h"
#include "error.h"
#include "memtype.h"

struct cpu_caps cpu_detect(void);

/* 4 or 5, as paging is now. */
unsigned cpu_levels(void);

/* The root of the active page tables. */
uint64_t cpu_root(void);

/* Read all MTRRs; none if the CPU has none. ERR_MTRR: it counts more than there can be. */
struct error mtrr_read(struct mtrr_state *mtrr, const struct cpu_caps *caps);

/*
 * Turn LA57 on if it is off, and off if it is on. code: a copy of levels_start
 * to levels_end, below 4 GiB, which both roots identity-map; root is for the
 * levels before, new_root, below 4 GiB, for those after. Both map the image.
 */
void cpu_change_levels(uint64_t code, uint64_t root, uint64_t new_root);
extern const char levels_start[], levels_end[];

/* Load the final tables and control registers; returns on the same stack. */
void cpu_switch(const struct cpu_state *state);

/* The contract's measuring point. */
void footing_ready(void);

/* IA32_APIC_BASE; 0 if the CPU has no local APIC. */
uint64_t cpu_apic_base(void);

/* CR4 as it is, and written: where CR4.PGE changes, all translations go. */
uint64_t cpu_cr4(void);
void cpu_set_cr4(uint64_t cr4);

/* PCI configuration space, by ports and in memory; addresses as in pci.h. */
uint32_t pci_read(uint32_t address);
void pci_write(uint32_t address, uint32_t value);
uint32_t pci_read_memory(uint64_t pa);
void pci_write_memory(uint64_t pa, uint32_t value);

/* Enter the payload in the state that README.md writes down, on an empty boot stack. */
_Noreturn void cpu_enter(uint64_t entry, const void *info);

_Noreturn void cpu_halt(void);
_Noreturn void cpu_reset(void);

/* Leave QEMU through isa-debug-exit; without one, return. */
void cpu_exit_qemu(bool success);
#endif

#endif
