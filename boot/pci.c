/* SPDX-License-Identifier: MIT */
#include "pci.h"

#include <stdbool.h>

#define BUSES     256u
#define DEVICES   32u
#define FUNCTIONS 8u

/* Bus, device and function as one number, and its place in an address. */
#define NUMBER(bus, device) ((uint32_t)(bus) << 8 | (uint32_t)(device) << 3)
#define PORTS_SHIFT         8
#define PORTS_REGISTERS     0x100u
#define MEMORY_SHIFT        12

/* Registers of configuration space, and what stands in them. */
#define ID               0x00
#define COMMAND          0x04
#define CLASS            0x08
#define HEADER           0x0c
#define BAR              0x10
#define WINDOW           0x24 /* a bridge's prefetchable base and limit, then their upper halves */
#define WINDOW_BASE_HI   0x28
#define WINDOW_LIMIT_HI  0x2c
#define CAPABILITIES     0x34
#define ABSENT           0xffffffffu
#define COMMAND_MEMORY   0x00000002u
#define STATUS           0xffff0000u /* beside the command: writing ones would clear it */
#define STATUS_LIST      0x00100000u /* there are capabilities */
#define CLASS_SHIFT      16
#define CLASS_HOST       0x0600u
#define HEADER_TYPE(x)   ((x) >> 16 & 0x7f)
#define MULTIFUNCTION    0x00800000u
#define BAR_TYPE         0x7u
#define BAR_MEMORY_64    0x4u
#define BAR_FLAGS        UINT64_C(0xf)
#define BARS_DEVICE      6u
#define BARS_BRIDGE      2u
#define WINDOW_TYPE      0xfu
#define WINDOW_64        0x1u
#define WINDOW_MIB_SHIFT 20

/* Capabilities: what one is, a byte, then where the next one begins, behind the header. */
#define CAPABILITY_FIRST 0x40u
#define CAPABILITY_PCIE  0x10u
#define CAPABILITIES_MAX 48u

/* The same in the memory of PCI Express: 16 bits, and the upper 12. */
#define EXTENDED_FIRST 0x100u
#define EXTENDED_LAST  0xffcu
#define EXTENDED_MAX   960u
#define EXTENDED_SRIOV 0x0010u
#define SRIOV_CONTROL  0x08 /* with a status beside it, as the command has */
#define SRIOV_MEMORY   0x00000008u
#define SRIOV_VFS      0x0c /* in its upper half, as many as there can be */
#define SRIOV_BAR      0x24
#define BARS_VIRTUAL   6u

/* Functions that are reached in one way. */
struct scan {
    const struct pci_config *config;
    const struct pci_ecam *space; /* memory for all of them; null: by ports */
    struct known *known;
};

/* A function that is there. */
struct function {
    const struct pci_config *config;
    bool ports;      /* the first registers are reached by them, */
    uint32_t number; /* and the rest, or all, */
    uint64_t memory; /* here; 0: not at all */
};

/* BARs that are alike. */
struct bars {
    const char *what;
    uint32_t first; /* register */
    uint32_t count;
    uint32_t control; /* register with a bit that lets them be decoded */
    uint32_t decode;
    uint32_t times; /* > 0: from each on, so many follow one another */
    bool fixed;     /* they are not to be written to */
};

static uint32_t read(const struct function *f, uint32_t at)
{
    if (f->ports && at < PORTS_REGISTERS)
        return f->config->read(f->number << PORTS_SHIFT | at);
    return f->memory ? f->config->read_memory(f->memory + at) : ABSENT;
}

static void write(const struct function *f, uint32_t at, uint32_t value)
{
    if (f->ports && at < PORTS_REGISTERS)
        f->config->write(f->number << PORTS_SHIFT | at, value);
    else
        f->config->write_memory(f->memory + at, value);
}

static uint64_t read_pair(const struct function *f, uint32_t at)
{
    uint64_t low = read(f, at);

    return (uint64_t)read(f, at + 4) << 32 | low;
}

static void write_pair(const struct function *f, uint32_t at, uint64_t value)
{
    write(f, at, (uint32_t)value);
    write(f, at + 4, (uint32_t)(value >> 32));
}

/* Of a 64-bit BAR: the lowest bit that stays when ones are written to it. */
static uint64_t bar_size(const struct function *f, const struct bars *bars, uint32_t at)
{
    uint32_t control = read(f, bars->control) & ~STATUS;
    uint64_t was = read_pair(f, at);
    uint64_t mask;

    write(f, bars->control, control & ~bars->decode);
    write_pair(f, at, UINT64_MAX);
    mask = read_pair(f, at) & ~BAR_FLAGS;
    write_pair(f, at, was);
    write(f, bars->control, control);
    return mask & -mask;
}

static void scan_high_bar(const struct function *f, const struct bars *bars, uint32_t at,
                          struct known *known)
{
    uint64_t base = read_pair(f, at) & ~BAR_FLAGS;
    uint64_t size = bars->fixed ? base & -base : bar_size(f, bars, at);
    bool fits = size <= UINT64_MAX / bars->times;

    known_add(known, base, fits ? size * bars->times : UINT64_MAX, bars->what);
}

static void scan_bars(const struct function *f, const struct bars *bars, struct known *known)
{
    for (uint32_t i = 0; i < bars->count; i++) {
        uint32_t at = bars->first + 4 * i;

        if ((read(f, at) & BAR_TYPE) != BAR_MEMORY_64 || i + 1 == bars->count)
            continue;
        if (read(f, at + 4) != 0)
            scan_high_bar(f, bars, at, known);
        i++;
    }
}

static void scan_window(const struct function *f, struct known *known)
{
    uint32_t both = read(f, WINDOW);
    uint64_t high = read(f, WINDOW_BASE_HI);
    uint64_t limit_high = read(f, WINDOW_LIMIT_HI);
    uint64_t base = high << 32 | (both & 0xfff0) << 16;
    uint64_t limit = limit_high << 32 | (both & 0xfff00000) | ((1u << WINDOW_MIB_SHIFT) - 1);

    if ((both & WINDOW_TYPE) == WINDOW_64 && limit >= base && limit_high != 0)
        known_add(known, base, limit - base + 1, "window of a PCI bridge");
}

/* What is a PCI Express function has more registers; of others they may be the first ones again. */
static bool is_express(const struct function *f)
{
    uint32_t at = read(f, CAPABILITIES) & 0xfc;

    if (!(read(f, COMMAND) & STATUS_LIST))
        return false;
    for (unsigned n = 0; n < CAPABILITIES_MAX && at >= CAPABILITY_FIRST; n++) {
        uint32_t capability = read(f, at);

        if ((capability & 0xff) == CAPABILITY_PCIE)
            return true;
        at = capability >> 8 & 0xfc;
    }
    return false;
}

/* Where an extended capability is; 0: there is none. */
static uint32_t find_extended(const struct function *f, uint32_t wanted)
{
    uint32_t at = EXTENDED_FIRST;

    for (unsigned n = 0; n < EXTENDED_MAX && at >= EXTENDED_FIRST; n++) {
        uint32_t capability = read(f, at);

        if (capability == ABSENT)
            return 0;
        if ((capability & 0xffff) == wanted)
            return at;
        at = capability >> 20 & EXTENDED_LAST;
    }
    return 0;
}

/* The BARs that virtual functions have, or will have: each for all of them, one after the other. */
static void scan_virtual(const struct function *f, struct known *known)
{
    uint32_t at = f->memory && is_express(f) ? find_extended(f, EXTENDED_SRIOV) : 0;
    const struct bars bars = {
        .what = "BAR of virtual PCI functions",
        .first = at + SRIOV_BAR,
        .count = BARS_VIRTUAL,
        .control = at + SRIOV_CONTROL,
        .decode = SRIOV_MEMORY,
        .times = at ? read(f, at + SRIOV_VFS) >> 16 : 0,
    };

    if (at != 0 && at + SRIOV_BAR + 4 * BARS_VIRTUAL <= EXTENDED_LAST + 4 && bars.times != 0)
        scan_bars(f, &bars, known);
}

/* A function that is there, and whether its device has others. */
static bool scan_function(const struct function *f, struct known *known)
{
    uint32_t header = read(f, HEADER);
    struct bars bars = {
        .what = "BAR of a PCI device",
        .first = BAR,
        .count = BARS_DEVICE,
        .control = COMMAND,
        .decode = COMMAND_MEMORY,
        .times = 1,
        .fixed = read(f, CLASS) >> CLASS_SHIFT == CLASS_HOST,
    };

    if (HEADER_TYPE(header) == 0) {
        scan_bars(f, &bars, known);
        scan_virtual(f, known);
    } else if (HEADER_TYPE(header) == 1) {
        bars.count = BARS_BRIDGE;
        scan_bars(f, &bars, known);
        scan_window(f, known);
    }
    return header & MULTIFUNCTION;
}

/* The memory of segment 0 that a bus has; null: none. */
static const struct pci_ecam *space_of(const struct pci_config *config, uint32_t number)
{
    for (size_t i = 0; i < config->nspaces; i++) {
        const struct pci_ecam *space = &config->spaces[i];

        if (space->segment == 0 && number >= NUMBER(space->first_bus, 0) &&
            number < NUMBER(space->last_bus + 1, 0))
            return space;
    }
    return NULL;
}

/*
 * Find the function of this number; false: it is not there. What ports find is
 * looked for in memory too, and if that is another function, it is not used.
 */
static bool find_function(const struct scan *s, uint32_t number, struct function *f)
{
    const struct pci_ecam *space = s->space ? s->space : space_of(s->config, number);
    uint64_t memory = space ? space->base + ((uint64_t)number << MEMORY_SHIFT) : 0;
    uint32_t id;

    *f = (struct function){s->config, !s->space, number, memory};
    id = read(f, ID);
    if (id == ABSENT)
        return false;
    if (f->ports && memory && s->config->read_memory(memory + ID) != id)
        f->memory = 0;
    return true;
}

/* All functions of a bus; are there any? */
static bool scan_bus(const struct scan *s, unsigned bus)
{
    bool found = false;

    for (unsigned device = 0; device < DEVICES; device++) {
        uint32_t number = NUMBER(bus, device);
        struct function f;
        bool more;

        if (!find_function(s, number, &f))
            continue;
        found = true;
        more = scan_function(&f, s->known);
        for (unsigned n = 1; n < FUNCTIONS && more; n++) {
            if (find_function(s, number + n, &f))
                scan_function(&f, s->known);
        }
    }
    return found;
}

void pci_known(const struct pci_config *config, struct known *known)
{
    struct scan s = {config, NULL, known};
    bool ports = false;

    for (unsigned bus = 0; bus < BUSES; bus++)
        ports = scan_bus(&s, bus) || ports;
    for (size_t i = 0; i < config->nspaces; i++) {
        s.space = &config->spaces[i];
        for (unsigned bus = s.space->first_bus; bus <= s.space->last_bus; bus++) {
            if (s.space->segment != 0 || !ports)
                scan_bus(&s, bus);
        }
    }
}
