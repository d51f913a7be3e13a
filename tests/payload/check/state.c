/* SPDX-License-Identifier: MIT */
/* The CPU at entry: the rows of README.md's table. */
#include "check.h"
#include "saved.h"

extern const uint64_t saved[SAVED_WORDS] __attribute__((visibility("hidden")));
extern const uint8_t saved_fx[SAVED_FX_BYTES] __attribute__((visibility("hidden")));

#define CR4_BASE 0x620u /* PAE OSFXSR OSXMMEXCPT */

struct cpuid {
    uint32_t a, b, c, d;
};

static struct cpuid cpuid(uint32_t leaf)
{
    struct cpuid r;

    __asm__("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(0));
    return r;
}

static bool has(uint32_t leaf, uint32_t (*reg)(struct cpuid), unsigned bit)
{
    if (cpuid(leaf & 0x80000000u).a < leaf)
        return false;
    return reg(cpuid(leaf)) >> bit & 1;
}

static uint32_t b(struct cpuid r)
{
    return r.b;
}

static uint32_t c(struct cpuid r)
{
    return r.c;
}

static uint32_t d(struct cpuid r)
{
    return r.d;
}

static uint64_t wanted_cr4(void)
{
    return CR4_BASE | (has(1, d, 13) ? 1u << 7 : 0) | (has(1, d, 7) ? 1u << 6 : 0) |
           (has(7, b, 7) ? 1u << 20 : 0) | (has(7, b, 20) ? 1u << 21 : 0) |
           (has(7, c, 2) ? 1u << 11 : 0) | (info->levels == 5 ? 1u << 12 : 0);
}

static uint32_t wanted_features(void)
{
    return (has(0x80000001, d, 20) ? FOOTING_CPU_NX : 0) |
           (has(0x80000001, d, 26) ? FOOTING_CPU_1G : 0) | (has(1, d, 16) ? FOOTING_CPU_PAT : 0) |
           (has(1, d, 12) ? FOOTING_CPU_MTRR : 0) | (has(1, d, 13) ? FOOTING_CPU_PGE : 0) |
           (has(7, b, 7) ? FOOTING_CPU_SMEP : 0) | (has(7, b, 20) ? FOOTING_CPU_SMAP : 0) |
           (has(7, c, 2) ? FOOTING_CPU_UMIP : 0) | (has(7, c, 16) ? FOOTING_CPU_LA57 : 0);
}

static bool in_image(uint64_t va, uint64_t len)
{
    return va >= info->image_va && va + len <= info->image_va + info->image_len;
}

static void check_general(void)
{
    static const char *const names[] = {"rax", "rbx", "rcx", "rdx", "rsi", "rbp", "r8",
                                        "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        promise_equal(names[i], saved[SAVED_RAX + i], 0);
    promise_equal("rsp", saved[SAVED_RSP], info->stack_va + info->stack_len - 8);
    promise_equal("rflags", saved[SAVED_RFLAGS], 2);
    promise("the return address is in Footing's text",
            in_image(saved[SAVED_RETURN], 1) &&
                is_mapped(saved[SAVED_RETURN], 1, false, true, FOOTING_WB));
}

static void check_segment_registers(void)
{
    promise_equal("cs", saved[SAVED_CS], 0x08);
    promise_equal("ss", saved[SAVED_SS], 0x10);
    promise_equal("ds", saved[SAVED_DS], 0x10);
    promise_equal("es", saved[SAVED_ES], 0x10);
    promise_equal("fs", saved[SAVED_FS], 0);
    promise_equal("gs", saved[SAVED_GS], 0);
    promise_equal("fs base", saved[SAVED_FS_BASE], 0);
    promise_equal("gs base", saved[SAVED_GS_BASE], 0);
    promise_equal("KERNEL_GS_BASE", saved[SAVED_KERNEL_GS_BASE], 0);
    promise("the GDT is Footing's",
            in_image(saved[SAVED_GDTR_BASE], (saved[SAVED_GDTR_LIMIT] >> 48) + 1));
    promise("the IDT is Footing's, with a gate for every exception",
            in_image(saved[SAVED_IDTR_BASE], (saved[SAVED_IDTR_LIMIT] >> 48) + 1) &&
                saved[SAVED_IDTR_LIMIT] >> 48 >= 32 * 16 - 1);
    promise("there is a TSS", saved[SAVED_TR] != 0);
}

static void check_control(void)
{
    promise_equal("cr0", saved[SAVED_CR0], 0x80010033);
    promise_equal("cr3", saved[SAVED_CR3], info->root_pa);
    promise_equal("cr4", saved[SAVED_CR4], wanted_cr4());
    promise_equal("EFER", saved[SAVED_EFER], 0xd00);
    if (has(1, d, 16))
        promise_equal("IA32_PAT", saved[SAVED_PAT], 0x0007050100070406);
    for (unsigned i = 0; i < 4; i++)
        promise_equal("dr0 to dr3", saved[SAVED_DR0 + i], 0);
    promise_equal("dr6", saved[SAVED_DR6], 0xffff0ff0);
    promise_equal("dr7", saved[SAVED_DR7], 0x400);
    promise_equal("first 8259's mask", saved[SAVED_PIC_MASTER], 0xff);
    promise_equal("second 8259's mask", saved[SAVED_PIC_SLAVE], 0xff);
}

static void check_fpu(void)
{
    uint16_t control, status;
    uint32_t mxcsr;

    __builtin_memcpy(&control, saved_fx, sizeof(control));
    __builtin_memcpy(&status, saved_fx + 2, sizeof(status));
    __builtin_memcpy(&mxcsr, saved_fx + 24, sizeof(mxcsr));
    promise_equal("x87 control word", control, 0x37f);
    promise_equal("x87 status word", status, 0);
    promise_equal("x87 tags, none in use", saved_fx[4], 0);
    promise_equal("mxcsr", mxcsr, 0x1f80);
}

static void check_told(void)
{
    const struct footing_cpu *cpu = &info->cpu;
    uint32_t phys = cpuid(0x80000000).a >= 0x80000008 ? cpuid(0x80000008).a & 0xff : 36;

    promise_equal("info: cr0", cpu->cr0, saved[SAVED_CR0]);
    promise_equal("info: cr3", cpu->cr3, saved[SAVED_CR3]);
    promise_equal("info: cr4", cpu->cr4, saved[SAVED_CR4]);
    promise_equal("info: EFER", cpu->efer, saved[SAVED_EFER]);
    promise_equal("info: PAT", cpu->pat, has(1, d, 16) ? saved[SAVED_PAT] : 0);
    promise_equal("info: APIC base", cpu->apic_base, saved[SAVED_APIC_BASE]);
    promise_equal("info: physical address bits", cpu->phys_bits, phys);
    promise_equal("info: features", cpu->features, wanted_features());
}

void check_state(void)
{
    promise_equal("rdi", saved[SAVED_RDI], (uint64_t)info);
    check_general();
    check_segment_registers();
    check_control();
    check_fpu();
    check_told();
}
