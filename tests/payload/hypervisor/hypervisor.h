/* SPDX-License-Identifier: MIT */
#ifndef HYPERVISOR_H
#define HYPERVISOR_H

#include <footing.h>

#define PAGE_SIZE 4096ul

/* What Footing handed over; set before anything else is called. */
extern const struct footing_info *info;

/* print.c: %s, %lu, %lx. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* pages.c: 4 KiB pages, reached through the directmap. */
void pages_add(const struct footing_range *range);
void *page_alloc(void); /* zeroed; null: there are none left */
void page_free(void *page);
unsigned long pages_free(void);

/* vmap.c: pages in a row, whatever their frames are. Null or 0: it could not be done, and said why. */
void *vmap(void *const *pages, unsigned long count);
int vmap_read_only(void *mapped, unsigned long count);
int vunmap(void *mapped, unsigned long count);
void *vmap_device(uint64_t pa, uint64_t len);

/* traps.c: own GDT, TSS and IDT. */
void traps_init(void);

/* timer.c: some interrupts a second, once interrupts are on. */
#define TIMER_VECTOR    32 /* also the first of 16 for the 8259s */
#define SPURIOUS_VECTOR 47 /* some CPUs take a spurious vector's low four bits as ones */
extern volatile unsigned long ticks;
const char *timer_start(void); /* the timer's name */
void timer_interrupt(void);

/* vectors.S, as it is on the stack from its pointer upwards. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};
void trap(struct trap_frame *frame);

static inline void cpuid(uint32_t leaf, uint32_t *ecx, uint32_t *edx)
{
    uint32_t eax = leaf, ebx;

    *ecx = 0;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(*ecx), "=d"(*edx));
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static inline void outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

#endif
