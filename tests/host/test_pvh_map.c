/* SPDX-License-Identifier: MIT */
/* The PVH start info's pvh_memory map, and what of it is to be held. */
#include "pvh.h"

#include "pvh_made.h"
#include "recorder.h"
#include "test.h"

#define HELD (4 + 2 * MODULES_MAX)

static struct facts facts;

/* The map is handed on in its order, with E820's types, whatever else is in the entries. */
static void map_is_read_with_its_types(void **state)
{
    static const enum mem_type types[] = {MEM_RESERVED,  MEM_USABLE,     MEM_RESERVED,
                                          MEM_ACPI_DATA, MEM_ACPI_NVS,   MEM_UNUSABLE,
                                          MEM_RESERVED,  MEM_PERSISTENT, MEM_RESERVED};
    struct recorder *got = recorder_start();

    (void)state;
    pvh_start(1);
    for (uint32_t i = 0; i < COUNT_OF(types); i++)
        pvh_entry(T(1) - G(1) * i, G(1) + i, i);
    pvh_entry(UINT64_MAX, UINT64_MAX, UINT32_MAX);
    pvh_entry(0, 0, 1);
    assert_int_equal(pvh_ranges(&pvh_all, pvh_base + START, &got->sink).code, ERR_NONE);
    assert_true(got->count >= COUNT_OF(types));
    for (uint32_t i = 0; i < COUNT_OF(types); i++)
        recorder_expect(got, i, T(1) - G(1) * i, G(1) + i, types[i], i);
    recorder_expect(got, COUNT_OF(types), UINT64_MAX, UINT64_MAX, MEM_RESERVED, UINT32_MAX);
}

/* Version 0 has no map, whatever stands behind it; nor has one of no entries. */
static void no_map_is_an_error(void **state)
{
    struct recorder *got = recorder_start();

    (void)state;
    pvh_start(0);
    pvh_put(START + MEMMAP_ENTRIES, 4, 0);
    pvh_entry(0, K(640), 1);
    assert_int_equal(pvh_ranges(&pvh_all, pvh_base + START, &got->sink).code, ERR_NOMAP);
    pvh_start(1);
    pvh_put(START + MEMMAP, 8, pvh_base + TABLE);
    assert_int_equal(pvh_ranges(&pvh_all, pvh_base + START, &got->sink).code, ERR_NOMAP);
    pvh_put(START + MEMMAP, 8, UINT64_MAX);
    assert_int_equal(pvh_ranges(&pvh_all, pvh_base + START, &got->sink).code, ERR_NOMAP);
    assert_int_equal(got->count, 0);
}

/* A table that goes around 2^64 is refused before any of it is handed on. */
static void wrapping_table_is_refused(void **state)
{
    static const struct {
        uint64_t at;
        uint32_t entries;
    } tables[] = {{UINT64_MAX, 1},
                  {UINT64_MAX - 22, 1},
                  {UINT64_MAX - 46, 2},
                  {UINT64_MAX - 24, 2},
                  {-G(1), UINT32_C(0x10000000)},
                  {-(UINT64_C(24) << 31) + 1, UINT32_C(0x80000000)},
                  {UINT64_MAX - 24 * UINT64_C(0xffffffff) + 2, UINT32_MAX}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        struct recorder *got = recorder_start();

        pvh_start(1);
        pvh_put(START + MEMMAP, 8, tables[i].at);
        pvh_put(START + MEMMAP_ENTRIES, 4, tables[i].entries);
        assert_int_equal(pvh_ranges(&pvh_all, pvh_base + START, &got->sink).code, ERR_MAPENTRY);
        assert_int_equal(got->count, 0);
    }
}

/* An error of the sink ends it at once, and is passed on: a table of any length is no trouble. */
static void error_of_the_sink_ends_it(void **state)
{
    (void)state;
    for (size_t n = 0; n < 6; n++) {
        struct recorder *got = recorder_start();
        struct error err;

        pvh_start(1);
        for (unsigned i = 0; i < 6; i++)
            pvh_entry(M(1) * i, M(1), 1);
        pvh_put(START + MEMMAP_ENTRIES, 4, UINT32_MAX);
        got->refuse_at = n;
        got->refusal = (struct error){.code = ERR_MAPFULL, .at = 7, .value = 8, .text = "9"};
        err = pvh_ranges(&pvh_all, pvh_base + START, &got->sink);
        assert_int_equal(err.code, ERR_MAPFULL);
        assert_int_equal(err.at, 7);
        assert_int_equal(err.value, 8);
        assert_int_equal(got->count, n);
    }
}

/* Is each of the len bytes at this offset in one of the ranges? */
static bool is_held(const struct kept_range *held, size_t count, uint64_t at, uint64_t len)
{
    for (uint64_t pa = pvh_base + at; pa < pvh_base + at + len; pa++) {
        bool in = false;

        for (size_t i = 0; i < count; i++)
            in |= pa - held[i].base < held[i].len;
        if (!in)
            return false;
    }
    return true;
}

/* The start info, both tables and the command line are held, and nothing that is none of these. */
static void what_is_read_is_held(void **state)
{
    struct kept_range *held = malloc(HELD * sizeof(*held));

    (void)state;
    assert_non_null(held);
    for (uint32_t version = 0; version < 2; version++) {
        size_t count;
        uint64_t bytes = 0;

        pvh_start(version);
        pvh_put(START + CMDLINE, 8, pvh_text(LINE, 300, 'l'));
        pvh_module(M(1), K(4), pvh_text(WORDS, 30, 'm'));
        pvh_module(M(2), K(4), 0);
        if (version == 1)
            pvh_entry(0, K(640), 1);
        memset(held, 0xa5, HELD * sizeof(*held));
        assert_int_equal(pvh_read(&facts).code, ERR_NONE);
        count = pvh_held(&pvh_all, pvh_base + START, held);
        assert_true(count >= 3 && count <= HELD);
        assert_true(is_held(held, count, START, version == 0 ? SIZE_0 : SIZE_1));
        assert_true(is_held(held, count, LINE, 301));
        assert_true(is_held(held, count, LIST, 2 * MODULE));
        assert_true(version == 0 || is_held(held, count, TABLE, ENTRY));
        for (size_t i = 0; i < count; i++) {
            assert_true(held[i].len > 0 && held[i].base + held[i].len > held[i].base);
            assert_non_null(held[i].what);
            bytes += held[i].len;
        }
        /* The modules' own command line and bytes may be held too. */
        assert_true(bytes <= SIZE_1 + 301 + 2 * MODULE + ENTRY + 31 + 2 * K(4));
    }
    free(held);
}

/* There is room for all ranges, however many modules there are said to be. */
static void held_ranges_have_their_limit(void **state)
{
    static const uint32_t modules[] = {MODULES_MAX, MODULES_MAX + 1, 1000, UINT32_MAX};
    struct kept_range *held = malloc(HELD * sizeof(*held));

    (void)state;
    assert_non_null(held);
    for (size_t i = 0; i < COUNT_OF(modules); i++) {
        pvh_start(1);
        pvh_put(START + CMDLINE, 8, pvh_text(LINE, 3, 'l'));
        for (uint64_t k = 0; k < MODULES_MAX + 1; k++)
            pvh_module(M(1) * (k + 1), 1, pvh_text(WORDS + 16 * k, 3, 'm'));
        pvh_put(START + NR_MODULES, 4, modules[i]);
        pvh_entry(0, K(640), 1);
        pvh_rsdp(2);
        assert_true(pvh_held(&pvh_all, pvh_base + START, held) <= HELD);
    }
    free(held);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_is_read_with_its_types),
        cmocka_unit_test(no_map_is_an_error),
        cmocka_unit_test(wrapping_table_is_refused),
        cmocka_unit_test(error_of_the_sink_ends_it),
        cmocka_unit_test(what_is_read_is_held),
        cmocka_unit_test(held_ranges_have_their_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
