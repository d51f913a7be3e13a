/* SPDX-License-Identifier: MIT */
#include "cpustate.h"

#include "memtype.h"
#include "random.h"
#include "test.h"

/* CPUID bits by the SDM, written down again: leaf 1 EDX, 7 EBX/ECX, 80000001 EDX. */
static struct cpuid_words everything(void)
{
    return (struct cpuid_words){
        .leaf1_edx = UINT32_C(1) << 7 | UINT32_C(1) << 12 | UINT32_C(1) << 13 | UINT32_C(1) << 16,
        .leaf7_ebx = UINT32_C(1) << 7 | UINT32_C(1) << 20,
        .leaf7_ecx = UINT32_C(1) << 2 | UINT32_C(1) << 16,
        .ext1_edx = UINT32_C(1) << 20 | UINT32_C(1) << 26,
        .ext8_eax = 0x3934,
    };
}

/* The capabilities as one number, so that exactly one can be asserted. */
static unsigned as_bits(const struct cpu_caps *caps)
{
    const bool flag[] = {caps->nx,  caps->page1g, caps->pat,  caps->mtrr, caps->pge,
                         caps->mce, caps->smep,   caps->smap, caps->umip, caps->la57};
    unsigned bits = 0;

    for (unsigned i = 0; i < COUNT_OF(flag); i++)
        bits |= flag[i] ? 1u << i : 0;
    return bits;
}

static struct cpu_caps from_bits(unsigned bits)
{
    return (struct cpu_caps){
        .phys_bits = 52,
        .nx = bits & 1,
        .page1g = bits & 2,
        .pat = bits & 4,
        .mtrr = bits & 8,
        .pge = bits & 16,
        .mce = bits & 32,
        .smep = bits & 64,
        .smap = bits & 128,
        .umip = bits & 256,
        .la57 = bits & 512,
    };
}

/* A CPU that reports all of it has all of it, one that reports nothing has nothing. */
static void all_bits_are_all_capabilities(void **state)
{
    struct cpuid_words words = everything();
    struct cpu_caps caps = cpu_caps_from(&words);

    (void)state;
    assert_int_equal(as_bits(&caps), 0x3ff);
    words = (struct cpuid_words){0};
    caps = cpu_caps_from(&words);
    assert_int_equal(as_bits(&caps), 0);
}

/* Each capability hangs on one CPUID bit, and no other bit matters. */
static void each_capability_has_its_own_bit(void **state)
{
    static const struct {
        unsigned word;
        unsigned bit;
        unsigned flag;
    } places[] = {{3, 20, 0}, {3, 26, 1}, {0, 16, 2}, {0, 12, 3}, {0, 13, 4},
                  {0, 7, 5},  {1, 7, 6},  {1, 20, 7}, {2, 2, 8},  {2, 16, 9}};

    (void)state;
    for (unsigned word = 0; word < 4; word++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            uint32_t raw[4] = {0};
            unsigned expected = 0;

            raw[word] = UINT32_C(1) << bit;
            for (size_t i = 0; i < COUNT_OF(places); i++) {
                if (places[i].word == word && places[i].bit == bit)
                    expected = 1u << places[i].flag;
            }
            struct cpuid_words words = {
                .leaf1_edx = raw[0],
                .leaf7_ebx = raw[1],
                .leaf7_ecx = raw[2],
                .ext1_edx = raw[3],
                .ext8_eax = 0x3030,
            };
            struct cpu_caps caps = cpu_caps_from(&words);

            assert_int_equal(as_bits(&caps), expected);
        }
    }
}

/* CLFLUSH takes what EBX says, if EDX says that there is one, and pages are made of such lines. */
static void lines_of_clflush_divide_a_page(void **state)
{
    static const struct {
        uint32_t ebx, edx;
        unsigned line;
    } cpus[] = {
        {0x00020800, 1u << 19, 64},  {0xff0208ff, 1u << 19, 64},   {0x00020400, 1u << 19, 32},
        {0x00021000, 1u << 19, 128}, {0x00020800, 0, 0},           {0x00020000, 1u << 19, 0},
        {0x00020900, 1u << 19, 0},   {0x00020800, ~(1u << 19), 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cpus); i++) {
        struct cpuid_words words = {.leaf1_ebx = cpus[i].ebx, .leaf1_edx = cpus[i].edx};

        assert_int_equal(cpu_caps_from(&words).cache_line, cpus[i].line);
    }
}

/* SYSCFG and TOP_MEM2: AMD and Hygon from family 0Fh on, where no hypervisor is in between. */
static void tom2_is_for_bare_amd_only(void **state)
{
    static const struct {
        uint32_t ebx, eax, ecx;
        bool tom2;
    } cpus[] = {
        {0x68747541, 0x00000f4a, 0, true},         /* AMD, family 0Fh */
        {0x68747541, 0x00830f10, 0, true},         /* AMD, family 17h: Rome */
        {0x6f677948, 0x00900f02, 0, true},         /* Hygon, family 18h */
        {0x68747541, 0x00000662, 0, false},        /* AMD, family 6 */
        {0x68747541, 0x00830f10, 1u << 31, false}, /* the same Rome for a guest */
        {0x756e6547, 0x00000f4a, 0, false},        /* Intel, family 0Fh */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cpus); i++) {
        struct cpuid_words words = {
            .vendor_ebx = cpus[i].ebx, .leaf1_eax = cpus[i].eax, .leaf1_ecx = cpus[i].ecx};

        assert_int_equal(cpu_caps_from(&words).tom2, cpus[i].tom2);
    }
}

/* The physical width is the low byte of leaf 0x80000008, whatever the others are. */
static void physical_width_is_as_reported(void **state)
{
    (void)state;
    for (uint32_t bits = 32; bits <= 52; bits++) {
        struct cpuid_words words = {.ext8_eax = UINT32_C(0xabcd3900) | bits};

        assert_int_equal(cpu_caps_from(&words).phys_bits, bits);
    }
}

/* Without the leaf, the width is 36. */
static void width_without_the_leaf_is_36(void **state)
{
    struct cpuid_words words = {0};

    (void)state;
    assert_int_equal(cpu_caps_from(&words).phys_bits, 36);
}

/* Whatever nonsense is reported, the width stays one that an entry can hold. */
static void width_is_always_between_32_and_52(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits <= 255; bits++) {
        struct cpuid_words words = {.ext8_eax = bits};
        unsigned width = cpu_caps_from(&words).phys_bits;

        assert_in_range(width, 32, 52);
    }
}

/* What a guest cannot use is left out; 0 says nothing, and more than there is says no more. */
static void foreign_bits_leave_out_what_a_guest_cannot_use(void **state)
{
    (void)state;
    for (uint32_t bits = 32; bits <= 52; bits++) {
        for (uint32_t guest = 32; guest <= 60; guest++) {
            struct cpuid_words words = {.ext8_eax = guest << 16 | 0x3000 | bits};

            assert_int_equal(cpu_caps_from(&words).foreign_bits, guest < bits ? guest : bits);
            words.ext8_eax &= 0xffff;
            assert_int_equal(cpu_caps_from(&words).foreign_bits, bits);
            assert_int_equal(cpu_caps_from(&words).phys_bits, bits);
        }
    }
}

/* What memory encryption would take is left out, and of the width itself nothing. */
static void foreign_bits_leave_out_what_encryption_takes(void **state)
{
    (void)state;
    for (uint32_t bits = 40; bits <= 52; bits++) {
        for (uint32_t taken = 0; taken < 8; taken++) {
            struct cpuid_words words = {.vendor_ebx = 0x68747541,
                                        .leaf1_eax = 0x00830f10,
                                        .ext8_eax = 0x3000 | bits,
                                        .ext1f_eax = 0x3, /* SME, SEV */
                                        .ext1f_ebx = taken << 6 | 51};

            assert_int_equal(cpu_caps_from(&words).foreign_bits, bits - taken);
            assert_int_equal(cpu_caps_from(&words).phys_bits, bits);
        }
    }
}

/* Intel's keys: of IA32_TME_ACTIVATE, once it is locked with encryption on, and of nothing else in it. */
static void foreign_bits_leave_out_keys(void **state)
{
    (void)state;
    for (uint64_t keys = 0; keys < 16; keys++) {
        uint64_t narrow = keys < 4 ? 36 - keys : 32;

        for (uint64_t low = 0; low < 4; low++) {
            struct cpuid_words words = {.vendor_ebx = 0x756e6547, .ext8_eax = 0x3000 | 52};

            words.tme_activate = keys << 32 | UINT64_C(0x5a5a005080000000) | low;
            assert_int_equal(cpu_caps_from(&words).foreign_bits, low == 3 ? 52 - keys : 52);
            assert_int_equal(cpu_caps_from(&words).phys_bits, 52);
            words.ext8_eax = 0x3000 | 36;
            assert_int_equal(cpu_caps_from(&words).foreign_bits, low == 3 ? narrow : 36);
        }
    }
}

/* The register is there if CPUID says so, and no hypervisor does. */
static void tme_is_read_where_it_is(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        struct cpuid_words words = {.leaf7_ecx = UINT32_C(1) << bit, .leaf1_ecx = 0x7fffffff};

        assert_int_equal(cpuid_has_tme(&words), bit == 13);
        words.leaf1_ecx = 0x80000000;
        assert_false(cpuid_has_tme(&words));
    }
}

/* Whatever nonsense is reported, they are no more than the width. */
static void foreign_bits_are_never_more_than_the_width(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 20000; round++) {
        struct cpuid_words words = {.vendor_ebx = rng_once_in(&rng, 2) ? 0x68747541 : 0x756e6547,
                                    .leaf1_eax = (uint32_t)rng_next(&rng),
                                    .leaf1_ecx = (uint32_t)rng_next(&rng),
                                    .ext8_eax = (uint32_t)rng_next(&rng),
                                    .ext1f_eax = (uint32_t)rng_next(&rng),
                                    .ext1f_ebx = (uint32_t)rng_next(&rng),
                                    .tme_activate = rng_next(&rng)};
        struct cpu_caps caps = cpu_caps_from(&words);

        assert_true(caps.foreign_bits >= 32 && caps.foreign_bits <= caps.phys_bits);
        assert_true(caps.ht_bits <= 52);
    }
}

/* HyperTransport: 2^40 on old CPUs of AMD, the width since family 17h, none elsewhere. */
static void ht_is_where_amd_has_it(void **state)
{
    static const struct {
        uint32_t ebx, eax, width;
        unsigned ht_bits;
    } cpus[] = {
        {0x68747541, 0x00000f4a, 40, 40}, /* family 0Fh */
        {0x68747541, 0x00100f42, 48, 40}, /* family 10h */
        {0x68747541, 0x00600f12, 48, 40}, /* family 15h */
        {0x68747541, 0x00730f01, 40, 40}, /* family 16h */
        {0x68747541, 0x00800f11, 48, 48}, /* family 17h: Naples */
        {0x68747541, 0x00830f10, 48, 48}, /* family 17h: Rome */
        {0x68747541, 0x00a20f12, 48, 48}, /* family 19h */
        {0x68747541, 0x00a10f11, 52, 52}, /* family 19h: Genoa */
        {0x68747541, 0x00b00f21, 52, 52}, /* family 1Ah */
        {0x6f677948, 0x00900f02, 48, 48}, /* Hygon, family 18h */
        {0x756e6547, 0x00000f4a, 48, 0},  /* Intel, family 0Fh */
        {0x756e6547, 0x000806f8, 52, 0},  /* Intel, family 6 */
        {0x746e6543, 0x000306f0, 48, 0},  /* Centaur */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cpus); i++) {
        struct cpuid_words words = {.vendor_ebx = cpus[i].ebx,
                                    .leaf1_eax = cpus[i].eax,
                                    .ext8_eax = 0x3000 | cpus[i].width};

        assert_int_equal(cpu_caps_from(&words).ht_bits, cpus[i].ht_bits);
    }
}

/* CR4 and EFER enable each capability exactly where the CPU has it, over all combinations. */
static void registers_follow_the_capabilities(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 1024; bits++) {
        struct cpu_caps caps = from_bits(bits);
        struct cpu_state cpu = cpu_state_for(&caps, 0x123456000, 4);

        assert_int_equal((cpu.efer >> 11) & 1, caps.nx);
        assert_int_equal((cpu.cr4 >> 7) & 1, caps.pge);
        assert_int_equal((cpu.cr4 >> 6) & 1, caps.mce);
        assert_int_equal((cpu.cr4 >> 20) & 1, caps.smep);
        assert_int_equal((cpu.cr4 >> 21) & 1, caps.smap);
        assert_int_equal((cpu.cr4 >> 11) & 1, caps.umip);
        assert_int_equal(cpu.pat, caps.pat ? PAT_VALUE : 0);
    }
}

/* Paging, protection and long mode are on; write protection holds in ring 0; caches are on. */
static void long_mode_is_on_over_all_combinations(void **state)
{
    const uint64_t must = UINT64_C(0x80010021);     /* PG, WP, NE, PE */
    const uint64_t must_not = UINT64_C(0x6000000c); /* CD, NW, TS, EM */

    (void)state;
    for (unsigned bits = 0; bits < 1024; bits++) {
        struct cpu_caps caps = from_bits(bits);
        struct cpu_state cpu = cpu_state_for(&caps, 0x1000, 4);

        assert_int_equal(cpu.cr0 & must, must);
        assert_int_equal(cpu.cr0 & must_not, 0);
        assert_int_equal(cpu.cr0 >> 32, 0);
        assert_int_equal((cpu.cr4 >> 5) & 1, 1);
        assert_int_equal((cpu.efer >> 8) & 1, 1);
    }
}

/* No register has a bit that the capabilities know nothing of. */
static void no_unknown_bit_is_set(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 1024; bits++) {
        struct cpu_caps caps = from_bits(bits);
        struct cpu_state cpu = cpu_state_for(&caps, 0x1000, 4);

        /* PE MP ET NE WP AM PG; PAE MCE PGE OSFXSR OSXMMEXCPT UMIP LA57 SMEP SMAP. */
        assert_int_equal(cpu.cr0 & ~UINT64_C(0x80050033), 0);
        assert_int_equal(cpu.cr4 & ~UINT64_C(0x00301ee0), 0);
        assert_int_equal(cpu.efer & ~UINT64_C(0xd01), 0); /* SCE LME LMA NXE */
    }
}

/* SSE is usable: System V C code relies on it. */
static void sse_is_enabled(void **state)
{
    struct cpu_caps caps = from_bits(0);
    struct cpu_state cpu = cpu_state_for(&caps, 0x1000, 4);

    (void)state;
    assert_int_equal(cpu.cr4 & UINT64_C(0x600), 0x600);
    assert_int_equal(cpu.cr0 & 0x2, 0x2);
}

/* LA57 is set by the number of levels, not by what the CPU could do. */
static void la57_follows_the_levels(void **state)
{
    struct cpu_caps caps = from_bits(0x3ff);

    (void)state;
    assert_int_equal((cpu_state_for(&caps, 0x1000, 4).cr4 >> 12) & 1, 0);
    assert_int_equal((cpu_state_for(&caps, 0x1000, 5).cr4 >> 12) & 1, 1);
    caps.la57 = false;
    assert_int_equal((cpu_state_for(&caps, 0x1000, 4).cr4 >> 12) & 1, 0);
}

/* CR3 is the root's frame, untruncated and without flags. */
static void cr3_is_the_root(void **state)
{
    static const uint64_t roots[] = {0x1000, 0xfffff000, UINT64_C(0x100000000),
                                     UINT64_C(0xffffffffff000)};
    struct cpu_caps caps = from_bits(0x3ff);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(roots); i++) {
        assert_int_equal(cpu_state_for(&caps, roots[i], 4).cr3, roots[i]);
        assert_int_equal(cpu_state_for(&caps, roots[i], 5).cr3, roots[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_bits_are_all_capabilities),
        cmocka_unit_test(each_capability_has_its_own_bit),
        cmocka_unit_test(tom2_is_for_bare_amd_only),
        cmocka_unit_test(lines_of_clflush_divide_a_page),
        cmocka_unit_test(physical_width_is_as_reported),
        cmocka_unit_test(width_without_the_leaf_is_36),
        cmocka_unit_test(width_is_always_between_32_and_52),
        cmocka_unit_test(foreign_bits_leave_out_what_a_guest_cannot_use),
        cmocka_unit_test(foreign_bits_leave_out_what_encryption_takes),
        cmocka_unit_test(foreign_bits_leave_out_keys),
        cmocka_unit_test(tme_is_read_where_it_is),
        cmocka_unit_test(foreign_bits_are_never_more_than_the_width),
        cmocka_unit_test(ht_is_where_amd_has_it),
        cmocka_unit_test(registers_follow_the_capabilities),
        cmocka_unit_test(long_mode_is_on_over_all_combinations),
        cmocka_unit_test(no_unknown_bit_is_set),
        cmocka_unit_test(sse_is_enabled),
        cmocka_unit_test(la57_follows_the_levels),
        cmocka_unit_test(cr3_is_the_root),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
