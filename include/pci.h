/* SPDX-License-Identifier: MIT */
/*
 * What PCI devices and bridges decode above 4 GiB, as far as configuration
 * space shows it (PCI Local Bus 3.0 section 6.2.5.1, PCI-to-PCI Bridge
 * Architecture 1.2 section 3.2.5, PCI Express 5.0 section 9.3.3). Pure:
 * configuration space is reached through callbacks. The windows of host
 * bridges are in ACPI's _CRS, which takes an interpreter: they are not looked at.
 */
#ifndef PCI_H
#define PCI_H

#include <stddef.h>
#include <stdint.h>

#include "known.h"

/* A memory-mapped configuration space: PCI Express 5.0 section 7.2.2. */
struct pci_ecam {
    uint64_t base; /* physical, where bus 0 would be, whether that is in it or not */
    uint16_t segment;
    uint8_t first_bus;
    uint8_t last_bus;
};

#define PCI_ECAM_BUS UINT64_C(0x100000) /* bytes of a bus */

/* Where it begins, and how many bytes it has. */
static inline uint64_t pci_ecam_base(const struct pci_ecam *space)
{
    return space->base + space->first_bus * PCI_ECAM_BUS;
}

static inline uint64_t pci_ecam_len(const struct pci_ecam *space)
{
    return (UINT64_C(1) + space->last_bus - space->first_bus) * PCI_ECAM_BUS;
}

struct pci_config {
    /*
     * Through ports, segment 0 alone, 256 bytes of a function:
     * bus << 16 | device << 11 | function << 8 | register, a multiple of 4.
     */
    uint32_t (*read)(uint32_t address);
    void (*write)(uint32_t address, uint32_t value);
    /* The same of four bytes of physical memory. Ones, where there is nothing. */
    uint32_t (*read_memory)(uint64_t pa);
    void (*write_memory)(uint64_t pa, uint32_t value);
    const struct pci_ecam *spaces; /* each has a bus, and does not wrap */
    size_t nspaces;
};

/*
 * Know where the last 64-bit memory BAR, virtual functions' BAR (SR-IOV) or
 * window of a bridge above 4 GiB ends, in segment 0 and in all that the spaces
 * have. A BAR there is sized as the specification has it, by writing ones to
 * it, while its device decodes no memory; all is as it was afterwards. Host
 * bridges may be on the processor's way to its RAM and decode on: their BARs
 * are not written to, and known as large as they can be where they are.
 */
void pci_known(const struct pci_config *config, struct known *known);

#endif
