/* SPDX-License-Identifier: MIT */
/*
 * PCI's configuration spaces as they come: the scan ends, sees what is there,
 * and leaves every register as it was.
 *
 * Input: a number of spaces in memory, each with its segment, address and
 * buses; then functions, each with its segment, place, header type, command
 * and status, class, and six BARs: a kind and what it takes. A kind of 7 is a
 * register with any value, of which any bits can be written; with such ones
 * about, nobody knows where BARs end. A device may have virtual functions,
 * with a BAR for them.
 */
#include "fuzz.h"
#include "pci_made.h"

#define FOUR_GIB (UINT64_C(1) << 32)

/* What a whole machine is expected to have above 4 GiB. */
struct expected {
    uint64_t end;
    bool odd; /* nobody knows */
};

static void reaches(struct expected *expected, uint64_t end)
{
    if (end > expected->end)
        expected->end = end;
}

static unsigned bar_from(struct bytes *in, struct pci_made *made, unsigned bar, unsigned bars,
                         struct expected *expected)
{
    unsigned kind = take8(in) % 8;
    uint64_t base = take64(in);
    uint64_t size = UINT64_C(16) << take8(in) % 44;

    if (kind == 7) {
        expected->odd = true;
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
        reaches(expected, base + size);
    return 2;
}

static void window_from(struct bytes *in, struct pci_made *made, struct expected *expected)
{
    const uint64_t mib = UINT64_C(1) << 20;
    uint64_t base = (take64(in) >> 2) / mib * mib;
    uint64_t last = (take64(in) >> 2) | (mib - 1);

    pci_made_window(made, base, last);
    if (base <= last && last >= FOUR_GIB)
        reaches(expected, last + 1);
}

/* Which buses of a segment memory shows. */
struct spaces {
    unsigned first[PCI_MADE_SEGMENTS];
    unsigned last[PCI_MADE_SEGMENTS];
    bool are[PCI_MADE_SEGMENTS];
};

static void spaces_from(struct bytes *in, struct spaces *spaces)
{
    for (unsigned n = take8(in) % 8; n > 0; n--) {
        unsigned segment = take8(in) % PCI_MADE_SEGMENTS;
        unsigned first = take8(in);
        unsigned last = take8(in);

        if (spaces->are[segment] || first > last)
            continue;
        spaces->are[segment] = true;
        spaces->first[segment] = first;
        spaces->last[segment] = last;
        pci_made_space(segment, (segment + 1) * FOUR_GIB, first, last);
    }
}

static bool in_memory(const struct spaces *spaces, unsigned segment, unsigned bus)
{
    return spaces->are[segment] && bus >= spaces->first[segment] && bus <= spaces->last[segment];
}

static void virtual_from(struct bytes *in, struct pci_made *made, struct expected *expected)
{
    unsigned vfs = take16(in);
    uint64_t size = UINT64_C(16) << take8(in) % 40;
    uint64_t base = take64(in) >> 8;

    pci_made_express(made, vfs % 40);
    pci_made_sriov(made, vfs % 50, vfs);
    base -= base % size;
    pci_made_vf_bar64(made, vfs % 5, base, size);
    if (base >= FOUR_GIB && vfs > 0)
        reaches(expected, vfs > (UINT64_MAX - base) / size ? UINT64_MAX : base + vfs * size);
}

/* A function that is there, and what it decodes. */
static void function_from(struct bytes *in, struct pci_made *made, bool memory,
                          struct expected *expected)
{
    unsigned header = made->was[3] >> 16 & 0x7f;
    unsigned bars = header == 0 ? 6 : header == 1 ? 2 : 0;

    pci_made_set(made, 1, (uint32_t)take64(in) & ~UINT32_C(0x00100000), 0x0547);
    for (unsigned bar = 0; bar < bars;)
        bar += bar_from(in, made, bar, bars, expected);
    if (header == 1)
        window_from(in, made, expected);
    if (header == 0 && take8(in) % 2) {
        struct expected virtual = {0, false};

        virtual_from(in, made, &virtual);
        if (memory)
            reaches(expected, virtual.end);
    }
}

/* Function 0 comes first, so that whether others are asked for is known. */
static void devices_from(struct bytes *in, const struct spaces *spaces, struct expected *expected)
{
    static bool multiple[PCI_MADE_SEGMENTS][65536 / 8];

    memset(multiple, 0, sizeof(multiple));
    for (unsigned n = take8(in) % 32; n > 0; n--) {
        unsigned segment = take8(in) % PCI_MADE_SEGMENTS;
        unsigned place = take16(in);
        unsigned header = take8(in);
        bool memory = in_memory(spaces, segment, place >> 8);
        struct expected own = {0, false};
        struct pci_made *made =
            pci_made_add_in(segment, place >> 8, place >> 3 & 31, place & 7, header);

        if (!made)
            return;
        if (place % 8 == 0)
            multiple[segment][place / 8] = header >> 7 != 0;
        else if (!multiple[segment][place / 8])
            expected->odd = true; /* function 0 may come later, and say otherwise */
        function_from(in, made, memory, &own);
        if ((segment == 0 || memory) && (place % 8 == 0 || multiple[segment][place / 8]))
            reaches(expected, own.end);
        expected->odd = expected->odd || own.odd;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = {data, data + size};
    struct expected expected = {0, false};
    struct known known = {0, NULL};
    struct spaces spaces = {0};
    struct pci_config config;

    pci_made_clear();
    spaces_from(&in, &spaces);
    devices_from(&in, &spaces, &expected);
    config = pci_made_config();
    pci_known(&config, &known);
    pci_made_assert_restored();
    CHECK(expected.odd || known.end == expected.end);
    return 0;
}
