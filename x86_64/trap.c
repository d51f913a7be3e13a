/* SPDX-License-Identifier: MIT */
/* Descriptor tables, and what an exception says before it stops the machine. */
#include "trap.h"

#include "console.h"
#include "cpu.h"
#include "dump.h"
#include "panic.h"
#include "pmap.h"
#include "port.h"
#include "walk.h"
#include "words.h"
#include "x86.h"

#define VECTOR_NMI 2
#define VECTOR_DF  8
#define VECTOR_PF  14
#define VECTOR_MC  18

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

static const char *vector_name(uint64_t vector)
{
    static const char names[] = /* from 0 on */
        "#DE divide error\0"
        "#DB debug\0"
        "NMI\0"
        "#BP breakpoint\0"
        "#OF overflow\0"
        "#BR bound range exceeded\0"
        "#UD invalid opcode\0"
        "#NM no FPU\0"
        "#DF double fault\0"
        "coprocessor overrun\0"
        "#TS invalid TSS\0"
        "#NP segment not present\0"
        "#SS stack fault\0"
        "#GP general protection\0"
        "#PF page fault\0"
        "reserved\0"
        "#MF FPU error\0"
        "#AC alignment check\0"
        "#MC machine check\0"
        "#XM SIMD error\0"
        "#VE virtualization\0"
        "#CP control protection\0";
    const char *name = word_at(names, sizeof(names), vector);

    return name ? name : "reserved";
}

static void print_walk(uint64_t va)
{
    uint64_t entries[PT_MAX_LEVELS];
    unsigned levels = cpu_levels();
    unsigned read = pt_lookup(cpu_root(), levels, va, &pmap_snapshots, entries);

    log_print(LOG_ALWAYS, "  cr2 0x%016lx, root 0x%lx", va, cpu_root());
    for (unsigned i = 0; i < read; i++)
        log_print(LOG_ALWAYS, ", l%u 0x%lx", levels - i, entries[i]);
    log_print(LOG_ALWAYS, "\n");
}

static void print_registers(const struct trap_frame *f)
{
    log_print(LOG_ALWAYS, "  rip %016lx cs %04lx rflags %08lx rsp %016lx ss %04lx\n", f->rip, f->cs,
              f->rflags, f->rsp, f->ss);
    log_print(LOG_ALWAYS, "  rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx, f->rcx,
              f->rdx);
    log_print(LOG_ALWAYS, "  rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", f->rsi, f->rdi, f->rbp,
              f->r8);
    log_print(LOG_ALWAYS, "  r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", f->r9, f->r10, f->r11,
              f->r12);
    log_print(LOG_ALWAYS, "  r13 %016lx r14 %016lx r15 %016lx\n", f->r13, f->r14, f->r15);
}

void trap_handler(const struct trap_frame *frame)
{
    static bool trapped;
    const struct error err = {
        .code = ERR_FAULT,
        .at = frame->rip,
        .value = frame->vector,
        .text = vector_name(frame->vector),
    };

    /* Details first, so that the line that says why comes last; once, should they fault too. */
    if (!trapped) {
        trapped = true;
        console_all();
        log_print(LOG_ALWAYS, "footing: exception %lu (%s), error code 0x%lx\n", frame->vector,
                  vector_name(frame->vector), frame->error);
        print_registers(frame);
        if (frame->vector == VECTOR_PF)
            print_walk(read_cr2());
        if (frame->vector == VECTOR_PF && console_wants(LOG_DETAIL))
            dump_print(cpu_root());
    }
    panic(&err);
}
