/* SPDX-License-Identifier: MIT */
/* Leaving boot services, against a firmware that makes it hard. */
#include "efi.h"

#include "efi_map.h"
#include "random.h"
#include "recorder.h"
#include "test.h"

#define CALLS_MAX (4 * EFI_EXIT_TRIES)

#define EFI_UNSUPPORTED  (EFI_ERROR | 3)
#define EFI_DEVICE_ERROR (EFI_ERROR | 7)
#define EFI_ABORTED      (EFI_ERROR | 21)
#define EFI_WB           UINT64_C(8)

enum call { GET, EXIT };

struct firmware {
    /* what it does */
    unsigned stale;           /* so many exits fail because the key has changed meanwhile */
    uint64_t exit_status;     /* what exits then answer, if not success */
    unsigned get_fails_after; /* so many calls of GetMemoryMap go well, */
    uint64_t get_status;      /* then it answers this, if not success */
    size_t grows;             /* descriptors added by every exit that fails */
    /* what it is */
    size_t descriptors;
    uint64_t descriptor_size;
    uint64_t key;
    bool left;
    /* what was asked of it */
    enum call calls[CALLS_MAX];
    size_t ncalls;
    unsigned gets;
    unsigned exits;
};

static void note(struct firmware *firmware, enum call call)
{
    if (firmware->left)
        fail_msg("a boot service is called after they are gone");
    if (firmware->ncalls == CALLS_MAX)
        fail_msg("the firmware is asked without end");
    firmware->calls[firmware->ncalls++] = call;
}

/* As UEFI 2.10 section 7.2.3: too small a buffer is told the size, and nothing is written. */
static uint64_t get_memory_map(void *ctx, struct efi_map *map)
{
    struct firmware *firmware = ctx;
    uint64_t size = firmware->descriptors * firmware->descriptor_size;

    note(firmware, GET);
    if (firmware->gets++ >= firmware->get_fails_after && firmware->get_status != EFI_SUCCESS)
        return firmware->get_status;
    map->size = size;
    if (size > map->room)
        return EFI_BUFFER_TOO_SMALL;
    memset(map->map, 0xa5, map->room); /* all that it was given */
    for (size_t i = 0; i < firmware->descriptors; i++)
        put_descriptor((uint8_t *)map->map + i * firmware->descriptor_size,
                       firmware->descriptor_size, 7, M(1) * (i + 1), 16, EFI_WB);
    map->key = firmware->key;
    map->descriptor_size = firmware->descriptor_size;
    map->version = EFI_DESCRIPTOR_VERSION;
    return EFI_SUCCESS;
}

static uint64_t exit_boot_services(void *ctx, uint64_t key)
{
    struct firmware *firmware = ctx;

    note(firmware, EXIT);
    assert_int_equal(key, firmware->key);
    firmware->exits++;
    if (firmware->stale > 0) {
        firmware->stale--;
        firmware->key = firmware->key * 3 + 1;
        firmware->descriptors += firmware->grows;
        return EFI_INVALID_PARAMETER;
    }
    if (firmware->exit_status == EFI_SUCCESS)
        firmware->left = true;
    return firmware->exit_status;
}

static struct firmware well_behaved(void)
{
    return (struct firmware){.get_fails_after = UINT32_MAX,
                             .descriptors = 5,
                             .descriptor_size = 48,
                             .key = UINT64_C(0xfedcba9876543210)};
}

/* A buffer of exactly `room` bytes, and nothing behind it. */
static struct efi_map buffer(uint64_t room)
{
    struct efi_map map = {.map = malloc(room), .room = room};

    assert_non_null(map.map);
    return map;
}

static struct error leave(struct firmware *firmware, struct efi_map *map)
{
    struct efi_exit_calls calls = {firmware, get_memory_map, exit_boot_services};
    void *given = map->map;
    uint64_t room = map->room;
    struct error err = efi_exit(&calls, map);

    assert_ptr_equal(map->map, given);
    assert_int_equal(map->room, room);
    return err;
}

/* The map is taken anew right before every attempt to leave, and nothing else is asked. */
static void check_calls(const struct firmware *firmware)
{
    for (size_t i = 0; i < firmware->ncalls; i++)
        assert_int_equal(firmware->calls[i], i % 2 == 0 ? GET : EXIT);
}

/* What is left in the buffer is the map whose key was accepted. */
static void check_left(const struct firmware *firmware, const struct efi_map *map)
{
    struct recorder *recorder = recorder_start();
    struct error err;

    assert_true(firmware->left);
    assert_int_equal(map->key, firmware->key);
    assert_int_equal(map->size, firmware->descriptors * firmware->descriptor_size);
    assert_int_equal(map->descriptor_size, firmware->descriptor_size);
    assert_int_equal(map->version, EFI_DESCRIPTOR_VERSION);
    err = efi_map_ranges(map->map, map->size, map->descriptor_size, map->version, &recorder->sink);
    assert_int_equal(err.code, ERR_NONE);
    assert_int_equal(recorder->count, firmware->descriptors);
    for (size_t i = 0; i < recorder->count; i++)
        recorder_expect(recorder, i, M(1) * (i + 1), K(64), MEM_USABLE, 7);
}

static void check_refused(struct error err, const char *call, uint64_t status)
{
    assert_int_equal(err.code, ERR_EFI);
    assert_non_null(err.text);
    assert_string_equal(err.text, call);
    assert_int_equal(err.value, status);
}

/* Firmware without surprises is asked for its map once, and left once. */
static void well_behaved_firmware_is_left_at_once(void **state)
{
    struct firmware firmware = well_behaved();
    struct efi_map map = buffer(4096);

    (void)state;
    assert_int_equal(leave(&firmware, &map).code, ERR_NONE);
    assert_int_equal(firmware.ncalls, 2);
    check_calls(&firmware);
    check_left(&firmware, &map);
    free(map.map);
}

/* A key that goes stale k times costs k more rounds, and no more, up to the last try. */
static void stale_key_is_tried_again(void **state)
{
    (void)state;
    for (unsigned k = 0; k < EFI_EXIT_TRIES; k++) {
        struct firmware firmware = well_behaved();
        struct efi_map map = buffer(4096);

        firmware.stale = k;
        assert_int_equal(leave(&firmware, &map).code, ERR_NONE);
        assert_int_equal(firmware.ncalls, 2 * (k + 1));
        check_calls(&firmware);
        check_left(&firmware, &map);
        free(map.map);
    }
}

/* A key that is always stale is given up on after the tries that the header names. */
static void key_that_is_always_stale_is_given_up_on(void **state)
{
    struct firmware firmware = well_behaved();
    struct efi_map map = buffer(4096);

    (void)state;
    firmware.stale = UINT32_MAX;
    check_refused(leave(&firmware, &map), "ExitBootServices", EFI_INVALID_PARAMETER);
    assert_int_equal(firmware.exits, EFI_EXIT_TRIES);
    check_calls(&firmware);
    free(map.map);
}

/* A map that grows between two calls is taken whole, up to the last byte of the buffer. */
static void map_that_grows_is_taken_whole(void **state)
{
    (void)state;
    for (unsigned k = 1; k < 20; k++) {
        struct firmware firmware = well_behaved();
        struct efi_map map = buffer((5 + 2 * k) * 48);

        firmware.stale = k;
        firmware.grows = 2;
        assert_int_equal(leave(&firmware, &map).code, ERR_NONE);
        check_calls(&firmware);
        check_left(&firmware, &map);
        assert_int_equal(map.size, map.room);
        free(map.map);
    }
}

/* A map that outgrows the buffer is an error of GetMemoryMap, and no key is made up for it. */
static void map_that_outgrows_the_buffer_is_refused(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 4; k++) {
        struct firmware firmware = well_behaved();
        struct efi_map map;

        firmware.stale = 10;
        firmware.grows = 1;
        map = buffer((5 + k) * 48 - 1);
        check_refused(leave(&firmware, &map), "GetMemoryMap", EFI_BUFFER_TOO_SMALL);
        assert_int_equal(firmware.exits, k);
        assert_int_equal(firmware.ncalls, 2 * k + 1);
        check_calls(&firmware);
        free(map.map);
    }
}

static uint64_t get_more_than_fits(void *ctx, struct efi_map *map)
{
    note(ctx, GET);
    map->size = map->room + 48;
    return EFI_SUCCESS;
}

/* Success with a size beyond the buffer is a lie that must not be read, nor boot services left. */
static void map_larger_than_its_buffer_is_refused(void **state)
{
    struct firmware firmware = well_behaved();
    struct efi_map map = buffer(5 * 48);
    const struct efi_exit_calls calls = {&firmware, get_more_than_fits, exit_boot_services};

    (void)state;
    assert_int_equal(efi_exit(&calls, &map).code, ERR_EFI);
    assert_int_equal(firmware.exits, 0);
    free(map.map);
}

/* Descriptors larger than the specification's own are handed on with their size. */
static void descriptor_size_is_the_firmwares(void **state)
{
    static const uint64_t sizes[] = {40, 48, 56, 64, 104};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct firmware firmware = well_behaved();
        struct efi_map map = buffer(5 * sizes[i]);

        firmware.descriptor_size = sizes[i];
        firmware.stale = 3;
        assert_int_equal(leave(&firmware, &map).code, ERR_NONE);
        check_left(&firmware, &map);
        free(map.map);
    }
}

/* Any other refusal to leave is final, and told with its status. */
static void other_refusals_to_leave_are_final(void **state)
{
    static const uint64_t statuses[] = {EFI_UNSUPPORTED, EFI_DEVICE_ERROR, EFI_ABORTED,
                                        EFI_BUFFER_TOO_SMALL, ~UINT64_C(0)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        for (unsigned k = 0; k < 3; k++) {
            struct firmware firmware = well_behaved();
            struct efi_map map = buffer(4096);

            firmware.stale = k;
            firmware.exit_status = statuses[i];
            check_refused(leave(&firmware, &map), "ExitBootServices", statuses[i]);
            assert_int_equal(firmware.exits, k + 1);
            check_calls(&firmware);
            free(map.map);
        }
    }
}

/* Without a map nothing is left: the first, or one after attempts that failed. */
static void failing_map_ends_the_attempt(void **state)
{
    static const uint64_t statuses[] = {EFI_INVALID_PARAMETER, EFI_UNSUPPORTED, EFI_DEVICE_ERROR};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        for (unsigned k = 0; k < 3; k++) {
            struct firmware firmware = well_behaved();
            struct efi_map map = buffer(4096);

            firmware.stale = 10;
            firmware.get_fails_after = k;
            firmware.get_status = statuses[i];
            check_refused(leave(&firmware, &map), "GetMemoryMap", statuses[i]);
            assert_int_equal(firmware.exits, k);
            check_calls(&firmware);
            free(map.map);
        }
    }
}

/* Whatever the firmware does, the order of calls holds, and the end is success or one error. */
static void random_firmware_is_left_or_refused(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_firmware_is_left_or_refused");
    for (unsigned round = 0; round < 2000; round++) {
        struct firmware firmware = well_behaved();
        struct efi_map map = buffer(48 + rng_below(&rng, 8192));
        struct error err;

        firmware.descriptors = 1 + (size_t)rng_below(&rng, 64);
        firmware.descriptor_size = 40 + 8 * rng_below(&rng, 8);
        firmware.stale = (unsigned)rng_below(&rng, 80);
        firmware.grows = (size_t)rng_below(&rng, 3);
        firmware.key = rng_next(&rng);
        err = leave(&firmware, &map);
        check_calls(&firmware);
        assert_int_equal(err.code, firmware.left ? ERR_NONE : ERR_EFI);
        if (firmware.left)
            check_left(&firmware, &map);
        free(map.map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_behaved_firmware_is_left_at_once),
        cmocka_unit_test(stale_key_is_tried_again),
        cmocka_unit_test(key_that_is_always_stale_is_given_up_on),
        cmocka_unit_test(map_that_grows_is_taken_whole),
        cmocka_unit_test(map_that_outgrows_the_buffer_is_refused),
        cmocka_unit_test(map_larger_than_its_buffer_is_refused),
        cmocka_unit_test(descriptor_size_is_the_firmwares),
        cmocka_unit_test(other_refusals_to_leave_are_final),
        cmocka_unit_test(failing_map_ends_the_attempt),
        cmocka_unit_test(random_firmware_is_left_or_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
