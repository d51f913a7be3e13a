/* SPDX-License-Identifier: MIT */
#include "pci.h"

#include <stdbool.h>

#define BUSES     256u
#define DEVICES   32u
#define FUNCTIONS 8u

#define DEVICE(n)   ((n) << 11)
#define FUNCTION(n) ((n) << 8)

/* Registers of configuration space, and what stands in them. */
#define ID               0x00
#define COMMAND          0x04
#define HEADER           0x0c
#define BAR              0x10
#define WINDOW           0x24 /* a bridge's prefetchable base and limit, then their upper halves */
#define WINDOW_BASE_HI   0x28
#define WINDOW_LIMIT_HI  0x2c
#define ABSENT           0xffffffffu
#define COMMAND_MEMORY   0x00000002u
#define STATUS           0xffff0000u /* beside the command: writing ones would clear it */
#define HEADER_TYPE(x)   ((x) >> 16 & 0x7f)
#define MULTIFUNCTION    0x00800000u
#define BAR_TYPE         0x7u
#define BAR_MEMORY_64    0x4u
#define BAR_FLAGS        UINT64_C(0xf)
#define WINDOW_TYPE      0xfu
#define WINDOW_64        0x1u
#define WINDOW_MIB_SHIFT 20

struct scan {
    const struct pci_config *config;
    uint64_t end;
};

static void reaches(struct scan *s, uint64_t end)
{
    if (end > s->end)
        s->end = end;
}

static uint32_t read(const struct scan *s, uint32_t address)
{
    return s->config->read(address);
}

static void write(const struct scan *s, uint32_t address, uint32_t value)
{
    s->config->write(address, value);
}

/* A 64-bit BAR whose upper half is not zero: its size is where the lowest one stays. */
static void scan_high_bar(struct scan *s, uint32_t function, uint32_t bar)
{
    uint32_t command = read(s, function + COMMAND) & ~STATUS;
    uint32_t low = read(s, function + bar);
    uint32_t high = read(s, function + bar + 4);
    uint64_t base = ((uint64_t)high << 32 | low) & ~BAR_FLAGS;
    uint64_t mask;

    write(s, function + COMMAND, command & ~COMMAND_MEMORY);
    write(s, function + bar, ABSENT);
    write(s, function + bar + 4, ABSENT);
    mask = ((uint64_t)read(s, function + bar + 4) << 32 | read(s, function + bar)) & ~BAR_FLAGS;
    write(s, function + bar, low);
    write(s, function + bar + 4, high);
    write(s, function + COMMAND, command);
    reaches(s, base + (mask & -mask));
}

static void scan_bars(struct scan *s, uint32_t function, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t bar = BAR + 4 * i;

        if ((read(s, function + bar) & BAR_TYPE) != BAR_MEMORY_64 || i + 1 == count)
            continue;
        if (read(s, function + bar + 4) != 0)
            scan_high_bar(s, function, bar);
        i++;
    }
}

static void scan_window(struct scan *s, uint32_t function)
{
    uint32_t both = read(s, function + WINDOW);
    uint64_t high = read(s, function + WINDOW_BASE_HI);
    uint64_t limit_high = read(s, function + WINDOW_LIMIT_HI);
    uint64_t base = high << 32 | (both & 0xfff0) << 16;
    uint64_t limit = limit_high << 32 | (both & 0xfff00000);

    if ((both & WINDOW_TYPE) == WINDOW_64 && limit >= base && limit_high != 0)
        reaches(s, limit + (UINT64_C(1) << WINDOW_MIB_SHIFT));
}

/* A function; *more: has its device others? */
static void scan_function(struct scan *s, uint32_t function, bool *more)
{
    uint32_t header = read(s, function + HEADER);

    if (read(s, function + ID) == ABSENT)
        return;
    if (header & MULTIFUNCTION)
        *more = true;
    if (HEADER_TYPE(header) == 0) {
        scan_bars(s, function, 6);
    } else if (HEADER_TYPE(header) == 1) {
        scan_bars(s, function, 2);
        scan_window(s, function);
    }
}

uint64_t pci_end(const struct pci_config *config)
{
    struct scan s = {config, 0};

    for (uint32_t at = 0; at < BUSES * DEVICES; at++) {
        uint32_t device = DEVICE(at);
        bool more = false;

        scan_function(&s, device, &more);
        for (uint32_t f = 1; f < FUNCTIONS && more; f++)
            scan_function(&s, device + FUNCTION(f), &more);
    }
    return s.end;
}
