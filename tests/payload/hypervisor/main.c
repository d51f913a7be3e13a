/* SPDX-License-Identifier: MIT */
/*
 * The first steps of a hypervisor on Footing: memory of its own, exceptions of
 * its own, a timer. With "fault" on its command line it shows an exception.
 */
#include "hypervisor.h"

const struct footing_info *info;

static void take_memory(void)
{
    struct footing_range given_up[4];
    unsigned long at_first;
    uint64_t count;

    for (uint64_t i = 0; i < info->free_count; i++)
        pages_add(&info->free[i]);
    at_first = pages_free();
    /* Our own file, and the loader's information: both have served. */
    while ((count = info->calls->reclaim(given_up, 4)) > 0) {
        for (uint64_t i = 0; i < count; i++)
            pages_add(&given_up[i]);
    }
    print("hypervisor: %lu pages free, %lu of them reclaimed\n", pages_free(),
          pages_free() - at_first);
}

/* Here VMXON's region or the host save area would be set up in a page of our own. */
static void look_at_cpu(void)
{
    uint32_t ecx, ext_ecx, edx;
    void *page = page_alloc();

    cpuid(0x80000001, &ext_ecx, &edx);
    cpuid(1, &ecx, &edx);
    print("hypervisor: the CPU has %s\n", ecx & 1u << 5       ? "VMX"
                                          : ext_ecx & 1u << 2 ? "SVM"
                                                              : "neither VMX nor SVM");
    page_free(page);
}

/* Two pages in the wrong order, seen in a row; and the local APIC's registers. */
static void try_vmap(void)
{
    void *pages[2] = {page_alloc(), page_alloc()};
    volatile char *row = vmap(pages, 2);
    volatile uint32_t *apic = vmap_device(0xfee00000, PAGE_SIZE);

    if (!row || !apic)
        return;
    row[PAGE_SIZE - 1] = 'a';
    row[PAGE_SIZE] = 'b';
    print("hypervisor: vmap: %s, local APIC version 0x%lx\n",
          ((char *)pages[0])[PAGE_SIZE - 1] == 'a' && *(char *)pages[1] == 'b' ? "in a row" : "no",
          (uint64_t)(apic[0x30 / 4] & 0xff));
    if (vmap_read_only((void *)row, 2) && vunmap((void *)row, 2)) {
        page_free(pages[0]);
        page_free(pages[1]);
    }
}

/* Volatile, so that the compiler does not reason about it. */
static volatile char *volatile nowhere = (volatile char *)8;

static int asked_to_fault(void)
{
    const char *line = info->command_line;
    const char *word = "fault";

    while (*word != '\0' && *line == *word) {
        line++;
        word++;
    }
    return *word == '\0';
}

/* The entry: interrupts are off, the 8259s masked, address 0 is not mapped. */
void hypervisor_main(const struct footing_info *handed_over);

void hypervisor_main(const struct footing_info *handed_over)
{
    if (handed_over->magic != FOOTING_MAGIC || handed_over->version < FOOTING_VERSION)
        return; /* Footing says so, and stops. */
    info = handed_over;
    traps_init();
    take_memory();
    look_at_cpu();
    try_vmap();

    __asm__ volatile("int3"); /* handled, and back */
    if (asked_to_fault())
        (void)*nowhere; /* not back */

    print("hypervisor: timer: %s\n", timer_start());
    __asm__ volatile("sti");
    while (ticks < 10)
        __asm__ volatile("hlt");
    __asm__ volatile("cli");
    print("hypervisor: %lu ticks\n", ticks);

    info->calls->finish(1); /* leaves QEMU with status 33; halts a real machine */
}
