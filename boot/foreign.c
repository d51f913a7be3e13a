/* SPDX-License-Identifier: MIT */
/* foreign=SIZE: what is known of this machine, and what is left of it. */
#include "foreign.h"

#include "acpi.h"
#include "boot.h"
#include "cpu.h"
#include "pci.h"
#include "pmap.h"

/* Where the known things end that the memory map need not tell. */
static uint64_t devices_end(const struct boot *boot)
{
    static const struct pci_config config = {
        pci_read, pci_write, pci_read_memory, pci_write_memory, NULL, 0,
    };
    struct known known = {acpi_ecam_end(&boot->facts, pmap_read), "PCI by MCFG"};

    pci_known(&config, &known);
    return known.end;
}

struct error place_foreign(struct boot *boot)
{
    static const uint64_t alignments[] = {FOREIGN_ALIGN, UINT64_C(0x200000), PAGE_SIZE};
    uint64_t len = (boot->options.foreign + PAGE_MASK) & ~PAGE_MASK;
    const struct foreign_request request = {
        .map = &boot->map,
        .above = devices_end(boot),
        .phys_bits = boot->caps.foreign_bits,
        .ht_bits = boot->caps.ht_bits,
    };
    struct foreign_range *found = &boot->foreign;

    found->len = len;
    if (len > 0 && foreign_find(&request, len, &found->base))
        return SUCCESS;
    found->ram = true;
    for (unsigned i = 0; len > 0 && i < sizeof(alignments) / sizeof(alignments[0]); i++) {
        if (frames_find(&boot->request, &boot->busy, len, 0, alignments[i], &found->base)) {
            boot_hold(boot, found->base, len, "foreign space");
            return SUCCESS;
        }
    }
    return (struct error){.code = ERR_FOREIGN, .value = boot->options.foreign};
}
