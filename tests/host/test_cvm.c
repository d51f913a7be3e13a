/* SPDX-License-Identifier: MIT */
/*
 * Which guests are confidential, by CPUID and SEV_STATUS as data: FIND_CVM of
 * boot/cvm.inc, as the image has it, run on answers that are made here.
 */
#include "random.h"
#include "test.h"
#include "x86.h"

/* As boot/cvm.inc: bits of SEV_STATUS, or TDX. */
enum { NONE = 0, SEV = 1, ES = 2, SNP = 4, TDX = 8 };

static struct {
    uint32_t max_leaf;
    uint32_t tdx[3]; /* ebx, ecx, edx of leaf 0x21 */
    uint32_t features_ecx;
    uint32_t max_extended;
    uint32_t encryption_eax;
    uint64_t status;
    unsigned status_reads;
} cpu;

uint32_t find_cvm(void);
void answer_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
uint64_t answer_msr(uint32_t number);

/* Registers that are not asked for are full of bits. */
void answer_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    out[0] = out[1] = out[2] = out[3] = UINT32_MAX;
    switch (leaf) {
    case 0:
        out[0] = cpu.max_leaf;
        break;
    case 0x21:
        assert_true(cpu.max_leaf >= leaf);
        assert_int_equal(subleaf, 0);
        for (size_t i = 0; i < 3; i++)
            out[i + 1] = cpu.tdx[i];
        break;
    case 1:
        out[2] = cpu.features_ecx;
        break;
    case 0x80000000:
        out[0] = cpu.max_extended;
        break;
    case 0x8000001f:
        assert_true(cpu.max_extended >= leaf);
        out[0] = cpu.encryption_eax;
        break;
    default:
        fail_msg("leaf 0x%x is asked for", leaf);
    }
}

/* To read it where it is not is a fault: #GP, long before there is a handler. */
uint64_t answer_msr(uint32_t number)
{
    assert_int_equal(number, 0xc0010131);
    assert_true(cpu.features_ecx >> 31 == 1);
    assert_true(cpu.max_extended >= 0x8000001f && (cpu.encryption_eax & 2) != 0);
    cpu.status_reads++;
    return cpu.status;
}

static void sev_guest(uint64_t status)
{
    cpu.max_leaf = 0x10;
    cpu.features_ecx = UINT32_C(1) << 31;
    cpu.max_extended = 0x8000001f;
    cpu.encryption_eax = 0x2;
    cpu.status = status;
    cpu.status_reads = 0;
}

static void tdx_guest(void)
{
    sev_guest(0);
    cpu.max_leaf = 0x21;
    cpu.encryption_eax = 0;
    cpu.max_extended = 0x80000008;
    memcpy(&cpu.tdx[0], "Inte", 4);
    memcpy(&cpu.tdx[2], "lTDX", 4);
    memcpy(&cpu.tdx[1], "    ", 4);
}

/* SEV_STATUS says which of AMD's three it is; its other bits are features of these. */
static void sev_status_tells_the_kind(void **state)
{
    (void)state;
    for (uint64_t bits = 0; bits < 8; bits++) {
        sev_guest(bits);
        assert_int_equal(find_cvm(), bits);
        assert_int_equal(cpu.status_reads, 1);
        sev_guest(bits | UINT64_C(0xfffffffffffffff8));
        assert_int_equal(find_cvm(), bits);
    }
    assert_int_equal(SEV, SEV_STATUS_SEV);
    assert_int_equal(ES, SEV_STATUS_ES);
    assert_int_equal(SNP, SEV_STATUS_SNP);
}

/* Where CPUID or the hypervisor's bit does not say that there is SEV_STATUS, it is not read. */
static void sev_status_is_read_only_where_it_is(void **state)
{
    (void)state;
    sev_guest(7);
    cpu.features_ecx = 0x7fffffff;
    assert_int_equal(find_cvm(), NONE);
    sev_guest(7);
    cpu.max_extended = 0x8000001e;
    assert_int_equal(find_cvm(), NONE);
    sev_guest(7);
    cpu.max_extended = 0;
    assert_int_equal(find_cvm(), NONE);
    sev_guest(7);
    cpu.encryption_eax = 0xfffffffd;
    assert_int_equal(find_cvm(), NONE);
    assert_int_equal(cpu.status_reads, 0);
    sev_guest(7);
    cpu.max_extended = 0x80000028;
    assert_int_equal(find_cvm(), 7);
}

/* All of "IntelTDX    " counts, in the order EBX, EDX, ECX, and only if there is leaf 0x21. */
static void tdx_is_known_by_its_signature(void **state)
{
    (void)state;
    tdx_guest();
    assert_int_equal(find_cvm(), TDX);
    cpu.max_leaf = 0x24;
    assert_int_equal(find_cvm(), TDX);
    cpu.features_ecx = 0;
    assert_int_equal(find_cvm(), TDX);
    cpu.max_leaf = 0x20;
    assert_int_equal(find_cvm(), NONE);
    for (unsigned bit = 0; bit < 96; bit++) {
        tdx_guest();
        cpu.tdx[bit / 32] ^= UINT32_C(1) << (bit % 32);
        assert_int_equal(find_cvm(), NONE);
    }
    tdx_guest();
    memset(cpu.tdx, 0, sizeof(cpu.tdx));
    assert_int_equal(find_cvm(), NONE);
}

/* A leaf 0x21 of something else does not hide SEV. */
static void other_leaf_21_does_not_hide_sev(void **state)
{
    (void)state;
    sev_guest(SEV | ES);
    cpu.max_leaf = 0x28;
    memset(cpu.tdx, 0, sizeof(cpu.tdx));
    assert_int_equal(find_cvm(), SEV | ES);
}

/* Any answers at all give what a plain reading of the manuals gives. */
static void random_answers_are_read_as_by_the_manuals(void **state)
{
    static const uint32_t leaves[] = {0, 1, 0x20, 0x21, 0x22, UINT32_MAX};
    static const uint32_t extended[] = {0, 0x80000008, 0x8000001e, 0x8000001f, 0x80000020};
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_answers_are_read_as_by_the_manuals");
    for (unsigned round = 0; round < 20000; round++) {
        uint32_t wanted = NONE;

        tdx_guest();
        if (rng_once_in(&rng, 2))
            cpu.tdx[rng_below(&rng, 3)] = (uint32_t)rng_next(&rng);
        cpu.max_leaf = leaves[rng_below(&rng, COUNT_OF(leaves))];
        cpu.max_extended = extended[rng_below(&rng, COUNT_OF(extended))];
        cpu.features_ecx = (uint32_t)rng_next(&rng);
        cpu.encryption_eax = (uint32_t)rng_next(&rng);
        cpu.status = rng_next(&rng);
        if (cpu.max_leaf >= 0x21 && cpu.tdx[0] == CPUID_TDX_EBX && cpu.tdx[1] == CPUID_TDX_ECX &&
            cpu.tdx[2] == CPUID_TDX_EDX)
            wanted = TDX;
        else if (cpu.features_ecx >> 31 && cpu.max_extended >= 0x8000001f &&
                 (cpu.encryption_eax & 2))
            wanted = cpu.status & 7;
        assert_int_equal(find_cvm(), wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sev_status_tells_the_kind),
        cmocka_unit_test(sev_status_is_read_only_where_it_is),
        cmocka_unit_test(tdx_is_known_by_its_signature),
        cmocka_unit_test(other_leaf_21_does_not_hide_sev),
        cmocka_unit_test(random_answers_are_read_as_by_the_manuals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
