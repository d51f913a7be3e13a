/* SPDX-License-Identifier: MIT */
#include "pci_made.h"

#include "test.h"

#define REG_ID           0
#define REG_COMMAND      1
#define REG_CLASS        2
#define REG_HEADER       3
#define REG_BARS         4
#define REG_WINDOW       9
#define REG_CAPABILITIES 13
#define REG_EXTENDED     64

/* Behind the capability's first register. */
#define SRIOV_CONTROL 2
#define SRIOV_VFS     3
#define SRIOV_BARS    9

#define DECODES_MEMORY    0x2u
#define VF_DECODES_MEMORY 0x8u
#define STATUS_LIST       0x00100000u
#define CLASS_HOST        0x0600u

static struct pci_made functions[PCI_MADE_MAX];
static size_t count;
static uint8_t number_of[PCI_MADE_SEGMENTS][65536]; /* plus one; 0: absent */
static struct pci_ecam spaces[PCI_MADE_SPACES];
static size_t nspaces;
static size_t writes;

void pci_made_clear(void)
{
    for (size_t i = 0; i < count; i++)
        number_of[functions[i].segment][functions[i].bus_device_function] = 0;
    count = 0;
    nspaces = 0;
    writes = 0;
}

struct pci_made *pci_made_add_in(unsigned segment, unsigned bus, unsigned device, unsigned function,
                                 unsigned header)
{
    uint32_t where = bus << 8 | device << 3 | function;
    struct pci_made *made;

    assert_true(segment < PCI_MADE_SEGMENTS && where < 65536 && count < PCI_MADE_MAX);
    if (number_of[segment][where] != 0)
        return NULL;
    made = &functions[count++];
    number_of[segment][where] = (uint8_t)count;
    *made = (struct pci_made){.segment = segment, .bus_device_function = where};
    pci_made_set(made, REG_ID, 0x12348086, 0);
    pci_made_set(made, REG_COMMAND, 0xf9000507, 0x0547);
    pci_made_set(made, REG_CLASS, 0x06040001, 0);
    pci_made_set(made, REG_HEADER, header << 16 | 0x4010, 0xffff);
    return made;
}

struct pci_made *pci_made_add(unsigned bus, unsigned device, unsigned function, unsigned header)
{
    return pci_made_add_in(0, bus, device, function, header);
}

void pci_made_space(unsigned segment, uint64_t base, unsigned first_bus, unsigned last_bus)
{
    assert_true(nspaces < PCI_MADE_SPACES);
    spaces[nspaces++] =
        (struct pci_ecam){base, (uint16_t)segment, (uint8_t)first_bus, (uint8_t)last_bus};
}

void pci_made_set(struct pci_made *made, unsigned number, uint32_t value, uint32_t writable)
{
    made->is[number] = value;
    made->was[number] = value;
    made->writable[number] = writable;
}

static void set_bar64(struct pci_made *made, unsigned number, uint64_t base, uint64_t size,
                      bool prefetchable)
{
    uint64_t writable = ~(size - 1) & ~UINT64_C(0xf);
    uint64_t value = base | 0x4 | (prefetchable ? 0x8 : 0);

    pci_made_set(made, number, (uint32_t)value, (uint32_t)writable);
    pci_made_set(made, number + 1, (uint32_t)(value >> 32), (uint32_t)(writable >> 32));
}

void pci_made_bar64(struct pci_made *made, unsigned bar, uint64_t base, uint64_t size,
                    bool prefetchable)
{
    set_bar64(made, REG_BARS + bar, base, size, prefetchable);
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

/* At 0x40, 0x44, … as far as they go. */
void pci_made_express(struct pci_made *made, unsigned others)
{
    pci_made_set(made, REG_COMMAND, made->was[REG_COMMAND] | STATUS_LIST,
                 made->writable[REG_COMMAND]);
    pci_made_set(made, REG_CAPABILITIES, 0xabcdef40 | 3, 0);
    for (unsigned i = 0; i < others; i++)
        pci_made_set(made, 16 + i, 0x5a000001 | (0x44 + 4 * i) << 8, 0);
    pci_made_set(made, 16 + others, 0x00020010, 0);
}

/* At 0x100, 0x108, … */
void pci_made_sriov(struct pci_made *made, unsigned others, unsigned vfs)
{
    unsigned at = REG_EXTENDED + 2 * others;

    for (unsigned i = 0; i < others; i++)
        pci_made_set(made, REG_EXTENDED + 2 * i, 0x00010001 | (0x108 + 8 * i) << 20, 0);
    pci_made_set(made, at, 0x00010010, 0);
    pci_made_set(made, at + SRIOV_CONTROL, 0x00010008, 0x0000001f);
    pci_made_set(made, at + SRIOV_VFS, vfs << 16 | 1, 0);
    made->sriov = at;
}

void pci_made_vf_bar64(struct pci_made *made, unsigned bar, uint64_t base, uint64_t size)
{
    set_bar64(made, made->sriov + SRIOV_BARS + bar, base, size, true);
}

static struct pci_made *find(unsigned segment, uint32_t where)
{
    unsigned number = number_of[segment][where];

    return number == 0 ? NULL : &functions[number - 1];
}

static struct pci_made *find_by_ports(uint32_t address)
{
    if (address % 4 != 0 || address >> 24 != 0)
        fail_msg("0x%x is no address of a register", address);
    return find(0, address >> 8);
}

static struct pci_made *find_in_memory(uint64_t pa)
{
    for (size_t i = 0; i < nspaces && pa % 4 == 0; i++) {
        uint64_t offset = pa - spaces[i].base;

        if (offset >> 20 >= spaces[i].first_bus && offset >> 20 <= spaces[i].last_bus)
            return find(spaces[i].segment, (uint32_t)(offset >> 12));
    }
    fail_msg("0x%llx is in no configuration space", (unsigned long long)pa);
    return NULL;
}

/* Are these registers one 64-bit BAR, above 4 GiB, of so many from `first` on? */
static bool is_high(const struct pci_made *made, unsigned number, unsigned first, unsigned bars)
{
    for (unsigned at = first; at < first + bars; at++) {
        uint32_t value = made->was[at];

        if ((value & 1) != 0 || (value & 6) != 4)
            continue;
        if (at + 1 < first + bars && (number == at || number == at + 1))
            return made->was[at + 1] != 0;
        at++;
    }
    return false;
}

static unsigned bars_of(const struct pci_made *made)
{
    unsigned header = made->was[REG_HEADER] >> 16 & 0x7f;

    return header == PCI_MADE_DEVICE ? 6 : header == PCI_MADE_BRIDGE ? 2 : 0;
}

static bool is_high_bar(const struct pci_made *made, unsigned number)
{
    return is_high(made, number, REG_BARS, bars_of(made)) ||
           (made->sriov && is_high(made, number, made->sriov + SRIOV_BARS, 6));
}

/* Six registers from here on are decoded, and not as they were. */
static bool is_wrong(const struct pci_made *made, unsigned control, uint32_t bit, unsigned first)
{
    return (made->is[control] & bit) != 0 &&
           memcmp(&made->is[first], &made->was[first], 6 * sizeof(made->is[0])) != 0;
}

static void check_control(const struct pci_made *made, unsigned number, uint32_t value,
                          uint32_t bit)
{
    if (value >> 16 != 0)
        fail_msg("0x%x clears status bits of register %u", value, number);
    if (((value ^ made->was[number]) & 0xffff & ~bit) != 0)
        fail_msg("0x%x changes more than memory decoding of register %u", value, number);
}

static void write_to(struct pci_made *made, unsigned number, uint32_t value)
{
    if (!made)
        fail_msg("a write where nothing is");
    writes++;
    if (made->was[REG_CLASS] >> 16 == CLASS_HOST)
        fail_msg("a write to register %u of a host bridge", number);
    if (number == REG_COMMAND)
        check_control(made, number, value, DECODES_MEMORY);
    else if (made->sriov && number == made->sriov + SRIOV_CONTROL)
        check_control(made, number, value, VF_DECODES_MEMORY);
    else if (!is_high_bar(made, number))
        fail_msg("a write to register %u, which is no 64-bit BAR above 4 GiB", number);
    made->is[number] =
        (made->is[number] & ~made->writable[number]) | (value & made->writable[number]);
    if (is_wrong(made, REG_COMMAND, DECODES_MEMORY, REG_BARS) ||
        (made->sriov &&
         is_wrong(made, made->sriov + SRIOV_CONTROL, VF_DECODES_MEMORY, made->sriov + SRIOV_BARS)))
        fail_msg("the write to register %u leaves a wrong BAR decoded", number);
}

static uint32_t made_read(uint32_t address)
{
    const struct pci_made *made = find_by_ports(address);

    return made ? made->is[address / 4 % 64] : UINT32_MAX;
}

static void made_write(uint32_t address, uint32_t value)
{
    write_to(find_by_ports(address), address / 4 % 64, value);
}

static uint32_t made_read_memory(uint64_t pa)
{
    const struct pci_made *made = find_in_memory(pa);
    unsigned number = pa / 4 % PCI_MADE_REGISTERS;

    if (!made)
        return UINT32_MAX;
    return number == REG_ID && made->memory_id ? made->memory_id : made->is[number];
}

static void made_write_memory(uint64_t pa, uint32_t value)
{
    write_to(find_in_memory(pa), pa / 4 % PCI_MADE_REGISTERS, value);
}

struct pci_config pci_made_config(void)
{
    return (struct pci_config){made_read,         made_write, made_read_memory,
                               made_write_memory, spaces,     nspaces};
}

size_t pci_made_writes(void)
{
    return writes;
}

void pci_made_assert_restored(void)
{
    for (size_t i = 0; i < count; i++) {
        for (unsigned number = 0; number < PCI_MADE_REGISTERS; number++) {
            if (functions[i].is[number] != functions[i].was[number])
                fail_msg("register %u of function 0x%x is 0x%x, and was 0x%x", number,
                         functions[i].bus_device_function, functions[i].is[number],
                         functions[i].was[number]);
        }
    }
}
