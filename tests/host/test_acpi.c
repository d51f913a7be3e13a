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

static void list_put(uint8_t *list, size_t number, size_t width, uint64_t pa)
{
    for (size_t i = 0; i < width; i++)
        list[number * width + i] = (uint8_t)(pa >> (8 * i));
}

/* A root table with these addresses, of 4 bytes each or of 8. */
static uint8_t *root_table(uint64_t pa, size_t width, const uint64_t *list, size_t count)
{
    uint8_t body[256] = {0};

    for (size_t i = 0; i < count; i++)
        list_put(body, i, width, list[i]);
    return acpi_made_table(pa, width == 8 ? "XSDT" : "RSDT", body, count * width);
}

static uint8_t *mcfg(uint64_t pa, uint64_t base, unsigned last_bus)
{
    uint8_t body[24] = {0};

    acpi_made_ecam(body + 8, base, 0, last_bus);
    return acpi_made_table(pa, "MCFG", body, sizeof(body));
}

static void start(void)
{
    acpi_made_clear();
    memset(&facts, 0, sizeof(facts));
}

static void assert_nothing(void)
{
    assert_int_equal(acpi_find(&facts, "MCFG", acpi_made_read), 0);
    assert_int_equal(acpi_ecam_end(&facts, acpi_made_read), 0);
    assert_true(acpi_made_reads() < MANY_READS);
}

/* Without an RSDP, or with null pointers in it, there is no table. */
static void without_rsdp_there_is_nothing(void **state)
{
    (void)state;
    start();
    mcfg(0, 0xe0000000, 255);
    assert_nothing();
    acpi_made_rsdp(&facts, 20, 0, 0);
    assert_nothing();
    acpi_made_rsdp(&facts, 36, 0, 0);
    assert_nothing();
}

/* The RSDT's 32-bit addresses, null ones too, by an old RSDP and a new one without an XSDT. */
static void rsdt_is_read(void **state)
{
    const uint64_t list[] = {0, MADT_PA, HPET_PA, 0, HPET_PA + 64, MCFG_PA};

    (void)state;
    start();
    root_table(RSDT_PA, 4, list, COUNT_OF(list));
    acpi_made_table(HPET_PA, "MCFX", "", 0);
    acpi_made_table(HPET_PA + 64, "XCFG", "", 0);
    acpi_made_table(MADT_PA, "APIC", "12345678", 8);
    mcfg(MCFG_PA, 0xe0000000, 255);
    for (size_t size = 20; size <= 36; size += 16) {
        acpi_made_rsdp(&facts, size, (uint32_t)RSDT_PA, 0);
        assert_int_equal(acpi_find(&facts, "APIC", acpi_made_read), MADT_PA);
        assert_int_equal(acpi_find(&facts, "MCFG", acpi_made_read), MCFG_PA);
        assert_int_equal(acpi_find(&facts, "HPET", acpi_made_read), 0);
        assert_int_equal(acpi_ecam_end(&facts, acpi_made_read), G(3) + M(512) + M(256));
    }
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
    mcfg(HIGH_PA, G(8), 15);
    mcfg(MCFG_PA, G(16), 0);
    acpi_made_rsdp(&facts, 36, (uint32_t)RSDT_PA, XSDT_PA);
    assert_int_equal(acpi_find(&facts, "MCFG", acpi_made_read), HIGH_PA);
    assert_int_equal(acpi_find(&facts, "APIC", acpi_made_read), MADT_PA);
    assert_int_equal(acpi_ecam_end(&facts, acpi_made_read), G(8) + M(16));
    acpi_made_rsdp(&facts, 20, (uint32_t)RSDT_PA, 0);
    assert_int_equal(acpi_find(&facts, "MCFG", acpi_made_read), MCFG_PA);
    assert_int_equal(acpi_find(&facts, "APIC", acpi_made_read), 0);
    assert_int_equal(acpi_ecam_end(&facts, acpi_made_read), G(16) + M(1));
    for (size_t i = 20; i < 36; i++)
        facts.rsdp[i] = 0x5a; /* what lies behind an RSDP of 20 bytes is none of it */
    assert_int_equal(acpi_find(&facts, "MCFG", acpi_made_read), MCFG_PA);
}

/* Each of a root table's addresses is tried, the last one too, and none behind its length. */
static void every_entry_counts(void **state)
{
    uint64_t list[20];

    (void)state;
    for (size_t width = 4; width <= 8; width += 4) {
        for (size_t at = 0; at < COUNT_OF(list); at++) {
            uint8_t *root;

            start();
            for (size_t i = 0; i < COUNT_OF(list); i++)
                list[i] = i == at ? MCFG_PA : MADT_PA;
            root = root_table(width == 8 ? XSDT_PA : RSDT_PA, width, list, COUNT_OF(list));
            acpi_made_table(MADT_PA, "APIC", "", 0);
            mcfg(MCFG_PA, 0xe0000000, 255);
            acpi_made_rsdp(&facts, width == 8 ? 36 : 20, (uint32_t)RSDT_PA, XSDT_PA);
            assert_int_equal(acpi_find(&facts, "MCFG", acpi_made_read), MCFG_PA);
            for (size_t part = 0; part < width; part++) { /* now it ends before, or in it */
                root[4] = (uint8_t)(36 + at * width + part);
                root[5] = (uint8_t)((36 + at * width + part) >> 8);
                assert_nothing();
            }
        }
    }
}

/* The last of several configuration spaces counts, wherever it stands, and by its last bus. */
static void last_configuration_space_counts(void **state)
{
    static const struct {
        uint64_t base;
        unsigned first, last;
    } spaces[] = {{0xe0000000, 0, 255}, {G(512), 0, 15}, {G(64), 0, 255}, {G(4), 128, 255}};
    const uint64_t list[] = {MCFG_PA};

    (void)state;
    for (size_t turn = 0; turn < COUNT_OF(spaces); turn++) {
        uint64_t expected = 0;

        for (size_t n = 0; n <= COUNT_OF(spaces); n++) {
            uint8_t body[8 + 16 * COUNT_OF(spaces)] = {0};

            for (size_t i = 0; i < n; i++) {
                size_t at = (i + turn) % COUNT_OF(spaces);
                uint64_t end = spaces[at].base + (spaces[at].last + 1) * M(1);

                acpi_made_ecam(body + 8 + 16 * i, spaces[at].base, spaces[at].first,
                               spaces[at].last);
                expected = i == 0 || end > expected ? end : expected;
            }
            start();
            root_table(XSDT_PA, 8, list, 1);
            acpi_made_table(MCFG_PA, "MCFG", body, 8 + 16 * n);
            acpi_made_rsdp(&facts, 36, 0, XSDT_PA);
            assert_int_equal(acpi_ecam_end(&facts, acpi_made_read), expected);
        }
    }
}

/* What an MCFG's length does not hold whole is no entry. */
static void entry_cut_off_does_not_count(void **state)
{
    const uint64_t list[] = {MCFG_PA};

    (void)state;
    for (unsigned length = 0; length < 36 + 8 + 32; length++) {
        uint8_t body[8 + 32] = {0};
        uint8_t *table;
        uint64_t expected = length >= 60 ? G(8) + M(1) : 0;

        start();
        root_table(XSDT_PA, 8, list, 1);
        acpi_made_ecam(body + 8, G(8), 0, 0);
        acpi_made_ecam(body + 24, G(16), 0, 0);
        table = acpi_made_table(MCFG_PA, "MCFG", body, sizeof(body));
        table[4] = (uint8_t)length;
        acpi_made_rsdp(&facts, 36, 0, XSDT_PA);
        assert_int_equal(acpi_ecam_end(&facts, acpi_made_read), expected);
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
        mcfg(MCFG_PA, G(8), 0);
        acpi_made_rsdp(&facts, 36, 0, XSDT_PA);
        assert_nothing();
        start();
        memcpy(root_table(RSDT_PA, 4, list, 1), names[i], 4);
        mcfg(MCFG_PA, G(8), 0);
        acpi_made_rsdp(&facts, 20, (uint32_t)RSDT_PA, 0);
        assert_nothing();
    }
}

/* Lengths that no table has: too short for a header, and so long that nobody would wait. */
static void absurd_lengths_are_survived(void **state)
{
    static const uint32_t lengths[] = {0,      1,          4,          8,          35,
                                       36,     37,         43,         0x7fffffff, 0x80000000,
                                       0x24ff, 0xfffffff0, 0xffffffff, 0x01000000};
    const uint64_t list[] = {MADT_PA};

    (void)state;
    for (size_t i = 0; i < 4 * COUNT_OF(lengths); i++) {
        uint32_t length = lengths[i / 4];
        bool old = i % 2;
        uint8_t *root;
        uint8_t *table;

        start();
        root = root_table(old ? RSDT_PA : XSDT_PA, old ? 4 : 8, list, 1);
        table = acpi_made_table(MADT_PA, "MCFG", "", 0);
        acpi_made_rsdp(&facts, old ? 20 : 36, (uint32_t)RSDT_PA, XSDT_PA);
        memcpy((i % 4 < 2 ? root : table) + 4, &length, 4);
        acpi_find(&facts, "NONE", acpi_made_read);
        acpi_ecam_end(&facts, acpi_made_read);
        if (acpi_made_reads() >= MANY_READS)
            fail_msg("a %s of 0x%x bytes takes %zu reads", i % 4 < 2 ? "root" : "MCFG", length,
                     acpi_made_reads());
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
        acpi_made_rsdp(&facts, 36, 0, XSDT_PA);
        assert_nothing();
    }
}

/* One damaged byte, or some: it ends, and what is found has the name that was asked for. */
static void damaged_tables_are_survived(void **state)
{
    const uint64_t list[] = {MADT_PA, MCFG_PA, HIGH_PA};
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 4000; round++) {
        bool old = rng_once_in(&rng, 2);
        uint8_t *tables[4];
        char name[4];
        uint64_t found;

        start();
        tables[0] = root_table(old ? RSDT_PA : XSDT_PA, old ? 4 : 8, list, old ? 2 : 3);
        tables[1] = mcfg(MCFG_PA, G(8), 7);
        tables[2] = acpi_made_table(MADT_PA, "APIC", "1234567890", 10);
        tables[3] = facts.rsdp;
        acpi_made_rsdp(&facts, old ? 20 : 36, (uint32_t)RSDT_PA, XSDT_PA);
        for (uint64_t n = 1 + rng_below(&rng, 4); n > 0; n--)
            tables[rng_below(&rng, 4)][rng_below(&rng, 36)] =
                (uint8_t)(rng_once_in(&rng, 3) ? 0xff : rng_next(&rng));
        found = acpi_find(&facts, "MCFG", acpi_made_read);
        if (found != 0) {
            acpi_made_read(found, name, sizeof(name));
            assert_memory_equal(name, "MCFG", 4);
        }
        acpi_ecam_end(&facts, acpi_made_read);
        assert_true(acpi_made_reads() < MANY_READS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_rsdp_there_is_nothing),
        cmocka_unit_test(rsdt_is_read),
        cmocka_unit_test(xsdt_comes_first),
        cmocka_unit_test(every_entry_counts),
        cmocka_unit_test(last_configuration_space_counts),
        cmocka_unit_test(entry_cut_off_does_not_count),
        cmocka_unit_test(root_of_another_name_is_none),
        cmocka_unit_test(absurd_lengths_are_survived),
        cmocka_unit_test(addresses_that_wrap_are_survived),
        cmocka_unit_test(damaged_tables_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
