/* SPDX-License-Identifier: MIT */
/* A live firmware with 32-bit pointers (UEFI 2.10 section 2.3.2), which a loader has left alive. */
#include "efi.h"
#include "firmware32.h"
#include "mock_firmware.h"
#include "panic.h"
#include "recorder.h"
#include "test.h"

/* Where things are, all in the mock's low memory. */
#define SYSTEM   0x10000u
#define BOOT     0x10100u
#define RUNTIME  0x10200u
#define TABLES   0x10300u
#define IDT      0x10400u
#define ESRT     0x10500u
#define GRAPHICS 0x10600u
#define HANDLES  0x10700u
#define STACK    0x18000u
#define HANDLE   0x4711u

/* The mock's functions, by their offset in IA-32's EFI_BOOT_SERVICES (section 4.4.1), 24 bytes of header first. */
#define ALLOCATE_PAGES       32
#define GET_MEMORY_MAP       40
#define FREE_POOL            48
#define HANDLE_PROTOCOL      88
#define EXIT_BOOT_SERVICES   128
#define LOCATE_HANDLE_BUFFER 168

static struct {
    uint32_t allocate_status;
    unsigned stale; /* so many ExitBootServices fail */
    unsigned maps, exits, freed;
    uint32_t first_esp; /* of the first call */
    bool left;
} firmware;

static uint8_t *low(uint32_t pa)
{
    return mock_low + (pa - MOCK_LOW);
}

static void put(uint32_t pa, uint32_t value)
{
    memcpy(low(pa), &value, sizeof(value));
}

/* What a 32-bit function is given are the low halves, and it writes no more than that. */
static void answer(uint64_t pa, uint32_t value)
{
    memcpy(mock_pointer(pa, 4), &value, sizeof(value));
}

static uint32_t get_memory_map(const uint64_t args[FIRMWARE_ARGS])
{
    uint8_t *map = mock_pointer(args[1], 8);

    firmware.maps++;
    put_descriptor(map, 48, 7, 0x100000, 0x1000, 8);
    put_descriptor(map + 48, 48, 6, 0x2000000, 0x10, 8 | UINT64_C(1) << 63);
    answer(args[0], 96);
    answer(args[2], 0x1234 + firmware.exits);
    answer(args[3], 48);
    answer(args[4], 1);
    return 0;
}

static uint32_t exit_boot_services(const uint64_t args[FIRMWARE_ARGS])
{
    assert_int_equal(args[0], HANDLE);
    assert_int_equal(args[1], 0x1234 + firmware.exits);
    if (firmware.exits++ < firmware.stale)
        return 0x80000002; /* EFI_INVALID_PARAMETER */
    firmware.left = true;
    return 0;
}

static uint32_t called(uint32_t function, const uint64_t args[FIRMWARE_ARGS])
{
    assert_false(firmware.left);
    if (firmware.first_esp == 0)
        firmware.first_esp = firmware32.esp;
    switch (function - 0x1000) {
    case ALLOCATE_PAGES:
        assert_int_equal(args[0], 0);
        assert_int_equal(args[1], 2);
        assert_int_equal(args[2], 32);
        memcpy(mock_pointer(args[3], 8), &(uint64_t){STACK}, 8);
        return firmware.allocate_status;
    case GET_MEMORY_MAP:
        return get_memory_map(args);
    case EXIT_BOOT_SERVICES:
        return exit_boot_services(args);
    case LOCATE_HANDLE_BUFFER:
        answer(args[3], 1);
        answer(args[4], HANDLES);
        return 0;
    case HANDLE_PROTOCOL:
        assert_int_equal(args[0], 0xbeef);
        answer(args[2], GRAPHICS);
        return 0;
    case FREE_POOL:
        assert_int_equal(args[0], HANDLES);
        firmware.freed++;
        return 0;
    default:
        fail_msg("function %x", function);
        return 0;
    }
}

static void add_table(unsigned i, const uint8_t *guid, uint32_t pa)
{
    memcpy(low(TABLES + 20 * i), guid, 16);
    put(TABLES + 20 * i + 16, pa);
}

/* The IA-32 layouts: pointers of 4 bytes throughout, of odd neighbours. */
static void build(void)
{
    static struct mock zero;

    mock = &zero;
    mock_call_32 = called;
    memset(&firmware, 0, sizeof(firmware));
    memset(&firmware32, 0, sizeof(firmware32));
    memset(mock_low, 0xee, sizeof(mock_low));
    memcpy(low(SYSTEM), "IBI SYST", 8);
    put(SYSTEM + 56, RUNTIME);
    put(SYSTEM + 60, BOOT);
    put(SYSTEM + 64, 3);
    put(SYSTEM + 68, TABLES);
    for (uint32_t at = 24; at < 0x100; at += 4)
        put(BOOT + at, 0x1000 + at);
    add_table(0, mock_guid_attributes, 0x1111);
    add_table(1, mock_guid_smbios_3, 0xf0020);
    add_table(2, mock_guid_esrt, ESRT);
    put(ESRT, 2); /* of two resources */
    memset(low(IDT), 0, 0x100);
    memcpy(low(IDT), "\0\0\x10\0\0\x8e\0\0", 8);
    memcpy(firmware32.idtr, "\xff\0\0\x04\x01\0", 6);
}

/* Its tables are found by halves of the offsets, and a stack and segments are ready for its calls. */
static void init_finds_its_way(void **state)
{
    struct efi efi;

    (void)state;
    build();
    assert_int_equal(efi_init_32(&efi, HANDLE, SYSTEM).code, ERR_NONE);
    assert_true(efi.narrow);
    assert_int_equal(efi.boot_services, BOOT);
    assert_int_equal(efi.runtime_services, RUNTIME);
    assert_int_equal(efi_table(&efi, mock_guid_attributes), 0x1111);
    assert_int_equal(efi_table(&efi, mock_guid_smbios_3), 0xf0020);
    assert_int_equal(efi_table(&efi, mock_guid_esrt), ESRT);
    assert_int_equal(efi_table(&efi, mock_guid_acpi_2), 0);
    assert_int_equal(firmware32.code, 0x10);
    assert_int_equal(firmware32.data, 0x08);
    assert_int_equal(firmware32.gdtr[0] | firmware32.gdtr[1] << 8, 8 * FIRMWARE32_SLOTS - 1);
    assert_int_not_equal(firmware.first_esp, 0);
    assert_int_equal(firmware.first_esp % 16, 0);
    assert_int_equal(firmware32.esp, STACK + 0x20000);
}

static void expect_refusal(uint32_t handle, uint32_t table, const char *against)
{
    struct efi efi;
    struct error err = efi_init_32(&efi, handle, table);

    assert_int_equal(err.code, ERR_EFI);
    if (against)
        assert_string_equal(err.against, against);
    /* Nobody calls it then, not even to show the panic. */
    if (handle != 0 && table == SYSTEM)
        assert_false(efi.narrow);
}

/* No handle, no table, no gates, no memory: each is said. */
static void what_cannot_be_called_is_refused(void **state)
{
    (void)state;
    build();
    expect_refusal(0, SYSTEM, NULL);
    expect_refusal(HANDLE, 0, NULL);
    expect_refusal(HANDLE, BOOT, NULL);
    firmware.allocate_status = 0x80000009;
    expect_refusal(HANDLE, SYSTEM, "EFI_OUT_OF_RESOURCES");
    build();
    memset(low(IDT), 0, 8);
    expect_refusal(HANDLE, SYSTEM, NULL);
}

/* Statuses, sizes and keys of 4 bytes; runtime services are left out, with the reason. */
static void it_is_left(void **state)
{
    struct efi efi;
    struct efi_runtime runtime = {0};
    struct mtrr_state mtrr = {.phys_bits = 40};
    struct recorder *recorder = recorder_start();

    (void)state;
    build();
    firmware.stale = 2;
    assert_int_equal(efi_init_32(&efi, HANDLE, SYSTEM).code, ERR_NONE);
    assert_int_equal(efi_leave(&efi, &recorder->sink).code, ERR_NONE);
    assert_true(firmware.left);
    assert_int_equal(firmware.maps, 3);
    assert_int_equal(recorder->count, 2);
    recorder_expect(recorder, 0, 0x100000, 0x1000000, MEM_USABLE, 7);
    efi_place_runtime(&efi, &mtrr, UINT64_C(0xffffff0000000000), UINT64_C(1) << 32, 2, &runtime);
    assert_int_equal(runtime.count, 0);
    assert_int_equal(runtime.at, RUNTIME);
    assert_non_null(strstr(mock->log, "footing: runtime services left out: a 32-bit firmware's"));
}

/* Pointers to the graphics output's mode are of 4 bytes, its base of 8, right behind them. */
static void graphics_are_found(void **state)
{
    struct efi efi;
    struct framebuffer fb = {0};

    (void)state;
    build();
    assert_int_equal(efi_init_32(&efi, HANDLE, SYSTEM).code, ERR_NONE);
    put(HANDLES, 0xbeef);
    put(GRAPHICS + 12, GRAPHICS + 0x20);
    put(GRAPHICS + 0x28, GRAPHICS + 0x80);
    put(GRAPHICS + 0x30, 0xc0000000);
    put(GRAPHICS + 0x34, 1);
    put(GRAPHICS + 0x84, 1024);
    put(GRAPHICS + 0x88, 768);
    put(GRAPHICS + 0x8c, 1);
    put(GRAPHICS + 0xa0, 1040);
    efi_find_framebuffer(&efi, &fb);
    assert_int_equal(fb.base, UINT64_C(0x1c0000000));
    assert_int_equal(fb.width, 1024);
    assert_int_equal(fb.height, 768);
    assert_int_equal(fb.pitch, 4 * 1040);
    assert_int_equal(firmware.freed, 1);
}

/* A loader has left it: tag 11 without 18. Its tables are read by their own layout. */
static void left_by_a_loader(void **state)
{
    static uint64_t keys[2 * 4];
    static struct mem_range ranges[2 * 4 - 1];
    static struct facts facts;
    struct memmap map;

    (void)state;
    build();
    memmap_init(&map, keys, ranges, 4, 40);
    memmap_add(&map, MOCK_LOW, MOCK_LOW_SIZE, MEM_USABLE);
    memmap_normalise(&map);
    facts.efi32_system_table = SYSTEM;
    firmware.left = true;
    efi_describe_left(&map, &facts);
    assert_int_equal(facts.smbios_64_pa, 0xf0020);
    assert_int_equal(facts.nkept, 1);
    assert_int_equal(facts.kept[0].base, ESRT);
    assert_int_equal(facts.kept[0].len, 16 + 2 * 40);
    assert_int_equal(facts.efi_system_table, 0);

    /* Right up to the end of memory, and not beyond. */
    memmove(low(0x20000 - 72), low(SYSTEM), 72);
    memset(&facts, 0, sizeof(facts));
    facts.efi32_system_table = 0x20000 - 72;
    efi_describe_left(&map, &facts);
    assert_int_equal(facts.nkept, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_finds_its_way), cmocka_unit_test(what_cannot_be_called_is_refused),
        cmocka_unit_test(graphics_are_found), cmocka_unit_test(left_by_a_loader),
        cmocka_unit_test(it_is_left), /* the last: it cannot be left twice */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
