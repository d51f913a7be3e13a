/* SPDX-License-Identifier: MIT */
/* The map that Xen gives by hypercall: entries of 20 bytes (public/hvm/e820.h). */
#include "xen_map.h"

#include "recorder.h"
#include "test.h"

static uint8_t entries[XEN_MAP_MAX * XEN_MAP_ENTRY];

static void put(size_t i, uint64_t base, uint64_t len, uint32_t type)
{
    memcpy(entries + i * 20, &base, 8);
    memcpy(entries + i * 20 + 8, &len, 8);
    memcpy(entries + i * 20 + 16, &type, 4);
}

/* As Xen has filled it in: no byte behind the entries is read. */
static struct error ranges(uint32_t count, int64_t answer, const struct recorder *recorder)
{
    size_t len = (size_t)count * XEN_MAP_ENTRY;
    uint8_t *exact = malloc(len ? len : 1);
    struct error err;

    memcpy(exact, entries, len);
    err = xen_map_ranges(exact, count, answer, &recorder->sink);
    free(exact);
    return err;
}

/* Every entry arrives, with the words of E820 for what it is. */
static void entries_become_ranges(void **state)
{
    struct recorder *recorder = recorder_start();

    (void)state;
    put(0, 0, 0x9f000, 1);
    put(1, UINT64_C(0xfd00000000), UINT64_C(0x300000000), 2);
    put(2, 0x10060f26, 0x7a, 3);
    put(3, 0x10061000, 0x2ff7b000, 5);
    put(4, UINT64_MAX, 1, 77);
    assert_int_equal(ranges(5, 0, recorder).code, ERR_NONE);
    assert_int_equal(recorder->count, 5);
    recorder_expect(recorder, 0, 0, 0x9f000, MEM_USABLE, 1);
    recorder_expect(recorder, 1, UINT64_C(0xfd00000000), UINT64_C(0x300000000), MEM_RESERVED, 2);
    recorder_expect(recorder, 2, 0x10060f26, 0x7a, MEM_ACPI_DATA, 3);
    recorder_expect(recorder, 3, 0x10061000, 0x2ff7b000, MEM_UNUSABLE, 5);
    recorder_expect(recorder, 4, UINT64_MAX, 1, mem_type_from_e820(77), 77);
}

/* An error of Xen's (-38 is ENOSYS, public/errno.h), or nothing in it: there is no map, and it says why. */
static void no_map_is_said(void **state)
{
    struct recorder *recorder = recorder_start();
    struct error err = ranges(3, -38, recorder);

    (void)state;
    assert_int_equal(err.code, ERR_NOMAP);
    assert_string_equal(err.text, "nor does Xen: error 38");
    err = ranges(0, 0, recorder);
    assert_int_equal(err.code, ERR_NOMAP);
    assert_string_equal(err.text, "and Xen's is empty");
    assert_int_equal(recorder->count, 0);
}

/* Xen cuts off what there is no room for without a word: a full buffer is an error. */
static void full_buffer_is_refused(void **state)
{
    struct recorder *recorder = recorder_start();
    struct error err;

    (void)state;
    for (size_t i = 0; i < XEN_MAP_MAX; i++)
        put(i, i << 12, 0x1000, 1);
    assert_int_equal(ranges(XEN_MAP_MAX - 1, 0, recorder).code, ERR_NONE);
    assert_int_equal(recorder->count, XEN_MAP_MAX - 1);
    err = ranges(XEN_MAP_MAX, 0, recorder_start());
    assert_int_equal(err.code, ERR_MAPFULL);
    assert_int_equal(err.at, XEN_MAP_MAX);
}

static struct error refuse_the_third(void *ctx, uint64_t base, uint64_t len, enum mem_type type,
                                     uint32_t raw)
{
    unsigned *calls = ctx;

    (void)base;
    (void)len;
    (void)type;
    (void)raw;
    return (struct error){.code = ++*calls == 3 ? ERR_MAPFULL : ERR_NONE, .at = 4096};
}

/* What the sink refuses ends it. */
static void refusal_is_passed_on(void **state)
{
    unsigned calls = 0;
    const struct range_sink sink = {&calls, refuse_the_third};
    struct error err;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        put(i, i << 12, 0x1000, 1);
    err = xen_map_ranges(entries, 4, 0, &sink);
    assert_int_equal(err.code, ERR_MAPFULL);
    assert_int_equal(err.at, 4096);
    assert_int_equal(calls, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_become_ranges),
        cmocka_unit_test(no_map_is_said),
        cmocka_unit_test(full_buffer_is_refused),
        cmocka_unit_test(refusal_is_passed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
