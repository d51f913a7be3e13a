/* SPDX-License-Identifier: MIT */
#include "xen.h"

#include "port.h"
#include "x86.h"

/* Its first leaf; or the next, if it shows Windows what Windows looks for. */
#define XEN_LEAF      0x40000000u
#define XEN_LEAF_NEXT 0x40000100u

/* "XenVMMXenVMM" */
#define XEN_EBX 0x566e6558u
#define XEN_ECX 0x65584d4du
#define XEN_EDX 0x4d4d566eu

/* public/xen.h, public/memory.h. */
#define HYPERCALL_MEMORY_OP 12u
#define XENMEM_MEMORY_MAP   9u

/* struct xen_memory_map; the buffer is a linear address. */
struct memory_map {
    uint32_t count;
    void *buffer;
};
_Static_assert(sizeof(struct memory_map) == 16, "as Xen has it");

static bool is_xen(struct cpuid_answer leaf)
{
    return leaf.ebx == XEN_EBX && leaf.ecx == XEN_ECX && leaf.edx == XEN_EDX;
}

bool xen_present(void)
{
    if (!(cpuid(CPUID_1, 0).ecx & CPUID_1_ECX_HYPERVISOR))
        return false;
    return is_xen(cpuid(XEN_LEAF, 0)) || is_xen(cpuid(XEN_LEAF_NEXT, 0));
}

static bool has_vmmcall(void)
{
    uint32_t vendor = cpuid(CPUID_VENDOR, 0).ebx;

    return vendor == CPUID_VENDOR_AMD_EBX || vendor == CPUID_VENDOR_HYGON_EBX;
}

/*
 * Xen takes a hypercall wherever the instruction stands, so that there is no
 * need of its hypercall page, a frame that would be written by Xen and
 * executed by us.
 */
static int64_t memory_op(uint64_t op, void *argument)
{
    uint64_t rax = HYPERCALL_MEMORY_OP;

    if (has_vmmcall())
        __asm__ volatile("vmmcall" : "+a"(rax), "+D"(op), "+S"(argument) : : "memory");
    else
        __asm__ volatile("vmcall" : "+a"(rax), "+D"(op), "+S"(argument) : : "memory");
    return (int64_t)rax;
}

int64_t xen_memory_map(void *entries, uint32_t *count)
{
    struct memory_map map = {.count = *count, .buffer = entries};
    int64_t answer = memory_op(XENMEM_MEMORY_MAP, &map);

    *count = map.count;
    return answer;
}
