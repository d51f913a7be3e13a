/* SPDX-License-Identifier: MIT */
/* An IDT of our own: Footing's, but for the two exceptions that an access may end in. */
#include "access.h"

#define VECTORS 32

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint16_t type;
    uint16_t offset_mid;
    uint32_t offset_high;
    uint32_t reserved;
};

struct table {
    uint16_t limit;
    const struct gate *base;
} __attribute__((packed));

/* attempt.S */
extern char catch_gp[], catch_pf[];
extern uint64_t footings_gp, footings_pf;

static struct gate idt[VECTORS];

/* The old target. */
static uint64_t take(unsigned vector, const char *handler)
{
    struct gate *gate = &idt[vector];
    uint64_t old =
        gate->offset_low | (uint64_t)gate->offset_mid << 16 | (uint64_t)gate->offset_high << 32;
    uint64_t entry = (uint64_t)handler;

    gate->offset_low = (uint16_t)entry;
    gate->offset_mid = (uint16_t)(entry >> 16);
    gate->offset_high = (uint32_t)(entry >> 32);
    return old;
}

void traps_init(void)
{
    struct table now;

    __asm__ volatile("sidt %0" : "=m"(now));
    for (unsigned i = 0; i < VECTORS && (i + 1) * sizeof(idt[0]) <= now.limit + 1u; i++)
        idt[i] = now.base[i];
    footings_gp = take(VECTOR_GP, catch_gp);
    footings_pf = take(VECTOR_PF, catch_pf);
    now = (struct table){sizeof(idt) - 1, idt};
    __asm__ volatile("lidt %0" : : "m"(now));
}
