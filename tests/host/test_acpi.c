/* SPDX-License-Identifier: MIT */
/* ACPI's tables in made-up memory: found where they are, and nothing believed that is damaged. */
#include "acpi.h"

#include "acpi_made.h"
#include "random.h"
#include "test.h"

#define XSDT_PA UINT64_C(0x123456780) /* above 4 GiB: an XSDT may be */
#define RSDT_PA UINT64_C(0x7ff00010)
#define MCFG_PA UINT64_C(0x7ff10024)
#define MADT_PA UINT64_C(0x7ff20000)
#define HPET_PA UINT64_C(0x7ff30000)
#define HIGH_PA UINT64_C(0x8000000040)

/* More reads than any table that is one can need. */
#define MANY_READS 100000u

static struct facts facts;
static struct acpi acpi;

/* A root table with these addresses, of 4 bytes each or of 8. */
static uint8_t *root_table(uint64_t pa, size_t width, const uint64_t *list, size_t count)
{
    uint8_t body[256] = {0};

    for (size_t i = 0; i < count; i++)
        memcpy(body + i * width, &list[i], width);
    return acpi_made_table(pa, width == 8 ? "XSDT" : "RSDT", body, count * width);
}

static void start(void)
{
    acpi_made_clear();
    memset(&facts, 0, sizeof(facts));
}

static uint64_t find(const char *name, unsigned index)
{
    acpi_made_open(&acpi, &facts);
    return acpi_find(&acpi, name, index).pa;
}

static void assert_sound(void)
{
    assert_false(acpi.damaged);
    assert_int_equal(acpi_made_reports(), 0);
}

static void assert_nothing(void)
{
    assert_int_equal(find("MCFG", 0), 0);
    assert_true(acpi_made_reads() < MANY_READS);
}

/* The last thing that was told, and whether it may hide something. */
static void assert_told(const char *name, uint64_t pa, const char *why, bool damaged)
{
    acpi_made_assert_told(name, pa, why);
    assert_int_equal(acpi.damaged, damaged);
}

/* Without an RSDP there is no table, and that is all right; null addresses in one are not. */
static void without_rsdp_there_is_nothing(void **state)
{
    (void)state;
    start();
    acpi_made_table(0, "MCFG", "", 0);
    assert_nothing();
    assert_sound();
    start();
    acpi_made_table(0, "RSDT", "", 0);
    acpi_made_rsdp(&facts, 20, 0, 0);
    assert_nothing();
    assert_told("RSDT", 0, "it is not there", true);
    acpi_made_rsdp(&facts, 36, 0, 0);
    assert_nothing();
    assert_told("RSDT", 0, "it is not there", true);
    assert_int_equal(acpi_made_reports(), 2); /* the XSDT too */
}

/* The RSDT's 32-bit addresses, null ones too, by an RSDP without an XSDT. */
static void rsdt_is_read(void **state)
{
    const uint64_t list[] = {0, MADT_PA, HPET_PA, 0, HPET_PA + 64, MCFG_PA};

    (void)state;
    start();
    root_table(RSDT_PA, 4, list, COUNT_OF(list));
    acpi_made_table(HPET_PA, "MCFX", "", 0);
    acpi_made_table(HPET_PA + 64, "XCFG", "", 0);
    acpi_made_table(MADT_PA, "APIC", "12345678", 8);
    acpi_made_table(MCFG_PA, "MCFG", "", 0);
    acpi_made_rsdp(&facts, 20, (uint32_t)RSDT_PA, 0);
    assert_int_equal(find("APIC", 0), MADT_PA);
    assert_int_equal(acpi_find(&acpi, "APIC", 0).len, 36 + 8);
    assert_int_equal(find("MCFG", 0), MCFG_PA);
    assert_int_equal(find("HPET", 0), 0);
    assert_sound();
}

/* The XSDT's 64-bit addresses, before those of the RSDT; an old RSDP has none. */
static void xsdt_comes_first(void **state)
{
    const uint64_t high[] = {MADT_PA, HIGH_PA};
    const uint64_t low[] = {MCFG_PA};

    (void)state;
    start();
    root_table(XSDT_PA, 8, high, 2);
    root_table(RSDT_PA, 4, low, 1);
    acpi_made_table(MADT_PA, "APIC", "", 0);
    acpi_made_table(HIGH_PA, "MCFG", "", 0);
    acpi_made_table(MCFG_PA, "MCFG", "", 0);
    acpi_made_rsdp(&facts, 36, (uint32_t)RSDT_PA, XSDT_PA);
    assert_int_equal(find("MCFG", 0), HIGH_PA);
    assert_int_equal(find("APIC", 0), MADT_PA);
    acpi_made_rsdp(&facts, 20, (uint32_t)RSDT_PA, 0);
    assert_int_equal(find("MCFG", 0), MCFG_PA);
    assert_int_equal(find("APIC", 0), 0);
    for (size_t i = 20; i < 36; i++)
        facts.rsdp[i] = 0x5a; /* what lies behind an RSDP of 20 bytes is none of it */
    assert_int_equal(find("MCFG", 0), MCFG_PA);
    facts.rsdp_size = 36; /* nor is it of one of revision 0, whoever copied more */
    assert_int_equal(find("MCFG", 0), MCFG_PA);
    assert_sound();
    facts.rsdp_size = 20; /* nor of a new one of which 20 bytes were copied */
    facts.rsdp[15] += 2;
    facts.rsdp[8] -= 2;
    assert_int_equal(find("MCFG", 0), MCFG_PA);
    assert_sound();
}

/* An XSDT that is missing or damaged: the RSDT is taken in its place, with a line. */
static void rsdt_stands_in_for_a_bad_xsdt(void **state)
{
    static const struct {
        const char *what;
        const char *told;
        uint64_t at;
    } faults[] = {
        {"null", "it is not there", 0},
        {"name", "it is not there", XSDT_PA},
        {"sum", "its checksum is wrong", XSDT_PA},
        {"length", "its length cannot be", XSDT_PA},
        {"odd", "its last address is cut off", XSDT_PA},
    };
    const uint64_t high[] = {HIGH_PA, HIGH_PA};
    const uint64_t low[] = {MCFG_PA};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        uint8_t *xsdt;

        start();
        xsdt = root_table(XSDT_PA, 8, high, 2);
        root_table(RSDT_PA, 4, low, 1);
        acpi_made_table(MCFG_PA, "MCFG", "", 0);
        acpi_made_rsdp(&facts, 36, (uint32_t)RSDT_PA, faults[i].at);
        if (!strcmp(faults[i].what, "name"))
            memcpy(xsdt, "RSDT", 4);
        if (!strcmp(faults[i].what, "sum"))
            xsdt[9] ^= 1;
        if (!strcmp(faults[i].what, "length"))
            memcpy(xsdt + 4, "\x23\0\0\0", 4);
        if (!strcmp(faults[i].what, "odd"))
            acpi_made_resum(XSDT_PA, 36 + 12);
        assert_int_equal(find("MCFG", 0), MCFG_PA);
        assert_told("XSDT", faults[i].at, faults[i].told, false);
        assert_int_equal(acpi_made_reports(), 1);
    }
}

/* An RSDP is what its mark and sums say: without the first nothing is known, without the last the RSDT is. */
static void rsdp_is_summed(void **state)
{
    const uint64_t list[] = {MCFG_PA};

    (void)state;
    for (size_t at = 0; at < 36; at++) {
        start();
        root_table(XSDT_PA, 8, list, 1);
        root_table(RSDT_PA, 4, list, 1);
        acpi_made_table(MCFG_PA, "MCFG", "", 0);
        acpi_made_rsdp(&facts, 36, (uint32_t)RSDT_PA, XSDT_PA);
        facts.rsdp_pa = 0xf5a40;
        facts.rsdp[at] ^= 0x10;
        if (at < 20) {
            assert_nothing();
            assert_told("RSDP", 0xf5a40, "its mark or checksum is wrong", true);
        } else {
            assert_int_equal(find("MCFG", 0), MCFG_PA);
            assert_told("RSDP", 0xf5a40,
                        "its second checksum is wrong, the RSDT is used instead of the XSDT",
                        false);
        }
    }
}

/* Another mark makes no RSDP, though the sums are right. */
static void rsdp_is_marked(void **state)
{
    const uint64_t list[] = {MCFG_PA};

    (void)state;
    for (size_t at = 0; at < 7; at++) {
        start();
        root_table(XSDT_PA, 8, list, 1);
        acpi_made_table(MCFG_PA, "MCFG", "", 0);
        acpi_made_rsdp(&facts, 36, 0, XSDT_PA);
        facts.rsdp[at]++;
        facts.rsdp[at + 1]--;
        assert_nothing();
        assert_told("RSDP", 0, "its mark or checksum is wrong", true);
    }
}

/* Each of a root table's addresses is tried, the last one too, and none behind its length. */
static void every_entry_counts(void **state)
{
    uint64_t list[20];

    (void)state;
    for (size_t width = 4; width <= 8; width += 4) {
        for (size_t at = 0; at < COUNT_OF(list); at++) {
            start();
            for (size_t i = 0; i < COUNT_OF(list); i++)
                list[i] = i == at ? MCFG_PA : MADT_PA;
            root_table(width == 8 ? XSDT_PA : RSDT_PA, width, list, COUNT_OF(list));
            acpi_made_table(MADT_PA, "APIC", "", 0);
            acpi_made_table(MCFG_PA, "MCFG", "", 0);
            acpi_made_rsdp(&facts, width == 8 ? 36 : 20, (uint32_t)RSDT_PA, XSDT_PA);
            assert_int_equal(find("MCFG", 0), MCFG_PA);
            assert_sound();
            acpi_made_resum(width == 8 ? XSDT_PA : RSDT_PA, 36 + at * width);
            assert_nothing();
            assert_sound();
        }
    }
}

/* Several of a name come one after the other; a damaged one keeps its number, and is told of once. */
static void tables_are_counted(void **state)
{
    uint64_t list[9];
    uint8_t *tables[9];

    (void)state;
    for (size_t bad = 0; bad <= COUNT_OF(list); bad++) {
        unsigned n = 0;

        start();
        for (size_t i = 0; i < COUNT_OF(list); i++) {
            list[i] = MADT_PA + 64 * i;
            tables[i] = acpi_made_table(list[i], i % 2 ? "SSDT" : "APIC", "", 0);
        }
        root_table(XSDT_PA, 8, list, COUNT_OF(list));
        acpi_made_rsdp(&facts, 36, 0, XSDT_PA);
        if (bad < COUNT_OF(list))
            tables[bad][20] ^= 1;
        acpi_made_open(&acpi, &facts);
        for (size_t i = 1; i < COUNT_OF(list); i += 2, n++) {
            struct acpi_table table = acpi_find(&acpi, "SSDT", n);

            assert_int_equal(table.pa, list[i]);
            assert_int_equal(table.len, bad == i ? 0 : 36);
        }
        assert_int_equal(acpi_find(&acpi, "SSDT", n).pa, 0);
        assert_int_equal(acpi_made_reports(), bad < COUNT_OF(list) ? bad % 2 : 0);
        if (bad < COUNT_OF(list) && bad % 2)
            assert_told("SSDT", list[bad], "its checksum is wrong", true);
    }
}

/* A table of any length is summed up to its last byte, and no further. */
static void every_byte_is_summed(void **state)
{
    static const size_t bodies[] = {0, 1, 219, 220, 221, 475, 476, 477, 900};
    const uint64_t list[] = {MCFG_PA};
    uint8_t body[901] = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        size_t len = 36 + bodies[i];

        for (size_t at = 3; at <= len; at++) {
            uint8_t *table;

            start();
            root_table(XSDT_PA, 8, list, 1);
            acpi_made_rsdp(&facts, 36, 0, XSDT_PA);
            table = acpi_made_table(MCFG_PA, "MCFG", body, bodies[i]);
            acpi_made_put(MCFG_PA + len, "\x55", 1);
            if (at > 7 && at < len)
                table[at] ^= 1;
            acpi_made_open(&acpi, &facts);
            assert_int_equal(acpi_find(&acpi, "MCFG", 0).len, at > 7 && at < len ? 0 : len);
            assert_int_equal(acpi.damaged, at > 7 && at < len);
        }
    }
}

/* A root table that is none has no entries, whatever stands in it. */
static void root_of_another_name_is_none(void **state)
{
    static const char *const names[] = {"XSDX", "\0\0\0\0", "FACP", "xsdt"};
    const uint64_t list[] = {MCFG_PA};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        start();
        memcpy(root_table(XSDT_PA, 8, list, 1), names[i], 4);
        acpi_made_table(MCFG_PA, "MCFG", "", 0);
        acpi_made_rsdp(&facts, 36, 0, XSDT_PA);
        assert_nothing();
        assert_true(acpi.damaged);
        start();
        memcpy(root_table(RSDT_PA, 4, list, 1), names[i], 4);
        acpi_made_table(MCFG_PA, "MCFG", "", 0);
        acpi_made_rsdp(&facts, 20, (uint32_t)RSDT_PA, 0);
        assert_nothing();
        assert_told("RSDT", RSDT_PA, "it is not there", true);
    }
}

/* An address at which no table is: there could have been any, and one line says so. */
static void address_of_nowhere_is_told(void **state)
{
    static const char *const there[] = {"\0\0\0\0", "\xff\xff\xff\xff", "FAC\x1f",
                                        "\x7f"
                                        "ACP"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(there); i++) {
        const uint64_t list[] = {MADT_PA, HIGH_PA, MCFG_PA, HIGH_PA};

        start();
        root_table(XSDT_PA, 8, list, 4);
        acpi_made_table(MADT_PA, " ~!S", "", 0);
        acpi_made_table(MCFG_PA, "MCFG", "", 0);
        acpi_made_put(HIGH_PA, there[i], 4);
        acpi_made_rsdp(&facts, 36, 0, XSDT_PA);
        assert_int_equal(find("MCFG", 0), MCFG_PA);
        assert_told("table", HIGH_PA, "there is none", true);
        assert_int_equal(acpi_made_reports(), 1);
    }
}

/* Lengths that no table has: too short for a header, and so long that nobody would wait. */
static void absurd_lengths_are_survived(void **state)
{
    static const uint32_t lengths[] = {
        0, 1, 4, 8, 35, 0x7fffffff, 0x80000000, 0xfffffff0, UINT32_MAX, 0x01000000, 0x100001};
    const uint64_t list[] = {MADT_PA};

    (void)state;
    for (size_t i = 0; i < 4 * COUNT_OF(lengths); i++) {
        uint32_t length = lengths[i / 4];
        bool old = i % 2;
        bool is_root = i % 4 < 2;
        uint8_t *root;
        uint8_t *table;

        start();
        root = root_table(old ? RSDT_PA : XSDT_PA, old ? 4 : 8, list, 1);
        table = acpi_made_table(MADT_PA, "MCFG", "", 0);
        acpi_made_rsdp(&facts, old ? 20 : 36, (uint32_t)RSDT_PA, XSDT_PA);
        memcpy((is_root ? root : table) + 4, &length, 4);
        acpi_made_open(&acpi, &facts);
        assert_int_equal(acpi_find(&acpi, "MCFG", 0).len, 0);
        assert_true(acpi.damaged);
        if (!is_root)
            assert_told("MCFG", MADT_PA, "its length cannot be", true);
        if (acpi_made_reads() >= MANY_READS)
            fail_msg("a %s of 0x%x bytes takes %zu reads", is_root ? "root" : "MCFG", length,
                     acpi_made_reads());
    }
}

/* The longest tables that there can be are read, and the next ones are not. */
static void longest_tables_are_read(void **state)
{
    static const struct {
        const char *name;
        uint32_t length;
        bool read;
    } cases[] = {{"MCFG", ACPI_TABLE_MAX, true},
                 {"MCFG", ACPI_TABLE_MAX + 1, false},
                 {"XSDT", ACPI_ROOT_MAX - 4, true}, /* whole addresses */
                 {"XSDT", ACPI_ROOT_MAX + 4, false}};
    const uint64_t list[] = {MCFG_PA};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool root = !strcmp(cases[i].name, "XSDT");

        start();
        root_table(XSDT_PA, 8, list, 1);
        acpi_made_table(MCFG_PA, "MCFG", "", 0);
        acpi_made_resum(root ? XSDT_PA : MCFG_PA, cases[i].length);
        acpi_made_rsdp(&facts, 36, 0, XSDT_PA);
        acpi_made_open(&acpi, &facts);
        assert_int_equal(acpi_find(&acpi, "MCFG", 0).len, !cases[i].read ? 0
                                                          : root         ? 36
                                                                         : cases[i].length);
        assert_true(acpi_made_reads() < MANY_READS);
    }
}

/* Tables at the end of all addresses, where every sum wraps. */
static void addresses_that_wrap_are_survived(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 80; i++) {
        uint64_t pa = (uint64_t)0 - i;
        const uint64_t list[] = {pa, 0, pa};

        start();
        acpi_made_rsdp(&facts, 36, (uint32_t)pa, pa);
        assert_nothing();
        acpi_made_rsdp(&facts, 20, (uint32_t)pa, 0);
        assert_nothing();
        start();
        root_table(XSDT_PA, 8, list, 3);
        acpi_made_table(pa, "MCFG", "", 0);
        acpi_made_rsdp(&facts, 36, 0, XSDT_PA);
        acpi_made_open(&acpi, &facts);
        assert_int_equal(acpi_find(&acpi, "MCFG", 0).len, i > 36 ? 36 : 0);
    }
}

/* One damaged byte, or some: it ends, and what is found has the name that was asked for, and sums. */
static void damaged_tables_are_survived(void **state)
{
    const uint64_t list[] = {MADT_PA, MCFG_PA, HIGH_PA};
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 4000; round++) {
        bool old = rng_once_in(&rng, 2);
        uint8_t *tables[4];
        struct acpi_table found;

        start();
        tables[0] = root_table(old ? RSDT_PA : XSDT_PA, old ? 4 : 8, list, old ? 2 : 3);
        tables[1] = acpi_made_table(MCFG_PA, "MCFG", "0123456789", 10);
        tables[2] = acpi_made_table(MADT_PA, "APIC", "1234567890", 10);
        tables[3] = facts.rsdp;
        acpi_made_rsdp(&facts, old ? 20 : 36, (uint32_t)RSDT_PA, XSDT_PA);
        for (uint64_t n = 1 + rng_below(&rng, 4); n > 0; n--)
            tables[rng_below(&rng, 4)][rng_below(&rng, 36)] =
                (uint8_t)(rng_once_in(&rng, 3) ? 0xff : rng_next(&rng));
        acpi_made_open(&acpi, &facts);
        found = acpi_find(&acpi, "MCFG", 0);
        if (found.len != 0) {
            uint8_t *bytes = malloc(found.len);

            assert_non_null(bytes);
            acpi_made_read(found.pa, bytes, found.len);
            assert_memory_equal(bytes, "MCFG", 4);
            assert_int_equal(acpi_sum(bytes, found.len), 0);
            free(bytes);
        } else if (found.pa != 0) {
            assert_true(acpi.damaged);
        }
        assert_true(acpi_made_reads() < MANY_READS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_rsdp_there_is_nothing),
        cmocka_unit_test(rsdt_is_read),
        cmocka_unit_test(xsdt_comes_first),
        cmocka_unit_test(rsdt_stands_in_for_a_bad_xsdt),
        cmocka_unit_test(rsdp_is_summed),
        cmocka_unit_test(rsdp_is_marked),
        cmocka_unit_test(every_entry_counts),
        cmocka_unit_test(tables_are_counted),
        cmocka_unit_test(every_byte_is_summed),
        cmocka_unit_test(root_of_another_name_is_none),
        cmocka_unit_test(address_of_nowhere_is_told),
        cmocka_unit_test(absurd_lengths_are_survived),
        cmocka_unit_test(longest_tables_are_read),
        cmocka_unit_test(addresses_that_wrap_are_survived),
        cmocka_unit_test(damaged_tables_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
