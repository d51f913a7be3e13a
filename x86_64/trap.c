/* SPDX-License-Identifier: MIT */
/* Descriptor tables, and what an exception says before it stops the machine. */
#include "trap.h"

#include <stddef.h>

#include "fault.h"
#include "x86.h"

/* SDM vol. 3 figure 7-11; the fields lie at odd places, so they are words. */
struct tss {
    uint32_t reserved0;
    uint32_t rsp[6];
    uint32_t reserved1[2];
    uint32_t ist[14];
    uint32_t reserved2[2];
    uint16_t reserved3;
    uint16_t io_map;
};
_Static_assert(sizeof(struct tss) == 104, "as the SDM has it");

/* SDM vol. 3 figure 6-8. */
struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint16_t flags; /* IST in bits 0 to 2 */
    uint16_t offset_mid;
    uint32_t offset_high;
    uint32_t reserved;
};
_Static_assert(sizeof(struct gate) == 16, "as the SDM has it");

_Static_assert(sizeof(struct trap_frame) % 16 == 0, "the stack that trap_common leaves is aligned");
_Static_assert(sizeof(struct trap_frame) - offsetof(struct trap_frame, rip) == TRAP_CPU_SIZE,
               "as in trap.h");

#define GATE_INTERRUPT 0x8e00u
#define TSS_AVAILABLE  0x0000890000000000u

struct table_register {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

extern char trap_entries[];
extern char ist_df_stack_top[], ist_nmi_stack_top[], ist_mc_stack_top[];

static struct tss tss = {.io_map = sizeof(struct tss)};
static uint64_t gdt[] = {
    0,
    0x00af9b000000ffff, /* SEL_CODE64 */
    0x00cf93000000ffff, /* SEL_DATA */
    0,                  /* SEL_TSS, two slots */
    0,
};
static struct gate idt[TRAP_VECTORS];

/* For descriptors_load(), which also restores them after a firmware call. */
struct table_register gdtr = {sizeof(gdt) - 1, (uint64_t)gdt};
struct table_register idtr = {sizeof(idt) - 1, (uint64_t)idt};

void descriptors_load(void);

static void set_ist(unsigned index, const char *top)
{
    tss.ist[2 * (index - 1)] = (uint32_t)(uint64_t)top;
    tss.ist[2 * (index - 1) + 1] = (uint32_t)((uint64_t)top >> 32);
}

/* These three may find a stack that is not to be trusted. */
static uint16_t ist_of(unsigned vector)
{
    switch (vector) {
    case VECTOR_DF:
        return 1;
    case VECTOR_NMI:
        return 2;
    case VECTOR_MC:
        return 3;
    default:
        return 0;
    }
}

void trap_use_stacks(void)
{
    uint64_t base = (uint64_t)&tss;

    set_ist(1, ist_df_stack_top);
    set_ist(2, ist_nmi_stack_top);
    set_ist(3, ist_mc_stack_top);
    gdt[SEL_TSS / 8] =
        TSS_AVAILABLE | (sizeof(tss) - 1) | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
    gdt[SEL_TSS / 8 + 1] = base >> 32;
    __asm__ volatile("ltr %0" : : "r"((uint16_t)SEL_TSS));
    for (unsigned v = 0; v < TRAP_VECTORS; v++)
        idt[v].flags |= ist_of(v);
}

void trap_init(void)
{
    for (unsigned v = 0; v < TRAP_VECTORS; v++) {
        uint64_t entry = (uint64_t)trap_entries + TRAP_ENTRY_SIZE * v;

        idt[v] = (struct gate){
            .offset_low = (uint16_t)entry,
            .selector = SEL_CODE64,
            .flags = GATE_INTERRUPT,
            .offset_mid = (uint16_t)(entry >> 16),
            .offset_high = (uint32_t)(entry >> 32),
        };
    }
    descriptors_load();
}
