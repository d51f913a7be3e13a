/* SPDX-License-Identifier: MIT */
/* What the firmware's tables tell, while it lives and when a loader has left it. */
#include "console.h"
#include "efi_services.h"
#include "mock_run.h"
#include "test.h"

static void put(uint8_t *to, uint64_t value, unsigned bytes)
{
    memcpy(to, &value, bytes);
}

static void describe(struct run *run)
{
    efi_describe(&run->efi, &run->facts);
}

static struct run *start(void)
{
    struct run *run = run_new();

    run->then = describe;
    return run;
}

static void add_table(struct run *run, const void *guid, const void *data, size_t size)
{
    run->mock.tables[run->mock.ntables++] = (struct mock_table){guid, data, size, 0};
}

/* As add_table(), but where it lies is for other tables to say. */
static uint64_t place(const void *data)
{
    return mock_physical(data);
}

/* Of two RSDPs the newer is taken, whatever their order; the older one is shorter. */
static void newest_rsdp_is_taken(void **state)
{
    static const uint8_t old[20] = "RSD PTR old", new[36] = "RSD PTR new";

    (void)state;
    for (unsigned which = 0; which < 5; which++) {
        struct run *run = start();

        if (which < 3)
            add_table(run, mock_guid_acpi_1, old, sizeof(old));
        add_table(run, mock_guid_esrt, "\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0", 16);
        if (which == 1 || which == 3)
            add_table(run, mock_guid_acpi_2, new, sizeof(new));
        run_good(run);
        if (which == 1 || which == 3) {
            assert_int_equal(run->facts.rsdp_size, 36);
            assert_memory_equal(run->facts.rsdp, new, 36);
        } else if (which < 3) {
            assert_int_equal(run->facts.rsdp_size, 20);
            assert_memory_equal(run->facts.rsdp, old, 20);
        } else {
            assert_int_equal(run->facts.rsdp_size, 0);
        }
        run_end(run);
    }
}

/* ACPI tables that the RSDP leads to; the logo behind the last of them. */
struct acpi {
    uint8_t rsdp[36];
    uint8_t xsdt[36 + 4 * 8];
    uint8_t other[36];
    uint8_t bgrt[56];
    uint8_t bitmap[64];
};

static void sum_up(uint8_t *bytes, size_t len, size_t at)
{
    uint8_t sum = 0;

    bytes[at] = 0;
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + bytes[i]);
    bytes[at] = (uint8_t)(0x100 - sum);
}

/* All checksums are right, of the lengths that the tables say. */
static void sum_acpi(struct acpi *acpi)
{
    sum_up(acpi->rsdp, 20, 8);
    sum_up(acpi->rsdp, 36, 32);
    sum_up(acpi->xsdt, acpi->xsdt[4], 9);
    sum_up(acpi->bgrt, acpi->bgrt[4], 9);
}

static void build_acpi(struct acpi *acpi)
{
    memset(acpi, 0, sizeof(*acpi));
    memcpy(acpi->rsdp, "RSD PTR ", 8);
    acpi->rsdp[15] = 2;
    put(acpi->rsdp + 20, 36, 4);
    put(acpi->rsdp + 24, place(acpi->xsdt), 8);
    memcpy(acpi->xsdt, "XSDT", 4);
    put(acpi->xsdt + 4, sizeof(acpi->xsdt), 4);
    put(acpi->xsdt + 36, place(acpi->other), 8);
    put(acpi->xsdt + 52, place(acpi->bgrt), 8); /* a null pointer before it */
    put(acpi->xsdt + 60, place(acpi->other), 8);
    memcpy(acpi->other, "FACP", 4);
    put(acpi->other + 4, 36, 4);
    memcpy(acpi->bgrt, "BGRT", 4);
    put(acpi->bgrt + 4, 56, 4);
    put(acpi->bgrt + 36, 1, 2);
    acpi->bgrt[38] = 1;
    put(acpi->bgrt + 40, place(acpi->bitmap), 8);
    memcpy(acpi->bitmap, "BM", 2);
    put(acpi->bitmap + 2, 12345, 4);
}

/* The logo is kept as large as its bitmap says; what is no bitmap is not, nor what no table tells. */
static void logo_is_kept(void **state)
{
    static struct acpi acpi;

    (void)state;
    for (unsigned damage = 0; damage < 8; damage++) {
        struct run *run = start();

        build_acpi(&acpi);
        if (damage == 1)
            acpi.bitmap[0] = 'X';
        else if (damage == 2)
            put(acpi.bgrt + 40, 0, 8);
        else if (damage == 3)
            put(acpi.xsdt + 4, 52, 4);
        else if (damage == 4)
            put(acpi.rsdp + 24, 0, 8);
        else if (damage == 5)
            put(acpi.bgrt + 4, 55, 4);
        sum_acpi(&acpi);
        if (damage == 6)
            acpi.bgrt[9] ^= 1;
        else if (damage == 7)
            acpi.xsdt[9] ^= 1;
        add_table(run, mock_guid_acpi_2, acpi.rsdp, 36);
        run_good(run);
        assert_int_equal(run->facts.nkept, damage == 0);
        if (damage == 0) {
            assert_int_equal(run->facts.kept[0].base, place(acpi.bitmap));
            assert_int_equal(run->facts.kept[0].len, 12345);
        }
        assert_int_equal(strstr(run->mock.log, "footing: ACPI BGRT at 0x") != NULL, damage == 6);
        assert_int_equal(strstr(run->mock.log, "footing: ACPI XSDT at 0x") != NULL,
                         damage == 4 || damage == 7);
        run_end(run);
    }
}

/*
 * The ESRT is kept with its header (X 3ea44aa78c) and all its entries, even
 * none; a count out of proportion is not believed.
 */
static void esrt_sized_without_its_header(void **state)
{
    static const uint32_t counts[] = {0, 1, 7, 0xffffffff};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        static uint8_t esrt[16 + 7 * 40];
        struct run *run = start();

        put(esrt, counts[i], 4);
        put(esrt + 4, counts[i], 4);
        put(esrt + 8, 1, 8);
        run->mock.tables[run->mock.ntables++] =
            (struct mock_table){mock_guid_esrt, NULL, 0, place(esrt)};
        run_good(run);
        assert_int_equal(run->facts.nkept, counts[i] < 8);
        if (counts[i] < 8) {
            assert_int_equal(run->facts.kept[0].base, place(esrt));
            assert_int_equal(run->facts.kept[0].len, 16 + 40 * counts[i]);
        }
        run_end(run);
    }
}

/* Both entry points of SMBIOS are told apart. */
static void both_smbios_entry_points_are_found(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 4; which++) {
        struct run *run = start();

        if (which & 1)
            run->mock.tables[run->mock.ntables++] =
                (struct mock_table){mock_guid_smbios_2, NULL, 0, 0xf0010};
        if (which & 2)
            run->mock.tables[run->mock.ntables++] =
                (struct mock_table){mock_guid_smbios_3, NULL, 0, 0xf0020};
        run_good(run);
        assert_int_equal(run->facts.smbios_32_pa, which & 1 ? 0xf0010 : 0);
        assert_int_equal(run->facts.smbios_64_pa, which & 2 ? 0xf0020 : 0);
        run_end(run);
    }
}

/* What is at an address that cannot be is not looked at, nor held: that would wrap. */
static void tables_may_be_nowhere(void **state)
{
    static const uint64_t nowhere[] = {UINT64_MAX, UINT64_MAX - 15, UINT64_C(1) << 52};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(nowhere); i++) {
        struct run *run = start();

        run->mock.tables[run->mock.ntables++] =
            (struct mock_table){mock_guid_esrt, NULL, 0, nowhere[i]};
        run->mock.tables[run->mock.ntables++] =
            (struct mock_table){mock_guid_acpi_2, NULL, 0, nowhere[i]};
        run_good(run);
        assert_int_equal(run->facts.nkept, 0);
        assert_int_equal(run->facts.rsdp_size, 0);
        assert_int_equal(run->facts.rsdp_pa, 0);
        assert_non_null(strstr(run->mock.log, "footing: ESRT at 0x"));
        assert_non_null(strstr(run->mock.log, "no memory is there: not kept"));
        assert_non_null(strstr(run->mock.log, "footing: RSDP at 0x"));
        run_end(run);
    }
}

/* What a loader has left: where its system table is said to be, and what the map does not have. */
static struct {
    bool elsewhere;
    const void *system_table; /* null: where it is */
    uint64_t device, device_len;
} left;

static void describe_left_by_a_loader(struct run *run)
{
    static uint64_t keys[2 * 4];
    static struct mem_range ranges[2 * 4 - 1];
    static struct memmap map;
    unsigned before = run->mock.calls;

    console_firmware(NULL);
    memmap_init(&map, keys, ranges, 4, 52);
    memmap_add(&map, PHYSICAL, PHYSICAL / 2, MEM_USABLE);
    if (left.device_len > 0)
        memmap_add(&map, left.device, left.device_len, MEM_MMIO);
    memmap_normalise(&map);
    run->facts.efi_system_table =
        left.system_table ? mock_physical(left.system_table) : run->mock.system_table;
    if (left.elsewhere)
        run->facts.efi_system_table = UINT64_C(0xfee00000);
    efi_describe_left(&map, &run->facts);
    if (run->mock.calls != before)
        mock_violation("a firmware that was left is called");
}

static struct acpi left_acpi;
static uint8_t left_esrt[16 + 2 * 40];

/* An ESRT of two entries, a logo, both entry points. */
static struct run *start_left(void)
{
    struct run *run = start();

    run->then = describe_left_by_a_loader;
    memset(&left, 0, sizeof(left));
    build_acpi(&left_acpi);
    sum_acpi(&left_acpi);
    put(left_esrt, 2, 4);
    add_table(run, mock_guid_acpi_2, left_acpi.rsdp, 36);
    run->mock.tables[run->mock.ntables++] =
        (struct mock_table){mock_guid_esrt, NULL, 0, place(left_esrt)};
    run->mock.tables[run->mock.ntables++] =
        (struct mock_table){mock_guid_smbios_3, NULL, 0, 0xf0020};
    return run;
}

/* The loader has left boot services and gives EFI tables and map (Limine under UEFI). */
static void loader_has_left_boot_services(void **state)
{
    struct run *run = start_left();

    (void)state;
    run_good(run);
    assert_int_equal(run->facts.rsdp_size, 36);
    assert_int_equal(run->facts.smbios_64_pa, 0xf0020);
    assert_int_equal(run->facts.nkept, 2);
    assert_int_equal(run->facts.kept[0].base, place(left_acpi.bitmap));
    assert_int_equal(run->facts.kept[0].len, 12345);
    assert_int_equal(run->facts.kept[1].base, place(left_esrt));
    assert_int_equal(run->facts.kept[1].len, 16 + 2 * 40);
    assert_int_equal(run->facts.efi_system_table, run->mock.system_table);
    assert_non_null(strstr(run->mock.log, "footing: runtime services left out: the loader has left "
                                          "boot services, at 0x"));
    run_end(run);
}

static void expect_no_system_table(struct run *run, const char *why)
{
    run_good(run);
    assert_non_null(strstr(run->mock.log, "footing: EFI system table at 0x"));
    assert_non_null(strstr(run->mock.log, why));
    assert_int_equal(run->facts.efi_system_table, 0);
    assert_int_equal(run->facts.rsdp_size, 0);
    assert_int_equal(run->facts.smbios_64_pa, 0);
    assert_int_equal(run->facts.nkept, 0);
    run_end(run);
}

/* A system table that is none, or leads nowhere: a line, and nothing of it is used. */
static void nonsense_for_a_system_table(void **state)
{
    static uint64_t table[15];
    struct run *run = start_left();

    (void)state;
    left.elsewhere = true;
    expect_no_system_table(run, ": no memory is there: not used");
    run = start_left();
    table[0] = UINT64_C(0x5453595320494248);
    left.system_table = table;
    expect_no_system_table(run, ": its signature is not there: not used");
    run = start_left();
    table[0] = UINT64_C(0x5453595320494249);
    table[13] = 1025;
    left.system_table = table;
    expect_no_system_table(run, ": it has more than 1024 configuration tables: not used");
    run = start_left();
    table[13] = 1;
    table[14] = 0xfee00000;
    left.system_table = table;
    expect_no_system_table(run, ": its configuration tables are where no memory is: not used");
    run = start_left();
    left.system_table = table;
    left.device = place(&table[14]);
    left.device_len = 8;
    expect_no_system_table(run, ": no memory is there: not used");
    /* One without tables is none the worse for that. */
    run = start_left();
    table[13] = 0;
    left.system_table = table;
    run_good(run);
    assert_int_equal(run->facts.efi_system_table, place(table));
    run_end(run);
}

/* Of its tables those that lie in memory are used. */
static void table_in_a_device_is_not_read(void **state)
{
    struct run *run = start_left();

    (void)state;
    left.device = place(left_esrt);
    left.device_len = 16;
    run_good(run);
    assert_int_equal(run->facts.nkept, 1);
    assert_int_equal(run->facts.kept[0].base, place(left_acpi.bitmap));
    assert_non_null(strstr(run->mock.log, ", 0x10 bytes: no memory is there: not kept"));
    run_end(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newest_rsdp_is_taken),
        cmocka_unit_test(logo_is_kept),
        cmocka_unit_test(esrt_sized_without_its_header),
        cmocka_unit_test(both_smbios_entry_points_are_found),
        cmocka_unit_test(tables_may_be_nowhere),
        cmocka_unit_test(loader_has_left_boot_services),
        cmocka_unit_test(nonsense_for_a_system_table),
        cmocka_unit_test(table_in_a_device_is_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
