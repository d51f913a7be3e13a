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
        run->err = efi_place_runtime(&run->efi, &run->mtrr, WINDOW, WINDOW_SIZE, 2, &run->runtime);
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

/* A firmware that refuses to move is an error, with its status. */
static void refusal_to_move_is_an_error(void **state)
{
    struct run *run = start_runtime();
    unsigned last;

    (void)state;
    add_attributes(run, 48);
    run_good(run);
    last = run->mock.calls - 1;
    run_end(run);
    run = start_runtime();
    add_attributes(run, 48);
    run->mock.fail_at = last;
    run->mock.fail_status = EFI_DEVICE_ERROR;
    run_boot(run);
    assert_int_equal(run->mock.failed_call, CALL_SET_VIRTUAL_ADDRESS_MAP);
    assert_int_equal(run->err.code, ERR_EFI);
    assert_string_equal(run->err.text, "SetVirtualAddressMap");
    assert_int_equal(run->err.value, EFI_DEVICE_ERROR);
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
        cmocka_unit_test(data_needs_no_table),
        cmocka_unit_test(refusal_to_move_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
