/* SPDX-License-Identifier: MIT */
/*
 * What PCI devices and bridges decode above 4 GiB, as far as configuration
 * space shows it (PCI Local Bus 3.0 section 6.2.5.1, PCI-to-PCI Bridge
 * Architecture 1.2 section 3.2.5). Pure: configuration space is reached
 * through callbacks. The windows of host bridges are in ACPI's _CRS, which
 * takes an interpreter: they are not looked at.
 */
#ifndef PCI_H
#define PCI_H

#include <stdint.h>

/* address: bus << 16 | device << 11 | function << 8 | register, a multiple of 4. */
struct pci_config {
    uint32_t (*read)(uint32_t address);
    void (*write)(uint32_t address, uint32_t value);
};

/*
 * Where the last 64-bit memory BAR, or window of a bridge, above 4 GiB ends,
 * exclusive; 0: there is none. A BAR there is sized as the specification has
 * it, by writing ones to it, while its device decodes no memory; all is as it
 * was afterwards.
 */
uint64_t pci_end(const struct pci_config *config);

#endif
