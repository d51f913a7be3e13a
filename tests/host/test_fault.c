/* SPDX-License-Identifier: MIT */
/* What an exception is called, what its error code says, whose stack is full, whose code it was. */
#include "fault.h"

#include "layout.h"
#include "test.h"

/* Each vector that CPUs have is named by its mnemonic; all others are reserved. */
static void every_vector_has_its_name(void **state)
{
    static const char *const begins[32] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM",
                                           "#DF", NULL,  "#TS", "#NP", "#SS", "#GP", "#PF", NULL,
                                           "#MF", "#AC", "#MC", "#XM", "#VE", "#CP", NULL,  NULL,
                                           NULL,  NULL,  NULL,  NULL,  "#HV", "#VC", "#SX", NULL};

    (void)state;
    for (uint64_t v = 0; v < 32; v++) {
        if (begins[v])
            assert_memory_equal(fault_name(v), begins[v], 3);
        else if (v != 9)
            assert_string_equal(fault_name(v), "reserved");
    }
    assert_string_equal(fault_name(32), "reserved");
    assert_string_equal(fault_name(UINT64_MAX), "reserved");
}

/* A page fault's code (SDM vol. 3 section 4.7), bit by bit. */
static void a_page_fault_is_put_into_words(void **state)
{
    static const struct {
        uint64_t code;
        const char *says;
    } faults[] = {
        {0x0000, "read, page not present"},
        {0x0001, "read, against the page's rights"},
        {0x0002, "write, page not present"},
        {0x0003, "write, against the page's rights"},
        {0x0004, "user read, page not present"},
        {0x0007, "user write, against the page's rights"},
        {0x0009, "read, reserved bit set in an entry"},
        {0x000b, "write, reserved bit set in an entry"},
        {0x0010, "fetch, page not present"},
        {0x0011, "fetch, against the page's rights"},
        {0x0015, "user fetch, against the page's rights"},
        {0x0021, "read, against the protection key"},
        {0x0043, "write, against the page's rights, shadow stack"},
        {0x8007, "user write, against the page's rights, SGX"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        assert_string_equal(fault_code(14, faults[i].code), faults[i].says);
}

/* What has to do with segments names the selector, or the vector; 0 says nothing. */
static void a_selector_is_put_into_words(void **state)
{
    (void)state;
    for (uint64_t v = 10; v <= 13; v++) {
        assert_string_equal(fault_code(v, 0), "");
        assert_string_equal(fault_code(v, 0x18), "GDT selector 0x18");
        assert_string_equal(fault_code(v, 0xfff8), "GDT selector 0xfff8");
        assert_string_equal(fault_code(v, 0x1c), "LDT selector 0x18");
        assert_string_equal(fault_code(v, 0x04), "LDT selector 0x0");
        assert_string_equal(fault_code(v, 0x1d), "LDT selector 0x18, while an event was delivered");
        assert_string_equal(fault_code(v, 0x01), "while an event was delivered");
        assert_string_equal(fault_code(v, 0x402), "vector 0x80 of the IDT");
        assert_string_equal(fault_code(v, 0x403),
                            "vector 0x80 of the IDT, while an event was delivered");
    }
}

/* Others' codes: #CP says which check; #DF, #AC and those that have none say nothing. */
static void other_codes_are_put_into_words(void **state)
{
    static const char *const checks[] = {
        "", "near return", "far return or IRET", "no ENDBRANCH", "RSTORSSP", "SETSSBSY", "", ""};

    (void)state;
    for (uint64_t code = 0; code < COUNT_OF(checks); code++) {
        assert_string_equal(fault_code(21, code), checks[code]);
        assert_string_equal(fault_code(21, code | 0x8000), checks[code]);
    }
    for (uint64_t v = 0; v < 64; v++) {
        if (v != 14 && v != 21 && (v < 10 || v > 13))
            assert_string_equal(fault_code(v, 0x18), "");
    }
}

static const struct fault_stack stacks[] = {
    {"one", 0x10000, 0x20000},
    {"two", 0x21000, 0x23000},
};

static const char *full(uint64_t vector, uint64_t rsp, uint64_t cr2)
{
    return fault_overflowed(stacks, COUNT_OF(stacks), vector, rsp, cr2);
}

/* The page below a stack, to the byte, by rsp or by CR2 where that counts. */
static void a_guard_page_is_an_overflow(void **state)
{
    static const uint64_t in[] = {0xf000, 0xf800, 0xffff};
    static const uint64_t out[] = {0,       0xefff,  0x10000, 0x1ffff,
                                   0x21000, 0x22fff, 0x23000, UINT64_MAX};

    (void)state;
    for (uint64_t vector = 0; vector < 32; vector++) {
        bool counts = vector == 14 || vector == 8;

        for (size_t i = 0; i < COUNT_OF(in); i++) {
            assert_string_equal(full(vector, in[i], 0), "one");
            assert_string_equal(full(vector, in[i] + 0x11000, 0), "two");
            assert_int_equal(full(vector, 0x18000, in[i]) != NULL, counts);
        }
        for (size_t i = 0; i < COUNT_OF(out); i++)
            assert_null(full(vector, out[i], out[i]));
    }
    assert_string_equal(full(14, 0x18000, 0x20fff), "two");
    assert_null(fault_overflowed(stacks, 1, 14, 0x20fff, 0x20fff));
}

/* Only what is executable has a place; a payload's begins with its first piece, as the image does. */
static void a_place_is_counted_from_the_first_page(void **state)
{
    struct mapping entries[] = {
        {.va = 0x400000, .pa = 0, .len = 0x1000, .what = WHAT_PAYLOAD},
        {.va = 0x401000, .pa = 0x1000, .len = 0x2000, .rights = RIGHT_X, .what = WHAT_PAYLOAD},
        {.va = 0x403000, .pa = 0x3000, .len = 0x1000, .rights = RIGHT_W, .what = WHAT_PAYLOAD},
        {.va = 0x700000, .pa = 0x9000, .len = 0x1000, .rights = RIGHT_X, .what = WHAT_EFI_RUNTIME},
        {.va = IMAGE_VA, .pa = 0x5000, .len = 0x4000, .rights = RIGHT_X, .what = WHAT_IMAGE_TEXT},
        {.va = IMAGE_VA + 0x4000, .pa = 0x9000, .len = 0x4000, .what = WHAT_IMAGE_RODATA},
    };
    static const struct {
        uint64_t va;
        const char *place;
        uint64_t offset;
    } places[] = {
        {0x401000, "payload", 0x1000},
        {0x402fff, "payload", 0x2fff},
        {0x700010, "efi-runtime", 0x10},
        {IMAGE_VA, "image", 0},
        {IMAGE_VA + 0x3fff, "image", 0x3fff},
        {0x400000, NULL, 0},
        {0x403000, NULL, 0},
        {0x3fffff, NULL, 0},
        {IMAGE_VA + 0x4000, NULL, 0},
        {0, NULL, 0},
        {UINT64_MAX, NULL, 0},
    };
    const struct plan plan = {.entries = entries, .count = COUNT_OF(entries)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        uint64_t offset = 0;
        const char *place = fault_place(&plan, places[i].va, &offset);

        if (!places[i].place) {
            assert_null(place);
            continue;
        }
        assert_string_equal(place, places[i].place);
        assert_true(offset == places[i].offset);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_has_its_name),
        cmocka_unit_test(a_page_fault_is_put_into_words),
        cmocka_unit_test(a_selector_is_put_into_words),
        cmocka_unit_test(other_codes_are_put_into_words),
        cmocka_unit_test(a_guard_page_is_an_overflow),
        cmocka_unit_test(a_place_is_counted_from_the_first_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
