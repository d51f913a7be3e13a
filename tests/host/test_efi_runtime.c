/* SPDX-License-Identifier: MIT */
/* Which regions stay for the runtime services, and where; their rights are in _map.c. */
#include "recorder.h"
#include "runtime_firmware.h"
#include "test.h"

#define REGIONS_MAX 1200
#define REGION_SIZE 40 /* what the specification defines of a descriptor */

static struct efi_runtime runtime;
/* An exact allocation: the map before, and what is kept of it. */
static uint8_t *before;
static uint8_t *map;
static size_t kept; /* descriptors */
static size_t stride = 48;

/* Keep of these; the bytes behind a descriptor say which one it was. */
static size_t keep(const struct region *regions, size_t count, uint64_t window, uint64_t size,
                   unsigned phys_bits)
{
    size_t bytes = count * stride;
    size_t room = (EFI_RUNTIME_REGIONS + 1) * stride;
    size_t left;

    free(before);
    free(map);
    before = malloc(bytes > 0 ? bytes : 1);
    map = malloc(room);
    assert_non_null(before);
    assert_non_null(map);
    for (size_t i = 0; i < count; i++) {
        uint8_t *to = before + i * stride;

        put_descriptor(to, stride, regions[i].type, regions[i].base, regions[i].pages,
                       regions[i].attribute);
        for (size_t at = REGION_SIZE; at < stride; at++)
            to[at] = (uint8_t)(i * 7 + at);
    }
    memset(&runtime, 0xa5, sizeof(runtime));
    left = efi_runtime_keep(before, bytes, stride, map, room, window, size, phys_bits, &runtime);
    assert_true(left <= bytes);
    assert_int_equal(left % stride, 0);
    kept = left / stride;
    return left;
}

static uint64_t field(size_t i, size_t offset)
{
    uint64_t value;

    assert_true(i < kept);
    memcpy(&value, map + i * stride + offset, 8);
    return value;
}

#define base_of(i)  field(i, 8)
#define va_of(i)    field(i, 16)
#define bytes_of(i) (field(i, 24) * PAGE)

/* In the window, congruent, ascending, disjoint, and near ones as far apart as they were. */
static void expect_placed(uint64_t window, uint64_t size)
{
    assert_null(runtime.why);
    for (size_t i = 0; i < kept; i++) {
        assert_true(va_of(i) >= window);
        assert_true(va_of(i) - window <= size);
        assert_true(bytes_of(i) <= size - (va_of(i) - window));
        assert_int_equal(va_of(i) % M(2), base_of(i) % M(2));
        if (i == 0)
            continue;
        assert_true(base_of(i) >= base_of(i - 1) + bytes_of(i - 1));
        assert_true(va_of(i) >= va_of(i - 1) + bytes_of(i - 1));
        if (base_of(i) - base_of(i - 1) < G(1))
            assert_int_equal(va_of(i) - va_of(i - 1), base_of(i) - base_of(i - 1));
    }
}

/* These are all kept and well placed. */
static void good_in(const struct region *regions, size_t count, uint64_t window, uint64_t size,
                    unsigned phys_bits)
{
    keep(regions, count, window, size, phys_bits);
    if (runtime.why != NULL)
        fail_msg("refused: %s at %#jx", runtime.why, (uintmax_t)runtime.at);
    assert_int_equal(kept, count);
    expect_placed(window, size);
}

static void good(const struct region *regions, size_t count)
{
    good_in(regions, count, WINDOW, WINDOW_SIZE, WIDTH);
}

static void refused(void)
{
    assert_int_equal(kept, 0);
    assert_non_null(runtime.why);
    assert_true(strlen(runtime.why) > 0);
    assert_int_equal(runtime.count, 0);
}

/* These are refused because of the region at this address. */
static void bad(const struct region *regions, size_t count, unsigned phys_bits, uint64_t at)
{
    keep(regions, count, WINDOW, WINDOW_SIZE, phys_bits);
    refused();
    assert_int_equal(runtime.at, at);
}

/* The attribute alone decides, whatever the type. */
static void only_runtime_regions_are_kept(void **state)
{
    static const uint64_t attributes[] = {0, WB, 0xf, ~RUNTIME, RUNTIME, RUNTIME | WB, ~0ull};
    struct region regions[17 * COUNT_OF(attributes)];
    size_t count = 0;
    size_t next = 0;

    (void)state;
    for (uint32_t type = 0; type <= 16; type++) {
        for (size_t a = 0; a < COUNT_OF(attributes); a++) {
            regions[count] = (struct region){type, M(1) + 2 * PAGE * count, 1, attributes[a]};
            count++;
        }
    }
    keep(regions, count, WINDOW, WINDOW_SIZE, WIDTH);
    assert_int_equal(kept, 17 * 3);
    expect_placed(WINDOW, WINDOW_SIZE);
    for (size_t i = 0; i < count; i++) {
        if ((regions[i].attribute & RUNTIME) == 0)
            continue;
        assert_int_equal(base_of(next), regions[i].base);
        assert_int_equal(field(next, 0) & 0xffffffff, regions[i].type);
        assert_int_equal(field(next, 32), regions[i].attribute);
        next++;
    }
}

/* Without such a region there is nothing to keep, and nothing wrong. */
static void none_is_not_an_error(void **state)
{
    const struct region others[] = {{CODE, M(1), 1, WB}, {DATA, M(2), 1, WB}, {7, M(3), 1, 0xf}};

    (void)state;
    for (size_t count = 0; count <= COUNT_OF(others); count++) {
        assert_int_equal(keep(others, count, WINDOW, WINDOW_SIZE, WIDTH), 0);
        assert_null(runtime.why);
        assert_int_equal(keep(others, count, WINDOW, 0, WIDTH), 0);
        assert_null(runtime.why);
    }
    memset(&runtime, 0xa5, sizeof(runtime));
    assert_int_equal(efi_runtime_keep(NULL, 0, 48, NULL, 96, WINDOW, WINDOW_SIZE, WIDTH, &runtime),
                     0);
    assert_null(runtime.why);
}

/* What is not kept may be as broken as it likes. */
static void other_regions_are_not_looked_at(void **state)
{
    const struct region regions[] = {
        {7, M(1) + 1, 1, WB},
        {7, G(3), G(1), WB},
        {0, UINT64_MAX - 4095, 2, 0xf},
        {CODE, M(16), 16, RUNTIME},
        {5, M(16), 16, WB},
        {6, M(16) - PAGE, 3, WB},
        {7, 0, UINT64_MAX, WB},
        {7, UINT64_C(1) << 60, 1, WB},
        {11, M(17), 0, 1},
    };

    (void)state;
    assert_int_equal(keep(regions, COUNT_OF(regions), WINDOW, WINDOW_SIZE, WIDTH), stride);
    expect_placed(WINDOW, WINDOW_SIZE);
    assert_int_equal(base_of(0), M(16));
}

/* Ascending whatever the order was; of each, all bytes but VirtualStart stay together. */
static void regions_are_sorted_with_all_their_bytes(void **state)
{
    static const size_t strides[] = {40, 48, 56, 64, 128};
    struct region regions[60];

    (void)state;
    for (size_t s = 0; s < COUNT_OF(strides); s++) {
        stride = strides[s];
        for (size_t i = 0; i < COUNT_OF(regions); i++) {
            size_t place = i * 37 % COUNT_OF(regions);

            regions[i] = (struct region){CODE + (uint32_t)i % 2, M(1) + place * 3 * PAGE,
                                         1 + place % 3, (i % 3 == 0 ? 0 : RUNTIME) | WB};
        }
        keep(regions, COUNT_OF(regions), WINDOW, WINDOW_SIZE, WIDTH);
        assert_int_equal(kept, 40);
        expect_placed(WINDOW, WINDOW_SIZE);
        for (size_t i = 0; i < kept; i++) {
            const uint8_t *is = map + i * stride;
            const uint8_t *was = before;

            while (memcmp(was + 8, is + 8, 8) != 0)
                was += stride;
            assert_memory_equal(is, was, 16);
            assert_memory_equal(is + 24, was + 24, stride - 24);
        }
    }
    stride = 48;
}

/* As many as the header says, and not one more; those that are not kept do not count. */
static void there_may_be_192_regions(void **state)
{
    static struct region regions[REGIONS_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(regions); i++)
        regions[i] = (struct region){DATA, M(1) + (REGIONS_MAX - i) * M(2), 1, WB};
    for (size_t i = 0; i < EFI_RUNTIME_REGIONS; i++)
        regions[i * 6 + 3].attribute |= RUNTIME;
    assert_int_equal(keep(regions, REGIONS_MAX, WINDOW, WINDOW_SIZE, WIDTH), 192 * stride);
    expect_placed(WINDOW, WINDOW_SIZE);
    for (size_t i = 0; i < REGIONS_MAX; i += REGIONS_MAX - 1) {
        regions[i].attribute |= RUNTIME;
        keep(regions, REGIONS_MAX, WINDOW, WINDOW_SIZE, WIDTH);
        refused();
        assert_int_equal(runtime.at % M(2), M(1));
        assert_true(runtime.at > M(1) && runtime.at <= M(1) + REGIONS_MAX * M(2));
        regions[i].attribute = WB;
    }
}

/* A region begins with a page. */
static void misaligned_region_is_refused(void **state)
{
    static const uint64_t by[] = {1, 8, 2048, 4095};
    struct region regions[] = {
        {CODE, M(1), 1, RUNTIME}, {DATA, M(8), 1, RUNTIME}, {DATA, M(4), 1, RUNTIME}};

    (void)state;
    good(regions, COUNT_OF(regions));
    for (size_t which = 0; which < COUNT_OF(regions); which++) {
        for (size_t i = 0; i < COUNT_OF(by); i++) {
            regions[which].base += by[i];
            bad(regions, COUNT_OF(regions), WIDTH, regions[which].base);
            regions[which].base -= by[i];
        }
    }
}

/* Regions may touch, not overlap. */
static void overlapping_regions_are_refused(void **state)
{
    static const struct {
        uint64_t first;
        uint64_t pages;
    } overlaps[] = {{12, 5}, {12, 16}, {12, 99}, {16, 1}, {16, 8}, {17, 1}, {23, 1}, {23, 9}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(overlaps); i++) {
        struct region regions[] = {
            {DATA, M(9), 1, RUNTIME},
            {DATA, PAGE * overlaps[i].first, overlaps[i].pages, RUNTIME},
            {MMIO, PAGE * 256, 1, RUNTIME},
            {CODE, PAGE * 16, 8, RUNTIME},
        };
        keep(regions, COUNT_OF(regions), WINDOW, WINDOW_SIZE, WIDTH);
        refused();
        assert_true(runtime.at == regions[1].base || runtime.at == regions[3].base);
        regions[1].base = PAGE * 24;
        good(regions, COUNT_OF(regions));
        regions[1].pages = 4;
        regions[1].base = PAGE * 12;
        good(regions, COUNT_OF(regions));
    }
}

/* A region ends where the CPU's addresses do, at the latest. */
static void regions_beyond_phys_bits_are_refused(void **state)
{
    static const unsigned widths[] = {32, 36, 39, 46, 51, 52};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(widths); i++) {
        uint64_t top = UINT64_C(1) << widths[i];
        struct region regions[] = {{CODE, M(1), 1, RUNTIME}, {DATA, top - 4 * PAGE, 3, RUNTIME}};

        good_in(regions, 2, WINDOW, WINDOW_SIZE, widths[i]);
        regions[1].pages = 4;
        good_in(regions, 2, WINDOW, WINDOW_SIZE, widths[i]);
        regions[1].pages = 5;
        bad(regions, 2, widths[i], regions[1].base);
        regions[1].base = top;
        regions[1].pages = 1;
        bad(regions, 2, widths[i], top);
        regions[1].base = top - PAGE;
        good_in(regions, 2, WINDOW, WINDOW_SIZE, widths[i]);
    }
}

/* A number of pages that wraps around is not a small one. */
static void wrapping_page_counts_are_refused(void **state)
{
    static const uint64_t bases[] = {0, PAGE, M(16), (UINT64_C(1) << 52) - PAGE};
    static const uint64_t wide = UINT64_C(1) << 52;
    const uint64_t counts[] = {wide, wide + 1, wide - 1, 2 * wide + 1, wide - G(4), UINT64_MAX};

    (void)state;
    for (size_t b = 0; b < COUNT_OF(bases); b++) {
        for (size_t i = 0; i < COUNT_OF(counts); i++) {
            struct region regions[] = {{DATA, M(8), 1, RUNTIME},
                                       {CODE, bases[b], counts[i], RUNTIME}};

            bad(regions + 1, 1, 52, bases[b]);
            keep(regions, 2, WINDOW, WINDOW_SIZE, 52);
            refused();
        }
    }
    for (uint64_t pages = 1; pages < 4; pages++) {
        struct region last = {DATA, -PAGE, pages, RUNTIME};

        bad(&last, 1, 52, -PAGE);
    }
}

/* One region in a window of exactly what it needs, then in one that is a page too small. */
static void fit_exactly(uint64_t skew, uint64_t len)
{
    struct region region = {CODE, G(7) + skew, len / PAGE, RUNTIME};
    uint64_t window = WINDOW;
    uint64_t size = skew % M(2) + len;

    good_in(&region, 1, window, size, WIDTH);
    good_in(&region, 1, window, size + PAGE, WIDTH);
    keep(&region, 1, window, size - PAGE, WIDTH);
    refused();
    assert_int_equal(runtime.at, region.base);
    keep(&region, 1, window, 0, WIDTH);
    refused();
}

static const uint64_t skews[] = {0, PAGE, M(1), M(2) - PAGE};
static const uint64_t lengths[] = {PAGE, 5 * PAGE, M(2), M(2) + PAGE, G(3)};

/* One region needs its length, and what it stands behind a 2 MiB boundary; no page less will do. */
static void window_may_be_exactly_as_large_as_needed(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT_OF(skews); s++) {
        for (size_t l = 0; l < COUNT_OF(lengths); l++)
            fit_exactly(skews[s], lengths[l]);
    }
}

/* A window may end where the addresses do. */
static void window_may_be_the_last_there_is(void **state)
{
    struct region region = {DATA, M(64), M(4) / PAGE, RUNTIME};

    (void)state;
    good_in(&region, 1, -M(4), M(4), WIDTH);
    region.base += PAGE;
    keep(&region, 1, -M(4), M(4), WIDTH);
    refused();
    region.pages -= 1;
    good_in(&region, 1, -M(4), M(4), WIDTH);
}

/* Neighbours less than 1 GiB apart keep that distance, and so does a chain of such. */
static void near_regions_keep_their_distance(void **state)
{
    struct region regions[6] = {{CODE, M(33) + 5 * PAGE, 1, RUNTIME}};
    uint64_t skew = M(1) + 5 * PAGE;
    uint64_t span;

    (void)state;
    for (size_t i = 1; i < COUNT_OF(regions); i++)
        regions[i] = (struct region){DATA, regions[i - 1].base + G(1) - PAGE, 1, RUNTIME};
    good(regions, COUNT_OF(regions));
    for (size_t i = 1; i < kept; i++)
        assert_int_equal(va_of(i) - va_of(0), regions[i].base - regions[0].base);
    span = regions[5].base + PAGE - regions[0].base;
    good_in(regions, COUNT_OF(regions), WINDOW, skew + span, WIDTH);
    keep(regions, COUNT_OF(regions), WINDOW, skew + span - PAGE, WIDTH);
    refused();
    assert_int_equal(runtime.at, regions[5].base);
}

/* Of a distance of far more than 1 GiB no more is left than the window has. */
static void far_regions_come_closer(void **state)
{
    struct region regions[8];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(regions); i++)
        regions[i] = (struct region){DATA, G(3) + T(1) * i, 1, RUNTIME};
    good_in(regions, COUNT_OF(regions), WINDOW, G(16), WIDTH);
    good_in(regions, COUNT_OF(regions), WINDOW, 7 * M(2) + PAGE, WIDTH);
    keep(regions, COUNT_OF(regions), WINDOW, 7 * M(2), WIDTH);
    refused();
    assert_int_equal(runtime.at, regions[7].base);
    for (size_t i = 0; i < COUNT_OF(regions); i++)
        regions[i].base += i * PAGE;
    good_in(regions, COUNT_OF(regions), WINDOW, 8 * PAGE, WIDTH);
    keep(regions, COUNT_OF(regions), WINDOW, 7 * PAGE, WIDTH);
    refused();
    regions[1].base = regions[0].base + PAGE + G(1);
    good_in(regions, 2, WINDOW, 2 * PAGE, WIDTH);
}

/* The bytes that ascending regions need from `window` on, near ones at their distance. */
static uint64_t needed(const struct region *sorted, size_t count, uint64_t window)
{
    uint64_t va = window;

    for (size_t i = 0; i < count; i++) {
        if (i > 0 && sorted[i].base - sorted[i - 1].base < G(1))
            va += sorted[i].base - sorted[i - 1].base - sorted[i - 1].pages * PAGE;
        while (va % M(2) != sorted[i].base % M(2))
            va += PAGE;
        va += sorted[i].pages * PAGE;
    }
    return va - window;
}

/* Any regions are placed if and only if there is room for them. */
static void random_regions_are_placed_where_there_is_room(void **state)
{
    static struct region sorted[EFI_RUNTIME_REGIONS];
    static struct region shuffled[EFI_RUNTIME_REGIONS];
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_regions_are_placed_where_there_is_room");
    for (unsigned round = 0; round < 1000; round++) {
        size_t count = 1 + rng_below(&rng, rng_once_in(&rng, 4) ? EFI_RUNTIME_REGIONS : 12);
        uint64_t window = WINDOW + rng_below(&rng, 1024) * M(2);
        uint64_t base = rng_below(&rng, M(16) / PAGE) * PAGE;
        uint64_t size;

        for (size_t i = 0; i < count; i++) {
            uint64_t pages = 1 + rng_below(&rng, rng_once_in(&rng, 4) ? 2048 : 20);

            sorted[i] = (struct region){(uint32_t)rng_below(&rng, 16), base, pages, RUNTIME | WB};
            base += pages * PAGE + rng_below(&rng, 600) * PAGE * rng_below(&rng, 3);
            if (rng_once_in(&rng, 6))
                base += G(2) + rng_below(&rng, G(64) / PAGE) * PAGE;
        }
        memcpy(shuffled, sorted, sizeof(sorted));
        shuffle_regions(&rng, shuffled, count);
        size = needed(sorted, count, window);
        stride = 40 + 8 * rng_below(&rng, 3);
        good_in(shuffled, count, window, size, WIDTH);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(base_of(i), sorted[i].base);
            assert_int_equal(bytes_of(i), sorted[i].pages * PAGE);
            assert_int_equal(field(i, 0) & 0xffffffff, sorted[i].type);
        }
        keep(shuffled, count, window, size - PAGE, WIDTH);
        refused();
        assert_int_equal(runtime.at, sorted[count - 1].base);
    }
    stride = 48;
}

/* Runtime code and data without the attribute is found, in the map's order, and nothing else. */
static void unmarked_runtime_regions_are_named(void **state)
{
    static const size_t strides[] = {40, 48, 128};
    static const struct region regions[] = {{CODE, M(9), 3, WB},      {DATA, M(8), 1, RUNTIME | WB},
                                            {DATA, M(7), 0, WB},      {4, M(6), 1, WB},
                                            {7, M(5), 1, RUNTIME},    {DATA, M(4), 2, 0},
                                            {CODE, M(3), 1, RUNTIME}, {10, M(2), 1, WB},
                                            {DATA, M(1), 1, ~RUNTIME}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(strides); i++) {
        static const uint64_t expected[][2] = {{M(9), 3}, {M(4), 2}, {M(1), 1}};
        size_t at = 0;
        uint64_t base, pages;
        size_t bytes = COUNT_OF(regions) * strides[i];

        stride = strides[i];
        keep(regions, COUNT_OF(regions), WINDOW, WINDOW_SIZE, WIDTH);
        for (size_t j = 0; j < COUNT_OF(expected); j++) {
            assert_true(efi_runtime_unmarked(before, bytes, stride, &at, &base, &pages));
            assert_int_equal(base, expected[j][0]);
            assert_int_equal(pages, expected[j][1]);
        }
        assert_false(efi_runtime_unmarked(before, bytes, stride, &at, &base, &pages));
    }
    stride = 48;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_runtime_regions_are_kept),
        cmocka_unit_test(none_is_not_an_error),
        cmocka_unit_test(other_regions_are_not_looked_at),
        cmocka_unit_test(regions_are_sorted_with_all_their_bytes),
        cmocka_unit_test(there_may_be_192_regions),
        cmocka_unit_test(misaligned_region_is_refused),
        cmocka_unit_test(overlapping_regions_are_refused),
        cmocka_unit_test(regions_beyond_phys_bits_are_refused),
        cmocka_unit_test(wrapping_page_counts_are_refused),
        cmocka_unit_test(window_may_be_exactly_as_large_as_needed),
        cmocka_unit_test(window_may_be_the_last_there_is),
        cmocka_unit_test(near_regions_keep_their_distance),
        cmocka_unit_test(far_regions_come_closer),
        cmocka_unit_test(random_regions_are_placed_where_there_is_room),
        cmocka_unit_test(unmarked_runtime_regions_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
