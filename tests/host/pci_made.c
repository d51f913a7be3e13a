/* SPDX-License-Identifier: MIT */
#include "pci_made.h"

#include "test.h"

#define REG_ID      0
#define REG_COMMAND 1
#define REG_HEADER  3
#define REG_BARS    4
#define REG_WINDOW  9

#define DECODES_MEMORY 0x2u

static struct pci_made functions[PCI_MADE_MAX];
static size_t count;
static uint8_t number_of[65536]; /* plus one; 0: absent */
static size_t writes;

void pci_made_clear(void)
{
    for (size_t i = 0; i < count; i++)
        number_of[functions[i].bus_device_function] = 0;
    count = 0;
    writes = 0;
}

struct pci_made *pci_made_add(unsigned bus, unsigned device, unsigned function, unsigned header)
{
    uint32_t where = bus << 8 | device << 3 | function;
    struct pci_made *made;

    assert_true(where < 65536 && count < PCI_MADE_MAX);
    if (number_of[where] != 0)
        return NULL;
    made = &functions[count++];
    number_of[where] = (uint8_t)count;
    *made = (struct pci_made){.bus_device_function = where};
    pci_made_set(made, REG_ID, 0x12348086, 0);
    pci_made_set(made, REG_COMMAND, 0xf9100507, 0x0547);
    pci_made_set(made, 2, 0x06040001, 0);
    pci_made_set(made, REG_HEADER, header << 16 | 0x4010, 0xffff);
    return made;
}

void pci_made_set(struct pci_made *made, unsigned number, uint32_t value, uint32_t writable)
{
    made->is[number] = value;
    made->was[number] = value;
    made->writable[number] = writable;
}

void pci_made_bar64(struct pci_made *made, unsigned bar, uint64_t base, uint64_t size,
                    bool prefetchable)
{
    uint64_t writable = ~(size - 1) & ~UINT64_C(0xf);
    uint64_t value = base | 0x4 | (prefetchable ? 0x8 : 0);

    pci_made_set(made, REG_BARS + bar, (uint32_t)value, (uint32_t)writable);
    pci_made_set(made, REG_BARS + bar + 1, (uint32_t)(value >> 32), (uint32_t)(writable >> 32));
}

void pci_made_bar32(struct pci_made *made, unsigned bar, uint32_t base, uint32_t size)
{
    pci_made_set(made, REG_BARS + bar, base, ~(size - 1) & ~UINT32_C(0xf));
}

void pci_made_bar_io(struct pci_made *made, unsigned bar, uint32_t base, uint32_t size)
{
    pci_made_set(made, REG_BARS + bar, base | 1, ~(size - 1) & ~UINT32_C(0x3));
}

void pci_made_window(struct pci_made *made, uint64_t base, uint64_t last)
{
    uint32_t low = (uint32_t)(base >> 16 & 0xfff0) | (uint32_t)(last & 0xfff00000);

    pci_made_set(made, REG_WINDOW, low | 0x00010001, 0xfff0fff0);
    pci_made_set(made, REG_WINDOW + 1, (uint32_t)(base >> 32), UINT32_MAX);
    pci_made_set(made, REG_WINDOW + 2, (uint32_t)(last >> 32), UINT32_MAX);
}

static struct pci_made *find(uint32_t address)
{
    if (address % 4 != 0 || address >> 24 != 0)
        fail_msg("0x%x is no address of a register", address);
    if (number_of[address >> 8] == 0)
        return NULL;
    return &functions[number_of[address >> 8] - 1];
}

static uint32_t made_read(uint32_t address)
{
    const struct pci_made *made = find(address);

    return made ? made->is[address / 4 % 64] : UINT32_MAX;
}

/* Are these registers one 64-bit BAR, above 4 GiB, of a header that has so many BARs? */
static bool is_high_bar(const struct pci_made *made, unsigned number)
{
    unsigned header = made->was[REG_HEADER] >> 16 & 0x7f;
    unsigned bars = header == PCI_MADE_DEVICE ? 6 : header == PCI_MADE_BRIDGE ? 2 : 0;

    for (unsigned bar = 0; bar < bars; bar++) {
        uint32_t value = made->was[REG_BARS + bar];

        if ((value & 1) != 0 || (value & 6) != 4)
            continue;
        if (bar + 1 < bars && (number == REG_BARS + bar || number == REG_BARS + bar + 1))
            return made->was[REG_BARS + bar + 1] != 0;
        bar++;
    }
    return false;
}

static bool bars_are_as_they_were(const struct pci_made *made)
{
    return memcmp(&made->is[REG_BARS], &made->was[REG_BARS], 6 * sizeof(made->is[0])) == 0;
}

static void made_write(uint32_t address, uint32_t value)
{
    struct pci_made *made = find(address);
    unsigned number = address / 4 % 64;

    if (!made)
        fail_msg("a write to 0x%x, where nothing is", address);
    writes++;
    if (number == REG_COMMAND) {
        if (value >> 16 != 0)
            fail_msg("0x%x clears status bits of 0x%x", value, address);
        if (((value ^ made->was[number]) & 0xffff & ~DECODES_MEMORY) != 0)
            fail_msg("0x%x changes more than memory decoding of 0x%x", value, address);
    } else if (!is_high_bar(made, number)) {
        fail_msg("a write to 0x%x, which is no 64-bit BAR above 4 GiB", address);
    }
    made->is[number] =
        (made->is[number] & ~made->writable[number]) | (value & made->writable[number]);
    if ((made->is[REG_COMMAND] & DECODES_MEMORY) != 0 && !bars_are_as_they_were(made))
        fail_msg("the write to 0x%x leaves a wrong BAR decoded", address);
}

struct pci_config pci_made_config(void)
{
    return (struct pci_config){made_read, made_write};
}

size_t pci_made_writes(void)
{
    return writes;
}

void pci_made_assert_restored(void)
{
    for (size_t i = 0; i < count; i++) {
        for (unsigned number = 0; number < 64; number++) {
            if (functions[i].is[number] != functions[i].was[number])
                fail_msg("register %u of function 0x%x is 0x%x, and was 0x%x", number,
                         functions[i].bus_device_function, functions[i].is[number],
                         functions[i].was[number]);
        }
    }
}
