/* SPDX-License-Identifier: MIT */
#include "cpu.h"

#include <stddef.h>

#include "io.h"
#include "pmap.h"
#include "port.h"
#include "x86.h"

_Static_assert(offsetof(struct cpu_state, cr0) == CPU_STATE_CR0, "as in cpu.h");
_Static_assert(offsetof(struct cpu_state, cr3) == CPU_STATE_CR3, "as in cpu.h");
_Static_assert(offsetof(struct cpu_state, cr4) == CPU_STATE_CR4, "as in cpu.h");
_Static_assert(offsetof(struct cpu_state, efer) == CPU_STATE_EFER, "as in cpu.h");
_Static_assert(offsetof(struct cpu_state, pat) == CPU_STATE_PAT, "as in cpu.h");

struct cpu_caps cpu_detect(void)
{
    struct cpuid_words words = {0};
    struct cpuid_answer vendor = cpuid(CPUID_VENDOR, 0);
    struct cpuid_answer leaf1 = cpuid(CPUID_1, 0);
    uint32_t ext_max = cpuid(CPUID_EXT_MAX, 0).eax;

    words.vendor_ebx = vendor.ebx;
    words.leaf1_eax = leaf1.eax;
    words.leaf1_ebx = leaf1.ebx;
    words.leaf1_ecx = leaf1.ecx;
    words.leaf1_edx = leaf1.edx;
    if (vendor.eax >= CPUID_7) {
        struct cpuid_answer leaf7 = cpuid(CPUID_7, 0);

        words.leaf7_ebx = leaf7.ebx;
        words.leaf7_ecx = leaf7.ecx;
    }
    words.ext1_edx = cpuid(CPUID_EXT_1, 0).edx;
    if (ext_max >= CPUID_ADDR_SIZES)
        words.ext8_eax = cpuid(CPUID_ADDR_SIZES, 0).eax;
    if (ext_max >= CPUID_ENCRYPTION) {
        struct cpuid_answer encryption = cpuid(CPUID_ENCRYPTION, 0);

        words.ext1f_eax = encryption.eax;
        words.ext1f_ebx = encryption.ebx;
    }
    if (cpuid_has_tme(&words))
        words.tme_activate = read_msr(MSR_TME_ACTIVATE);
    return cpu_caps_from(&words);
}

unsigned cpu_levels(void)
{
    return (read_cr4() & CR4_LA57) ? 5 : 4;
}

uint64_t cpu_root(void)
{
    return read_cr3() & PTE_ADDR;
}

uint64_t cpu_apic_base(void)
{
    return (cpuid(CPUID_1, 0).edx & CPUID_1_EDX_APIC) ? read_msr(MSR_APIC_BASE) : 0;
}

void cpu_exit_qemu(bool success)
{
    out32(EXIT_PORT, success ? EXIT_SUCCESS : EXIT_PANIC);
}

uint64_t cpu_cr4(void)
{
    return read_cr4();
}

void cpu_set_cr4(uint64_t cr4)
{
    write_cr4(cr4);
}

/* Mechanism 1: PCI Local Bus 3.0 section 3.2.2.3.2. Where there is no PCI, all reads as ones. */
uint32_t pci_read(uint32_t address)
{
    out32(PCI_ADDRESS, PCI_ENABLE | address);
    return in32(PCI_DATA);
}

void pci_write(uint32_t address, uint32_t value)
{
    out32(PCI_ADDRESS, PCI_ENABLE | address);
    out32(PCI_DATA, value);
}

/*
 * Configuration space in memory goes through EAX: AMD's family 10h knows no
 * other way (BKDG for family 10h section 2.11.1).
 */
uint32_t pci_read_memory(uint64_t pa)
{
    uint32_t value = UINT32_MAX;
    const uint32_t *at = NULL;

    if (pmap_reaches(pa, sizeof(*at)))
        at = pmap_map_device("PCI configuration", pa, sizeof(*at));
    if (!at)
        return value;
    __asm__ volatile("movl (%1), %0" : "=a"(value) : "r"(at) : "memory");
    pmap_unmap(at);
    return value;
}

void pci_write_memory(uint64_t pa, uint32_t value)
{
    uint32_t *at = NULL;

    if (pmap_reaches(pa, sizeof(*at)))
        at = pmap_map_device("PCI configuration", pa, sizeof(*at));
    if (!at)
        return;
    __asm__ volatile("movl %0, (%1)" : : "a"(value), "r"(at) : "memory");
    pmap_unmap(at);
}
