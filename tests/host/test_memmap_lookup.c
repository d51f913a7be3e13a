/* SPDX-License-Identifier: MIT */
/* What the memory map is asked for: names, translation of types, look-ups. */
#include "memmap.h"
#include "test.h"

/* Each type has a name of its own, of one word. */
static void every_type_has_its_own_name(void **state)
{
    (void)state;
    for (unsigned a = 0; a < MEM_TYPES; a++) {
        const char *name = mem_type_name((enum mem_type)a);

        assert_non_null(name);
        assert_true(name[0] != '\0');
        assert_null(strchr(name, ' '));
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(name, mem_type_name((enum mem_type)b));
    }
    assert_string_equal(mem_type_name(MEM_USABLE), "usable");
    assert_string_equal(mem_type_name(MEM_ACPI_NVS), "acpi-nvs");
}

/* Each verdict has a text of its own. */
static void every_verdict_has_its_own_text(void **state)
{
    (void)state;
    for (unsigned a = MEMMAP_KEPT; a <= MEMMAP_FULL; a++) {
        assert_non_null(memmap_verdict_text((enum memmap_verdict)a));
        for (unsigned b = MEMMAP_KEPT; b < a; b++)
            assert_string_not_equal(memmap_verdict_text((enum memmap_verdict)a),
                                    memmap_verdict_text((enum memmap_verdict)b));
    }
}

/* E820 types are translated by the ACPI table. */
static void e820_types_are_those_of_acpi(void **state)
{
    (void)state;
    assert_int_equal(mem_type_from_e820(1), MEM_USABLE);
    assert_int_equal(mem_type_from_e820(2), MEM_RESERVED);
    assert_int_equal(mem_type_from_e820(3), MEM_ACPI_DATA);
    assert_int_equal(mem_type_from_e820(4), MEM_ACPI_NVS);
    assert_int_equal(mem_type_from_e820(5), MEM_UNUSABLE);
    assert_int_equal(mem_type_from_e820(7), MEM_PERSISTENT);
}

/* What no table defines is reserved, and nothing but 1 is usable. */
static void unknown_e820_type_is_reserved(void **state)
{
    static const uint32_t unknown[] = {0, 9, 10, 13, 255, 0x101, 0x80000001, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(unknown); i++)
        assert_int_equal(mem_type_from_e820(unknown[i]), MEM_RESERVED);
    for (uint32_t type = 0; type < 70000; type++)
        assert_true((mem_type_from_e820(type) == MEM_USABLE) == (type == 1));
}

/* memmap_is() asks for every byte, over gaps, other types and wrap-around. */
static void is_asks_for_every_byte(void **state)
{
    uint64_t keys[8];
    struct mem_range ranges[7];
    struct memmap map;

    (void)state;
    memmap_init(&map, keys, ranges, 4, 40);
    memmap_add(&map, M(1), M(1), MEM_USABLE);
    memmap_add(&map, M(3), M(2), MEM_USABLE);
    memmap_add(&map, M(4), 1, MEM_ACPI_DATA);
    memmap_add(&map, T(1) - 1, 1, MEM_USABLE);
    memmap_normalise(&map);
    assert_true(memmap_is(&map, M(1), M(1), MEM_USABLE));
    assert_true(memmap_is(&map, M(4), 1, MEM_ACPI_DATA));
    assert_true(memmap_is(&map, T(1) - 1, 1, MEM_USABLE));
    assert_false(memmap_is(&map, M(1), M(1), MEM_RESERVED));
    assert_false(memmap_is(&map, M(1), M(1) + 1, MEM_USABLE));
    assert_false(memmap_is(&map, M(1) - 1, 2, MEM_USABLE));
    assert_false(memmap_is(&map, M(1), M(3), MEM_USABLE));
    assert_false(memmap_is(&map, M(3), M(2), MEM_USABLE));
    assert_false(memmap_is(&map, M(1), 0, MEM_USABLE));
    assert_false(memmap_is(&map, M(1), UINT64_MAX, MEM_USABLE));
    assert_false(memmap_is(&map, T(1) - 1, 2, MEM_USABLE));
    assert_false(memmap_is(&map, M(1), (uint64_t)0 - M(1), MEM_USABLE));
    assert_false(memmap_is(&map, UINT64_MAX, 1, MEM_USABLE));
}

/* memmap_find() tells the first and the last byte of each range from their neighbours. */
static void find_knows_first_and_last_byte(void **state)
{
    uint64_t keys[2 * 50];
    struct mem_range ranges[2 * 50 - 1];
    struct memmap map;

    (void)state;
    memmap_init(&map, keys, ranges, 50, 40);
    for (unsigned i = 0; i < 50; i++)
        memmap_add(&map, M(4) * i + 3, M(1), i % 2 ? MEM_USABLE : MEM_ACPI_DATA);
    memmap_normalise(&map);
    assert_int_equal(map.count, 50);
    for (unsigned i = 0; i < 50; i++) {
        assert_ptr_equal(memmap_find(&map, M(4) * i + 3), &map.ranges[i]);
        assert_ptr_equal(memmap_find(&map, M(4) * i + M(1) + 2), &map.ranges[i]);
        assert_null(memmap_find(&map, M(4) * i + 2));
        assert_null(memmap_find(&map, M(4) * i + M(1) + 3));
    }
    assert_int_equal(memmap_bytes(&map, MEM_USABLE), M(25));
    assert_int_equal(memmap_bytes(&map, MEM_ACPI_DATA), M(25));
    assert_int_equal(memmap_bytes(&map, MEM_RESERVED), 0);
}

/* What can be read is any memory, in as many ranges as it likes, up to the last byte. */
static void devices_and_holes_cannot_be_read(void **state)
{
    uint64_t keys[2 * 16];
    struct mem_range ranges[2 * 16 - 1];
    struct memmap map;

    (void)state;
    for (unsigned type = 0; type < MEM_TYPES; type++) {
        bool can = type != MEM_MMIO && type != MEM_UNACCEPTED && type != MEM_UNUSABLE;

        memmap_init(&map, keys, ranges, 16, 40);
        memmap_add(&map, M(1), M(1), MEM_USABLE);
        memmap_add(&map, M(2), M(1), (enum mem_type)type);
        memmap_add(&map, M(3), M(1), MEM_ACPI_NVS);
        memmap_normalise(&map);
        assert_int_equal(memmap_can_be_read(&map, M(2), 1), can);
        assert_int_equal(memmap_can_be_read(&map, M(1), M(3)), can);
        assert_int_equal(memmap_can_be_read(&map, M(2) - 1, 2), can);
        assert_int_equal(memmap_can_be_read(&map, M(3) - 1, 2), can);
        assert_true(memmap_can_be_read(&map, M(1), M(1)));
        assert_true(memmap_can_be_read(&map, M(4) - 1, 1));
        assert_false(memmap_can_be_read(&map, M(3), M(1) + 1));
        assert_false(memmap_can_be_read(&map, M(1) - 1, 2));
        assert_false(memmap_can_be_read(&map, M(4), 1));
        assert_false(memmap_can_be_read(&map, M(1), 0));
        assert_false(memmap_can_be_read(&map, M(1), UINT64_MAX));
        assert_false(memmap_can_be_read(&map, M(1), (uint64_t)0 - M(1)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_its_own_name),
        cmocka_unit_test(every_verdict_has_its_own_text),
        cmocka_unit_test(e820_types_are_those_of_acpi),
        cmocka_unit_test(unknown_e820_type_is_reserved),
        cmocka_unit_test(is_asks_for_every_byte),
        cmocka_unit_test(find_knows_first_and_last_byte),
        cmocka_unit_test(devices_and_holes_cannot_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
