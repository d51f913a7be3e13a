/* SPDX-License-Identifier: MIT */
/* PCI Express: what configuration space in memory shows, and host bridges, which are not written to. */
#include "pci.h"

#include "pci_made.h"
#include "random.h"
#include "test.h"

#define SPACE  UINT64_C(0xb0000000)
#define SPACE2 UINT64_C(0x4000000000)

/* Scan, and see that nothing has changed. */
static uint64_t scan(void)
{
    struct pci_config config = pci_made_config();
    struct known known = {0, NULL};

    pci_known(&config, &known);
    pci_made_assert_restored();
    return known.end;
}

static struct pci_made *host_bridge(uint64_t base, uint64_t size)
{
    struct pci_made *made = pci_made_add(0, 0, 0, PCI_MADE_DEVICE);

    pci_made_set(made, 2, 0x06000002, 0);
    pci_made_bar64(made, 2, base, size, false);
    return made;
}

/* A host bridge decodes all the while; its BAR counts as large as it can be where it is. */
static void host_bridges_are_not_sized(void **state)
{
    (void)state;
    for (unsigned bit = 32; bit < 63; bit++) {
        pci_made_clear();
        host_bridge(UINT64_C(1) << bit, M(1));
        assert_int_equal(scan(), UINT64_C(2) << bit);
        assert_int_equal(pci_made_writes(), 0);
    }
    pci_made_clear();
    host_bridge(T(1) + G(4) + M(3), M(1));
    assert_int_equal(scan(), T(1) + G(4) + M(4));
}

/* All that is called a bridge, and no host bridge, is sized. */
static void other_bridges_are_sized(void **state)
{
    static const uint32_t classes[] = {0x06010000, 0x06040000, 0x06800000,
                                       0x05000000, 0x00060000, 0x08060000};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(classes); i++) {
        struct pci_made *made;

        pci_made_clear();
        made = pci_made_add(0, 0, 0, PCI_MADE_DEVICE);
        pci_made_set(made, 2, classes[i], 0);
        pci_made_bar64(made, 0, G(64), M(1), false);
        assert_int_equal(scan(), G(64) + M(1));
        assert_true(pci_made_writes() > 0);
    }
}

/* A PCI Express function with virtual ones, wherever both capabilities are in their lists. */
static struct pci_made *with_vfs(unsigned bus, unsigned others, unsigned vfs)
{
    struct pci_made *made = pci_made_add(bus, 2, 0, PCI_MADE_DEVICE);

    pci_made_express(made, others);
    pci_made_sriov(made, others, vfs);
    return made;
}

/* Virtual functions have their BARs one after the other: TotalVFs times the size of one. */
static void virtual_functions_count(void **state)
{
    static const unsigned vfs[] = {1, 2, 7, 64, 255, 65535};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(vfs); i++) {
        for (unsigned others = 0; others < 40; others += 13) {
            for (unsigned bar = 0; bar < 5; bar++) {
                struct pci_made *made;

                pci_made_clear();
                pci_made_space(0, SPACE, 0, 255);
                made = with_vfs(3, others, vfs[i]);
                pci_made_bar64(made, 0, G(5), M(16), true);
                pci_made_vf_bar64(made, bar, G(6), K(64));
                assert_int_equal(scan(), G(6) + vfs[i] * K(64));
            }
        }
    }
}

/* None of them, no BAR above 4 GiB, a capability at the end of the space, a BAR of 32 bits. */
static void virtual_functions_without_bars_do_not_count(void **state)
{
    struct pci_made *made;

    (void)state;
    pci_made_clear();
    pci_made_space(0, SPACE, 0, 255);
    pci_made_vf_bar64(with_vfs(0, 1, 0), 0, G(8), M(1));
    made = with_vfs(1, 1, 8);
    pci_made_vf_bar64(made, 0, G(3), M(1));
    pci_made_set(made, made->sriov + 9 + 2, 0xfe000000, 0xfff00000);
    pci_made_set(made, made->sriov + 9 + 5, 0x0000000c, 0xfff00000); /* the last one */
    pci_made_set(made, made->sriov + 9 + 6, 0x00000010, UINT32_MAX);
    assert_int_equal(scan(), 0);
    assert_int_equal(pci_made_writes(), 0);
    pci_made_clear();
    pci_made_space(0, SPACE, 0, 255);
    made = pci_made_add(0, 2, 0, PCI_MADE_DEVICE);
    pci_made_express(made, 0);
    pci_made_set(made, 64, 0xfcc00001, 0); /* its last register would be beyond 4 KiB */
    pci_made_set(made, 0xfcc / 4, 0x00010010, 0);
    pci_made_set(made, 0xfcc / 4 + 3, 8 << 16, 0);
    pci_made_set(made, 0xfcc / 4 + 9, 0x00000004, UINT32_MAX);
    pci_made_set(made, 0xfcc / 4 + 10, 0x00000010, UINT32_MAX);
    assert_int_equal(scan(), 0);
    assert_int_equal(pci_made_writes(), 0);
}

/* The last place at which the capability has room. */
static void last_place_of_a_capability_counts(void **state)
{
    struct pci_made *made;

    (void)state;
    pci_made_clear();
    pci_made_space(0, SPACE, 0, 255);
    made = pci_made_add(0, 2, 0, PCI_MADE_DEVICE);
    pci_made_express(made, 47);
    pci_made_set(made, 64, 0xfc400001, 0);
    pci_made_set(made, 0xfc4 / 4, 0x00010010, 0);
    pci_made_set(made, 0xfc4 / 4 + 3, 8 << 16, 0);
    made->sriov = 0xfc4 / 4;
    pci_made_vf_bar64(made, 4, G(16), G(1));
    assert_int_equal(scan(), G(24));
}

/* What is no PCI Express function has no more than 256 bytes, whatever memory shows behind them. */
static void conventional_functions_are_not_asked(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct pci_made *made;

        pci_made_clear();
        pci_made_space(0, SPACE, 0, 255);
        made = with_vfs(0, 0, 8);
        pci_made_vf_bar64(made, 0, G(8), M(1));
        if (kind == 0)
            pci_made_set(made, 1, 0xf9000507, 0x0547); /* no list of capabilities */
        if (kind == 1) {
            pci_made_set(made, 13, 0x3c, 0); /* it would begin in the header */
            pci_made_set(made, 15, 0x10, 0);
        }
        if (kind == 2)
            pci_made_set(made, 16, 0x00000001, 0); /* the list ends */
        if (kind == 3)
            pci_made_set(made, 16, 0x00004001, 0); /* it goes round */
        assert_int_equal(scan(), 0);
        assert_int_equal(pci_made_writes(), 0);
    }
}

/* Lists of extended capabilities that end at once, go round, or lead out. */
static void odd_extended_lists_end(void **state)
{
    static const uint32_t firsts[] = {0, UINT32_MAX, 0x10010001, 0x0fc10001, 0x10210001};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(firsts); i++) {
        struct pci_made *made;

        pci_made_clear();
        pci_made_space(0, SPACE, 0, 255);
        made = pci_made_add(0, 2, 0, PCI_MADE_DEVICE);
        pci_made_express(made, 0);
        pci_made_set(made, 64, firsts[i], 0);
        assert_int_equal(scan(), 0);
        assert_int_equal(pci_made_writes(), 0);
    }
}

/* More than all addresses: the end of all is what is left. */
static void virtual_functions_that_wrap_count(void **state)
{
    static const struct {
        uint64_t base, size;
        unsigned vfs;
    } cases[] = {{UINT64_C(1) << 62, UINT64_C(1) << 60, 16},
                 {UINT64_C(1) << 63, UINT64_C(1) << 62, 2},
                 {UINT64_C(1) << 62, UINT64_C(1) << 62, 65535}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        pci_made_clear();
        pci_made_space(0, SPACE, 0, 255);
        pci_made_vf_bar64(with_vfs(0, 0, cases[i].vfs), 0, cases[i].base, cases[i].size);
        assert_int_equal(scan(), UINT64_MAX);
    }
}

/* Memory is read for the buses that a space has, and for no others; so says the made-up machine. */
static void spaces_have_their_buses(void **state)
{
    (void)state;
    for (unsigned bus = 0; bus < 6; bus++) {
        pci_made_clear();
        pci_made_space(0, SPACE, 2, 3);
        pci_made_space(1, SPACE2, 4, 5);
        pci_made_vf_bar64(with_vfs(bus, 0, 8), 0, G(8), M(1));
        assert_int_equal(scan(), bus == 2 || bus == 3 ? G(8) + M(8) : 0);
    }
}

/* Ports are segment 0: another segment's space with the same buses is none of theirs. */
static void spaces_have_their_segment(void **state)
{
    (void)state;
    pci_made_clear();
    pci_made_space(1, SPACE2, 0, 255);
    pci_made_space(0, SPACE, 0, 255);
    pci_made_vf_bar64(with_vfs(1, 0, 8), 0, G(8), M(1));
    assert_int_equal(scan(), G(8) + M(8));
}

/* A space that shows another device than ports do is none of that device's. */
static void memory_must_agree_with_ports(void **state)
{
    static const uint32_t ids[] = {0x12348087, UINT32_MAX, 0x92348086, 1};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct pci_made *made;

        pci_made_clear();
        pci_made_space(0, SPACE, 0, 255);
        made = with_vfs(0, 0, 8);
        made->memory_id = ids[i];
        pci_made_bar64(made, 0, G(16), M(1), true);
        pci_made_vf_bar64(made, 0, G(32), M(1));
        assert_int_equal(scan(), G(16) + M(1));
    }
}

/* Other segments are reached through memory alone, on the buses that they have. */
static void other_segments_are_seen(void **state)
{
    (void)state;
    for (unsigned segment = 1; segment < PCI_MADE_SEGMENTS; segment++) {
        struct pci_made *made;

        pci_made_clear();
        pci_made_add(0, 0, 0, PCI_MADE_DEVICE);
        pci_made_space(0, SPACE, 0, 255);
        pci_made_space(segment, SPACE2, 16, 31);
        made = pci_made_add_in(segment, 31, 31, 0, PCI_MADE_DEVICE | PCI_MADE_MULTIPLE);
        assert_int_equal(scan(), 0);
        made = pci_made_add_in(segment, 31, 31, 7, PCI_MADE_DEVICE);
        pci_made_bar64(made, 4, G(100), G(1), true);
        assert_int_equal(scan(), G(101));
        pci_made_window(pci_made_add_in(segment, 16, 0, 0, PCI_MADE_BRIDGE), G(128), G(200) - 1);
        assert_int_equal(scan(), G(200));
        made = pci_made_add_in(segment, 17, 0, 0, PCI_MADE_DEVICE);
        pci_made_express(made, 2);
        pci_made_sriov(made, 2, 16);
        pci_made_vf_bar64(made, 2, G(256), G(1));
        assert_int_equal(scan(), G(272));
        pci_made_bar64(pci_made_add_in(segment, 15, 0, 0, PCI_MADE_DEVICE), 0, T(1), G(1), true);
        assert_int_equal(scan(), G(272)); /* a bus that is not in the space */
    }
}

static uint32_t no_ports(uint32_t address)
{
    (void)address;
    return UINT32_MAX;
}

/* Where there are no ports for it, segment 0 is reached through memory as well. */
static void segment_0_without_ports_is_seen(void **state)
{
    struct pci_config config;
    struct known known = {0, NULL};

    (void)state;
    pci_made_clear();
    pci_made_space(0, SPACE, 0, 3);
    pci_made_bar64(pci_made_add(2, 1, 0, PCI_MADE_DEVICE), 0, G(8), G(1), true);
    config = pci_made_config();
    config.read = no_ports;
    pci_known(&config, &known);
    pci_made_assert_restored();
    assert_int_equal(known.end, G(9));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_bridges_are_not_sized),
        cmocka_unit_test(other_bridges_are_sized),
        cmocka_unit_test(virtual_functions_count),
        cmocka_unit_test(virtual_functions_without_bars_do_not_count),
        cmocka_unit_test(last_place_of_a_capability_counts),
        cmocka_unit_test(conventional_functions_are_not_asked),
        cmocka_unit_test(odd_extended_lists_end),
        cmocka_unit_test(virtual_functions_that_wrap_count),
        cmocka_unit_test(spaces_have_their_buses),
        cmocka_unit_test(spaces_have_their_segment),
        cmocka_unit_test(memory_must_agree_with_ports),
        cmocka_unit_test(other_segments_are_seen),
        cmocka_unit_test(segment_0_without_ports_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
