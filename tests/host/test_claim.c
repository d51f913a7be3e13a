/* SPDX-License-Identifier: MIT */
/* What a loader put somewhere: taken, or the first address in the way is named, and what is there. */
#include "claim.h"

#include "machine.h"
#include "test.h"

static struct machine *machine;
static struct busy_list busy;

/* RAM up to 2 MiB and from 3 MiB on, reserved in its midst; a stretch that is not write-back. */
static void start(void)
{
    machine = machine_start(40);
    machine_add(machine, 0, M(2), MEM_USABLE);
    machine_add(machine, M(3), M(13), MEM_USABLE);
    machine_add(machine, M(8), 0x1800, MEM_RESERVED);
    machine_mtrr(machine, M(12), M(1), MEMTYPE_WT);
    machine_settle(machine);
    busy.count = 0;
    assert_true(busy_add(&busy, M(4) + 0x10, 0x100, "boot information"));
}

static struct error check(uint64_t base, uint64_t end)
{
    const struct claim_ground ground = {&machine->map, &machine->mtrr, &busy};

    return claim_check(&ground, base, end);
}

static void refused(uint64_t base, uint64_t end, enum error_code code, const char *words)
{
    struct error err = check(base, end);

    assert_int_equal(err.code, code);
    assert_int_equal(err.at, base);
    assert_int_equal(err.value, end - 1);
    assert_string_equal(err.text, words);
}

static void what_lies_in_free_ram_is_taken(void **state)
{
    (void)state;
    start();
    assert_int_equal(check(0, M(2)).code, ERR_NONE);
    assert_int_equal(check(M(1) + 1, M(1) + 2).code, ERR_NONE);
    assert_int_equal(check(M(3), M(4) + 0x10).code, ERR_NONE);
    assert_int_equal(check(M(4) + 0x110, M(8)).code, ERR_NONE);
    assert_int_equal(check(M(8) + 0x1800, M(12)).code, ERR_NONE);
    assert_int_equal(check(M(13), M(16)).code, ERR_NONE);
}

/* What is empty lies nowhere, wherever that is. */
static void what_is_empty_is_taken(void **state)
{
    (void)state;
    start();
    assert_int_equal(check(M(2), M(2)).code, ERR_NONE);
    assert_int_equal(check(M(8), M(8)).code, ERR_NONE);
    assert_int_equal(check(M(4) + 0x20, M(4) + 0x20).code, ERR_NONE);
}

static void first_address_that_is_no_ram_is_named(void **state)
{
    (void)state;
    start();
    /* an image that begins in RAM and goes beyond its end: -m 2M */
    refused(M(1), M(2) + 0x800, ERR_INUSE, "0x200000 is in no range of the map");
    refused(M(1), M(9), ERR_INUSE, "0x200000 is in no range of the map");
    refused(M(2), M(3) + 1, ERR_INUSE, "0x200000 is in no range of the map");
    refused(M(2) + 5, M(2) + 6, ERR_INUSE, "0x200005 is in no range of the map");
    refused(M(7), M(8) + 1, ERR_INUSE, "0x800000 is reserved");
    refused(M(8) + 0x17ff, M(9), ERR_INUSE, "0x8017ff is reserved");
    refused(M(15), M(16) + 1, ERR_INUSE, "0x1000000 is in no range of the map");
}

static void first_address_that_is_not_write_back_is_named(void **state)
{
    (void)state;
    start();
    refused(M(11), M(12) + 1, ERR_NOTWB, "0xc00000 is WT");
    refused(M(12) + 0x234, M(12) + 0x235, ERR_NOTWB, "0xc00234 is WT");
    refused(M(13) - 1, M(14), ERR_NOTWB, "0xcfffff is WT");
}

static void what_is_there_already_is_named(void **state)
{
    (void)state;
    start();
    refused(M(4), M(4) + 0x11, ERR_OVERLAP, "boot information is there, 0x400010-0x40010f");
    refused(M(4) + 0x10f, M(5), ERR_OVERLAP, "boot information is there, 0x400010-0x40010f");
    assert_true(busy_add(&busy, M(6), 1, "image"));
    refused(M(6), M(7), ERR_OVERLAP, "image is there, 0x600000-0x600000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_lies_in_free_ram_is_taken),
        cmocka_unit_test(what_is_empty_is_taken),
        cmocka_unit_test(first_address_that_is_no_ram_is_named),
        cmocka_unit_test(first_address_that_is_not_write_back_is_named),
        cmocka_unit_test(what_is_there_already_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
