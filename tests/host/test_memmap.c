/* SPDX-License-Identifier: MIT */
#include "memmap.h"

#include "random.h"
#include "reference.h"
#include "test.h"

#define MAX 64

/* A map, and all that was offered to it. */
struct fixture {
    struct memmap map;
    struct ref_range in[MAX];
    size_t count;
    uint64_t keys[2 * MAX];
    struct mem_range ranges[2 * MAX - 1];
};

static struct fixture *start(unsigned phys_bits)
{
    static struct fixture f;

    memset(&f, 0xa5, sizeof(f));
    f.count = 0;
    memmap_init(&f.map, f.keys, f.ranges, MAX, phys_bits);
    return &f;
}

static enum memmap_verdict add(struct fixture *f, uint64_t base, uint64_t len, enum mem_type type)
{
    f->in[f->count++] = (struct ref_range){base, len, type};
    return memmap_add(&f->map, base, len, type);
}

static void check_postconditions(const struct memmap *map)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct mem_range *range = &map->ranges[i];

        assert_true(range->base < range->end);
        assert_true(range->end <= UINT64_C(1) << map->phys_bits);
        if (i == 0)
            continue;
        assert_true(range[-1].end <= range->base);
        if (range[-1].end == range->base)
            assert_int_not_equal(range[-1].type, range->type);
    }
}

static void check_byte(const struct fixture *f, const struct ref_map *ref, uint64_t pa)
{
    const struct mem_range *found = memmap_find(&f->map, pa);
    enum mem_type type;

    if (!ref_type_at(ref, pa, &type)) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_true(found->base <= pa && pa < found->end);
    assert_int_equal(found->type, type);
}

/* Normalise, then compare with the oracle on both sides of every edge. */
static void check(struct fixture *f)
{
    struct ref_map ref = {f->in, f->count, f->map.phys_bits};
    uint64_t edges[2 * MAX + 2];
    size_t n = ref_edges(&ref, edges);

    memmap_normalise(&f->map);
    check_postconditions(&f->map);
    for (size_t i = 0; i < n; i++) {
        check_byte(f, &ref, edges[i] - 1);
        check_byte(f, &ref, edges[i]);
        check_byte(f, &ref, edges[i] + 1);
    }
    for (unsigned type = 0; type < MEM_TYPES; type++) {
        uint64_t bytes = ref_bytes(&ref, (enum mem_type)type);

        assert_int_equal(memmap_bytes(&f->map, (enum mem_type)type), bytes);
    }
}

static void assert_range(const struct fixture *f, size_t i, uint64_t base, uint64_t end,
                         enum mem_type type)
{
    assert_true(i < f->map.count);
    assert_int_equal(f->map.ranges[i].base, base);
    assert_int_equal(f->map.ranges[i].end, end);
    assert_int_equal(f->map.ranges[i].type, type);
}

/* Nothing in, nothing out, and nothing found. */
static void empty_map_holds_nothing(void **state)
{
    struct fixture *f = start(36);

    (void)state;
    memmap_normalise(&f->map);
    assert_int_equal(f->map.count, 0);
    assert_null(memmap_find(&f->map, 0));
    assert_null(memmap_find(&f->map, UINT64_MAX));
    assert_false(memmap_is(&f->map, 0, 1, MEM_USABLE));
    assert_false(memmap_is(&f->map, 0, 1, MEM_RESERVED));
    assert_int_equal(memmap_bytes(&f->map, MEM_USABLE), 0);
}

/* A map that has no usable range has no usable byte. */
static void map_without_ram_has_no_usable_byte(void **state)
{
    struct fixture *f = start(40);

    (void)state;
    assert_int_equal(add(f, 0, M(1), MEM_RESERVED), MEMMAP_KEPT);
    assert_int_equal(add(f, G(3), G(1), MEM_MMIO), MEMMAP_KEPT);
    check(f);
    assert_int_equal(f->map.count, 2);
    assert_int_equal(memmap_bytes(&f->map, MEM_USABLE), 0);
}

/* A length of zero is reported and leaves no trace, wherever it lies. */
static void zero_length_is_dropped(void **state)
{
    struct fixture *f = start(40);

    (void)state;
    assert_int_equal(add(f, M(1), 0, MEM_USABLE), MEMMAP_EMPTY);
    assert_int_equal(add(f, 0, 0, MEM_RESERVED), MEMMAP_EMPTY);
    assert_int_equal(add(f, 0, M(4), MEM_USABLE), MEMMAP_KEPT);
    assert_int_equal(add(f, M(2), 0, MEM_RESERVED), MEMMAP_EMPTY);
    check(f);
    assert_int_equal(f->map.count, 1);
    assert_range(f, 0, 0, M(4), MEM_USABLE);
}

/* The same range many times is the range once. */
static void duplicates_change_nothing(void **state)
{
    struct fixture *f = start(40);

    (void)state;
    for (unsigned i = 0; i < 7; i++) {
        add(f, M(1), M(3), MEM_USABLE);
        add(f, M(2), K(4), MEM_RESERVED);
    }
    check(f);
    assert_int_equal(f->map.count, 3);
    assert_range(f, 0, M(1), M(2), MEM_USABLE);
    assert_range(f, 1, M(2), M(2) + K(4), MEM_RESERVED);
    assert_range(f, 2, M(2) + K(4), M(4), MEM_USABLE);
}

/* Ranges of one type that touch become one; of two types, they stay two. */
static void neighbours_of_one_type_merge(void **state)
{
    struct fixture *f = start(40);

    (void)state;
    add(f, M(2), M(1), MEM_USABLE);
    add(f, M(1), M(1), MEM_USABLE);
    add(f, M(3), M(1), MEM_ACPI_DATA);
    add(f, M(4), 1, MEM_USABLE);
    check(f);
    assert_int_equal(f->map.count, 3);
    assert_range(f, 0, M(1), M(3), MEM_USABLE);
    assert_range(f, 2, M(4), M(4) + 1, MEM_USABLE);
}

/* Several usable ranges that hit one reserved range all lose its bytes. */
static void many_usable_ranges_yield_to_one_reserved(void **state)
{
    struct fixture *f = start(40);

    (void)state;
    add(f, M(1), M(3), MEM_USABLE);
    add(f, M(3), M(3), MEM_USABLE);
    add(f, M(5), M(5), MEM_USABLE);
    add(f, M(2), M(6), MEM_RESERVED);
    check(f);
    assert_int_equal(f->map.count, 3);
    assert_range(f, 0, M(1), M(2), MEM_USABLE);
    assert_range(f, 1, M(2), M(8), MEM_RESERVED);
    assert_range(f, 2, M(8), M(10), MEM_USABLE);
}

/* A range that is covered entirely by more restrictive ones vanishes. */
static void covered_range_vanishes(void **state)
{
    struct fixture *f = start(40);

    (void)state;
    add(f, M(2), M(2), MEM_USABLE);
    add(f, M(1), M(2), MEM_ACPI_NVS);
    add(f, M(3), M(2), MEM_ACPI_NVS);
    check(f);
    assert_int_equal(f->map.count, 1);
    assert_range(f, 0, M(1), M(5), MEM_ACPI_NVS);
}

/* For each pair of types, the later one of the enumeration has the overlap, in both orders. */
static void later_type_wins_every_overlap(void **state)
{
    (void)state;
    for (unsigned a = 0; a < MEM_TYPES; a++) {
        for (unsigned b = 0; b < MEM_TYPES; b++) {
            struct fixture *f = start(40);

            add(f, M(1), M(2), (enum mem_type)a);
            add(f, M(2), M(2), (enum mem_type)b);
            check(f);
            assert_int_equal(memmap_find(&f->map, M(2))->type, a > b ? a : b);
        }
    }
}

/* 6 GiB called usable with 2 to 4 GiB reserved: only what is left is usable. */
static void reserved_hole_is_cut_out_of_usable(void **state)
{
    struct fixture *f = start(40);

    (void)state;
    add(f, 0, G(6), MEM_USABLE);
    add(f, G(2), G(2), MEM_RESERVED);
    check(f);
    assert_int_equal(f->map.count, 3);
    assert_range(f, 0, 0, G(2), MEM_USABLE);
    assert_range(f, 1, G(2), G(4), MEM_RESERVED);
    assert_range(f, 2, G(4), G(6), MEM_USABLE);
    assert_int_equal(memmap_bytes(&f->map, MEM_USABLE), G(4));
}

/* Ranges that are not whole pages keep their bytes. */
static void bytes_are_not_rounded_to_pages(void **state)
{
    struct fixture *f = start(40);

    (void)state;
    add(f, 0, 0x9fc01, MEM_USABLE);
    add(f, 0x9fc00, 0x400, MEM_RESERVED);
    check(f);
    assert_range(f, 0, 0, 0x9fc00, MEM_USABLE);
    assert_range(f, 1, 0x9fc00, 0xa0000, MEM_RESERVED);
}

/* A usable range whose end exceeds 2^64 is no RAM at all. */
static void wrapping_usable_is_dropped(void **state)
{
    struct fixture *f = start(52);

    (void)state;
    assert_int_equal(add(f, M(1), UINT64_MAX, MEM_USABLE), MEMMAP_WRAPS);
    assert_int_equal(add(f, 4096, (uint64_t)0 - 4095, MEM_USABLE), MEMMAP_WRAPS);
    check(f);
    assert_int_equal(f->map.count, 0);
}

/* Any other wrapping range counts from its base up, and never at address 0. */
static void wrapping_reserved_is_kept_and_cut(void **state)
{
    (void)state;
    for (unsigned type = MEM_USABLE + 1; type < MEM_TYPES; type++) {
        struct fixture *f = start(40);

        add(f, 0, M(2), MEM_USABLE);
        assert_int_equal(add(f, M(1), UINT64_MAX, (enum mem_type)type), MEMMAP_CUT);
        check(f);
        assert_int_equal(f->map.count, 2);
        assert_range(f, 0, 0, M(1), MEM_USABLE);
        assert_range(f, 1, M(1), T(1), (enum mem_type)type);
    }
}

/* To end at exactly 2^64 is not to wrap: such a range is cut at the width, usable or not. */
static void ending_at_the_top_does_not_wrap(void **state)
{
    struct fixture *f = start(40);

    (void)state;
    assert_int_equal(add(f, G(1), (uint64_t)0 - G(1), MEM_USABLE), MEMMAP_CUT);
    assert_int_equal(add(f, G(3), (uint64_t)0 - G(3), MEM_MMIO), MEMMAP_CUT);
    assert_int_equal(add(f, UINT64_MAX, 1, MEM_RESERVED), MEMMAP_BEYOND);
    check(f);
    assert_int_equal(f->map.count, 2);
    assert_range(f, 0, G(1), G(3), MEM_USABLE);
    assert_range(f, 1, G(3), T(1), MEM_MMIO);
}

/* At each width, the last byte inside is kept and the first outside is not. */
static void physical_width_is_a_sharp_edge(void **state)
{
    (void)state;
    for (unsigned bits = 32; bits <= 52; bits++) {
        uint64_t width = UINT64_C(1) << bits;
        struct fixture *f = start(bits);

        assert_int_equal(add(f, width - 4096, 4096, MEM_USABLE), MEMMAP_KEPT);
        assert_int_equal(add(f, width, 4096, MEM_USABLE), MEMMAP_BEYOND);
        assert_int_equal(add(f, width + 4096, 1, MEM_RESERVED), MEMMAP_BEYOND);
        assert_int_equal(add(f, width - 2, 3, MEM_RESERVED), MEMMAP_CUT);
        check(f);
        assert_int_equal(f->map.count, 2);
        assert_range(f, 0, width - 4096, width - 2, MEM_USABLE);
        assert_range(f, 1, width - 2, width, MEM_RESERVED);
    }
}

/* N ranges fit; one more is refused and changes nothing. */
static void one_range_more_than_fits_is_refused(void **state)
{
    struct fixture *f = start(40);

    (void)state;
    for (unsigned i = 0; i < MAX; i++)
        assert_int_equal(add(f, M(2) * i, M(1), MEM_USABLE), MEMMAP_KEPT);
    assert_int_equal(memmap_add(&f->map, M(1), M(1), MEM_USABLE), MEMMAP_FULL);
    assert_int_equal(memmap_add(&f->map, 0, M(1), MEM_USABLE), MEMMAP_FULL);
    check(f);
    assert_int_equal(f->map.count, MAX);
}

/* What is dropped takes no room: after many of them N ranges still fit. */
static void dropped_ranges_use_no_capacity(void **state)
{
    struct fixture *f = start(40);

    (void)state;
    for (unsigned i = 0; i < MAX; i++) {
        assert_int_equal(memmap_add(&f->map, i, 0, MEM_USABLE), MEMMAP_EMPTY);
        assert_int_equal(memmap_add(&f->map, 2, UINT64_MAX, MEM_USABLE), MEMMAP_WRAPS);
        assert_int_equal(memmap_add(&f->map, T(1), 1, MEM_MMIO), MEMMAP_BEYOND);
    }
    for (unsigned i = 0; i < MAX; i++)
        assert_int_equal(add(f, M(2) * i, M(1), MEM_RESERVED), MEMMAP_KEPT);
    assert_int_equal(memmap_add(&f->map, M(1), 1, MEM_USABLE), MEMMAP_FULL);
    check(f);
    assert_int_equal(f->map.count, MAX);
}

/* N nested ranges make the most results there can be, 2N - 1, and they fit. */
static void nested_ranges_fill_the_storage_exactly(void **state)
{
    struct fixture *f = start(40);

    (void)state;
    for (unsigned i = 0; i < MEM_TYPES; i++)
        add(f, M(1) * (i + 1), M(2) * (MEM_TYPES - i), (enum mem_type)i);
    check(f);
    assert_int_equal(f->map.count, 2 * MEM_TYPES - 1);
}

/* One wide usable range under 63 islands makes 127 results, the whole storage. */
static void islands_fill_the_storage_exactly(void **state)
{
    struct fixture *f = start(40);

    (void)state;
    add(f, 0, M(1) * 2 * MAX, MEM_USABLE);
    for (unsigned i = 1; i < MAX; i++)
        assert_int_equal(add(f, M(2) * i, 4096, MEM_RESERVED), MEMMAP_KEPT);
    check(f);
    assert_int_equal(f->map.count, 2 * MAX - 1);
}

static uint64_t random_address(struct rng *rng, unsigned bits)
{
    switch (rng_below(rng, 8)) {
    case 0:
        return (UINT64_C(1) << bits) + rng_below(rng, 5) - 2;
    case 1:
        return (uint64_t)0 - rng_below(rng, 5);
    case 2:
        return rng_below(rng, 5);
    default:
        return rng_below(rng, 64) * 4096 + rng_below(rng, 3) - (rng_once_in(rng, 2) ? 0 : 1);
    }
}

static void random_input(struct fixture *f, struct rng *rng)
{
    uint64_t n = rng_below(rng, 24);

    for (uint64_t i = 0; i < n; i++) {
        uint64_t base = random_address(rng, f->map.phys_bits);
        uint64_t end = random_address(rng, f->map.phys_bits);
        uint64_t type = rng_once_in(rng, 2) ? MEM_USABLE : rng_below(rng, MEM_TYPES);

        add(f, base, end - base, (enum mem_type)type);
    }
}

/* Random maps agree with the oracle at every edge, and memmap_is() on random stretches. */
static void random_maps_agree_with_the_oracle(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 3000; round++) {
        struct fixture *f = start(32 + (unsigned)rng_below(&rng, 21));
        struct ref_map ref = {f->in, 0, f->map.phys_bits};

        random_input(f, &rng);
        check(f);
        ref.count = f->count;
        for (unsigned i = 0; i < 20; i++) {
            uint64_t base = random_address(&rng, ref.phys_bits);
            uint64_t len = random_address(&rng, ref.phys_bits) - base;
            enum mem_type type = (enum mem_type)rng_below(&rng, MEM_TYPES);

            assert_int_equal(memmap_is(&f->map, base, len, type), ref_is(&ref, base, len, type));
        }
    }
}

/* Shuffling and repeating the input does not change the result. */
static void order_does_not_matter(void **state)
{
    struct mem_range before[2 * MAX - 1];
    struct ref_range in[MAX];
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 500; round++) {
        struct fixture *f = start(36);
        size_t count = (random_input(f, &rng), f->count);
        size_t results = (check(f), f->map.count);

        memcpy(before, f->ranges, results * sizeof(before[0]));
        memcpy(in, f->in, count * sizeof(in[0]));
        f = start(36);
        for (size_t i = count; i > 0; i--) {
            size_t pick = (size_t)rng_below(&rng, i);

            add(f, in[pick].base, in[pick].len, in[pick].type);
            if (rng_once_in(&rng, 3))
                add(f, in[pick].base, in[pick].len, in[pick].type);
            in[pick] = in[i - 1];
        }
        check(f);
        assert_int_equal(f->map.count, results);
        for (size_t i = 0; i < results; i++)
            assert_range(f, i, before[i].base, before[i].end, before[i].type);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_map_holds_nothing),
        cmocka_unit_test(map_without_ram_has_no_usable_byte),
        cmocka_unit_test(zero_length_is_dropped),
        cmocka_unit_test(duplicates_change_nothing),
        cmocka_unit_test(neighbours_of_one_type_merge),
        cmocka_unit_test(many_usable_ranges_yield_to_one_reserved),
        cmocka_unit_test(covered_range_vanishes),
        cmocka_unit_test(later_type_wins_every_overlap),
        cmocka_unit_test(reserved_hole_is_cut_out_of_usable),
        cmocka_unit_test(bytes_are_not_rounded_to_pages),
        cmocka_unit_test(wrapping_usable_is_dropped),
        cmocka_unit_test(wrapping_reserved_is_kept_and_cut),
        cmocka_unit_test(ending_at_the_top_does_not_wrap),
        cmocka_unit_test(physical_width_is_a_sharp_edge),
        cmocka_unit_test(one_range_more_than_fits_is_refused),
        cmocka_unit_test(dropped_ranges_use_no_capacity),
        cmocka_unit_test(nested_ranges_fill_the_storage_exactly),
        cmocka_unit_test(islands_fill_the_storage_exactly),
        cmocka_unit_test(random_maps_agree_with_the_oracle),
        cmocka_unit_test(order_does_not_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
