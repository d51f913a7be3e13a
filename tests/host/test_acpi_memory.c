/* SPDX-License-Identifier: MIT */
/* What ACPI's tables list and no memory map need: all of it is known, or damage is told of. */
#include "acpi_memory.h"

#include "acpi_made.h"
#include "random.h"
#include "test.h"

#define XSDT_PA  UINT64_C(0x7ff00000)
#define TABLE_PA UINT64_C(0x7ff10010)
#define OTHER_PA UINT64_C(0x7ff20010)

#define MANY_READS 100000u

static struct facts facts;
static struct acpi acpi;
static struct memmap map;
static uint64_t keys[8];
static struct mem_range ranges[7];

/* A table's body, as it grows. */
static struct {
    uint8_t bytes[900];
    size_t len;
} body;

static void start(size_t header)
{
    acpi_made_clear();
    memset(&facts, 0, sizeof(facts));
    memset(&body, 0, sizeof(body));
    body.len = header - 36;
}

static void put(size_t at, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        body.bytes[at + i] = (uint8_t)(value >> (8 * i));
}

/* Entries as the specifications draw them: SRAT table 5.64, NFIT 5.132, CEDT 9-21 and 9-22. */
static void srat_memory(uint64_t base, uint64_t len, uint32_t flags)
{
    size_t at = body.len;

    put(at, 1, 1);
    put(at + 1, 40, 1);
    put(at + 2, 0x01020304, 4); /* proximity domain */
    put(at + 8, base, 8);
    put(at + 16, len, 8);
    put(at + 28, flags, 4);
    body.len += 40;
}

/* An entry of another type: both numbers of one byte, of two, or the type of one and its length behind a gap. */
static void other(size_t type, size_t type_len, size_t len_at, size_t len)
{
    size_t at = body.len;

    memset(body.bytes + at, 0x7f, len);
    put(at, type, type_len);
    put(at + len_at, len, len_at);
    body.len += len;
}

static void nfit_range(uint64_t base, uint64_t len, size_t size)
{
    size_t at = body.len;

    put(at, 0, 2);
    put(at + 2, size, 2);
    put(at + 16, 0x1122334455667788, 8); /* of the kind's GUID */
    put(at + 32, base, 8);
    put(at + 40, len, 8);
    put(at + 48, 0x8008, 8);
    body.len += size;
}

static void cedt_bridge(uint64_t base, uint64_t len)
{
    size_t at = body.len;

    put(at, 0, 1);
    put(at + 1, 0xee, 1); /* reserved */
    put(at + 2, 32, 2);
    put(at + 4, 7, 4);
    put(at + 8, 1, 4);
    put(at + 16, base, 8);
    put(at + 24, len, 8);
    body.len += 32;
}

static void cedt_window(uint64_t base, uint64_t len, size_t targets)
{
    size_t at = body.len;

    put(at, 1, 1);
    put(at + 2, 36 + 4 * targets, 2);
    put(at + 8, base, 8);
    put(at + 16, len, 8);
    put(at + 24, 0x0102, 2);
    body.len += 36 + 4 * targets;
}

static void mcfg_space(uint64_t base, unsigned segment, unsigned first, unsigned last)
{
    acpi_made_ecam(body.bytes + body.len, base, first, last);
    put(body.len + 8, segment, 2);
    body.len += 16;
}

/* The body becomes the only table; *what: what is last, or null. */
static uint64_t known_end(const char *name, const char **what)
{
    const uint64_t pa = TABLE_PA;
    struct known known = {0, NULL};

    acpi_made_table(XSDT_PA, "XSDT", &pa, sizeof(pa));
    acpi_made_table(TABLE_PA, name, body.bytes, body.len);
    acpi_made_rsdp(&facts, 36, 0, XSDT_PA);
    acpi_made_open(&acpi, &facts);
    acpi_memory(&acpi, &known);
    assert_true(acpi_made_reads() < MANY_READS);
    if (what)
        *what = known.what;
    return known.end;
}

static void assert_sound(void)
{
    assert_false(acpi.damaged);
    assert_int_equal(acpi_made_reports(), 0);
}

static void assert_damaged(const char *name, uint64_t at, const char *why)
{
    assert_true(acpi.damaged);
    assert_int_equal(acpi_made_reports(), 1);
    acpi_made_assert_told(name, at, why);
}

/* Without any table nothing is known, and that is no damage. */
static void without_tables_nothing_is_known(void **state)
{
    (void)state;
    start(36);
    assert_int_equal(known_end("FACP", NULL), 0);
    assert_sound();
}

/* The hot-plug window of QEMU's maxmem, and RAM that is plugged in: what is enabled counts. */
static void srat_lists_memory(void **state)
{
    const char *what;

    (void)state;
    start(48);
    other(0, 1, 1, 16); /* a processor */
    srat_memory(0, G(2), 1);
    srat_memory(G(4), G(60), 3);
    srat_memory(G(512), G(4), 2);     /* not enabled */
    srat_memory(UINT64_MAX, G(4), 0); /* nor that, which would wrap */
    other(2, 1, 1, 24);
    srat_memory(0, 0, 1);
    srat_memory(G(3), G(1), 5); /* non-volatile */
    assert_int_equal(known_end("SRAT", &what), G(64));
    assert_string_equal(what, "memory by SRAT");
    assert_sound();
    start(48);
    assert_int_equal(known_end("SRAT", NULL), 0);
    assert_sound();
}

/* Ranges of every kind, in both lengths of an entry (ACPI 6.4 has made it longer). */
static void nfit_lists_memory(void **state)
{
    const char *what;

    (void)state;
    start(40);
    other(1, 2, 2, 48);
    nfit_range(G(8), G(8), 56);
    other(0x100, 2, 2, 20); /* a type whose lower byte is that of a range */
    nfit_range(G(32), G(1), 64);
    other(7, 2, 2, 16);
    assert_int_equal(known_end("NFIT", &what), G(33));
    assert_string_equal(what, "persistent memory by NFIT");
    assert_sound();
}

/* Windows and host bridges of CXL, whatever stands in the byte behind the type. */
static void cedt_lists_windows_and_bridges(void **state)
{
    const char *what;

    (void)state;
    start(36);
    cedt_bridge(G(4), K(64));
    cedt_window(G(16), G(16), 1);
    other(2, 1, 2, 40);
    assert_int_equal(known_end("CEDT", &what), G(32));
    assert_string_equal(what, "CXL window by CEDT");
    cedt_bridge(G(48), K(64));
    cedt_window(G(20), G(1), 8);
    acpi_made_clear();
    assert_int_equal(known_end("CEDT", &what), G(48) + K(64));
    assert_string_equal(what, "CXL host bridge by CEDT");
    assert_sound();
}

static void make(const char *name, uint64_t base, uint64_t len)
{
    if (!strcmp(name, "SRAT")) {
        start(48);
        srat_memory(G(4), G(4), 1);
        srat_memory(base, len, 1);
        srat_memory(G(16), G(4), 1);
    } else if (!strcmp(name, "NFIT")) {
        start(40);
        nfit_range(G(4), G(4), 56);
        nfit_range(base, len, 56);
        nfit_range(G(16), G(4), 56);
    } else {
        start(36);
        cedt_window(G(4), G(4), 1);
        cedt_window(base, len, 1);
        cedt_window(G(16), G(4), 1);
    }
}

static const struct {
    const char *name;
    size_t header, entry, len_at;
} tables[] = {{"SRAT", 48, 40, 1}, {"NFIT", 40, 56, 2}, {"CEDT", 36, 40, 2}};

/* A range up to the last byte of all is one; one byte more, and a line says what and where. */
static void range_that_wraps_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        make(tables[i].name, (uint64_t)0 - G(1), G(1) - 1);
        assert_int_equal(known_end(tables[i].name, NULL), UINT64_MAX);
        assert_sound();
        make(tables[i].name, (uint64_t)0 - G(1), G(1) + 1);
        assert_int_equal(known_end(tables[i].name, NULL), G(8));
        assert_damaged(tables[i].name, TABLE_PA + tables[i].header + tables[i].entry,
                       "an entry's range wraps");
    }
}

/* Lengths of an entry that lie: none, less than it takes, more than the table has. */
static void entry_of_a_wrong_length_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        size_t second = tables[i].header + tables[i].entry;
        size_t rest = 2 * tables[i].entry;

        for (size_t len = 0; len <= 255; len++) {
            const char *why = NULL;
            size_t least = !strcmp(tables[i].name, "CEDT") ? 32 : tables[i].entry;

            make(tables[i].name, G(8), G(4));
            put(second - 36 + tables[i].len_at, len, 1);
            known_end(tables[i].name, NULL);
            if (len < 4 || len > rest)
                why = "an entry's length cannot be";
            else if (len < least)
                why = "an entry is too short";
            if (why)
                assert_damaged(tables[i].name, TABLE_PA + second, why);
        }
    }
}

/* A table that ends in the middle of an entry, its checksum right. */
static void table_that_is_cut_off_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        for (size_t cut = 1; cut < tables[i].entry; cut++) {
            make(tables[i].name, G(8), G(4));
            body.len -= cut;
            assert_int_equal(known_end(tables[i].name, NULL), G(12));
            assert_damaged(tables[i].name, TABLE_PA + tables[i].header + 2 * tables[i].entry,
                           "an entry's length cannot be");
        }
    }
}

/* What ends before its first entry can begin is too short; what ends there has none. */
static void table_that_is_too_short_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        for (size_t len = 36; len <= tables[i].header; len++) {
            make(tables[i].name, G(8), G(4));
            body.len = len - 36;
            assert_int_equal(known_end(tables[i].name, NULL), 0);
            if (len == tables[i].header)
                assert_sound();
            else
                assert_damaged(tables[i].name, TABLE_PA, "it is too short");
        }
    }
}

/* A damaged table is told of once, and not used. */
static void damaged_table_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        const uint64_t pa = TABLE_PA;
        struct known known = {0, NULL};

        make(tables[i].name, G(8), G(4));
        acpi_made_table(XSDT_PA, "XSDT", &pa, sizeof(pa));
        acpi_made_table(TABLE_PA, tables[i].name, body.bytes, body.len)[50] ^= 4;
        acpi_made_rsdp(&facts, 36, 0, XSDT_PA);
        acpi_made_open(&acpi, &facts);
        acpi_memory(&acpi, &known);
        assert_int_equal(known.end, 0);
        assert_damaged(tables[i].name, TABLE_PA, "its checksum is wrong");
    }
}

/* Two tables of a name both count; so many that nobody would wait do not. */
static void several_tables_of_a_name_count(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 40; n++) {
        uint64_t list[40];
        struct known known = {0, NULL};

        start(48);
        srat_memory(G(4), G(4), 1);
        acpi_made_table(TABLE_PA, "SRAT", body.bytes, body.len);
        srat_memory(G(16), G(4), 1);
        acpi_made_table(OTHER_PA, "SRAT", body.bytes, body.len);
        for (size_t i = 0; i < n; i++)
            list[i] = i == 1 ? OTHER_PA : TABLE_PA;
        acpi_made_table(XSDT_PA, "XSDT", list, n * sizeof(list[0]));
        acpi_made_rsdp(&facts, 36, 0, XSDT_PA);
        acpi_made_open(&acpi, &facts);
        acpi_memory(&acpi, &known);
        assert_int_equal(known.end, n == 1 ? G(8) : G(20));
        if (n <= 8)
            assert_sound();
        else
            assert_damaged("SRAT", TABLE_PA, "there are too many of them");
    }
}

/* The spaces of the MCFG that is in body. The map has RAM from 4 to 8 GiB. */
static size_t ecams(struct pci_ecam *spaces, size_t max)
{
    const uint64_t pa = TABLE_PA;
    size_t count;

    memmap_init(&map, keys, ranges, 4, 52);
    memmap_add(&map, G(2), G(1), MEM_RESERVED);
    memmap_add(&map, G(4), G(4), MEM_USABLE);
    memmap_normalise(&map);
    acpi_made_table(XSDT_PA, "XSDT", &pa, sizeof(pa));
    acpi_made_table(TABLE_PA, "MCFG", body.bytes, body.len);
    acpi_made_rsdp(&facts, 36, 0, XSDT_PA);
    acpi_made_open(&acpi, &facts);
    count = acpi_ecams(&acpi, &map, spaces, max);
    assert_true(count <= max && acpi_made_reads() < MANY_READS);
    return count;
}

/* Every segment's, in order, each with the buses that it has. */
static void mcfg_has_every_segment(void **state)
{
    struct pci_ecam spaces[8];

    (void)state;
    for (size_t len = 36; len <= 44; len++) {
        start(len);
        assert_int_equal(ecams(spaces, 8), 0);
        if (len == 44)
            assert_sound();
        else
            assert_damaged("MCFG", TABLE_PA, "it is too short");
    }
    start(44);
    mcfg_space(0xe0000000, 0, 0, 255);
    mcfg_space(G(512), 1, 0, 0);
    mcfg_space(G(64), 0x1234, 128, 255);
    assert_int_equal(ecams(spaces, 8), 3);
    assert_sound();
    assert_int_equal(pci_ecam_base(&spaces[0]), 0xe0000000);
    assert_int_equal(pci_ecam_len(&spaces[0]), M(256));
    assert_int_equal(spaces[1].segment, 1);
    assert_int_equal(pci_ecam_base(&spaces[1]), G(512));
    assert_int_equal(pci_ecam_len(&spaces[1]), M(1));
    assert_int_equal(spaces[2].segment, 0x1234);
    assert_int_equal(spaces[2].first_bus, 128);
    assert_int_equal(spaces[2].last_bus, 255);
    assert_int_equal(spaces[2].base, G(64));
    assert_int_equal(pci_ecam_base(&spaces[2]), G(64) + M(128));
    assert_int_equal(pci_ecam_len(&spaces[2]), M(128));
}

/* Of two MCFGs all spaces are there, one behind the other. */
static void second_mcfg_adds_to_the_first(void **state)
{
    const uint64_t list[] = {TABLE_PA, OTHER_PA};
    struct pci_ecam spaces[8];

    (void)state;
    start(44);
    mcfg_space(G(64), 1, 0, 0);
    mcfg_space(G(65), 2, 0, 0);
    acpi_made_table(TABLE_PA, "MCFG", body.bytes, body.len);
    mcfg_space(G(66), 3, 0, 0);
    acpi_made_table(OTHER_PA, "MCFG", body.bytes, body.len);
    acpi_made_table(XSDT_PA, "XSDT", list, sizeof(list));
    acpi_made_rsdp(&facts, 36, 0, XSDT_PA);
    acpi_made_open(&acpi, &facts);
    memset(&map, 0, sizeof(map));
    assert_int_equal(acpi_ecams(&acpi, &map, spaces, 8), 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(spaces[i].segment, i < 2 ? i + 1 : i - 1);
    assert_int_equal(acpi_ecams(&acpi, &map, spaces, 4), 4);
    assert_damaged("MCFG", OTHER_PA + 44 + 32, "it has too many entries");
}

/* What wraps, has no bus, lies in RAM, is cut off, or is one too many: a line for it. */
static void configuration_space_that_cannot_be_is_told(void **state)
{
    static const struct {
        uint64_t base;
        unsigned first, last;
        const char *why; /* null: it is one */
    } cases[] = {
        {(uint64_t)0 - M(2), 0, 1, "a configuration space wraps"},
        {(uint64_t)0 - M(2), 0, 2, "a configuration space wraps"},
        {(uint64_t)0 - M(2), 4, 5, "a configuration space wraps"},
        {(uint64_t)0 - M(3), 0, 1, NULL},
        {G(64), 1, 0, "a configuration space has no bus"},
        {G(64), 255, 255, NULL},
        {G(4) - M(1), 0, 0, NULL},
        {G(4) - M(1), 0, 1, "a configuration space lies in RAM"},
        {G(4), 0, 0, "a configuration space lies in RAM"},
        {G(8) - M(1), 0, 0, "a configuration space lies in RAM"},
        {G(8) - M(1), 1, 1, NULL},
        {G(2), 0, 255, NULL},
    };
    struct pci_ecam spaces[9];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        start(44);
        mcfg_space(0xe0000000, 0, 0, 255);
        mcfg_space(cases[i].base, 1, cases[i].first, cases[i].last);
        mcfg_space(G(128), 2, 0, 0);
        assert_int_equal(ecams(spaces, 8), cases[i].why ? 1 : 3);
        if (cases[i].why)
            assert_damaged("MCFG", TABLE_PA + 60, cases[i].why);
        else
            assert_sound();
    }
    for (size_t cut = 0; cut < 16; cut++) {
        start(44);
        mcfg_space(0xe0000000, 0, 0, 255);
        mcfg_space(G(128), 2, 0, 0);
        body.len -= cut;
        assert_int_equal(ecams(spaces, 8), cut ? 1 : 2);
        if (cut)
            assert_damaged("MCFG", TABLE_PA + 60, "its last entry is cut off");
    }
    start(44);
    for (unsigned i = 0; i < 9; i++)
        mcfg_space(G(128) + i * M(1), i, 0, 0);
    assert_int_equal(ecams(spaces, 9), 9);
    assert_sound();
    acpi_made_clear();
    assert_int_equal(ecams(spaces, 8), 8);
    assert_damaged("MCFG", TABLE_PA + 44 + 8 * 16, "it has too many entries");
}

/* Tables of random entries: as known while they were made up. */
static void random_tables_agree_with_the_record(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 3000; round++) {
        size_t kind = rng_below(&rng, 3);
        uint64_t expected = 0;

        start(tables[kind].header);
        for (uint64_t n = rng_below(&rng, 12); n > 0; n--) {
            uint64_t base = rng_next(&rng) >> rng_below(&rng, 60);
            uint64_t len = rng_once_in(&rng, 9) ? 0 : rng_next(&rng) >> (1 + rng_below(&rng, 60));
            bool counts = true;

            if (base + len < base)
                continue;
            if (rng_once_in(&rng, 3)) {
                other(kind == 0 ? 2 : 3, kind == 1 ? 2 : 1, tables[kind].len_at,
                      4 + rng_below(&rng, 30));
                continue;
            }
            if (kind == 0) {
                counts = rng_once_in(&rng, 2);
                srat_memory(base, len, (uint32_t)rng_next(&rng) << 1 | counts);
            } else if (kind == 1) {
                nfit_range(base, len, rng_once_in(&rng, 2) ? 56 : 64);
            } else if (rng_once_in(&rng, 2)) {
                cedt_bridge(base, len);
            } else {
                cedt_window(base, len, rng_below(&rng, 5));
            }
            if (counts && len > 0 && base + len > expected)
                expected = base + len;
        }
        assert_int_equal(known_end(tables[kind].name, NULL), expected);
        assert_sound();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_tables_nothing_is_known),
        cmocka_unit_test(srat_lists_memory),
        cmocka_unit_test(nfit_lists_memory),
        cmocka_unit_test(cedt_lists_windows_and_bridges),
        cmocka_unit_test(range_that_wraps_is_told),
        cmocka_unit_test(entry_of_a_wrong_length_is_told),
        cmocka_unit_test(table_that_is_cut_off_is_told),
        cmocka_unit_test(table_that_is_too_short_is_told),
        cmocka_unit_test(damaged_table_is_told),
        cmocka_unit_test(several_tables_of_a_name_count),
        cmocka_unit_test(mcfg_has_every_segment),
        cmocka_unit_test(second_mcfg_adds_to_the_first),
        cmocka_unit_test(configuration_space_that_cannot_be_is_told),
        cmocka_unit_test(random_tables_agree_with_the_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
