/* SPDX-License-Identifier: MIT */
/* Leaving boot services, and the runtime services that stay. */
#include "efi_map.h"
#include "efi_services.h"
#include "mock_run.h"
#include "test.h"

#define RUNTIME          UINT64_C(0x8000000000000000)
#define UC               UINT64_C(1)
#define WB               UINT64_C(8)
#define XP               UINT64_C(0x4000)
#define RO               UINT64_C(0x20000)
#define WINDOW           UINT64_C(0xffffff0000000000)
#define WINDOW_SIZE      UINT64_C(0x0000008000000000)
#define EFI_DEVICE_ERROR (EFI_ERROR | 7)

static void leave(struct run *run)
{
    struct recorder *recorder = recorder_start();

    run->err = efi_leave(&run->efi, &recorder->sink);
    run->recorder = *recorder;
}

static void leave_and_place(struct run *run)
{
    leave(run);
    if (!run->err.code)
        efi_place_runtime(&run->efi, &run->mtrr, WINDOW, WINDOW_SIZE, 2, &run->runtime);
    /* The text is the child's. */
    if (run->runtime.why)
        strncpy(run->text, run->runtime.why, sizeof(run->text) - 1);
    if (run->mock.open_mappings > 0)
        mock_violation("efi_place_runtime() leaves a mapping open");
}

static void add(struct run *run, uint32_t type, uint64_t base, uint64_t pages, uint64_t attribute)
{
    run->mock.map[run->mock.nmap++] = (struct mock_descriptor){type, base, pages, attribute, 0};
}

static struct run *start(void (*then)(struct run *run))
{
    struct run *run = run_new();

    run->then = then;
    run->mtrr.phys_bits = 40;
    add(run, 7, 0x100000, 256, WB);
    return run;
}

/* Code, data and a device, with free memory between them; not in ascending order. */
static struct run *start_runtime(void)
{
    struct run *run = start(leave_and_place);

    add(run, 11, UINT64_C(0xfed00000), 1, RUNTIME | UC);
    add(run, 6, 0x7f010000, 16, RUNTIME | WB);
    add(run, 7, 0x7f020000, 16, WB);
    add(run, 5, 0x7f000000, 16, RUNTIME | WB);
    add(run, 4, 0x7f030000, 16, WB);
    return run;
}

/* EFI_MEMORY_ATTRIBUTES_TABLE (section 4.6.4) for those regions, with entries of this size. */
static void add_attributes(struct run *run, uint32_t step)
{
    static const uint64_t entries[][4] = {{5, 0x7f000000, 10, RUNTIME | RO},
                                          {5, 0x7f00a000, 6, RUNTIME | XP},
                                          {6, 0x7f010000, 16, RUNTIME | XP}};
    static uint8_t table[16 + 3 * 64];
    const uint32_t header[4] = {1, 3, step, 0};

    memset(table, 0, sizeof(table));
    memcpy(table, header, 16);
    for (size_t i = 0; i < 3; i++) {
        uint8_t *to = table + 16 + step * i;

        memcpy(to, &entries[i][0], 8);
        memcpy(to + 8, &entries[i][1], 8);
        memcpy(to + 24, &entries[i][2], 8);
        memcpy(to + 32, &entries[i][3], 8);
    }
    run->mock.tables[run->mock.ntables++] =
        (struct mock_table){mock_guid_attributes, table, 16 + 3 * (size_t)step, 0};
}

/* The map's ranges arrive, for any size of descriptors, and boot services are left once. */
static void map_arrives_whole(void **state)
{
    static const uint64_t sizes[] = {40, 48, 56, 64, 128, 1024};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct run *run = start(leave);

        add(run, 4, 0x200000, 16, WB);
        add(run, 0, 0x300000, 16, WB);
        run->mock.descriptor_size = sizes[i];
        run_good(run);
        assert_true(run->mock.left);
        assert_int_equal(run->mock.counts[CALL_EXIT_BOOT_SERVICES], 1);
        assert_int_equal(run->recorder.count, 3);
        recorder_expect(&run->recorder, 0, 0x100000, M(1), MEM_USABLE, 7);
        recorder_expect(&run->recorder, 1, 0x200000, K(64), MEM_USABLE, 4);
        run_end(run);
    }
}

/* A key that goes stale, with a map that grows, costs another try; the last map arrives. */
static void growing_map_is_taken_again(void **state)
{
    (void)state;
    for (unsigned stale = 1; stale < 30; stale++) {
        struct run *run = start(leave);

        run->mock.stale = stale;
        run_good(run);
        assert_int_equal(run->mock.counts[CALL_GET_MEMORY_MAP], stale + 1);
        assert_int_equal(run->mock.counts[CALL_EXIT_BOOT_SERVICES], stale + 1);
        assert_int_equal(run->recorder.count, stale + 1);
        run_end(run);
    }
}

/* A firmware that holds all below 1 MiB is left like any other, and is believed. */
static void low_memory_may_all_be_held(void **state)
{
    struct run *run = start(leave);

    (void)state;
    add(run, 0, 0, 160, WB);
    add(run, 5, 0xa0000, 96, RUNTIME | WB);
    run_good(run);
    assert_int_equal(run->recorder.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(run->recorder.got[i].type == MEM_USABLE,
                         run->recorder.got[i].base >= M(1));
    run_end(run);
}

/* A map that does not fit, or cannot be read, is an error. */
static void bad_maps_are_refused(void **state)
{
    static const struct {
        uint64_t size;
        uint32_t version;
        enum error_code code;
    } maps[] = {{K(128), 1, ERR_EFI}, {48, 2, ERR_MAPENTRY}, {44, 1, ERR_MAPENTRY}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(maps); i++) {
        struct run *run = start(leave);

        add(run, 4, 0x200000, 16, WB);
        run->mock.descriptor_size = maps[i].size;
        run->mock.descriptor_version = maps[i].version;
        run_boot(run);
        assert_int_equal(run->err.code, maps[i].code);
        assert_non_null(run->err.text);
        assert_int_equal(run->mock.left, maps[i].code != ERR_EFI);
        run_end(run);
    }
}

/* Only runtime regions get a place, in the window, agreeing with where they are modulo 2 MiB. */
static void runtime_regions_are_placed(void **state)
{
    static const uint64_t sizes[] = {40, 48, 64};
    static const uint64_t bases[] = {0x7f000000, 0x7f010000, 0xfed00000};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct run *run = start_runtime();

        run->mock.descriptor_size = sizes[i];
        add_attributes(run, 48);
        run_good(run);
        assert_null(run->runtime.why);
        assert_int_equal(run->mock.counts[CALL_SET_VIRTUAL_ADDRESS_MAP], 1);
        assert_int_equal(run->mock.nvirtual, 3);
        assert_int_equal(run->mock.map_version, 1);
        for (size_t j = 0; j < 3; j++) {
            const struct mock_descriptor *got = &run->mock.virtual_map[j];

            assert_true((got->attribute & RUNTIME) != 0);
            assert_int_equal(got->base, bases[j]);
            assert_true(got->virt >= WINDOW &&
                        got->virt + (got->pages << 12) <= WINDOW + WINDOW_SIZE);
            assert_int_equal((got->virt - got->base) % M(2), 0);
        }
        assert_int_equal(run->mock.virtual_map[1].virt - run->mock.virtual_map[0].virt, 0x10000);
        run_end(run);
    }
}

/* They are mapped where the firmware was told, with the rights of the Memory Attributes Table. */
static void runtime_regions_are_mapped_by_the_table(void **state)
{
    (void)state;
    for (uint32_t step = 40; step <= 64; step += 8) {
        struct run *run = start_runtime();
        const struct mapping *m = run->runtime.mappings;
        const struct mock_descriptor *told = run->mock.virtual_map;

        add_attributes(run, step);
        run_good(run);
        /* The code's data and the data behind it are alike, and one mapping. */
        assert_int_equal(run->runtime.count, 3);
        assert_int_equal(m[0].va, told[0].virt);
        assert_int_equal(m[0].len, 0xa000);
        assert_int_equal(m[0].rights, RIGHT_X);
        assert_int_equal(m[1].va, told[0].virt + 0xa000);
        assert_int_equal(m[1].len, 0x16000);
        assert_int_equal(m[1].rights, RIGHT_W);
        assert_int_equal(m[2].va, told[2].virt);
        assert_int_equal(m[2].type, MEMTYPE_UC);
        run_end(run);
    }
}

/* Without a good table code has no rights: the firmware is not told, and nothing is mapped. */
static void firmware_is_not_told_without_a_table(void **state)
{
    static const uint32_t damaged[][64] = {
        {1, 3, 0}, {1, 0xffffffff, 0xffffffff}, {1, 3, 39}, {1, 0x10000, 48}, {1, 0, 48}};

    (void)state;
    for (size_t i = 0; i <= COUNT_OF(damaged); i++) {
        struct run *run = start_runtime();

        if (i < COUNT_OF(damaged))
            run->mock.tables[run->mock.ntables++] =
                (struct mock_table){mock_guid_attributes, damaged[i], 256, 0};
        run_good(run);
        assert_non_null(run->runtime.why);
        assert_int_equal(run->runtime.count, 0);
        assert_int_equal(run->mock.counts[CALL_SET_VIRTUAL_ADDRESS_MAP], 0);
        run_end(run);
    }
}

/* A table that no CPU can reach is not mapped, be it for data alone; the boot goes on without. */
static void table_elsewhere_is_not_read(void **state)
{
    static const uint8_t table[16 + 48];
    static const uint64_t places[] = {UINT64_C(1) << 52, (UINT64_C(1) << 52) - 8, UINT64_MAX - 15,
                                      UINT64_MAX - 7};

    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(places); i++) {
        struct run *run = i % 2 ? start_runtime() : start(leave_and_place);

        if (i % 2 == 0)
            add(run, 6, 0x7f010000, 16, RUNTIME | WB);
        run->mock.tables[run->mock.ntables++] =
            (struct mock_table){mock_guid_attributes, table, sizeof(table), places[i / 2]};
        run_good(run);
        assert_string_equal(run->runtime.why,
                            "the Memory Attributes Table is where no CPU can reach");
        assert_int_equal(run->runtime.at, places[i / 2]);
        assert_int_equal(run->runtime.count, 0);
        assert_int_equal(run->mock.counts[CALL_SET_VIRTUAL_ADDRESS_MAP], 0);
        run_end(run);
    }
}

/* Data alone needs no table; no regions at all need no call. */
static void data_needs_no_table(void **state)
{
    struct run *run = start(leave_and_place);

    (void)state;
    add(run, 6, 0x7f010000, 16, RUNTIME | WB);
    run_good(run);
    assert_null(run->runtime.why);
    assert_int_equal(run->runtime.count, 1);
    assert_int_equal(run->mock.nvirtual, 1);
    run_end(run);
    run = start(leave_and_place);
    run_good(run);
    assert_null(run->runtime.why);
    assert_int_equal(run->runtime.count, 0);
    assert_int_equal(run->mock.counts[CALL_SET_VIRTUAL_ADDRESS_MAP], 0);
    run_end(run);
}

/* The runtime services are left out, and exactly one line says so, with these words in it. */
static void expect_left_out(const struct run *run, const char *words)
{
    const char *line = strstr(run->mock.log, "footing: runtime services left out: ");

    assert_non_null(line);
    assert_non_null(strstr(line, words));
    assert_non_null(strstr(line, ", at 0x"));
    assert_null(strstr(line + 1, "footing:"));
    assert_int_equal(run->err.code, ERR_NONE);
    assert_true(run->mock.left);
    assert_non_null(run->runtime.why);
    assert_int_equal(run->runtime.count, 0);
}

/* A firmware that does not move (Qubes #8206): whatever its answer, the boot goes on without it. */
static void set_virtual_address_map_unsupported(void **state)
{
    static const struct {
        uint64_t status;
        const char *name;
    } answers[] = {{EFI_UNSUPPORTED, "EFI_UNSUPPORTED"},
                   {EFI_INVALID_PARAMETER, "EFI_INVALID_PARAMETER"},
                   {EFI_ERROR | 17, "EFI_NO_MAPPING"},
                   {EFI_NOT_FOUND, "EFI_NOT_FOUND"},
                   {EFI_DEVICE_ERROR, "EFI_DEVICE_ERROR"},
                   {EFI_ERROR | 0x1234, "0x8000000000001234, an unknown status"},
                   {1, "0x1, an unknown status"}, /* a warning is no success */
                   {7, "0x7, an unknown status"}};
    struct run *run = start_runtime();
    unsigned last;

    (void)state;
    add_attributes(run, 48);
    run_good(run);
    assert_null(strstr(run->mock.log, "left out"));
    last = run->mock.calls - 1;
    run_end(run);
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        run = start_runtime();
        add_attributes(run, 48);
        run->mock.fail_at = last;
        run->mock.fail_status = answers[i].status;
        run_boot(run);
        assert_int_equal(run->mock.failed_call, CALL_SET_VIRTUAL_ADDRESS_MAP);
        assert_int_equal(run->mock.counts[CALL_SET_VIRTUAL_ADDRESS_MAP], 1);
        expect_left_out(run, answers[i].name);
        run_end(run);
    }
}

/* EFI_RT_PROPERTIES_TABLE (section 4.6.2) says what is served: what is not is not called. */
static void set_virtual_address_map_not_among_the_services(void **state)
{
    static const struct {
        uint16_t version, length;
        uint32_t services;
        const char *why; /* null: it is called */
    } tables[] = {{1, 8, 0x3fff, NULL},
                  {1, 8, 0x80, NULL},
                  {1, 16, 0x80, NULL},
                  {1, 8, 0x3f7f, "the firmware has no SetVirtualAddressMap"},
                  {1, 8, 0x100, "the firmware has no SetVirtualAddressMap"},
                  {1, 8, 0, "the firmware has no SetVirtualAddressMap"},
                  {1, 7, 0x3fff, "EFI_RT_PROPERTIES_TABLE is damaged"},
                  {0, 0, 0xffffffff, "EFI_RT_PROPERTIES_TABLE is damaged"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        struct run *run = start_runtime();
        uint8_t table[8];

        memcpy(table, &tables[i].version, 2);
        memcpy(table + 2, &tables[i].length, 2);
        memcpy(table + 4, &tables[i].services, 4);
        add_attributes(run, 48);
        run->mock.tables[run->mock.ntables++] =
            (struct mock_table){mock_guid_properties, table, sizeof(table), 0};
        run_good(run);
        assert_int_equal(run->mock.counts[CALL_SET_VIRTUAL_ADDRESS_MAP], tables[i].why == NULL);
        if (tables[i].why)
            expect_left_out(run, tables[i].why);
        else
            assert_int_equal(run->runtime.count, 3);
        run_end(run);
    }
}

/* Code and data that the firmware forgot to mark (eve #1396): no address, no mapping, but a line. */
static void runtime_region_without_the_attribute(void **state)
{
    struct run *run = start_runtime();

    (void)state;
    add_attributes(run, 48);
    run_good(run);
    assert_null(strstr(run->mock.log, "runtime region"));
    run_end(run);
    run = start_runtime();
    add_attributes(run, 48);
    add(run, 5, 0x7e000000, 3, WB);
    add(run, 6, 0x7e100000, 4, WB);
    add(run, 6, 0x7e200000, 0, WB);
    run_good(run);
    assert_non_null(strstr(run->mock.log,
                           "footing: runtime region 0x7e000000, 3 pages: not mapped, for the "
                           "firmware's map does not mark it EFI_MEMORY_RUNTIME\n"));
    assert_non_null(strstr(run->mock.log, "footing: runtime region 0x7e100000, 4 pages: "));
    assert_null(strstr(run->mock.log, "0x7e200000"));
    assert_null(run->runtime.why);
    assert_int_equal(run->mock.nvirtual, 3);
    assert_int_equal(run->runtime.count, 3);
    for (size_t i = 0; i < run->recorder.count; i++)
        assert_true(run->recorder.got[i].base >> 20 != 0x7e0 ||
                    run->recorder.got[i].type == MEM_RUNTIME_CODE);
    run_end(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_arrives_whole),
        cmocka_unit_test(growing_map_is_taken_again),
        cmocka_unit_test(low_memory_may_all_be_held),
        cmocka_unit_test(bad_maps_are_refused),
        cmocka_unit_test(runtime_regions_are_placed),
        cmocka_unit_test(runtime_regions_are_mapped_by_the_table),
        cmocka_unit_test(firmware_is_not_told_without_a_table),
        cmocka_unit_test(table_elsewhere_is_not_read),
        cmocka_unit_test(data_needs_no_table),
        cmocka_unit_test(set_virtual_address_map_unsupported),
        cmocka_unit_test(set_virtual_address_map_not_among_the_services),
        cmocka_unit_test(runtime_region_without_the_attribute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
