/* SPDX-License-Identifier: MIT */
/*
 * The x86-64 architecture's own numbers, for C and assembly alike.
 * SDM = Intel 64 and IA-32 Architectures Software Developer's Manual,
 * APM = AMD64 Architecture Programmer's Manual.
 */
#ifndef X86_H
#define X86_H

#ifdef __ASSEMBLER__
#define U64(x) x
#else
#include <stdint.h>
#define U64(x) UINT64_C(x)
#endif

/* Control registers, SDM vol. 3 section 2.5. */
#define CR0_PE U64(0x00000001)
#define CR0_MP U64(0x00000002)
#define CR0_ET U64(0x00000010)
#define CR0_NE U64(0x00000020)
#define CR0_WP U64(0x00010000)
#define CR0_PG U64(0x80000000)

#define CR4_PAE        U64(0x00000020)
#define CR4_MCE        U64(0x00000040)
#define CR4_PGE        U64(0x00000080)
#define CR4_OSFXSR     U64(0x00000200)
#define CR4_OSXMMEXCPT U64(0x00000400)
#define CR4_UMIP       U64(0x00000800)
#define CR4_LA57       U64(0x00001000)
#define CR4_SMEP       U64(0x00100000)
#define CR4_SMAP       U64(0x00200000)

#define EFLAGS_FIXED 0x00000002 /* all that is always set */
#define EFLAGS_IF    U64(0x00000200)
#define EFLAGS_ID    U64(0x00200000)

/* Values after reset: debug registers (SDM vol. 3 table 10-1), MXCSR (vol. 1 section 10.2.3). */
#define DR6_DEFAULT   0xffff0ff0
#define DR7_DEFAULT   0x00000400
#define MXCSR_DEFAULT 0x1f80

/* Model-specific registers, SDM vol. 4. */
#define MSR_MTRRCAP        0x000000fe
#define MSR_MISC_ENABLE    0x000001a0
#define MSR_MTRR_PHYSBASE0 0x00000200
#define MSR_MTRR_PHYSMASK0 0x00000201
#define MSR_MTRR_FIX64K    0x00000250
#define MSR_MTRR_FIX16K    0x00000258
#define MSR_MTRR_FIX4K     0x00000268
#define MSR_PAT            0x00000277
#define MSR_MTRR_DEF_TYPE  0x000002ff
#define MSR_APIC_BASE      0x0000001b
#define MSR_TME_ACTIVATE   0x00000982
#define MSR_EFER           0xc0000080
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_SEV_STATUS     0xc0010131 /* AMD */
#define MSR_SYSCFG         0xc0010010 /* AMD */
#define MSR_TOP_MEM2       0xc001001d

/* SYSCFG: TOP_MEM2 counts, and what is below it is write-back by default. */
#define SYSCFG_TOM2_WB U64(0x00600000)
#define TOP_MEM2_MASK  U64(0x000fffffff800000)

/* Bit 34 of IA32_MISC_ENABLE, as a bit of the high half. */
#define MISC_ENABLE_XD_DISABLE_HI 0x00000004

#define EFER_LME U64(0x00000100)
#define EFER_LMA U64(0x00000400)
#define EFER_NXE U64(0x00000800)

/* CPUID, SDM vol. 2 "CPUID"; APM vol. 3 appendix E. */
#define CPUID_VENDOR     0x00000000
#define CPUID_1          0x00000001
#define CPUID_7          0x00000007
#define CPUID_TDX        0x00000021
#define CPUID_EXT_MAX    0x80000000
#define CPUID_EXT_1      0x80000001
#define CPUID_ADDR_SIZES 0x80000008
#define CPUID_ENCRYPTION 0x8000001f

#define CPUID_VENDOR_INTEL_EBX 0x756e6547 /* "Genu" */
#define CPUID_VENDOR_AMD_EBX   0x68747541 /* "Auth" */
#define CPUID_VENDOR_HYGON_EBX 0x6f677948 /* "Hygo" */
#define CPUID_1_ECX_HYPERVISOR 0x80000000

#define CPUID_1_EDX_MCE    0x00000080
#define CPUID_1_EDX_APIC   0x00000200
#define CPUID_1_EDX_MTRR   0x00001000
#define CPUID_1_EDX_PGE    0x00002000
#define CPUID_1_EDX_PAT    0x00010000
#define CPUID_1_EDX_CLFSH  0x00080000
#define CPUID_7_EBX_SMEP   0x00000080
#define CPUID_7_EBX_SMAP   0x00100000
#define CPUID_7_ECX_UMIP   0x00000004
#define CPUID_7_ECX_TME    0x00002000
#define CPUID_7_ECX_LA57   0x00010000
#define CPUID_EXT_1_EDX_NX 0x00100000
#define CPUID_EXT_1_EDX_1G 0x04000000
#define CPUID_EXT_1_EDX_LM 0x20000000
#define CPUID_1F_EAX_SME   0x00000001
#define CPUID_1F_EAX_SEV   0x00000002
#define CPUID_TDX_EBX      0x65746e49 /* "Inte" */
#define CPUID_TDX_EDX      0x5844546c /* "lTDX" */
#define CPUID_TDX_ECX      0x20202020 /* "    " */

/* SEV_STATUS, APM vol. 2, 15.34.10. */
#define SEV_STATUS_SEV 0x00000001
#define SEV_STATUS_ES  0x00000002
#define SEV_STATUS_SNP 0x00000004

/* Paging-structure entries, SDM vol. 3 section 4.5. */
#define PTE_P         U64(0x0000000000000001)
#define PTE_W         U64(0x0000000000000002)
#define PTE_U         U64(0x0000000000000004)
#define PTE_PWT       U64(0x0000000000000008)
#define PTE_PCD       U64(0x0000000000000010)
#define PTE_A         U64(0x0000000000000020)
#define PTE_D         U64(0x0000000000000040)
#define PTE_PS        U64(0x0000000000000080) /* in a 2 MiB or 1 GiB leaf */
#define PTE_PAT_4K    U64(0x0000000000000080) /* in a 4 KiB leaf */
#define PTE_G         U64(0x0000000000000100)
#define PTE_PAT_LARGE U64(0x0000000000001000) /* in a 2 MiB or 1 GiB leaf */
#define PTE_NX        U64(0x8000000000000000)
#define PTE_NX_HI     0x80000000
#define PTE_ADDR      U64(0x000ffffffffff000)

#define PAGE_SHIFT  12
#define TABLE_SHIFT 9 /* log2 of a table's slots */
#define TABLE_SLOTS 512
#define PAGE_SIZE   U64(0x1000)
#define PAGE_MASK   U64(0xfff)

/* Footing's global descriptor table: the selectors it loads. */
#define SEL_CODE64 0x08
#define SEL_DATA   0x10
#define SEL_TSS    0x18
#define SEL_CODE32 0x18 /* in place of it, in the descriptor tables for a change of mode */

#endif
