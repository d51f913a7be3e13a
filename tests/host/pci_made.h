/* SPDX-License-Identifier: MIT */
/*
 * Made-up PCI configuration spaces that behave as devices do: BARs keep the
 * bits below their size, status bits are cleared by ones. They fail a test on
 * the spot if a device that decodes memory gets a BAR it should not have, if
 * I/O decoding changes, if a status bit would be lost, if a host bridge is
 * written to, if anything else is written, or if memory is read that is no
 * configuration space. There is one set; its owner is who cleared it last.
 */
#ifndef PCI_MADE_H
#define PCI_MADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pci.h"

#define PCI_MADE_MAX      64
#define PCI_MADE_SPACES   8
#define PCI_MADE_SEGMENTS 4

#define PCI_MADE_DEVICE   0x00
#define PCI_MADE_BRIDGE   0x01
#define PCI_MADE_CARDBUS  0x02
#define PCI_MADE_MULTIPLE 0x80 /* function 0 has others beside it */

#define PCI_MADE_REGISTERS 1024

struct pci_made {
    uint32_t is[PCI_MADE_REGISTERS];
    uint32_t was[PCI_MADE_REGISTERS];
    uint32_t writable[PCI_MADE_REGISTERS];
    unsigned segment;
    uint32_t bus_device_function;
    unsigned sriov;     /* the register where that capability is; 0: there is none */
    uint32_t memory_id; /* in memory it calls itself so; 0: as by ports */
};

void pci_made_clear(void);

/*
 * A function that has this header type and decodes memory and I/O, with random-
 * looking ones in its status. Null: there is one already. The first is in
 * segment 0, where ports find it; others only memory does.
 */
struct pci_made *pci_made_add(unsigned bus, unsigned device, unsigned function, unsigned header);
struct pci_made *pci_made_add_in(unsigned segment, unsigned bus, unsigned device, unsigned function,
                                 unsigned header);

/* Configuration space in memory; functions that are in it have 4 KiB there. */
void pci_made_space(unsigned segment, uint64_t base, unsigned first_bus, unsigned last_bus);

/* Set a register as hardware has it, before the scan. */
void pci_made_set(struct pci_made *made, unsigned number, uint32_t value, uint32_t writable);

/* BARs of a size that is a power of two; of 64 bits they take two registers. base: a multiple. */
void pci_made_bar64(struct pci_made *made, unsigned bar, uint64_t base, uint64_t size,
                    bool prefetchable);
void pci_made_bar32(struct pci_made *made, unsigned bar, uint32_t base, uint32_t size);
void pci_made_bar_io(struct pci_made *made, unsigned bar, uint32_t base, uint32_t size);

/* A bridge's prefetchable window, both inclusive; last's lower 20 bits are ones. */
void pci_made_window(struct pci_made *made, uint64_t base, uint64_t last);

/* Make it a PCI Express function, that capability behind as many others. */
void pci_made_express(struct pci_made *made, unsigned others);

/* Its SR-IOV capability, behind as many others, for so many functions; and a BAR that they have. */
void pci_made_sriov(struct pci_made *made, unsigned others, unsigned vfs);
void pci_made_vf_bar64(struct pci_made *made, unsigned bar, uint64_t base, uint64_t size);

struct pci_config pci_made_config(void);

/* How many writes there were; and fail unless every register is as it was. */
size_t pci_made_writes(void);
void pci_made_assert_restored(void);

#endif
