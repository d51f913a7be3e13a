/* SPDX-License-Identifier: MIT */
/* What an exception says before it stops the machine. */
#include "console.h"
#include "cpu.h"
#include "dump.h"
#include "fault.h"
#include "image.h"
#include "pagetable.h"
#include "panic.h"
#include "pmap.h"
#include "port.h"
#include "trap.h"
#include "walk.h"
#include "x86.h"

/* How much of the interrupted stack is looked through, and how much of what is found is shown. */
#define STACK_WORDS 512u
#define STACK_SHOWN 12u

extern char ist_df_stack[], ist_df_stack_top[];
extern char ist_nmi_stack[], ist_nmi_stack_top[];
extern char ist_mc_stack[], ist_mc_stack_top[];

#define STACK(says, from, to) \
    { \
        .name = (says), .start = (uint64_t)(from), .end = (uint64_t)(to) \
    }

static const struct fault_stack stacks[] = {
    STACK("boot stack", boot_stack, boot_stack_top),
    STACK("stack of #DF", ist_df_stack, ist_df_stack_top),
    STACK("stack of NMI", ist_nmi_stack, ist_nmi_stack_top),
    STACK("stack of #MC", ist_mc_stack, ist_mc_stack_top),
};

/* Null: no plan is made yet, and nothing but the image is mapped. */
static const struct plan *known;

/* The exception that is reported: one that is met meanwhile has another CR2. */
static struct {
    const struct trap_frame *frame;
    uint64_t cr2;
} reported;

void trap_plan(const struct plan *plan)
{
    known = plan;
}

static const char *place_of(uint64_t va, uint64_t *offset)
{
    const struct image_segment *text = &image_segments[0];
    struct mapping image = {.va = text->start,
                            .len = text->end - text->start,
                            .rights = RIGHT_X,
                            .what = WHAT_IMAGE_TEXT};
    const struct plan before = {.entries = &image, .count = 1};

    return fault_place(known ? known : &before, va, offset);
}

static bool has_cr2(uint64_t vector)
{
    return vector == VECTOR_PF || vector == VECTOR_DF;
}

/* The panic's words. Each message quotes the one before. */
static const char *describe(const struct trap_frame *f)
{
    const char *words = fault_code(f->vector, f->error);
    const char *text = message("%s%s%s", fault_name(f->vector), *words ? ": " : "", words);
    const char *full = fault_overflowed(stacks, sizeof(stacks) / sizeof(stacks[0]), f->vector,
                                        f->rsp, reported.cr2);
    uint64_t offset;
    const char *place = place_of(f->rip, &offset);

    if (has_cr2(f->vector))
        text = message("%s, cr2 0x%lx", text, reported.cr2);
    if (full)
        text = message("%s, stack overflow: %s", text, full);
    if (place)
        text = message("%s, at %s+0x%lx", text, place, offset);
    return text;
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
    uint64_t offset = 0;
    const char *place = place_of(f->rip, &offset);

    log_print(LOG_ALWAYS, "  rip %016lx", f->rip);
    if (place)
        log_print(LOG_ALWAYS, " (%s+0x%lx)", place, offset);
    log_print(LOG_ALWAYS, " cs %04lx rflags %08lx rsp %016lx ss %04lx\n", f->cs, f->rflags, f->rsp,
              f->ss);
    log_print(LOG_ALWAYS, "  rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx, f->rcx,
              f->rdx);
    log_print(LOG_ALWAYS, "  rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", f->rsi, f->rdi, f->rbp,
              f->r8);
    log_print(LOG_ALWAYS, "  r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", f->r9, f->r10, f->r11,
              f->r12);
    log_print(LOG_ALWAYS, "  r13 %016lx r14 %016lx r15 %016lx\n", f->r13, f->r14, f->r15);
}

/*
 * A copy of the page at va, for one look; null: the tables have none there, or
 * one that reading may change, which is all but write-back memory. Asks the
 * tables, so that nothing can fault.
 */
static const uint64_t *copy_page(uint64_t va)
{
    uint64_t entries[PT_MAX_LEVELS];
    unsigned levels = cpu_levels();
    unsigned shift = 64 - slot_shift(levels);
    unsigned level = levels - pt_lookup(cpu_root(), levels, va, &pmap_snapshots, entries);
    uint64_t entry = entries[levels - 1 - level];
    uint64_t inside = (UINT64_C(1) << slot_shift(level)) - 1;
    enum memtype type;
    unsigned rights;

    if ((uint64_t)((int64_t)(va << shift) >> shift) != va || !(entry & PTE_P))
        return NULL;
    pte_decode(entry, level, &rights, &type);
    if (type != MEMTYPE_WB)
        return NULL;
    return pmap_snapshots.map(pmap_snapshots.ctx,
                              (entry & PTE_ADDR & ~inside) | (va & inside & ~PAGE_MASK));
}

/* Addresses of code that stand on the stack: calls return to some of them, others are long done. */
static void print_stack(uint64_t rsp)
{
    uint64_t at = (rsp + 7) & ~UINT64_C(7);
    const uint64_t *page = NULL;
    unsigned shown = 0;

    for (unsigned i = 0; i < STACK_WORDS && shown < STACK_SHOWN; i++, at += sizeof(at)) {
        uint64_t offset;
        const char *place;

        if (page && (at & PAGE_MASK) == 0) {
            pmap_snapshots.unmap(pmap_snapshots.ctx, page);
            page = NULL;
        }
        if (!page)
            page = copy_page(at);
        if (!page)
            break;
        place = place_of(page[(at & PAGE_MASK) / sizeof(at)], &offset);
        if (!place)
            continue;
        if (shown++ == 0)
            log_print(LOG_ALWAYS, "  on the stack, perhaps where calls return to:\n");
        log_print(LOG_ALWAYS, "    rsp+0x%03lx %s+0x%lx\n", at - rsp, place, offset);
    }
    if (page)
        pmap_snapshots.unmap(pmap_snapshots.ctx, page);
}

static void print_details(const struct trap_frame *f)
{
    const char *words = fault_code(f->vector, f->error);

    log_print(LOG_ALWAYS, "footing: exception %lu (%s), error code 0x%lx%s%s%s\n", f->vector,
              fault_name(f->vector), f->error, *words ? " (" : "", words, *words ? ")" : "");
    print_registers(f);
    print_stack(f->rsp);
    if (has_cr2(f->vector))
        print_walk(reported.cr2);
    if (f->vector == VECTOR_PF && console_wants(LOG_DETAIL))
        dump_print(cpu_root());
}

/* An exception while something is printed: its own few words, for the screen may be the reason. */
static void print_interruption(const struct trap_frame *f)
{
    console_lose_screen();
    log_print(LOG_ALWAYS, "\nfooting: screen: given up, exception %lu (%s) while printing",
              f->vector, fault_name(f->vector));
    log_print(LOG_ALWAYS, " (rip 0x%lx, cr2 0x%lx)\n", f->rip, read_cr2());
}

void trap_handler(const struct trap_frame *frame)
{
    static unsigned met;
    struct error err = {.code = ERR_FAULT};

    met++;
    console_all();
    if (met > 1 || panic_is_printing())
        print_interruption(frame);
    if (met == 1) {
        reported.frame = frame;
        reported.cr2 = read_cr2();
    }
    /* Details first, so that the line that says why comes last; once more without the screen. */
    if (met <= 2 && !panic_is_printing())
        print_details(reported.frame);
    err.at = reported.frame->rip;
    err.value = reported.frame->vector;
    if (!panic_is_printing())
        err.text = describe(reported.frame);
    panic(&err);
}
