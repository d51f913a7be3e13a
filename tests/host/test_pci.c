/* SPDX-License-Identifier: MIT */
/* What devices decode above 4 GiB, over a configuration space that is watched. */
#include "pci.h"

#include "pci_made.h"
#include "random.h"
#include "test.h"

/* Scan, and see that nothing has changed. */
static uint64_t scan(void)
{
    struct pci_config config = pci_made_config();
    struct known known = {0, NULL};

    pci_known(&config, &known);
    pci_made_assert_restored();
    return known.end;
}

/* One device with one 64-bit BAR. */
static struct pci_made *one_bar(unsigned bar, uint64_t base, uint64_t size)
{
    struct pci_made *made;

    pci_made_clear();
    made = pci_made_add(0, 3, 0, PCI_MADE_DEVICE);
    pci_made_bar64(made, bar, base, size, true);
    return made;
}

/* No device at all, and devices that decode nothing above 4 GiB: nothing is written. */
static void nothing_is_above_4_gib(void **state)
{
    struct pci_made *made;

    (void)state;
    pci_made_clear();
    assert_int_equal(scan(), 0);
    made = pci_made_add(0, 0, 0, PCI_MADE_DEVICE);
    assert_int_equal(scan(), 0);
    pci_made_bar32(made, 0, 0xfe000000, M(16));
    pci_made_bar_io(made, 1, 0xc000, 256);
    pci_made_bar64(made, 2, G(3), M(256), true);
    pci_made_bar64(made, 4, 0, M(1), false);
    assert_int_equal(scan(), 0);
    assert_int_equal(pci_made_writes(), 0);
}

/* Every size, at the lowest and the highest places that it can have. */
static void every_size_is_found(void **state)
{
    (void)state;
    for (unsigned bit = 4; bit < 63; bit++) {
        uint64_t size = UINT64_C(1) << bit;
        uint64_t lowest = size > G(4) ? size : G(4);

        for (unsigned bar = 0; bar < 5; bar++) {
            one_bar(bar, lowest, size);
            assert_int_equal(scan(), lowest + size);
            one_bar(bar, (uint64_t)0 - size, size);
            assert_int_equal(scan(), UINT64_MAX); /* as good as the end of all addresses */
            one_bar(bar, (UINT64_C(1) << 63) - size, size);
            assert_int_equal(scan(), UINT64_C(1) << 63);
        }
    }
}

/* Whether the device decodes memory now, and prefetchable or not: the BAR is there. */
static void decoding_stays_as_it_was(void **state)
{
    (void)state;
    for (uint32_t command = 0; command < 8; command++) {
        struct pci_made *made = one_bar(0, G(64), G(16));

        pci_made_set(made, 1, 0xf9100500 | command, 0x0547);
        pci_made_bar64(made, 2, G(32), M(16), false);
        assert_int_equal(scan(), G(80));
    }
}

/* The last BAR of a device, and the second of a bridge, have no register for the upper half. */
static void last_bar_cannot_have_64_bits(void **state)
{
    struct pci_made *made;

    (void)state;
    pci_made_clear();
    made = pci_made_add(0, 3, 0, PCI_MADE_DEVICE);
    pci_made_set(made, 9, 0x0000000c, 0xfffff000);
    pci_made_set(made, 10, 0x00000010, UINT32_MAX);
    assert_int_equal(scan(), 0);
    pci_made_clear();
    made = pci_made_add(0, 3, 0, PCI_MADE_BRIDGE);
    pci_made_set(made, 5, 0x0000000c, 0xfffff000);
    pci_made_set(made, 6, 0x00020100, 0x00ffffff); /* a bridge's bus numbers */
    pci_made_window(made, M(1), 0xfffff);
    assert_int_equal(scan(), 0);
    assert_int_equal(pci_made_writes(), 0);
    pci_made_bar64(made, 4 - 4, G(8), M(1), false);
    assert_int_equal(scan(), G(8) + M(1));
}

/* The upper half of a 64-bit BAR is no BAR, whatever type its bits would be. */
static void upper_half_is_no_bar(void **state)
{
    struct pci_made *made;

    (void)state;
    for (uint64_t high = 1; high < 64; high++) {
        made = one_bar(0, high << 32, M(1));
        pci_made_bar32(made, 2, 0xfe000000, M(1));
        pci_made_bar64(made, 3, G(3), M(1), false);
        pci_made_bar_io(made, 5, 0xc000, 32);
        assert_int_equal(scan(), (high << 32) + M(1));
    }
}

/* 32-bit BARs and I/O BARs before it shift a BAR by one register each. */
static void bars_of_all_kinds_go_together(void **state)
{
    struct pci_made *made;

    (void)state;
    pci_made_clear();
    made = pci_made_add(5, 31, 0, PCI_MADE_DEVICE);
    pci_made_bar_io(made, 0, 0xfffc, 4);
    pci_made_bar32(made, 1, 0x80000000, M(1));
    pci_made_bar64(made, 2, G(100), K(4), false);
    pci_made_bar_io(made, 4, 0xd004, 4);
    pci_made_set(made, 9, 0xfe000002, 0xfff00000); /* below 1 MiB, as long ago */
    assert_int_equal(scan(), G(100) + K(4));
}

/* A bridge's window counts by its end, and nothing in a bridge is written for it. */
static void windows_of_bridges_count(void **state)
{
    static const struct {
        uint64_t base, last, end;
    } windows[] = {
        {G(8), G(8) + M(1) - 1, G(8) + M(1)},
        {G(3), G(5) - 1, G(5)},
        {G(4), G(4) + M(1) - 1, G(4) + M(1)},
        {T(200), T(255) - 1, T(255)},
        {G(3), G(3) + M(512) - 1, 0},
        {G(3), G(4) - 1, 0},
        {G(8), G(8) - 1, 0},        /* closed */
        {G(9), G(8) + M(1) - 1, 0}, /* closed */
        {0xfff00000, M(1) - 1, 0},  /* closed, as firmware does */
        {G(4) - M(1), G(4) - 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(windows); i++) {
        struct pci_made *made;

        pci_made_clear();
        made = pci_made_add(0, 28, 0, PCI_MADE_BRIDGE);
        pci_made_window(made, windows[i].base, windows[i].last);
        assert_int_equal(scan(), windows[i].end);
        assert_int_equal(pci_made_writes(), 0);
    }
}

/* A window of 32 bits has no upper halves; what stands in their place does not count. */
static void window_of_32_bits_is_below_4_gib(void **state)
{
    struct pci_made *made;

    (void)state;
    pci_made_clear();
    made = pci_made_add(0, 28, 0, PCI_MADE_BRIDGE);
    pci_made_window(made, G(8), G(9) - 1);
    pci_made_set(made, 9, 0x3ff00000, 0xfff0fff0);
    assert_int_equal(scan(), 0);
}

/* Where a device has its BARs 4 and 5, a bridge has other things. */
static void bridges_have_two_bars(void **state)
{
    struct pci_made *made;

    (void)state;
    pci_made_clear();
    made = pci_made_add(0, 28, 0, PCI_MADE_BRIDGE);
    for (unsigned number = 4; number < 16; number++)
        pci_made_set(made, number, 0x00000004, UINT32_MAX);
    pci_made_set(made, 5, 0, UINT32_MAX);
    pci_made_set(made, 7, 0x00000014, UINT32_MAX);
    assert_int_equal(scan(), 0);
    assert_int_equal(pci_made_writes(), 0);
}

/* CardBus bridges and headers that nobody knows have no BARs that are understood. */
static void other_headers_are_left_alone(void **state)
{
    (void)state;
    for (unsigned header = 2; header < 128; header++) {
        struct pci_made *made;

        pci_made_clear();
        made = pci_made_add(0, 3, 0, header);
        for (unsigned number = 4; number < 16; number++)
            pci_made_set(made, number, number % 2 ? 0x00000010 : 0x00000004, UINT32_MAX);
        assert_int_equal(scan(), 0);
        assert_int_equal(pci_made_writes(), 0);
    }
}

/* Function 0 says whether there are others; one that is alone may answer for all of them. */
static void functions_are_those_that_function_0_tells_of(void **state)
{
    (void)state;
    for (unsigned multiple = 0; multiple < 2; multiple++) {
        pci_made_clear();
        pci_made_add(0, 3, 0, multiple ? PCI_MADE_MULTIPLE : 0);
        for (unsigned function = 1; function < 8; function += 2)
            pci_made_bar64(pci_made_add(0, 3, function, PCI_MADE_DEVICE), 0, G(8) * (function + 1),
                           G(1), true);
        assert_int_equal(scan(), multiple ? G(65) : 0);
    }
}

/* Any place of the 65,536 there are, those behind no bridge that is known too. */
static void devices_are_found_everywhere(void **state)
{
    static const unsigned buses[] = {0, 1, 127, 128, 254, 255};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(buses); i++) {
        for (unsigned device = 0; device < 32; device += device == 1 ? 29 : 1) {
            for (unsigned function = 0; function < 8; function += 7) {
                struct pci_made *made;

                pci_made_clear();
                made = pci_made_add(buses[i], device, 0, PCI_MADE_MULTIPLE);
                if (function != 0)
                    made = pci_made_add(buses[i], device, function, PCI_MADE_DEVICE);
                pci_made_bar64(made, 4, G(1024), M(2), true);
                assert_int_equal(scan(), G(1024) + M(2));
            }
        }
    }
}

/* One function with random BARs; the end of what it decodes above 4 GiB. */
static uint64_t random_bars(struct rng *rng, struct pci_made *made, unsigned bars)
{
    uint64_t end = 0;

    for (unsigned bar = 0; bar < bars; bar++) {
        uint64_t size = UINT64_C(16) << rng_below(rng, 40);
        uint64_t base = rng_next(rng) >> (rng_once_in(rng, 3) ? 32 : 12 + rng_below(rng, 18));

        base -= base % size;
        switch (rng_below(rng, 4)) {
        case 0:
            pci_made_bar32(made, bar, (uint32_t)rng_next(rng) & 0xfffff000, 4096);
            break;
        case 1:
            pci_made_bar_io(made, bar, (uint32_t)rng_next(rng) & 0xfff0, 16);
            break;
        default:
            if (bar + 1 == bars) {
                pci_made_set(made, 4 + bar, 0xfe00000c, 0xffff0000);
                break;
            }
            pci_made_bar64(made, bar++, base, size, rng_once_in(rng, 2));
            if (base >= G(4) && base + size > end)
                end = base + size;
        }
    }
    return end;
}

/* Random machines: as recorded while they were made up, and all is as it was. */
static void random_machines_agree_with_the_record(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 150; round++) {
        uint64_t expected = 0;

        pci_made_clear();
        for (uint64_t n = rng_below(&rng, 20); n > 0; n--) {
            unsigned bus = (unsigned)rng_below(&rng, rng_once_in(&rng, 2) ? 4 : 256);
            unsigned device = (unsigned)rng_below(&rng, 32);
            unsigned functions = rng_once_in(&rng, 2) ? 1 : 8;

            for (unsigned f = 0; f < functions; f++) {
                bool bridge = rng_once_in(&rng, 3);
                struct pci_made *made;
                uint64_t end;

                if (f > 0 && !rng_once_in(&rng, 6))
                    continue;
                made = pci_made_add(bus, device, f,
                                    bridge | (functions > 1 && f == 0 ? PCI_MADE_MULTIPLE : 0));
                if (made == NULL)
                    break;
                if (rng_once_in(&rng, 3))
                    pci_made_set(made, 1, (uint32_t)rng_next(&rng) & 0xffff0407, 0x0547);
                end = random_bars(&rng, made, bridge ? 2 : 6);
                expected = end > expected ? end : expected;
                if (!bridge)
                    continue;
                end = (rng_next(&rng) >> (12 + rng_below(&rng, 30))) / M(1) * M(1) + M(1);
                pci_made_window(made, rng_once_in(&rng, 4) ? end : end - M(1), end - 1);
                if (made->was[9] >> 20 == (made->was[9] & 0xfff0) >> 4 && end > G(4) &&
                    end > expected && made->was[10] == made->was[11])
                    expected = end;
            }
        }
        assert_int_equal(scan(), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_above_4_gib),
        cmocka_unit_test(every_size_is_found),
        cmocka_unit_test(decoding_stays_as_it_was),
        cmocka_unit_test(last_bar_cannot_have_64_bits),
        cmocka_unit_test(upper_half_is_no_bar),
        cmocka_unit_test(bars_of_all_kinds_go_together),
        cmocka_unit_test(windows_of_bridges_count),
        cmocka_unit_test(window_of_32_bits_is_below_4_gib),
        cmocka_unit_test(bridges_have_two_bars),
        cmocka_unit_test(other_headers_are_left_alone),
        cmocka_unit_test(functions_are_those_that_function_0_tells_of),
        cmocka_unit_test(devices_are_found_everywhere),
        cmocka_unit_test(random_machines_agree_with_the_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
