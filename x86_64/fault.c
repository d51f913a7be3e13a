/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include "layout.h"
#include "print.h"
#include "words.h"

#define VECTOR_TS 10
#define VECTOR_GP 13
#define VECTOR_CP 21

/* The error code of a page fault, SDM vol. 3 figure 4-12. */
#define PF_PRESENT      0x0001u
#define PF_WRITE        0x0002u
#define PF_USER         0x0004u
#define PF_RESERVED     0x0008u
#define PF_FETCH        0x0010u
#define PF_KEY          0x0020u
#define PF_SHADOW_STACK 0x0040u
#define PF_SGX          0x8000u

/* That of what has to do with a segment, SDM vol. 3 figure 6-7. */
#define SELECTOR_EXTERNAL 0x1u
#define SELECTOR_IDT      0x2u
#define SELECTOR_LDT      0x4u
#define SELECTOR_SHIFT    3
#define SELECTOR_MASK     0xfff8u

#define CP_MASK 0x7fffu

const char *fault_name(uint64_t vector)
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
        "#CP control protection\0"
        "\0\0\0\0\0\0"
        "#HV hypervisor injection\0"
        "#VC VMM communication\0"
        "#SX security exception\0";
    const char *name = word_at(names, sizeof(names), vector);

    return name ? name : "reserved";
}

/* Why the CPU refused: the entries on the way, or the rights in them. */
static const char *page_fault_cause(uint64_t code)
{
    if (!(code & PF_PRESENT))
        return "page not present";
    if (code & PF_RESERVED)
        return "reserved bit set in an entry";
    return code & PF_KEY ? "against the protection key" : "against the page's rights";
}

static const char *page_fault(uint64_t code)
{
    const char *access = "read";

    if (code & PF_FETCH)
        access = "fetch";
    else if (code & PF_WRITE)
        access = "write";
    return message("%s%s, %s%s%s", code & PF_USER ? "user " : "", access, page_fault_cause(code),
                   code & PF_SHADOW_STACK ? ", shadow stack" : "", code & PF_SGX ? ", SGX" : "");
}

static const char *selector(uint64_t code)
{
    const char *external = code & SELECTOR_EXTERNAL ? ", while an event was delivered" : "";

    if (code & SELECTOR_IDT)
        return message("vector 0x%lx of the IDT%s", (code & SELECTOR_MASK) >> SELECTOR_SHIFT,
                       external);
    if ((code & (SELECTOR_MASK | SELECTOR_LDT)) == 0)
        return external[0] != '\0' ? external + 2 : "";
    return message("%s selector 0x%lx%s", code & SELECTOR_LDT ? "LDT" : "GDT", code & SELECTOR_MASK,
                   external);
}

static const char *control_protection(uint64_t code)
{
    static const char names[] = /* from 0 on; SDM vol. 3, interrupt 21 */
        "\0"
        "near return\0"
        "far return or IRET\0"
        "no ENDBRANCH\0"
        "RSTORSSP\0"
        "SETSSBSY\0";
    const char *name = word_at(names, sizeof(names), code & CP_MASK);

    return name ? name : "";
}

const char *fault_code(uint64_t vector, uint64_t code)
{
    if (vector == VECTOR_PF)
        return page_fault(code);
    if (vector >= VECTOR_TS && vector <= VECTOR_GP)
        return selector(code);
    return vector == VECTOR_CP ? control_protection(code) : "";
}

static bool is_guard(const struct fault_stack *stack, uint64_t va)
{
    return va < stack->start && stack->start - va <= GUARD_SIZE;
}

const char *fault_overflowed(const struct fault_stack *stacks, size_t count, uint64_t vector,
                             uint64_t rsp, uint64_t cr2)
{
    bool counts = vector == VECTOR_PF || vector == VECTOR_DF;

    for (size_t i = 0; i < count; i++) {
        if (is_guard(&stacks[i], rsp) || (counts && is_guard(&stacks[i], cr2)))
            return stacks[i].name;
    }
    return NULL;
}

/* The image and a payload are several entries each, and count from their first. */
static uint64_t first_va(const struct plan *plan, const struct mapping *m)
{
    for (size_t i = 0; m->what == WHAT_PAYLOAD && i < plan->count; i++) {
        if (plan->entries[i].what == WHAT_PAYLOAD)
            return plan->entries[i].va;
    }
    return m->va;
}

const char *fault_place(const struct plan *plan, uint64_t va, uint64_t *offset)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct mapping *m = &plan->entries[i];

        if (!(m->rights & RIGHT_X) || va - m->va >= m->len)
            continue;
        *offset = va - first_va(plan, m);
        return m->what == WHAT_IMAGE_TEXT ? "image" : mapping_what_name((enum mapping_what)m->what);
    }
    return NULL;
}
