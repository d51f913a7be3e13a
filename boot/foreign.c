/* SPDX-License-Identifier: MIT */
/* foreign=SIZE: what is known of this machine, and what is left of it. */
#include "foreign.h"

#include "acpi_log.h"
#include "acpi_memory.h"
#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "known.h"
#include "pci.h"
#include "pmap.h"

/* Large machines have a configuration space for each segment, and a segment for each socket. */
#define SPACES_MAX 256u

/* All that the memory map need not tell; false: some of it cannot be known. */
static bool know_all(const struct boot *boot, struct known *known)
{
    static struct pci_ecam spaces[SPACES_MAX];
    struct pci_config config = {pci_read, pci_write, pci_read_memory, pci_write_memory, spaces, 0};
    struct acpi acpi;

    acpi_open(&acpi, &boot->facts, pmap_read, acpi_log);
    acpi_memory(&acpi, known);
    config.nspaces = acpi_ecams(&acpi, &boot->map, spaces, SPACES_MAX);
    if (acpi.damaged)
        return false;
    for (size_t i = 0; i < config.nspaces; i++)
        known_add(known, pci_ecam_base(&spaces[i]), pci_ecam_len(&spaces[i]), "PCI by MCFG");
    pci_known(&config, known);
    return true;
}

/* Above all that is known; false: nowhere. */
static bool find_empty(const struct boot *boot, uint64_t len, uint64_t *base)
{
    struct known known = {0, "the memory map"};
    struct foreign_request request = {
        .map = &boot->map,
        .phys_bits = boot->caps.foreign_bits,
        .ht_bits = boot->caps.ht_bits,
    };

    if (!know_all(boot, &known)) {
        log_print(LOG_WARNING, "footing: foreign=: not all memory is known, because of damage\n");
        return false;
    }
    log_print(LOG_DETAIL, "footing: foreign=: above 0x%lx: %s\n", known.end, known.what);
    request.above = known.end;
    return foreign_find(&request, len, base);
}

struct error place_foreign(struct boot *boot)
{
    static const uint64_t alignments[] = {FOREIGN_ALIGN, UINT64_C(0x200000), PAGE_SIZE};
    uint64_t len = (boot->options.foreign + PAGE_MASK) & ~PAGE_MASK;
    struct foreign_range *found = &boot->foreign;

    found->len = len;
    if (len > 0 && find_empty(boot, len, &found->base))
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
