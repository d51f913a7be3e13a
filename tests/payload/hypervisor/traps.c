/* SPDX-License-Identifier: MIT */
/* Descriptor tables (SDM vol. 3, chapters 3, 6 and 8), and what exceptions do. */
#include "hypervisor.h"

#define VECTORS   48
#define VECTOR_BP 3
#define VECTOR_PF 14

#define SEL_CODE 0x08
#define SEL_TSS  0x18

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t ist; /* 0: the stack that was in use */
    uint8_t type;
    uint16_t offset_mid;
    uint32_t offset_high;
    uint32_t reserved;
};

struct tss {
    uint32_t reserved;
    uint64_t rsp[3];
    uint64_t ist[8]; /* [0] is reserved */
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map;
} __attribute__((packed));

struct table {
    uint16_t limit;
    const void *base;
} __attribute__((packed));

extern char vectors[];                                             /* vectors.S: 16 bytes each */
void traps_load(const struct table *gdt, const struct table *idt); /* vectors.S */

/* #DF, NMI and #MC may find a stack that is not to be trusted. */
static char stacks[3][2 * PAGE_SIZE] __attribute__((aligned(16)));
static struct tss tss = {.io_map = sizeof(tss)};
static struct gate idt[VECTORS];
static uint64_t gdt[5] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff};

static uint8_t stack_of(unsigned vector)
{
    return vector == 8 ? 1 : vector == 2 ? 2 : vector == 18 ? 3 : 0;
}

void traps_init(void)
{
    const struct table gdtr = {sizeof(gdt) - 1, gdt};
    const struct table idtr = {sizeof(idt) - 1, idt};
    uint64_t base = (uint64_t)&tss;

    for (unsigned i = 0; i < 3; i++)
        tss.ist[i + 1] = (uint64_t)(stacks[i] + sizeof(stacks[i]));
    gdt[3] =
        (sizeof(tss) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
    gdt[4] = base >> 32;
    for (unsigned v = 0; v < VECTORS; v++) {
        uint64_t entry = (uint64_t)vectors + 16 * v;

        idt[v] = (struct gate){
            .offset_low = (uint16_t)entry,
            .selector = SEL_CODE,
            .ist = stack_of(v),
            .type = 0x8e, /* interrupt gate: interrupts are off in it */
            .offset_mid = (uint16_t)(entry >> 16),
            .offset_high = (uint32_t)(entry >> 32),
        };
    }
    traps_load(&gdtr, &idtr);
    __asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}

void trap(struct trap_frame *frame)
{
    uint64_t cr2;

    if (frame->vector == TIMER_VECTOR) {
        timer_interrupt();
        return;
    }
    if (frame->vector > TIMER_VECTOR)
        return; /* spurious: it is not acknowledged */

    print("hypervisor: exception %lu, error 0x%lx, at 0x%lx\n", frame->vector, frame->error,
          frame->rip);
    if (frame->vector == VECTOR_BP)
        return;
    if (frame->vector == VECTOR_PF) {
        __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
        print("hypervisor: page fault on 0x%lx\n", cr2);
    }
    info->calls->finish(0);
}
