/* SPDX-License-Identifier: MIT */
/* The descriptor table that a 32-bit firmware's interrupt gates are given. */
#include "firmware32.h"
#include "test.h"

static uint8_t idt[FIRMWARE32_IDT_MAX];
static uint64_t gdt[FIRMWARE32_SLOTS];
static uint16_t code, data;

static void gate(unsigned vector, uint16_t selector, bool present)
{
    uint8_t *at = idt + (size_t)8 * vector;

    memset(at, 0xa5, 8);
    at[2] = (uint8_t)selector;
    at[3] = (uint8_t)(selector >> 8);
    at[5] = present ? 0x8e : 0x0e;
}

static struct error segments(size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);
    struct error err;

    memcpy(exact, idt, len);
    memset(gdt, 0x55, sizeof(gdt));
    err = firmware32_segments(exact, len, gdt, &code, &data);
    free(exact);
    return err;
}

static void assert_refused(size_t len, uint64_t value)
{
    struct error err = segments(len);

    assert_int_equal(err.code, ERR_EFI);
    assert_non_null(err.text);
    assert_int_equal(err.value, value);
}

/* Whatever slot the gates want has flat 32-bit code (SDM vol. 3 section 3.4.5), the others flat data. */
static void gates_find_their_segment(void **state)
{
    (void)state;
    for (unsigned slot = 1; slot < FIRMWARE32_SLOTS; slot++) {
        memset(idt, 0, sizeof(idt));
        for (unsigned vector = 0; vector < 256; vector++)
            gate(vector, vector % 3 == 0 ? (uint16_t)(8 * slot) : 0x7777, vector % 3 == 0);
        assert_int_equal(segments(sizeof(idt)).code, ERR_NONE);
        assert_int_equal(code, 8 * slot);
        assert_int_not_equal(data, code);
        assert_int_not_equal(data, 0);
        assert_int_equal(gdt[0], 0);
        for (unsigned i = 1; i < FIRMWARE32_SLOTS; i++)
            assert_int_equal(gdt[i], i == slot ? 0x00cf9b000000ffff : 0x00cf93000000ffff);
        assert_int_equal(gdt[data / 8], 0x00cf93000000ffff);
    }
}

/* The last gate that is there whole counts, the piece of one behind it does not. */
static void only_whole_gates_count(void **state)
{
    (void)state;
    memset(idt, 0, sizeof(idt));
    gate(1, 0x10, true);
    for (size_t len = 0; len < 16; len++)
        assert_refused(len, len);
    assert_int_equal(segments(16).code, ERR_NONE);
    gate(2, 0x18, true);
    assert_int_equal(segments(23).code, ERR_NONE);
    assert_refused(24, 0x18);
}

/* The null segment, one of the local table, another privilege level, a slot beyond the table. */
static void odd_segments_are_refused(void **state)
{
    static const uint16_t odd[] = {4, 3, 0x14, 0x13, 8 * FIRMWARE32_SLOTS, 0xfff8};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        memset(idt, 0, sizeof(idt));
        gate(0, odd[i], true);
        assert_refused(sizeof(idt), odd[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gates_find_their_segment),
        cmocka_unit_test(only_whole_gates_count),
        cmocka_unit_test(odd_segments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
