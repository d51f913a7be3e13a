/* SPDX-License-Identifier: MIT */
#include "firmware32.h"

#include <stdbool.h>

#include "load.h"

/* A gate: its selector, and the byte with its present bit (SDM vol. 3 figure 6-2). */
#define GATE_SIZE     8
#define GATE_SELECTOR 2
#define GATE_TYPE     5
#define GATE_PRESENT  0x80

#define SELECTOR_SHIFT 3 /* of the slot, above the table's and the privilege level's bits */
#define SELECTOR_LOW   7

/* Flat, 4 GiB, 32-bit, privilege level 0 (section 3.4.5). */
#define FLAT_CODE UINT64_C(0x00cf9b000000ffff)
#define FLAT_DATA UINT64_C(0x00cf93000000ffff)

static struct error unusable(const char *how, uint64_t value)
{
    return (struct error){.code = ERR_EFI, .text = how, .value = value};
}

struct error firmware32_segments(const void *idt, size_t len, uint64_t gdt[FIRMWARE32_SLOTS],
                                 uint16_t *code, uint16_t *data)
{
    const uint8_t *bytes = idt;
    uint16_t selector = 0;

    for (size_t at = 0; at + GATE_SIZE <= len; at += GATE_SIZE) {
        uint16_t next = load16(bytes + at + GATE_SELECTOR);

        if (!(bytes[at + GATE_TYPE] & GATE_PRESENT))
            continue;
        if (selector != 0 && next != selector)
            return unusable("a 32-bit firmware's interrupt gates have several segments", next);
        selector = next;
        if (selector >> SELECTOR_SHIFT == 0 || (selector & SELECTOR_LOW) != 0 ||
            selector >> SELECTOR_SHIFT >= FIRMWARE32_SLOTS)
            return unusable("a 32-bit firmware's interrupt gates have an odd segment", selector);
    }
    if (selector == 0)
        return unusable("a 32-bit firmware without interrupt gates", len);
    gdt[0] = 0;
    for (unsigned i = 1; i < FIRMWARE32_SLOTS; i++)
        gdt[i] = i == selector >> SELECTOR_SHIFT ? FLAT_CODE : FLAT_DATA;
    *code = selector;
    *data = (uint16_t)((selector >> SELECTOR_SHIFT == 1 ? 2 : 1) << SELECTOR_SHIFT);
    return SUCCESS;
}
