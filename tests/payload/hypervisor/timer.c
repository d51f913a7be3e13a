/* SPDX-License-Identifier: MIT */
/*
 * A periodic interrupt. The local APIC's registers in memory are not mapped by
 * Footing; x2APIC has them as MSRs (SDM vol. 3, chapter 11). Where there is
 * none, the PIT serves, through the 8259s.
 */
#include "hypervisor.h"

#define CPUID_1_ECX_X2APIC (1u << 21)

#define MSR_APIC_BASE    0x1b
#define APIC_BASE_ENABLE (3u << 10) /* enabled, in x2APIC mode */
#define X2APIC_TPR       0x808
#define X2APIC_EOI       0x80b
#define X2APIC_SPURIOUS  0x80f
#define X2APIC_LVT_TIMER 0x832
#define X2APIC_INITIAL   0x838
#define X2APIC_DIVIDE    0x83e
#define SPURIOUS_ENABLE  (1u << 8)
#define LVT_PERIODIC     (1u << 17)
#define DIVIDE_BY_1      0xb
#define APIC_COUNT       10000000 /* of the bus clock or the crystal: some 10 to 500 a second */

#define PIC1      0x20
#define PIC2      0xa0
#define PIC_EOI   0x20
#define PIT_DATA  0x40
#define PIT_MODE  0x43
#define PIT_COUNT 11932 /* of 1.193182 MHz: 100 a second */

volatile unsigned long ticks;
static int x2apic;

static void start_apic(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);

    if (!(base & 1u << 11)) /* from disabled to x2APIC it goes in two steps */
        wrmsr(MSR_APIC_BASE, base | 1u << 11);
    wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
    wrmsr(X2APIC_SPURIOUS, SPURIOUS_ENABLE | SPURIOUS_VECTOR);
    wrmsr(X2APIC_TPR, 0);
    wrmsr(X2APIC_DIVIDE, DIVIDE_BY_1);
    wrmsr(X2APIC_LVT_TIMER, LVT_PERIODIC | TIMER_VECTOR);
    wrmsr(X2APIC_INITIAL, APIC_COUNT);
}

/* The 8259s are masked, but where their vectors are is as firmware left it: over exceptions. */
static void start_pit(void)
{
    static const uint8_t words[][2] = {
        {0x11, 0x11}, {TIMER_VECTOR, TIMER_VECTOR + 8}, {4, 2}, {1, 1}};

    for (int i = 0; i < 4; i++) {
        outb(i == 0 ? PIC1 : PIC1 + 1, words[i][0]);
        outb(i == 0 ? PIC2 : PIC2 + 1, words[i][1]);
    }
    outb(PIC1 + 1, 0xfe); /* IRQ 0 alone */
    outb(PIC2 + 1, 0xff);
    outb(PIT_MODE, 0x34); /* channel 0, both bytes, rate generator */
    outb(PIT_DATA, PIT_COUNT & 0xff);
    outb(PIT_DATA, PIT_COUNT >> 8);
}

const char *timer_start(void)
{
    uint32_t ecx, edx;

    cpuid(1, &ecx, &edx);
    x2apic = (ecx & CPUID_1_ECX_X2APIC) != 0;
    if (x2apic)
        start_apic();
    else
        start_pit();
    return x2apic ? "local APIC, x2APIC" : "PIT";
}

void timer_interrupt(void)
{
    ticks++;
    if (x2apic)
        wrmsr(X2APIC_EOI, 0);
    else
        outb(PIC1, PIC_EOI);
}
