/* SPDX-License-Identifier: MIT */
/*
 * ACPI's tables and PCI's configuration space as they come: the search ends,
 * believes no table of another name, and leaves every register as it was.
 *
 * Input: the size of the RSDP, the RSDP, a number of stretches of memory, each
 * with address, length and bytes; then functions, each with its place, header
 * type, command and status, and six BARs: a kind and what it takes. A kind of
 * 7 is a register with any value, of which any bits can be written; with such
 * ones about, nobody knows where BARs end.
 */
#include "acpi_made.h"
#include "fuzz.h"
#include "pci_made.h"

#define MOST_READS 100000u
#define FOUR_GIB   (UINT64_C(1) << 32)

static void memory_from(struct bytes *in, struct facts *facts)
{
    static const uint8_t sizes[] = {0, 20, 36, 36};

    facts->rsdp_size = sizes[take8(in) % 4];
    for (size_t i = 0; i < sizeof(facts->rsdp); i++)
        facts->rsdp[i] = take8(in);
    for (unsigned n = take8(in) % 16; n > 0; n--) {
        uint64_t pa = take64(in);
        uint8_t bytes[256];
        size_t len = take8(in);

        for (size_t i = 0; i < len; i++)
            bytes[i] = take8(in);
        acpi_made_put(pa, bytes, len);
    }
}

static void check_tables(const struct facts *facts)
{
    static const char *const names[] = {"MCFG", "APIC"};

    for (unsigned i = 0; i < 2; i++) {
        uint64_t found = acpi_find(facts, names[i], acpi_made_read);
        char name[4];

        if (found == 0)
            continue;
        acpi_made_read(found, name, sizeof(name));
        CHECK(memcmp(name, names[i], sizeof(name)) == 0);
    }
    acpi_ecam_end(facts, acpi_made_read);
    CHECK(acpi_made_reads() < MOST_READS);
}

/* What a whole machine is expected to have above 4 GiB. */
struct known {
    uint64_t end;
    bool odd; /* nobody knows */
};

static void reaches(struct known *known, uint64_t end)
{
    if (end > known->end)
        known->end = end;
}

static unsigned bar_from(struct bytes *in, struct pci_made *made, unsigned bar, unsigned bars,
                         struct known *known)
{
    unsigned kind = take8(in) % 8;
    uint64_t base = take64(in);
    uint64_t size = UINT64_C(16) << take8(in) % 44;

    if (kind == 7) {
        known->odd = true;
        pci_made_set(made, 4 + bar, (uint32_t)base, (uint32_t)(base >> 32));
        return 1;
    }
    if (kind < 2) {
        pci_made_bar32(made, bar, (uint32_t)base & 0xfffff008, 4096);
        return 1;
    }
    if (kind == 2 || bar + 1 >= bars) {
        pci_made_bar_io(made, bar, (uint32_t)base & 0xfffc, 4);
        return 1;
    }
    base = (base >> 2) - (base >> 2) % size;
    pci_made_bar64(made, bar, base, size, kind == 3);
    if (base >= FOUR_GIB)
        reaches(known, base + size);
    return 2;
}

static void window_from(struct bytes *in, struct pci_made *made, struct known *known)
{
    const uint64_t mib = UINT64_C(1) << 20;
    uint64_t base = (take64(in) >> 2) / mib * mib;
    uint64_t last = (take64(in) >> 2) | (mib - 1);

    pci_made_window(made, base, last);
    if (base <= last && last >= FOUR_GIB)
        reaches(known, last + 1);
}

/* A function beside function 0 is there only if that says so. */
static bool is_asked(unsigned place, const bool *multiple)
{
    return place % 8 == 0 || multiple[place / 8];
}

static void devices_from(struct bytes *in, struct known *known)
{
    static bool multiple[65536 / 8];

    memset(multiple, 0, sizeof(multiple));
    for (unsigned n = take8(in) % 32; n > 0; n--) {
        unsigned place = take16(in);
        unsigned header = take8(in);
        uint32_t command = (uint32_t)take64(in);
        unsigned bars = (header & 0x7f) == 0 ? 6 : (header & 0x7f) == 1 ? 2 : 0;
        struct known own = {0};
        struct pci_made *made = pci_made_add(place >> 8, place >> 3 & 31, place & 7, header);

        if (!made)
            return;
        if (place % 8 == 0)
            multiple[place / 8] = header >> 7 != 0;
        else if (!multiple[place / 8])
            known->odd = true; /* function 0 may come later, and say otherwise */
        pci_made_set(made, 1, command, 0x0547);
        for (unsigned bar = 0; bar < bars;)
            bar += bar_from(in, made, bar, bars, &own);
        if ((header & 0x7f) == 1)
            window_from(in, made, &own);
        if (is_asked(place, multiple))
            reaches(known, own.end);
        known->odd = known->odd || own.odd;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct facts facts;
    struct bytes in = {data, data + size};
    struct pci_config config = pci_made_config();
    struct known known = {0};
    uint64_t end;

    acpi_made_clear();
    memory_from(&in, &facts);
    check_tables(&facts);
    pci_made_clear();
    devices_from(&in, &known);
    end = pci_end(&config);
    pci_made_assert_restored();
    CHECK(known.odd || end == known.end);
    return 0;
}
